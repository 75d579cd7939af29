//! Null where an argument requires a value.

use async_graphql::{PathSegment, Value, value};
use serde_json::json;

use super::*;

/// Executes nothing: completes `data`, and returns it with the errors as `message at path`.
fn settled(text: &str, variables: serde_json::Value, data: async_graphql::Value) -> (Value, Vec<String>) {
    let (_, execution) = conform(text, variables).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let response = execution.complete(Response::new(data));
    let errors = response.errors.iter().map(|error| {
        let path = error.path.iter().map(|segment| match segment {
            PathSegment::Field(key) => key.clone(),
            PathSegment::Index(index) => index.to_string(),
        });
        format!("{} at {}", error.message, path.collect::<Vec<_>>().join("."))
    });
    (response.data, errors.collect())
}

#[test]
fn null_for_a_required_argument_is_an_error_of_its_field() {
    let text = "query($ids: [ID!] = []) { viewer { id } nodes(ids: $ids) { id } }";
    assert_eq!(normal(text, json!({ "ids": null })), "{viewer{id}}");
    assert_eq!(normal(text, json!({ "ids": ["1"] })), "{viewer{id} nodes(ids:$ids){id}}");
    let (data, errors) = settled(text, json!({ "ids": null }), value!({ "viewer": { "id": "1" } }));
    assert_eq!(data, Value::Null);
    assert_eq!(errors, ["Argument \"ids\" of non-null type \"[ID!]!\" must not be null. at nodes"]);
}

#[test]
fn null_for_a_required_argument_fails_the_field_of_each_item() {
    let text = "query($t: DateTime = \"2020\") {
        conversations { nodes { assigneeAt(time: $t) { name } id } } }";
    assert_eq!(normal(text, json!({ "t": null })), "{conversations{nodes{id}}}");
    let data = value!({ "conversations": { "nodes": [{ "id": "1" }, { "id": "2" }] } });
    let (data, errors) = settled(text, json!({ "t": null }), data);
    let expected = value!({ "conversations": { "nodes": [
        { "assigneeAt": null, "id": "1" }, { "assigneeAt": null, "id": "2" }] } });
    assert_eq!(data.to_string(), expected.to_string());
    let paths = ["conversations.nodes.0.assigneeAt", "conversations.nodes.1.assigneeAt"];
    assert!(errors.iter().zip(paths).all(|(error, path)| error.ends_with(path)), "{errors:?}");
}

#[test]
fn a_null_condition_is_an_error_of_the_object() {
    let text = "query($v: Boolean = true) { workspace { id } viewer { id ...F @skip(if: $v) } }
        fragment F on Agent { name }";
    let data = value!({ "workspace": { "id": "1" }, "viewer": { "": "Agent" } });
    let (data, errors) = settled(text, json!({ "v": null }), data);
    assert_eq!(data, value!({ "workspace": { "id": "1" }, "viewer": null }));
    assert_eq!(errors, ["Argument \"if\" of non-null type \"Boolean!\" must not be null. at viewer"]);
    let root = "query($v: Boolean = true) { viewer @include(if: $v) { id } }";
    let errors = conform(root, json!({ "v": null })).err().expect("is refused");
    assert!(errors[0].path.is_empty() && errors[0].message.contains("must not be null"), "{errors:?}");
}
