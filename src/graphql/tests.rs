//! Compares the schema with the contract for clients, and tests the limits of one operation.

mod facts;

use std::collections::BTreeSet;

use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use async_graphql::{Name, Response, Value};

use super::{Limits, executor, sdl};

use facts::FACTS;

/// The mutations whose payloads have the fields of a conversation payload.
const CONVERSATION_PAYLOADS: &[&str] = &[
    "AssignConversation",
    "ClaimConversation",
    "UnassignConversation",
    "CloseConversation",
    "ReopenConversation",
    "MarkConversationRead",
    "MarkConversationUnread",
    "AcknowledgeHandOff",
    "SendMessage",
    "StartConversation",
    "ReceiveMessage",
];
const MANAGER_PAYLOADS: &[&str] = &[
    "SetOwnershipLease",
    "PlanRebalance",
    "ApplyPlan",
    "UndoPlan",
    "SetAssignmentModel",
    "CreateAgent",
    "UpdateAgent",
    "DeactivateAgent",
    "ReactivateAgent",
    "IssueAgentToken",
    "AddPhoneNumber",
    "GrantNumberAccess",
    "RevokeNumberAccess",
];

/// The facts of the printed schema in the notation of [`FACTS`], and the names that have no description.
#[expect(clippy::too_many_lines, reason = "one match over the kinds of definitions")]
fn printed() -> (BTreeSet<String>, Vec<String>) {
    let document = async_graphql::parser::parse_schema(sdl()).unwrap();
    let (mut facts, mut undescribed, mut implemented) = (BTreeSet::new(), Vec::new(), Vec::new());
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let definition = definition.node;
        let name = definition.name.node.to_string();
        let mut describe = |what: String, described: bool| {
            if !described {
                undescribed.push(what);
            }
        };
        describe(name.clone(), definition.description.is_some());
        let (fields, implements) = match definition.kind {
            TypeKind::Object(object) => (object.fields, object.implements),
            TypeKind::Interface(interface) => (interface.fields, interface.implements),
            TypeKind::InputObject(input) => {
                for field in input.fields {
                    let field = field.node;
                    describe(format!("{name}.{}", field.name.node), field.description.is_some());
                    facts.insert(format!("{name}.{}", input_fact(&field)));
                }
                continue;
            }
            TypeKind::Enum(values) => {
                for value in &values.values {
                    describe(format!("{name}.{}", value.node.value.node), value.node.description.is_some());
                }
                facts.insert(format!(
                    "{name} = {}",
                    list(values.values.iter().map(|v| v.node.value.node.to_string()))
                ));
                continue;
            }
            TypeKind::Union(union) => {
                facts.insert(format!("{name} = {}", list(union.members.iter().map(|m| m.node.to_string()))));
                continue;
            }
            TypeKind::Scalar => {
                facts.insert(format!("scalar {name}"));
                continue;
            }
        };
        implemented.extend(implements.iter().map(|interface| (interface.node.to_string(), name.clone())));
        for field in fields {
            let field = field.node;
            let path = format!("{name}.{}", field.name.node);
            describe(path.clone(), field.description.is_some());
            for argument in &field.arguments {
                describe(format!("{path}({})", argument.node.name.node), argument.node.description.is_some());
            }
            let mut arguments: Vec<_> = field.arguments.iter().map(|a| input_fact(&a.node)).collect();
            arguments.sort();
            let arguments =
                if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
            facts.insert(format!("{path}{arguments}: {}", field.ty.node));
        }
    }
    let interfaces: BTreeSet<_> = implemented.iter().map(|(interface, _)| interface.clone()).collect();
    for interface in interfaces {
        let types = implemented.iter().filter(|(i, _)| *i == interface).map(|(_, name)| name.clone());
        facts.insert(format!("{interface} > {}", list(types)));
    }
    (facts, undescribed)
}

fn list(names: impl Iterator<Item = String>) -> String {
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
}

fn input_fact(input: &async_graphql::parser::types::InputValueDefinition) -> String {
    let default = input.default_value.as_ref().map_or(String::new(), |value| format!(" = {}", value.node));
    format!("{}: {}{default}", input.name.node, input.ty.node)
}

#[test]
fn the_schema_keeps_the_contract() {
    let (printed, _) = printed();
    let mut wanted: BTreeSet<String> =
        FACTS.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    for payload in CONVERSATION_PAYLOADS {
        wanted.insert(format!("{payload}Payload.conversation: Conversation"));
        wanted.insert(format!("{payload}Payload.asOf: EventCursor"));
    }
    for payload in CONVERSATION_PAYLOADS.iter().chain(MANAGER_PAYLOADS) {
        wanted.insert(format!("{payload}Payload.changed: Boolean!"));
        wanted.insert(format!("{payload}Payload.userErrors: [UserError!]!"));
    }
    for payload in ["AssignConversations", "CloseConversations", "HandOffConversations"] {
        wanted.insert(format!("{payload}Payload.userErrors: [UserError!]!"));
    }
    for error in ["InputError", "ConflictError", "PlanError", "StaleReplyError", "PlanStaleError"] {
        wanted.insert(format!("{error}.code: UserErrorCode!"));
        wanted.insert(format!("{error}.message: String!"));
        wanted.insert(format!("{error}.path: [String!]"));
    }
    for item in
        ["ConversationEntered", "ConversationUpdated", "ConversationLeft", "QueueCheckpoint", "QueueReset"]
    {
        wanted.insert(format!("{item}.cursor: EventCursor!"));
    }
    let broken: Vec<_> = wanted.difference(&printed).collect();
    assert!(broken.is_empty(), "not in the schema: {broken:#?}");
}

/// A field that fails must not set the other root fields to null. `nodes` has nullable items instead.
#[test]
fn root_fields_are_nullable() {
    let (printed, _) = printed();
    let is_root = |fact: &&String| ["Query.", "Mutation."].iter().any(|root| fact.starts_with(root));
    let (roots, strict): (Vec<_>, Vec<_>) = printed
        .iter()
        .filter(is_root)
        .partition(|fact| !fact.ends_with('!') || fact.starts_with("Query.nodes("));
    assert!(roots.len() > 40, "{roots:#?}");
    assert!(strict.is_empty(), "{strict:#?}");
}

#[test]
fn everything_has_a_description() {
    let (printed, undescribed) = printed();
    assert!(printed.len() > 200, "the schema has too few facts");
    assert!(undescribed.is_empty(), "no description: {undescribed:#?}");
}

#[test]
fn two_prints_are_equal() {
    assert_eq!(sdl(), sdl());
}

fn codes(response: &Response) -> Vec<String> {
    let code = |error: &async_graphql::ServerError| match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code.clone()),
        _ => None,
    };
    response.errors.iter().map(|error| code(error).unwrap_or_else(|| error.message.clone())).collect()
}

#[tokio::test]
async fn without_a_token_only_the_schema_can_be_explored() {
    let schema = executor(Limits::default());
    let explored = schema.execute("{ __typename __schema { queryType { name } } }").await;
    assert!(explored.is_ok(), "{:?}", explored.errors);
    for field in ["viewer { id }", "workspace { id }", "node(id: \"x\") { id }", "nodes(ids: []) { id }"]
        .into_iter()
        .chain(["conversation(id: \"x\") { id }", "conversations { totalCount }", "agents { totalCount }"])
        .chain(["phoneNumbers { id }", "viewCounts { asOf }", "ownershipViolations { asOf }"])
    {
        let response = schema.execute(format!("{{ {field} }}")).await;
        assert_eq!(codes(&response), ["UNAUTHENTICATED"], "{field}");
    }
    let claim = "mutation { claimConversation(input: { conversationId: \"x\" }) { changed } }";
    assert_eq!(codes(&schema.execute(claim).await), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn a_field_that_fails_is_null_and_the_others_keep_their_values() {
    let response = executor(Limits::default()).execute("{ __typename viewer { id } workspace { id } }").await;
    assert_eq!(codes(&response), ["UNAUTHENTICATED", "UNAUTHENTICATED"]);
    let Value::Object(data) = response.data else { panic!("no data") };
    assert_eq!(data.get(&Name::new("__typename")), Some(&"Query".into()));
    assert_eq!(data.get(&Name::new("viewer")), Some(&Value::Null));
    assert_eq!(data.get(&Name::new("workspace")), Some(&Value::Null));
}

#[tokio::test]
async fn malformed_scalars_are_bad_input() {
    let schema = executor(Limits::default());
    for (to, at) in
        [("\"415\"", "\"2026-01-01T00:00:00Z\""), ("\"+14155550123\"", "\"yesterday\""), ("5", "null")]
    {
        let input =
            format!("providerMessageId: \"1\", from: \"+14155550100\", to: {to}, body: \"\", sentAt: {at}");
        let response = schema
            .execute(format!("mutation {{ receiveMessage(input: {{ {input} }}) {{ changed }} }}"))
            .await;
        assert_eq!(codes(&response), ["BAD_USER_INPUT"], "{to} {at}: {:?}", response.errors);
        let variables = serde_json::json!({ "input": {
            "providerMessageId": "1", "from": "+14155550100", "body": "",
            "to": serde_json::from_str::<serde_json::Value>(to).unwrap(),
            "sentAt": serde_json::from_str::<serde_json::Value>(at).unwrap(),
        }});
        let query = "mutation ($input: ReceiveMessageInput!) { receiveMessage(input: $input) { changed } }";
        let request =
            async_graphql::Request::new(query).variables(async_graphql::Variables::from_json(variables));
        let response = schema.execute(request).await;
        assert_eq!(codes(&response), ["BAD_USER_INPUT"], "{to} {at}: {:?}", response.errors);
    }
}

/// A page of the inbox with every field of a row.
const WHOLE_PAGE: &str = "
    query Page($first: Int) { conversations(first: $first) {
        totalCount asOf pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor }
        nodes {
            id status version unassignedSince assignedAt unread viewerCanReply
            lastActivityAt waitingSince createdAt closedAt
            contact { id number name }
            phoneNumber { id number label }
            assignee { ...agent } assignedBy { ...agent } closedBy { ...agent }
            lastMessage { id direction body mediaUrls sentAt deliveryStatus author { ...agent } }
        }
    } }
    fragment agent on Agent { id name title email role active experienced }";

#[tokio::test]
async fn a_full_page_is_within_the_limits_and_pages_of_pages_are_not() {
    let schema = executor(Limits::default());
    let page = |first: i32| {
        let variables = async_graphql::Variables::from_json(serde_json::json!({ "first": first }));
        async_graphql::Request::new(WHOLE_PAGE).variables(variables)
    };
    assert_eq!(codes(&schema.execute(page(50)).await), ["UNAUTHENTICATED"]);
    assert_eq!(codes(&schema.execute(page(100)).await), ["Query is too complex."]);
    let nested = "{ conversations(first: 100) { nodes { messages(first: 100) { nodes { body } } } } }";
    assert_eq!(codes(&schema.execute(nested).await), ["Query is too complex."]);
    let absurd =
        "{ conversations(first: 2147483647) { nodes { messages(last: 2147483647) { nodes { body } } } } }";
    assert_eq!(codes(&schema.execute(absurd).await), ["Query is too complex."]);
    let threads = "{ conversations(first: 50) { nodes { messages(first: 3) { nodes { body } } } } }";
    assert_eq!(codes(&schema.execute(threads).await), ["UNAUTHENTICATED"]);
    let ids = vec!["\"x\""; 100].join(",");
    let bulk = format!(
        "mutation {{ closeConversations(input: {{ conversationIds: [{ids}] }}) {{ results {{ conversationId changed conversation {{ id version }} userErrors {{ code }} }} }} }}"
    );
    assert_eq!(codes(&schema.execute(bulk).await), ["UNAUTHENTICATED"]);
}

#[tokio::test]
async fn the_usual_introspection_is_within_the_limits() {
    let deep = "ofType { kind name ".repeat(9);
    let close = "}".repeat(9);
    let of = format!("{{ kind name {deep}{close} }}");
    let query = format!(
        "{{ __schema {{ queryType {{ name }} mutationType {{ name }} subscriptionType {{ name }}
            types {{ kind name description specifiedByURL
                fields(includeDeprecated: true) {{ name description isDeprecated deprecationReason type {of}
                    args(includeDeprecated: true) {{ name description defaultValue isDeprecated deprecationReason type {of} }} }}
                inputFields(includeDeprecated: true) {{ name description defaultValue type {of} }}
                interfaces {of} possibleTypes {of}
                enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }} }}
            directives {{ name description locations args {{ name type {of} }} }} }} }}"
    );
    let response = executor(Limits::default()).execute(query).await;
    assert!(response.is_ok(), "{:?}", response.errors);
}
