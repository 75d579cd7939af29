//! Rows that are written directly equal the rows that async-graphql resolves.
//!
//! A response key that occurs twice makes async-graphql resolve the row, so the tests can compare both ways on one
//! server.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};

use crate::support::world::{World, customer};

/// The types of a row and its related entities.
const SHOWN: [&str; 5] = ["Conversation", "Contact", "PhoneNumber", "Agent", "Message"];

/// The fields without arguments of these types, each with the type in [`SHOWN`] that it returns, if any.
fn fields() -> BTreeMap<String, Vec<(String, Option<String>)>> {
    let document = parse_schema(switchboard::graphql::sdl()).expect("the schema parses");
    let objects: Vec<String> = document.definitions.iter().filter_map(name_of_object).collect();
    let mut fields = BTreeMap::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node.to_string();
        let TypeKind::Object(object) = definition.node.kind else { continue };
        if SHOWN.contains(&name.as_str()) {
            let plain = object.fields.iter().filter(|field| {
                let leads_to = base(&field.node.ty.node);
                field.node.arguments.is_empty()
                    && (SHOWN.contains(&leads_to) || !objects.iter().any(|object| object == leads_to))
            });
            let field = plain.map(|field| (field.node.name.node.to_string(), shown(&field.node.ty.node)));
            fields.insert(name, field.collect());
        }
    }
    fields
}

fn name_of_object(definition: &TypeSystemDefinition) -> Option<String> {
    let TypeSystemDefinition::Type(definition) = definition else { return None };
    let is_object = matches!(definition.node.kind, TypeKind::Object(_));
    is_object.then(|| definition.node.name.node.to_string())
}

/// The named type inside all lists.
fn base(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(item),
    }
}

fn shown(of: &Type) -> Option<String> {
    SHOWN.contains(&base(of)).then(|| base(of).to_owned())
}

/// A selection of all these fields of a type.
fn selection(fields: &BTreeMap<String, Vec<(String, Option<String>)>>, of: &str) -> String {
    let each = fields[of].iter().map(|(field, leads_to)| match leads_to {
        Some(object) => format!("{field} {{ {} }}", selection(fields, object)),
        None => field.clone(),
    });
    let all: Vec<String> = each.collect();
    format!("__typename {} again: id", all.join(" "))
}

/// The same selection of a row with two fields that must be merged.
fn merged(selection: &str) -> String {
    format!("{selection} last: lastMessage {{ id }} last: lastMessage {{ id }}")
}

/// The rows of a response without the field that [`merged`] adds, and whether it was present.
fn without_last(answer: &Value) -> (Value, bool) {
    let mut answer = answer.clone();
    let list = &mut answer["conversations"];
    let mut found = false;
    for rows in ["nodes", "edges"] {
        for row in list.get_mut(rows).and_then(Value::as_array_mut).into_iter().flatten() {
            let row = if rows == "edges" { &mut row["node"] } else { row };
            found |= row.as_object_mut().expect("a row").remove("last").is_some();
        }
    }
    (answer, found)
}

/// Conversations in various states, with texts that JSON must escape.
async fn all_kinds(world: &World) {
    for n in 0..8 {
        let number = if n % 2 == 0 { &world.number } else { &world.number2 };
        let id = world.conversation_on(number, n).await;
        if n % 3 != 0 {
            world.rep.assign(&id, &world.rep2).await.changed();
            world
                .rep2
                .send(&id, "\"Quoted\", \\ and \u{1F600}\n\tnew line \u{2028} </script>")
                .await
                .changed();
        }
        if n % 4 == 3 {
            world.rep.close(&id).await.changed();
        }
        if n == 6 {
            world.text_to(number, &customer(n), "\u{1}\u{7f} é").await;
        }
    }
}

async fn answers(world: &World, rows: &str) -> Value {
    let document = format!(
        "query($first: Int!) {{ conversations(first: $first) {{ {rows} pageInfo {{ endCursor }} totalCount }} }}"
    );
    world.rep.client.data(&document, json!({ "first": 20 })).await
}

on_both! {
    async fn a_directly_written_row_equals_the_resolved_row(world: World) {
        all_kinds(world).await;
        let fields = fields();
        assert_eq!(fields.len(), SHOWN.len());
        let written = selection(&fields, "Conversation");
        let resolved = merged(&written);
        for (left, right) in [("nodes {", "}"), ("edges { __typename cursor node {", "} }")] {
            let written = answers(world, &format!("{left} {written} {right}")).await;
            let resolved = answers(world, &format!("{left} {resolved} {right}")).await;
            assert_eq!((written.clone(), true), without_last(&resolved));
            assert!(written.to_string().contains("Quoted"), "{written}");
        }
    }

    async fn each_directly_written_field_equals_the_resolved_field(world: World) {
        all_kinds(world).await;
        let fields = fields();
        for (field, leads_to) in &fields["Conversation"] {
            let below = leads_to.as_ref().map(|object| format!("{{ {} }}", selection(&fields, object)));
            let below = below.unwrap_or_default();
            let row = format!("it: {field} {below}");
            let written = answers(world, &format!("nodes {{ {row} }}")).await;
            let resolved = answers(world, &format!("nodes {{ {} }}", merged(&row))).await;
            assert_eq!((written, true), without_last(&resolved), "{field}");
        }
    }

    async fn selections_that_have_to_be_merged_are_merged(world: World) {
        all_kinds(world).await;
        let whole = answers(world, "nodes { id version contact { id number } }").await;
        for parts in [
            "nodes { id } nodes { version contact { id number } }",
            "nodes { id version contact { id } contact { number } }",
            "... on ConversationConnection { nodes { id version } } nodes { ... { contact { id number } } }",
        ] {
            assert_eq!(answers(world, parts).await, whole, "{parts}");
        }
        let spread = "query($first: Int!) { conversations(first: $first) { nodes { ...row ... on Node { id } } } }
            fragment row on Conversation { version contact { ...who } } fragment who on Contact { id number }";
        let spread = world.rep.client.data(spread, json!({ "first": 20 })).await;
        let plain = answers(world, "nodes { version contact { id number } id }").await;
        assert_eq!(spread["conversations"]["nodes"], plain["conversations"]["nodes"]);
    }

    async fn a_named_operation_without_its_name_in_the_request_is_merged_too(world: World) {
        all_kinds(world).await;
        let named = "query Named { conversations(first: 20) { nodes { id } nodes { version } } }";
        let plain = "{ conversations(first: 20) { nodes { id version } } }";
        let (named, plain) =
            (world.rep.client.data(named, json!({})).await, world.rep.client.data(plain, json!({})).await);
        assert_eq!(named, plain);
    }

    // Clients with a normalised cache add `__typename` to every selection.
    async fn fragments_and_names_of_types_stand_in_every_connection(world: World) {
        all_kinds(world).await;
        let id = world.conversation(1).await;
        let document = "query($id: ID!) {
            agents { nodes { __typename ...who } edges { __typename cursor node { __typename ...who } } }
            conversations(first: 3) { edges { __typename ...edge } nodes { __typename ... on Node { id } } }
            conversation(id: $id) {
              messages { nodes { __typename ...said } edges { __typename ... on MessageEdge { node { id } } } }
              history { nodes { __typename ...done } edges { __typename } } } }
            fragment who on Agent { id name } fragment said on Message { id body }
            fragment done on ConversationEvent { id kind } fragment edge on ConversationEdge { cursor node { id } }";
        let data = world.rep.client.data(document, json!({ "id": id })).await;
        let first = |path: &str| data.pointer(path).unwrap_or_else(|| panic!("{path} of {data}")).clone();
        for (path, name) in [
            ("/agents/nodes/0", "Agent"),
            ("/agents/edges/0", "AgentEdge"),
            ("/agents/edges/0/node", "Agent"),
            ("/conversations/edges/0", "ConversationEdge"),
            ("/conversations/nodes/0", "Conversation"),
            ("/conversation/messages/nodes/0", "Message"),
            ("/conversation/messages/edges/0", "MessageEdge"),
            ("/conversation/history/nodes/0", "ConversationEvent"),
            ("/conversation/history/edges/0", "ConversationEventEdge"),
        ] {
            assert_eq!(first(path)["__typename"], name, "{path}");
        }
        for path in [
            "/agents/nodes/0/name",
            "/agents/edges/0/node/name",
            "/conversations/edges/0/node/id",
            "/conversations/edges/0/cursor",
            "/conversations/nodes/0/id",
            "/conversation/messages/nodes/0/body",
            "/conversation/messages/edges/0/node/id",
            "/conversation/history/nodes/0/kind",
        ] {
            assert!(first(path).is_string(), "{path}");
        }
    }
}
