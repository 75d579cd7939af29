//! The documents that the clients subscribe to.

/// The number of different selections that [`varied`] returns.
pub const SELECTIONS: usize = 20;

/// The document in the README.
pub const README: &str = "subscription Live($after: EventCursor) {
  queueChanges(view: INBOX, filter: { status: OPEN }, after: $after) {
    __typename
    ... on QueueEvent { cursor }
    ... on ConversationEntered { conversation { id version contact { name } assignee { name } unread } }
    ... on ConversationUpdated { conversation { id version contact { name } assignee { name } unread } }
    ... on ConversationLeft { conversationId version }
    ... on QueueReset { reason }
  }
}";

/// Parts of a selection, in addition to the conversation's id and version.
const PARTS: [&str; 5] = [
    "contact { name number }",
    "assignee { name title } assignedAt",
    "phoneNumber { label }",
    "lastMessage { body direction sentAt }",
    "unread waitingSince status",
];

/// Returns documents that differ in their selections. Each selects three of the five parts, in its own order and under
/// its own alias.
pub fn varied() -> Vec<String> {
    let selection = |n: usize| {
        let parts: Vec<&str> = (0..3).map(|k| PARTS[(n + k * (1 + n % 2)) % PARTS.len()]).collect();
        let row = format!("row{n}: conversation {{ id version {} }}", parts.join(" "));
        format!(
            "subscription Live($after: EventCursor) {{
  queueChanges(view: INBOX, filter: {{ status: OPEN }}, after: $after) {{
    __typename
    ... on QueueEvent {{ cursor }}
    ... on ConversationEntered {{ {row} }}
    ... on ConversationUpdated {{ {row} }}
    ... on ConversationLeft {{ conversationId version }}
    ... on QueueReset {{ reason }}
  }}
}}"
        )
    };
    (0..SELECTIONS).map(selection).collect()
}
