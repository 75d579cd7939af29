use async_graphql::parser::types as parsed;
use async_graphql::{PathSegment, value};
use serde_json::json;

use super::schema::test_schema;
use super::*;

mod null_arguments;

fn prepared(text: &str, operation_name: Option<&str>) -> PreparedDocument {
    let limits = graphql_guard::DocumentLimits::default();
    let checked = graphql_guard::check_document(&limits, text, operation_name).expect("passes the guard");
    let name = checked.operation_name.map(|name| name.to_string());
    PreparedDocument::new(
        checked.text,
        checked.operation,
        name,
        checked.introspection_only,
        checked.root_fields,
    )
}

fn conform(text: &str, variables: serde_json::Value) -> Result<(Request, Execution), Vec<ServerError>> {
    prepared(text, None).conform(&test_schema(), Variables::from_json(variables))
}

/// The first error of a document.
fn refused(text: &str) -> String {
    match conform(text, json!({})) {
        Ok(_) => panic!("accepted: {text}"),
        Err(errors) => errors[0].message.clone(),
    }
}

/// The normal form of a document, as text.
fn normal(text: &str, variables: serde_json::Value) -> String {
    let (mut request, _) = conform(text, variables).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let document = request.parsed_query().expect("is parsed").clone();
    let parsed::DocumentOperations::Single(operation) = document.operations else { panic!("one operation") };
    print(&operation.node.selection_set.node)
}

fn print(set: &parsed::SelectionSet) -> String {
    let items = set.items.iter().map(|item| match &item.node {
        parsed::Selection::Field(field) => {
            let field = &field.node;
            let mut text = match &field.alias {
                Some(alias) if alias.node.is_empty() => format!("#{}", field.name.node),
                Some(alias) => format!("{}:{}", alias.node, field.name.node),
                None => field.name.node.to_string(),
            };
            if !field.arguments.is_empty() {
                let arguments = field.arguments.iter().map(|(name, value)| format!("{name}:{value}"));
                text.push_str(&format!("({})", arguments.collect::<Vec<_>>().join(",")));
            }
            if !field.selection_set.node.items.is_empty() {
                text.push_str(&print(&field.selection_set.node));
            }
            text
        }
        parsed::Selection::InlineFragment(fragment) => {
            let on = &fragment.node.type_condition.as_ref().expect("a condition").node.on.node;
            format!("...{on}{}", print(&fragment.node.selection_set.node))
        }
        parsed::Selection::FragmentSpread(_) => panic!("a spread"),
    });
    format!("{{{}}}", items.collect::<Vec<_>>().join(" "))
}

#[test]
fn selections_of_one_key_are_merged_through_all_levels() {
    let text = "{ conversation(id: 1) { contact { id } ...A } c: conversation(id: 1) { id } ...B }
        fragment A on Conversation { contact { __typename } id }
        fragment B on Query { conversation(id: 1) { ... on Node { id } status } }";
    let form = "{conversation(id:1){contact{id __typename} id status} c:conversation(id:1){id}}";
    assert_eq!(normal(text, json!({})), form);
}

#[test]
fn conditions_are_evaluated_with_the_defaults_of_their_variables() {
    let text = "query($on: Boolean = true, $off: Boolean!) {
        viewer { id name @include(if: $on) role @skip(if: $on) ...A @include(if: $off) } }
        fragment A on Agent { name }";
    assert_eq!(normal(text, json!({ "off": false })), "{viewer{id name}}");
    assert_eq!(normal(text, json!({ "off": true, "on": false })), "{viewer{id role name}}");
}

#[test]
fn an_empty_selection_set_gets_a_hidden_field() {
    assert_eq!(normal("{ viewer { id @skip(if: true) } }", json!({})), "{viewer{#__typename}}");
    assert_eq!(
        normal("query($b: Boolean!) { viewer @include(if: $b) { id } }", json!({ "b": false })),
        "{#__typename}"
    );
    let erased = "{ viewer { id @skip(if: true) } ...A } fragment A on Query { viewer { name } }";
    assert_eq!(normal(erased, json!({})), "{viewer{name}}");
}

#[test]
fn fields_that_depend_on_the_type_are_selected_for_each_type() {
    let text = "{ node(id: 1) { id ... on Agent { x: name } ... on Conversation { x: status version } } }";
    let form = "{node(id:1){#__typename id ...Agent{x:name} ...Conversation{x:status version}}}";
    assert_eq!(normal(text, json!({})), form);
    // A fragment that applies to every type is expanded in place.
    assert_eq!(normal("{ node(id: 1) { ... on Node { id } } }", json!({})), "{node(id:1){id}}");
}

#[test]
fn an_argument_without_its_variable_is_omitted() {
    let text = "query($view: ConversationView, $unread: Boolean, $id: ID) {
        conversations(view: $view, filter: { unread: $unread, status: OPEN, phoneNumberIds: [\"a\"] }) { totalCount }
        nodes(ids: []) { id } conversation(id: 1) @skip(if: true) { messages(first: 1) { totalCount } } }";
    let text = text.replace(", $id: ID", "");
    let form =
        "{conversations(filter:{status: OPEN, phoneNumberIds: [\"a\"]}){totalCount} nodes(ids:[]){id}}";
    assert_eq!(normal(&text, json!({})), form);
    let form = "{conversations(view:$view,filter:{unread: $unread, status: OPEN, phoneNumberIds: [\"a\"]}){totalCount} nodes(ids:[]){id}}";
    assert_eq!(normal(&text, json!({ "view": null, "unread": true })), form);
}

#[test]
fn at_most_eight_forms_of_a_document_are_kept() {
    let text = "query($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!) {
        viewer { id name @include(if: $a) role @include(if: $b) x: id @include(if: $c) y: id @include(if: $d) } }";
    let document = prepared(text, None);
    for bits in 0..16_u8 {
        let variables = json!({ "a": bits & 1 > 0, "b": bits & 2 > 0, "c": bits & 4 > 0, "d": bits & 8 > 0 });
        document.conform(&test_schema(), Variables::from_json(variables)).expect("conforms");
    }
    let valid = document.valid.get().expect("validated").as_ref().expect("valid");
    assert_eq!(valid.forms.lock().unwrap().len(), MAX_FORMS);
}

#[test]
fn fields_that_cannot_be_merged_are_refused_at_every_level() {
    for text in [
        "{ conversation(id: 1) { messages(first: 1) { totalCount } } conversation(id: 1) { messages(first: 2) { totalCount } } }",
        "{ ...A ...B } fragment A on Query { conversation(id: 1) { x: contact { id } } } fragment B on Query { conversation(id: 1) { x: lastMessage { id } } }",
        "{ node(id: 1) { ... on Agent { x: name } ... on Conversation { x: version } } }",
        "query($a: Int, $a: Int) { conversation(id: 1) { messages(first: $a) { totalCount } } }",
        "query($a: Boolean) { viewer { id } }",
        "{ ...on } fragment on on Query { viewer { id } }",
        "{ conversations(view: \"INBOX\") { totalCount } }",
        "query($id: ID = null) { node(id: $id) { id } }",
        "{ conversation(id: 1) { assigneeAt(time: \"soon\") { id } } }",
        "query($time: DateTime = \"soon\") { conversation(id: 1) { assigneeAt(time: \"2026\") { id } } node(id: 1) { id } }",
    ] {
        match graphql_guard::check_document(&graphql_guard::DocumentLimits::default(), text, None) {
            Ok(_) => drop(refused(text)),
            Err(error) => assert_ne!(error.code(), "LIMIT_EXCEEDED", "{text}"),
        }
    }
}

#[test]
fn documents_that_async_graphql_refuses_wrongly_are_accepted() {
    for text in [
        "subscription { ...A } fragment A on Subscription { queueChanges { __typename } }",
        "query($b: Boolean!) { viewer { id } x: __typename @include(if: $b) }",
        "\"What this is for\" query A(\"why\" $b: Boolean = true) { viewer { id @include(if: $b) } }",
        "{ node(id: \"\\u{1F600} \\uD83D\\uDE00\") { id } }",
        "{ conversation(id: 1) { messages(first: -0) { totalCount } } }",
    ] {
        let conformed = conform(text, json!({ "b": true }));
        assert!(conformed.is_ok(), "{text}: {:?}", conformed.err());
    }
}

#[test]
fn messages_suggest_a_correction() {
    for (text, message) in [
        ("{ viewer { nam } }", "Cannot query field \"nam\" on type \"Agent\". Did you mean \"name\"?"),
        (
            "{ viewer { zzzzzz } }",
            "Cannot query field \"zzzzzz\" on type \"Agent\". Available: id, name, role.",
        ),
        (
            "{ conversations(filter: { status: OPENED }) { totalCount } }",
            "Value \"OPENED\" does not exist in \"ConversationStatus\" enum. Did you mean \"OPEN\"?",
        ),
        ("{ node(idd: 1) { id } }", "Unknown argument \"idd\" on field \"Query.node\". Did you mean \"id\"?"),
        ("{ ... on Quary { viewer { id } } }", "Unknown type \"Quary\". Did you mean \"Query\"?"),
    ] {
        assert_eq!(refused(text), message);
    }
    let quiet = prepared("{ viewer { nam } }", None);
    let errors =
        quiet.conform(&test_schema().without_suggestions(), Variables::default()).err().expect("refused");
    assert_eq!(errors[0].message, "Cannot query field \"nam\" on type \"Agent\".");
}

#[test]
fn a_variable_that_does_not_fit_its_type_is_refused() {
    let text =
        "query($n: E164!, $i: Int, $t: DateTime, $v: ConversationView, $f: ConversationFilter, $ids: [ID!]) {
        conversations(view: $v, filter: $f) { totalCount } nodes(ids: $ids) { id } byNumber(number: $n) { id }
        conversation(id: 1) { messages(first: $i) { totalCount } assigneeAt(time: $t) { id } } }";
    let schema = ApiSchema::parse(
        &include_str!("test_schema.graphql")
            .replace("  viewer: Agent\n", "  viewer: Agent\n  byNumber(number: E164!): Node\n")
            .replace("nodes(ids: [ID!]!)", "nodes(ids: [ID!])")
            .replace("time: DateTime!", "time: DateTime"),
    )
    .expect("is valid")
    .with_scalar("E164", |value| *value == Value::String("+1".to_owned()));
    let document = prepared(text, None);
    let good = json!({ "n": "+1", "i": 2.0, "t": "2026-01-01T00:00:00Z", "v": "INBOX",
        "f": { "status": "OPEN", "phoneNumberIds": ["a"], "unread": null }, "ids": 7 });
    let (request, _) = document.conform(&schema, Variables::from_json(good.clone())).expect("fits");
    assert_eq!(request.variables.get("i"), Some(&value!(2)));
    assert_eq!(request.variables.get("ids"), Some(&value!(["7"])));
    for (name, bad) in [
        ("n", json!("garbage")),
        ("n", json!(null)),
        ("i", json!(99_999_999_999_i64)),
        ("i", json!(1.5)),
        ("i", json!("1")),
        ("v", json!("NONSENSE")),
        ("f", json!({ "status": "AJAR" })),
        ("f", json!({ "nonsense": 1 })),
        ("f", json!("OPEN")),
        ("ids", json!([null])),
    ] {
        let mut variables = good.clone();
        variables[name] = bad.clone();
        let errors = document.conform(&schema, Variables::from_json(variables)).err();
        let message = &errors.unwrap_or_else(|| panic!("{name}: {bad} was accepted"))[0].message;
        assert!(message.starts_with(&format!("Variable \"${name}\"")), "{message}");
    }
}

fn failing(path: &[&str]) -> ServerError {
    let mut error = ServerError::new("failed", None);
    let segment = |text: &&str| match text.parse() {
        Ok(index) => PathSegment::Index(index),
        Err(_) => PathSegment::Field((*text).to_owned()),
    };
    error.path = path.iter().map(segment).collect();
    error
}

fn completed(text: &str, data: Value, errors: &[&[&str]]) -> Value {
    let (_, execution) = conform(text, json!({})).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let mut response = Response::new(data);
    response.errors = errors.iter().map(|path| failing(path)).collect();
    execution.complete(response).data
}

#[test]
fn a_nullable_field_that_failed_is_null() {
    let data = completed(
        "{ viewer { id } workspace { id } }",
        value!({ "workspace": { "id": "x" } }),
        &[&["viewer"]],
    );
    assert_eq!(data, value!({ "viewer": null, "workspace": { "id": "x" } }));
    let text = "mutation { m: receiveMessage(input: { body: \"x\" }) { changed } }";
    assert_eq!(completed(text, Value::Null, &[&["m"]]), value!({ "m": null }));
}

#[test]
fn a_null_in_a_non_null_field_moves_to_the_nearest_nullable_parent() {
    let text = "{ conversations { asOf nodes { id ...row } } viewer { id } } fragment row on Conversation { who: contact { id } }";
    let data =
        value!({ "conversations": { "asOf": "c", "nodes": [{ "id": "1" }, { "id": "2" }] }, "viewer": null });
    let data = completed(text, data, &[&["conversations", "nodes", "1", "who"]]);
    assert_eq!(data, value!({ "conversations": null, "viewer": null }));
    assert_eq!(completed("{ nodes(ids: []) { id } }", Value::Null, &[&["nodes"]]), Value::Null);
}

#[test]
fn nullable_items_fail_separately() {
    let text = "{ nodes(ids: []) { ... on Conversation { id messages(first: 101) { totalCount } lastMessage { id } } } }";
    let item = |id: &str| value!({ "": "Conversation", "id": id, "messages": { "totalCount": 1 } });
    let mut items = [item("1"), item("2")];
    if let Value::Object(second) = &mut items[1] {
        second.shift_remove("messages");
    }
    let data = Value::Object([(async_graphql::Name::new("nodes"), Value::List(items.into()))].into());
    let data = completed(text, data, &[&["nodes", "1", "messages"], &["nodes", "0", "lastMessage"]]);
    let wanted =
        value!({ "nodes": [{ "id": "1", "messages": { "totalCount": 1 }, "lastMessage": null }, null] });
    assert_eq!(data, wanted);
}

#[test]
fn an_object_whose_fields_all_failed_becomes_an_object_of_nulls() {
    let text =
        "{ conversation(id: 1) { a: assigneeAt(time: \"20\") { id } b: assigneeAt(time: \"21\") { id } } }";
    let text = text.replace("\"21\"", "\"201\"");
    let errors: &[&[&str]] = &[&["conversation", "a"], &["conversation", "b"]];
    let data = completed(&text, value!({ "conversation": null }), errors);
    assert_eq!(data, value!({ "conversation": { "a": null, "b": null } }));
}

#[test]
fn hidden_fields_are_removed_and_fields_are_ordered_by_type() {
    let text =
        "subscription { queueChanges { ... on QueueReset { reason asOf } ... on ConversationUpdated { cursor
        conversation { id status version } } __typename } }";
    let given = value!({ "queueChanges": { "": "ConversationUpdated", "__typename": "ConversationUpdated",
        "conversation": { "version": 3, "id": 2, "status": 1 }, "cursor": 1 } });
    let data = serde_json::to_string(&completed(text, given, &[])).unwrap().replace('"', "");
    assert_eq!(
        data,
        "{queueChanges:{cursor:1,conversation:{id:2,status:1,version:3},__typename:ConversationUpdated}}"
    );
    let given =
        value!({ "queueChanges": { "": "QueueReset", "asOf": 1, "__typename": "QueueReset", "reason": 2 } });
    let data = serde_json::to_string(&completed(text, given, &[])).unwrap().replace('"', "");
    assert_eq!(data, "{queueChanges:{reason:2,asOf:1,__typename:QueueReset}}");
    let empty = completed("{ viewer { id @skip(if: true) } }", value!({ "viewer": { "": "Agent" } }), &[]);
    assert_eq!(empty, value!({ "viewer": {} }));
}

#[test]
fn the_error_for_a_missing_variable_clips_its_name() {
    let name = "v".repeat(10_000);
    let text = format!("query(${name}: ID!) {{ node(id: ${name}) {{ id }} }}");
    let limits = graphql_guard::DocumentLimits { query_bytes: 1_000_000, ..Default::default() };
    let checked = graphql_guard::check_document(&limits, &text, None).expect("passes the guard");
    let document = PreparedDocument::new(checked.text, checked.operation, None, false, 1);
    let errors = document.conform(&test_schema(), Variables::default()).err().expect("refused");
    assert!(
        errors[0].message.contains("needs a value") && errors[0].message.len() < 200,
        "{}",
        errors[0].message
    );
}

#[test]
fn variables_within_lists_and_input_objects_fit_their_place() {
    for (text, expected) in [
        ("query($v: ID) { nodes(ids: [$v]) { id } }", "\"ID\" is used where \"ID!\""),
        ("query($v: String!) { nodes(ids: [\"1\", $v]) { id } }", "\"String!\" is used where \"ID!\""),
        ("query($v: [ID!]!) { nodes(ids: [$v]) { id } }", "\"[ID!]!\" is used where \"ID!\""),
        ("query($v: ID = null) { nodes(ids: [$v]) { id } }", "default null is used where \"ID!\""),
        (
            "query($v: ID) { ...F } fragment F on Query { nodes(ids: [$v]) { id } }",
            "\"ID\" is used where \"ID!\"",
        ),
    ] {
        assert!(refused(text).contains(expected), "{text}: {}", refused(text));
    }
    let text = "query($v: ID = \"1\") { nodes(ids: [$v]) { id } }";
    assert_eq!(normal(text, json!({ "v": "2" })), "{nodes(ids:[$v]){id}}");
}

#[test]
fn lists_of_different_lengths_are_different_arguments() {
    for text in [
        "{ ... on Query { nodes(ids: [1]) { id } } nodes(ids: [1, 2]) { id } }",
        "{ nodes(ids: [1, 2]) { id } ... on Query { nodes(ids: [1]) { id } } }",
        "{ nodes(ids: []) { id } ...F } fragment F on Query { nodes(ids: [1]) { id } }",
    ] {
        assert!(refused(text).contains("conflict"), "{text}: {}", refused(text));
    }
    let same = "{ nodes(ids: [1, 2]) { id } nodes(ids: [1, 2]) { __typename } }";
    assert_eq!(normal(same, json!({})), "{nodes(ids:[1, 2]){id __typename}}");
}
