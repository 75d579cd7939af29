//! GraphQL documents and selections that several tests share.

/// The fields of a conversation and of its related entities.
pub const CONVERSATION: &str = "id status version unread viewerCanReply lastActivityAt waitingSince createdAt \
    closedAt closedBy { id } unassignedSince assignee { id name } assignedBy { id } assignedAt \
    contact { id number } phoneNumber { id number } lastMessage { id body direction }";

/// The user errors with their details.
pub const USER_ERRORS: &str = "userErrors { __typename code message path \
    ... on ConflictError { current { id version status assignee { id name } assignedAt } } \
    ... on PlanError { requiredPlan } \
    ... on StaleReplyError { newerMessages { id body direction author { id } } } }";

/// A message.
pub const MESSAGE: &str = "id direction body mediaUrls author { id } sentAt deliveryStatus";

/// An entry of the history.
pub const EVENT: &str = "id cursor kind at actor { id } previousAssignee { id } assignee { id } \
    message { id body } reason note";

/// The payload of every mutation of one conversation.
pub fn single() -> String {
    format!("conversation {{ {CONVERSATION} }} changed asOf {USER_ERRORS}")
}

/// The payload of assign, claim and unassign.
pub fn assigning() -> String {
    format!("previousAssignee {{ id name }} {}", single())
}

/// The payload of mutations that store a message.
pub fn messaging() -> String {
    format!("message {{ {MESSAGE} }} {}", single())
}

/// The payload of bulk mutations.
pub fn bulk() -> String {
    format!(
        "results {{ conversationId conversation {{ {CONVERSATION} }} changed {USER_ERRORS} }} asOf {USER_ERRORS}"
    )
}

/// The badges.
pub const COUNTS: &str = "inbox { total open closed unread } assignedToMe { total open closed unread } \
    unassigned { total open closed unread } asOf";

/// The health of the queue.
pub const HEALTH: &str = "unassigned oldestUnassignedSince oldestWaitingSince arrived claimed returned trend \
    byPhoneNumber { phoneNumber { id } unassigned oldestUnassignedSince oldestWaitingSince arrived claimed returned trend } \
    unassignedOverThreshold waitOverThreshold asOf";

/// The workload of an agent.
pub const WORKLOAD: &str = "agent { id name } open waiting";

/// The agents who are viewing a conversation.
pub const VIEWERS: &str = "viewers { agent { id } state since }";

/// A page of a list, with the variables `view`, `filter`, `orderBy`, `first`, `after`, `last` and `before`.
pub fn page() -> String {
    format!(
        "query($view: ConversationView! = INBOX, $filter: ConversationFilter, $orderBy: ConversationOrder,
               $first: Int, $after: String, $last: Int, $before: String) {{
           conversations(view: $view, filter: $filter, orderBy: $orderBy,
                         first: $first, after: $after, last: $last, before: $before) {{
             edges {{ cursor }} nodes {{ {CONVERSATION} }} totalCount asOf
             pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    )
}

/// A live list, with the variables `view`, `filter` and `after`.
pub fn queue_changes() -> String {
    format!(
        "subscription($view: ConversationView! = INBOX, $filter: ConversationFilter, $after: EventCursor) {{
           queueChanges(view: $view, filter: $filter, after: $after) {{
             __typename ... on QueueEvent {{ cursor }}
             ... on ConversationEntered {{ conversation {{ {CONVERSATION} }} cause {{ kind actor {{ id }} }} }}
             ... on ConversationUpdated {{ conversation {{ {CONVERSATION} }} cause {{ kind actor {{ id }} }} }}
             ... on ConversationLeft {{ conversationId version cause {{ kind actor {{ id }} }} }}
             ... on QueueReset {{ reason }} }} }}"
    )
}

/// A live thread, with the variables `id` and `after`.
pub fn conversation_changed() -> String {
    format!(
        "subscription($id: ID!, $after: EventCursor) {{
           conversationChanged(id: $id, after: $after) {{
             cursor event {{ {EVENT} }} conversation {{ {CONVERSATION} }} reset }} }}"
    )
}

/// Live badges, with the variable `numbers`.
pub fn view_counts_changed() -> String {
    format!("subscription($numbers: [ID!]) {{ viewCountsChanged(phoneNumberIds: $numbers) {{ {COUNTS} }} }}")
}
