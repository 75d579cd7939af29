//! The documents that are sent to the servers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

/// The number of conversations in a page.
pub const PAGE: usize = 50;

pub const TRIVIAL: &str = "{ __typename }";
pub const VIEW_COUNTS: &str = "{ viewCounts { \
    inbox { total open closed unread } assignedToMe { total open closed unread } \
    unassigned { total open closed unread } asOf } }";
/// Subscribes to all changes.
pub const LIVE: &str = "subscription { queueChanges { __typename ... on ConversationUpdated { \
    cursor conversation { id version status contact { name number } assignee { id name } } } } }";
const ASSIGN: &str = "mutation($conversation: ID!, $agent: ID!) { \
    assignConversation(input: { conversationId: $conversation, agentId: $agent }) { \
    changed conversation { id version assignee { id name } } previousAssignee { id } \
    userErrors { code message } } }";

/// A page of `first` conversations, for Switchboard and for the hand-written server. `totalCount` is selected if
/// `with_total`.
pub fn page(first: usize, with_total: bool) -> Value {
    let total = total_count(with_total);
    let query = format!(
        "query Page($first: Int!) {{ conversations(view: INBOX, first: $first) {{ \
         nodes {{ id version status lastActivityAt waitingSince contact {{ name number }} \
         phoneNumber {{ label number }} assignee {{ id name }} lastMessage {{ body direction sentAt }} }} \
         pageInfo {{ endCursor hasNextPage }} {total} asOf }} }}"
    );
    json!({ "query": query, "variables": { "first": first } })
}

/// The same page from PostGraphile, which names the fields differently and has no `asOf`.
pub fn generated_page(workspace: &str, with_total: bool) -> Value {
    let total = total_count(with_total);
    let query = format!(
        "query Page($workspace: UUID!, $first: Int!) {{ allConversations(\
         condition: {{ workspaceId: $workspace }}, orderBy: [LAST_ACTIVITY_AT_DESC, ROW_ID_DESC], first: $first) {{ \
         nodes {{ rowId version status lastActivityAt waitingSince \
         contactByWorkspaceIdAndContactId {{ name number }} \
         phoneNumberByWorkspaceIdAndPhoneNumberId {{ label number }} \
         agentByWorkspaceIdAndAssigneeId {{ rowId name }} lastMessage {{ body direction sentAt }} }} \
         pageInfo {{ endCursor hasNextPage }} {total} }} }}"
    );
    json!({ "query": query, "variables": { "workspace": workspace, "first": PAGE } })
}

/// A page of 100 open conversations on a phone number, for reading all their ids.
pub fn ids(phone_number: &str, after: &Value) -> Value {
    let query = "query($filter: ConversationFilter, $after: String) { \
        conversations(filter: $filter, first: 100, after: $after) { \
        nodes { id assignee { id } } pageInfo { endCursor hasNextPage } } }";
    let filter = json!({ "status": "OPEN", "phoneNumberIds": [opaque('P', phone_number)] });
    json!({ "query": query, "variables": { "filter": filter, "after": after } })
}

fn total_count(with_total: bool) -> &'static str {
    if with_total { "totalCount" } else { "" }
}

/// Assigns each conversation to the first agent, then each to the second. When these requests are sent in a loop, each
/// of them changes the assignee.
pub fn assignments(conversations: &[String], agents: &[String; 2]) -> Vec<Bytes> {
    let pairs = agents.iter().flat_map(|agent| conversations.iter().map(move |id| (id, agent)));
    pairs
        .map(|(conversation, agent)| {
            let variables = json!({ "conversation": conversation, "agent": opaque('A', agent) });
            bytes(&json!({ "query": ASSIGN, "variables": variables }))
        })
        .collect()
}

pub fn query(text: &str) -> Bytes {
    bytes(&json!({ "query": text }))
}

pub fn bytes(request: &Value) -> Bytes {
    Bytes::from(request.to_string())
}

/// An id in the API's format: a letter for the type and the bytes of the UUID, in base64.
pub fn opaque(tag: char, id: &str) -> String {
    let id = Uuid::parse_str(id).expect("a UUID");
    URL_SAFE_NO_PAD.encode([&[tag as u8], id.as_bytes().as_slice()].concat())
}

/// The UUID of an id of the API. A plain UUID is returned as it is.
pub fn uuid_of(id: &str) -> String {
    if let Ok(plain) = Uuid::parse_str(id) {
        return plain.to_string();
    }
    let bytes = URL_SAFE_NO_PAD.decode(id).expect("an opaque id");
    Uuid::from_slice(&bytes[1..]).expect("a UUID").to_string()
}
