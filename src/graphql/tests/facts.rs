//! The contract of the schema, one fact per line.

/// Everything in the schema that clients may rely on. Additions to the schema need no line here.
pub(super) const FACTS: &str = "
Query.viewer: Agent
Query.workspace: Workspace
Query.node(id: ID!): Node
Query.nodes(ids: [ID!]!): [Node]!
Query.conversation(id: ID!): Conversation
Query.conversations(after: String, before: String, filter: ConversationFilter, first: Int, last: Int, orderBy: ConversationOrder, view: ConversationView! = INBOX): ConversationConnection
Query.agents(after: String, assignableTo: ID, before: String, first: Int, includeInactive: Boolean! = false, last: Int, search: String): AgentConnection
Query.phoneNumbers: [PhoneNumber!]
Query.viewCounts(phoneNumberIds: [ID!]): ViewCounts
Node.id: ID!
ConversationFilter.status: ConversationStatus
ConversationFilter.unread: Boolean
ConversationFilter.phoneNumberIds: [ID!]
ConversationFilter.search: String
ConversationOrder.field: ConversationOrderField! = LAST_ACTIVITY
ConversationOrder.direction: OrderDirection
Conversation.id: ID!
Conversation.status: ConversationStatus!
Conversation.version: Int!
Conversation.contact: Contact!
Conversation.phoneNumber: PhoneNumber!
Conversation.assignee: Agent
Conversation.assignedBy: Agent
Conversation.assignedAt: DateTime
Conversation.unassignedSince: DateTime
Conversation.unread: Boolean!
Conversation.viewerCanReply: Boolean!
Conversation.lastActivityAt: DateTime!
Conversation.lastMessage: Message
Conversation.waitingSince: DateTime
Conversation.createdAt: DateTime!
Conversation.closedAt: DateTime
Conversation.closedBy: Agent
Conversation.messages(after: String, before: String, first: Int, last: Int): MessageConnection!
Conversation.history(after: String, before: String, first: Int, last: Int): ConversationEventConnection!
Conversation.assigneeAt(time: DateTime!): Agent
ConversationConnection.edges: [ConversationEdge!]!
ConversationConnection.nodes: [Conversation!]!
ConversationConnection.pageInfo: PageInfo!
ConversationConnection.totalCount: Int
ConversationConnection.asOf: EventCursor!
ConversationEdge.cursor: String!
ConversationEdge.node: Conversation!
MessageConnection.edges: [MessageEdge!]!
MessageConnection.nodes: [Message!]!
MessageConnection.pageInfo: PageInfo!
MessageConnection.totalCount: Int
ConversationEventConnection.edges: [ConversationEventEdge!]!
ConversationEventConnection.nodes: [ConversationEvent!]!
ConversationEventConnection.pageInfo: PageInfo!
ConversationEventConnection.totalCount: Int
AgentConnection.edges: [AgentEdge!]!
AgentConnection.nodes: [Agent!]!
AgentConnection.pageInfo: PageInfo!
AgentConnection.totalCount: Int
PageInfo.hasNextPage: Boolean!
PageInfo.hasPreviousPage: Boolean!
PageInfo.startCursor: String
PageInfo.endCursor: String
Agent.id: ID!
Agent.name: String!
Agent.title: String
Agent.email: String!
Agent.role: AgentRole!
Agent.active: Boolean!
Agent.experienced: Boolean!
Contact.id: ID!
Contact.number: E164!
Contact.name: String
PhoneNumber.id: ID!
PhoneNumber.number: E164!
PhoneNumber.label: String!
Message.id: ID!
Message.direction: MessageDirection!
Message.body: String!
Message.mediaUrls: [String!]!
Message.author: Agent
Message.sentAt: DateTime!
Message.deliveryStatus: DeliveryStatus
Workspace.id: ID!
Workspace.name: String!
Workspace.plan: Plan!
Workspace.assignmentModel: AssignmentModel!
ConversationEvent.id: ID!
ConversationEvent.cursor: EventCursor!
ConversationEvent.kind: ConversationEventKind!
ConversationEvent.at: DateTime!
ConversationEvent.actor: Agent
ConversationEvent.previousAssignee: Agent
ConversationEvent.assignee: Agent
ConversationEvent.message: Message
ConversationEvent.reason: String
ConversationEvent.note: String
ViewCounts.inbox: StatusCounts!
ViewCounts.assignedToMe: StatusCounts!
ViewCounts.unassigned: StatusCounts!
ViewCounts.asOf: EventCursor!
StatusCounts.total: Int!
StatusCounts.open: Int!
StatusCounts.closed: Int!
StatusCounts.unread: Int!
Mutation.assignConversation(input: AssignConversationInput!): AssignConversationPayload
Mutation.claimConversation(input: ClaimConversationInput!): ClaimConversationPayload
Mutation.unassignConversation(input: UnassignConversationInput!): UnassignConversationPayload
Mutation.closeConversation(input: CloseConversationInput!): CloseConversationPayload
Mutation.reopenConversation(input: ReopenConversationInput!): ReopenConversationPayload
Mutation.markConversationRead(input: MarkConversationReadInput!): MarkConversationReadPayload
Mutation.markConversationUnread(input: MarkConversationUnreadInput!): MarkConversationUnreadPayload
Mutation.assignConversations(input: AssignConversationsInput!): AssignConversationsPayload
Mutation.closeConversations(input: CloseConversationsInput!): CloseConversationsPayload
Mutation.handOffConversations(input: HandOffConversationsInput!): HandOffConversationsPayload
Mutation.acknowledgeHandOff(input: AcknowledgeHandOffInput!): AcknowledgeHandOffPayload
Mutation.setOwnershipLease(input: SetOwnershipLeaseInput!): SetOwnershipLeasePayload
Mutation.planRebalance(input: PlanRebalanceInput!): PlanRebalancePayload
Mutation.applyPlan(input: ApplyPlanInput!): ApplyPlanPayload
Mutation.undoPlan(input: UndoPlanInput!): UndoPlanPayload
Mutation.sendMessage(input: SendMessageInput!): SendMessagePayload
Mutation.startConversation(input: StartConversationInput!): StartConversationPayload
Mutation.receiveMessage(input: ReceiveMessageInput!): ReceiveMessagePayload
Mutation.setAssignmentModel(input: SetAssignmentModelInput!): SetAssignmentModelPayload
Mutation.createAgent(input: CreateAgentInput!): CreateAgentPayload
Mutation.updateAgent(input: UpdateAgentInput!): UpdateAgentPayload
Mutation.deactivateAgent(input: DeactivateAgentInput!): DeactivateAgentPayload
Mutation.reactivateAgent(input: ReactivateAgentInput!): ReactivateAgentPayload
Mutation.issueAgentToken(input: IssueAgentTokenInput!): IssueAgentTokenPayload
Mutation.addPhoneNumber(input: AddPhoneNumberInput!): AddPhoneNumberPayload
Mutation.grantNumberAccess(input: GrantNumberAccessInput!): GrantNumberAccessPayload
Mutation.revokeNumberAccess(input: RevokeNumberAccessInput!): RevokeNumberAccessPayload
AssignConversationInput.conversationId: ID!
AssignConversationInput.agentId: ID!
AssignConversationInput.expectedVersion: Int
AssignConversationInput.expectedAssigneeId: ID
ClaimConversationInput.conversationId: ID!
UnassignConversationInput.conversationId: ID!
UnassignConversationInput.expectedVersion: Int
CloseConversationInput.conversationId: ID!
CloseConversationInput.expectedVersion: Int
ReopenConversationInput.conversationId: ID!
MarkConversationReadInput.conversationId: ID!
MarkConversationReadInput.throughMessageId: ID
MarkConversationUnreadInput.conversationId: ID!
AssignConversationsInput.conversationIds: [ID!]!
AssignConversationsInput.agentId: ID!
CloseConversationsInput.conversationIds: [ID!]!
SendMessageInput.conversationId: ID!
SendMessageInput.body: String!
SendMessageInput.idempotencyKey: String!
SendMessageInput.lastSeenMessageId: ID
SendMessageInput.overrideStale: Boolean! = false
StartConversationInput.phoneNumberId: ID!
StartConversationInput.to: E164!
StartConversationInput.body: String!
StartConversationInput.idempotencyKey: String!
ReceiveMessageInput.providerMessageId: String!
ReceiveMessageInput.from: E164!
ReceiveMessageInput.to: E164!
ReceiveMessageInput.body: String!
ReceiveMessageInput.mediaUrls: [String!]
ReceiveMessageInput.sentAt: DateTime
SetAssignmentModelInput.assignmentModel: AssignmentModel!
CreateAgentInput.name: String!
CreateAgentInput.title: String
CreateAgentInput.email: String!
CreateAgentInput.role: AgentRole! = REP
CreateAgentInput.experienced: Boolean! = false
UpdateAgentInput.agentId: ID!
UpdateAgentInput.name: String
UpdateAgentInput.title: String
UpdateAgentInput.role: AgentRole
UpdateAgentInput.experienced: Boolean
IssueAgentTokenInput.agentId: ID!
IssueAgentTokenInput.ttlSeconds: Int! = 43200
AddPhoneNumberInput.number: E164!
AddPhoneNumberInput.label: String!
GrantNumberAccessInput.agentId: ID!
GrantNumberAccessInput.phoneNumberId: ID!
RevokeNumberAccessInput.agentId: ID!
RevokeNumberAccessInput.phoneNumberId: ID!
HandOffConversationsInput.fromAgentId: ID!
HandOffConversationsInput.toAgentId: ID!
HandOffConversationsInput.status: ConversationStatus = OPEN
HandOffConversationsInput.phoneNumberIds: [ID!]
HandOffConversationsInput.note: String
HandOffConversationsPayload.results: [BulkResult!]!
HandOffConversationsPayload.asOf: EventCursor
AcknowledgeHandOffInput.conversationId: ID!
SetOwnershipLeaseInput.minutes: Int
SetOwnershipLeasePayload.workspace: Workspace
PlanRebalanceInput.agentIds: [ID!]!
PlanRebalanceInput.status: ConversationStatus = OPEN
PlanRebalancePayload.plan: RebalancePlan
ApplyPlanInput.planId: ID!
ApplyPlanPayload.plan: RebalancePlan
UndoPlanInput.planId: ID!
UndoPlanPayload.plan: RebalancePlan
RebalancePlan.id: ID!
RebalancePlan.moves: [RebalanceMove!]!
RebalancePlan.before: [RebalanceLoad!]!
RebalancePlan.after: [RebalanceLoad!]!
RebalancePlan.expiresAt: DateTime!
RebalancePlan.state: RebalancePlanState!
RebalanceMove.conversation: Conversation
RebalanceMove.from: Agent!
RebalanceMove.to: Agent!
RebalanceLoad.agent: Agent!
RebalanceLoad.open: Int!
RebalancePlanState = APPLIED PROPOSED UNDONE
Workspace.ownershipLease: Int
AssignConversationsPayload.results: [BulkResult!]!
AssignConversationsPayload.asOf: EventCursor
CloseConversationsPayload.results: [BulkResult!]!
CloseConversationsPayload.asOf: EventCursor
BulkResult.conversationId: ID!
BulkResult.conversation: Conversation
BulkResult.changed: Boolean!
BulkResult.userErrors: [UserError!]!
AssignConversationPayload.previousAssignee: Agent
ClaimConversationPayload.previousAssignee: Agent
UnassignConversationPayload.previousAssignee: Agent
SendMessagePayload.message: Message
StartConversationPayload.message: Message
ReceiveMessagePayload.message: Message
SetAssignmentModelPayload.workspace: Workspace
CreateAgentPayload.agent: Agent
UpdateAgentPayload.agent: Agent
DeactivateAgentPayload.agent: Agent
DeactivateAgentPayload.returnedConversations: Int!
ReactivateAgentPayload.agent: Agent
IssueAgentTokenPayload.token: String
IssueAgentTokenPayload.expiresAt: DateTime
IssueAgentTokenPayload.agent: Agent
AddPhoneNumberPayload.phoneNumber: PhoneNumber
GrantNumberAccessPayload.agent: Agent
GrantNumberAccessPayload.phoneNumber: PhoneNumber
RevokeNumberAccessPayload.agent: Agent
RevokeNumberAccessPayload.phoneNumber: PhoneNumber
RevokeNumberAccessPayload.returnedConversations: Int!
UserError.code: UserErrorCode!
UserError.message: String!
UserError.path: [String!]
ConflictError.current: Conversation!
PlanError.requiredPlan: Plan!
StaleReplyError.newerMessages: [Message!]!
Subscription.queueChanges(after: EventCursor, filter: ConversationFilter, view: ConversationView! = INBOX): QueueChange!
Subscription.viewCountsChanged(phoneNumberIds: [ID!]): ViewCounts!
Subscription.conversationChanged(after: EventCursor, id: ID!): ConversationChange!
Subscription.conversationPresence(id: ID!): ConversationPresence!
Query.queueHealth(phoneNumberIds: [ID!], window: Int! = 3600): QueueHealth
Query.workloads: [Workload!]
QueueHealth.trend: QueueTrend!
QueueHealth.byPhoneNumber: [PhoneNumberQueueHealth!]!
Workload.agent: Agent!
Workload.open: Int!
Workload.waiting: Int!
QueueTrend = GROWING SHRINKING STEADY
PresenceState = REPLYING VIEWING
QueueEvent.cursor: EventCursor!
ConversationEntered.conversation: Conversation!
ConversationEntered.cause: ConversationEvent
ConversationUpdated.conversation: Conversation!
ConversationUpdated.cause: ConversationEvent
ConversationLeft.conversationId: ID!
ConversationLeft.version: Int!
ConversationLeft.cause: ConversationEvent
QueueReset.reason: QueueResetReason!
ConversationChange.cursor: EventCursor!
ConversationChange.event: ConversationEvent
ConversationChange.conversation: Conversation
ConversationChange.reset: QueueResetReason
ConversationView = ASSIGNED_TO_ME INBOX UNASSIGNED
ConversationStatus = CLOSED OPEN
ConversationOrderField = LAST_ACTIVITY UNASSIGNED_SINCE WAITING_SINCE
OrderDirection = ASC DESC
AgentRole = MANAGER REP
Plan = BUSINESS PRO PRO_PLUS STARTER TEAM
AssignmentModel = HYBRID MANAGER_ASSIGNED OPEN SELF_SERVICE
MessageDirection = INBOUND OUTBOUND
DeliveryStatus = DELIVERED FAILED QUEUED SENT
ConversationEventKind = ACKNOWLEDGED ASSIGNED CLOSED READ RECEIVED REOPENED REPLIED UNASSIGNED UNREAD
UserErrorCode = AGENT_INACTIVE AGENT_LACKS_ACCESS ALREADY_ASSIGNED CONVERSATION_OPEN IDEMPOTENCY_KEY_REUSED INVALID NOT_ALLOWED NOT_FOUND PLAN_REQUIRED STALE STALE_REPLY
QueueResetReason = ACCESS_CHANGED CURSOR_INVALID LOG_TRUNCATED
QueueChange = ConversationEntered ConversationLeft ConversationUpdated QueueCheckpoint QueueReset
Node > Agent Contact Conversation ConversationEvent Message PhoneNumber ServiceToken Workspace
UserError > ConflictError InputError PlanError PlanStaleError StaleReplyError
QueueEvent > ConversationEntered ConversationLeft ConversationUpdated QueueCheckpoint QueueReset
scalar DateTime
scalar E164
scalar EventCursor
";
