//! Checks that all contenders return the same data, because a comparison of different responses means nothing.

use chrono::DateTime;
use serde_json::Value;

use super::documents::uuid_of;

const COLUMNS: usize = 14;
const IDS: [usize; 2] = [0, 9];
const TIMES: [usize; 3] = [3, 4, 13];

/// The JSON pointers of the same values in a server's response.
pub struct Shape {
    connection: &'static str,
    columns: [&'static str; COLUMNS],
}

pub const BY_HAND: Shape = Shape {
    connection: "/data/conversations",
    columns: [
        "/id",
        "/version",
        "/status",
        "/lastActivityAt",
        "/waitingSince",
        "/contact/name",
        "/contact/number",
        "/phoneNumber/label",
        "/phoneNumber/number",
        "/assignee/id",
        "/assignee/name",
        "/lastMessage/body",
        "/lastMessage/direction",
        "/lastMessage/sentAt",
    ],
};

pub const GENERATED: Shape = Shape {
    connection: "/data/allConversations",
    columns: [
        "/rowId",
        "/version",
        "/status",
        "/lastActivityAt",
        "/waitingSince",
        "/contactByWorkspaceIdAndContactId/name",
        "/contactByWorkspaceIdAndContactId/number",
        "/phoneNumberByWorkspaceIdAndPhoneNumberId/label",
        "/phoneNumberByWorkspaceIdAndPhoneNumberId/number",
        "/agentByWorkspaceIdAndAssigneeId/rowId",
        "/agentByWorkspaceIdAndAssigneeId/name",
        "/lastMessage/body",
        "/lastMessage/direction",
        "/lastMessage/sentAt",
    ],
};

const SQL: [&str; COLUMNS] = [
    "/id",
    "/version",
    "/status",
    "/last_activity_at",
    "/waiting_since",
    "/contact_name",
    "/contact_number",
    "/label",
    "/number",
    "/assignee_id",
    "/assignee_name",
    "/body",
    "/direction",
    "/sent_at",
];

/// A page in a form that does not depend on the server.
#[derive(Debug, PartialEq)]
pub struct Page {
    pub rows: Vec<Vec<String>>,
    has_next: bool,
    total: Option<i64>,
}

/// Reads a page from a GraphQL response.
///
/// # Panics
/// When the response does not contain a page.
pub fn of_graphql(answer: &Value, shape: &Shape) -> Page {
    let connection = answer.pointer(shape.connection).filter(|it| !it.is_null());
    let connection = connection.unwrap_or_else(|| panic!("no page: {answer}"));
    let nodes = connection["nodes"].as_array().expect("nodes");
    Page {
        rows: nodes.iter().map(|node| row(node, &shape.columns)).collect(),
        has_next: connection["pageInfo"]["hasNextPage"].as_bool().expect("hasNextPage"),
        total: connection["totalCount"].as_i64(),
    }
}

/// Reads a page from SQL rows as JSON. One more row than a page means that there is a next page.
pub fn of_sql(rows: &str, page: usize) -> Page {
    let rows: Vec<Value> = serde_json::from_str(rows).expect("rows");
    Page {
        has_next: rows.len() > page,
        total: rows.first().and_then(|row| row["total"].as_i64()),
        rows: rows.iter().take(page).map(|node| row(node, &SQL)).collect(),
    }
}

fn row(node: &Value, columns: &[&str; COLUMNS]) -> Vec<String> {
    let cells = columns.iter().enumerate().map(|(number, path)| match node.pointer(path) {
        Some(Value::String(text)) if IDS.contains(&number) => uuid_of(text),
        Some(Value::String(text)) if TIMES.contains(&number) => {
            DateTime::parse_from_rfc3339(text).expect("a time").timestamp_micros().to_string()
        }
        // A field of a null object is missing.
        Some(Value::Null) | None => "null".to_owned(),
        Some(value) => value.to_string(),
    });
    cells.collect()
}
