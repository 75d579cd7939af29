//! Rows that are written down at once are those that the engine would have put together.
//!
//! A directive leaves a field to the engine, so that the same server answers both ways.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, Type, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};

use crate::support::world::{World, customer};

/// The objects around a row that are shown with it.
const SHOWN: [&str; 5] = ["Conversation", "Contact", "PhoneNumber", "Agent", "Message"];

/// The fields without arguments of the objects that are shown, each with the object it leads to, if it does.
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

/// The name inside all the lists.
fn base(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(item),
    }
}

fn shown(of: &Type) -> Option<String> {
    SHOWN.contains(&base(of)).then(|| base(of).to_owned())
}

/// Everything that can be selected on an object, with `mark` behind each of its own fields.
fn selection(fields: &BTreeMap<String, Vec<(String, Option<String>)>>, of: &str, mark: &str) -> String {
    let each = fields[of].iter().map(|(field, leads_to)| match leads_to {
        Some(object) => format!("{field} {mark} {{ {} }}", selection(fields, object, "")),
        None => format!("{field} {mark}"),
    });
    let all: Vec<String> = each.collect();
    format!("__typename {} again: id {mark}", all.join(" "))
}

/// Conversations of all kinds, with texts that JSON has to escape.
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
    async fn a_written_row_is_what_the_engine_answers(world: World) {
        all_kinds(world).await;
        let fields = fields();
        assert_eq!(fields.len(), SHOWN.len());
        let (written, resolved) =
            (selection(&fields, "Conversation", ""), selection(&fields, "Conversation", "@include(if: true)"));
        for (left, right) in [("nodes {", "}"), ("edges { __typename cursor node {", "} }")] {
            let written = answers(world, &format!("{left} {written} {right}")).await;
            let resolved = answers(world, &format!("{left} {resolved} {right}")).await;
            assert_eq!(written, resolved);
            assert!(written.to_string().contains("Quoted"), "{written}");
        }
    }

    async fn each_field_by_itself_is_what_the_engine_answers(world: World) {
        all_kinds(world).await;
        let fields = fields();
        for (field, leads_to) in &fields["Conversation"] {
            let below = leads_to.as_ref().map(|object| format!("{{ {} }}", selection(&fields, object, "")));
            let below = below.unwrap_or_default();
            let written = answers(world, &format!("nodes {{ it: {field} {below} }}")).await;
            let resolved = answers(world, &format!("nodes {{ it: {field} @skip(if: false) {below} }}")).await;
            assert_eq!(written, resolved, "{field}");
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
}
