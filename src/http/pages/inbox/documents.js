/**
 * Every GraphQL document that the page sends.
 *
 * `ROW` contains the fields of a conversation that a list shows. Queries, subscriptions
 * and mutations all select `ROW`, so each of their responses can draw a whole row.
 */

/** The number of conversations in one request. The API allows 100. */
export const PAGE_ROWS = 100;
/** The number of conversations in the first request: one screen, so that the first rows appear quickly. */
export const FIRST_ROWS = 12;
/** The number of names in one request, which is the limit of the API. */
export const AGENTS_MAX = 100;
const MESSAGES = 50;
const EVENTS = 100;

const ROW = `fragment Row on Conversation {
  id version status unread lastActivityAt waitingSince assignedAt
  contact { name number } phoneNumber { label }
  assignee { id name }
  lastMessage { id direction body author { id name } }
}`;
const MESSAGE = `fragment Message on Message {
  id direction body mediaUrls sentAt deliveryStatus author { id name }
}`;
const EVENT = `fragment Event on ConversationEvent {
  id kind at reason note actor { id name } assignee { id name } previousAssignee { id name }
}`;
const ERRORS = `userErrors {
  code message
  ... on ConflictError { current { ...Row } }
  ... on PlanError { requiredPlan }
}`;

/** Everything that the page needs before it shows rows. */
export const START = `query ($view: ConversationView!, $filter: ConversationFilter) {
  viewer { id name role title experienced }
  workspace { id name assignmentModel plan }
  phoneNumbers { id label }
  conversations(view: $view, filter: $filter, first: ${FIRST_ROWS}) {
    asOf nodes { ...Row } pageInfo { hasNextPage endCursor }
  }
}
${ROW}`;

/** The rules of the workspace, which are read again when they may have changed. */
export const POLICY = `query {
  viewer { id name role title experienced }
  workspace { id name assignmentModel plan }
  phoneNumbers { id label }
}`;

export const AS_OF = `query { viewCounts { asOf } }`;

export const PAGE = `query ($view: ConversationView!, $filter: ConversationFilter, $after: String) {
  conversations(view: $view, filter: $filter, first: ${PAGE_ROWS}, after: $after) {
    asOf nodes { ...Row } pageInfo { hasNextPage endCursor }
  }
}
${ROW}`;

export const SEARCH_TOTAL = `query ($view: ConversationView!, $filter: ConversationFilter) {
  conversations(view: $view, filter: $filter, first: 1) { totalCount }
}`;

export const QUEUE_CHANGES = `subscription ($view: ConversationView!, $filter: ConversationFilter, $after: EventCursor) {
  queueChanges(view: $view, filter: $filter, after: $after) {
    __typename
    ... on QueueEvent { cursor }
    ... on ConversationEntered { conversation { ...Row } cause { kind } }
    ... on ConversationUpdated { conversation { ...Row } cause { kind } }
    ... on ConversationLeft { conversationId version }
  }
}
${ROW}`;

export const VIEW_COUNTS = `subscription {
  viewCountsChanged {
    asOf
    inbox { ...Counts } assignedToMe { ...Counts } unassigned { ...Counts }
  }
}
fragment Counts on StatusCounts { total open closed unread }`;

export const THREAD = `query ($id: ID!) {
  conversation(id: $id) {
    ...Row
    viewerCanReply
    messages(last: ${MESSAGES}) { nodes { ...Message } pageInfo { hasPreviousPage startCursor } }
    history(first: ${EVENTS}) { nodes { ...Event } pageInfo { hasNextPage endCursor } }
  }
}
${ROW} ${MESSAGE} ${EVENT}`;

export const EARLIER = `query ($id: ID!, $before: String!) {
  conversation(id: $id) {
    messages(last: ${MESSAGES}, before: $before) { nodes { ...Message } pageInfo { hasPreviousPage startCursor } }
  }
}
${MESSAGE}`;

export const EARLIER_EVENTS = `query ($id: ID!, $after: String!) {
  conversation(id: $id) {
    history(first: ${EVENTS}, after: $after) { nodes { ...Event } pageInfo { hasNextPage endCursor } }
  }
}
${EVENT}`;

export const THREAD_CHANGES = `subscription ($id: ID!, $after: EventCursor) {
  conversationChanged(id: $id, after: $after) {
    cursor reset
    conversation { ...Row }
    event { ...Event message { ...Message } }
  }
}
${ROW} ${EVENT} ${MESSAGE}`;

export const AGENTS = `query ($search: String, $id: ID) {
  agents(search: $search, assignableTo: $id, first: ${AGENTS_MAX}) { nodes { id name title } totalCount }
}`;

export const ASSIGN = `mutation ($input: AssignConversationInput!) {
  assignConversation(input: $input) { changed conversation { ...Row } previousAssignee { id name } ${ERRORS} }
}
${ROW}`;
export const CLAIM = `mutation ($input: ClaimConversationInput!) {
  claimConversation(input: $input) { changed conversation { ...Row } previousAssignee { id name } ${ERRORS} }
}
${ROW}`;
export const UNASSIGN = `mutation ($input: UnassignConversationInput!) {
  unassignConversation(input: $input) { changed conversation { ...Row } previousAssignee { id name } ${ERRORS} }
}
${ROW}`;
export const CLOSE = `mutation ($input: CloseConversationInput!) {
  closeConversation(input: $input) { changed conversation { ...Row } ${ERRORS} }
}
${ROW}`;
export const REOPEN = `mutation ($input: ReopenConversationInput!) {
  reopenConversation(input: $input) { changed conversation { ...Row } ${ERRORS} }
}
${ROW}`;
export const MARK_READ = `mutation ($input: MarkConversationReadInput!) {
  markConversationRead(input: $input) { changed userErrors { code message } }
}`;
export const SEND = `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) {
    changed conversation { ...Row } message { ...Message }
    userErrors { code message ... on StaleReplyError { newerMessages { ...Message } } }
  }
}
${ROW} ${MESSAGE}`;

export const HEALTH = `subscription {
  queueHealthChanged { trend oldestUnassignedSince unassignedOverThreshold waitOverThreshold }
}`;
export const OLDEST_UNASSIGNED = `query { queueHealth { oldestUnassignedSince } }`;
export const PRESENCE = `subscription ($id: ID!) {
  conversationPresence(id: $id) { viewers { agent { id name } state since } }
}`;
export const SET_PRESENCE = `mutation ($id: ID!, $state: PresenceState) {
  setPresence(input: { conversationId: $id, state: $state }) { userErrors { code } }
}`;
export const WORKLOADS = `subscription { workloadsChanged { agent { id name } open waiting } }`;
export const PLAN_REBALANCE = `mutation ($agents: [ID!]!) {
  planRebalance(input: { agentIds: $agents, status: OPEN }) {
    plan { id moves { conversation { id contact { name number } } from { name } to { name } } }
    userErrors { code message }
  }
}`;
export const APPLY_PLAN = `mutation ($plan: ID!) { applyPlan(input: { planId: $plan }) { userErrors { code message } } }`;
export const UNDO_PLAN = `mutation ($plan: ID!) { undoPlan(input: { planId: $plan }) { userErrors { code message } } }`;
