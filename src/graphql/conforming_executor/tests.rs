use async_graphql::{PathSegment, ServerError, value};

use super::*;

fn failing(path: &[&str]) -> ServerError {
    let mut error = ServerError::new("failed", None);
    let segment = |text: &&str| match text.parse() {
        Ok(index) => PathSegment::Index(index),
        Err(_) => PathSegment::Field((*text).to_owned()),
    };
    error.path = path.iter().map(segment).collect();
    error
}

fn complete(response: Response, query: &str, operation_name: Option<&str>) -> Response {
    let mut request = Request::new(query);
    request.operation_name = operation_name.map(str::to_owned);
    match PreparedDocument::of(&mut request, &DocumentCache::default()) {
        Preparation::Ready(prepared) => prepared.complete(response),
        Preparation::Unparsable | Preparation::Refused(_) | Preparation::NotCacheable(_) => {
            panic!("not ready to execute: {query}")
        }
    }
}

fn completed(query: &str, data: Value, errors: &[&[&str]]) -> Value {
    let mut response = Response::new(data);
    response.errors = errors.iter().map(|path| failing(path)).collect();
    complete(response, query, None).data
}

#[test]
fn a_nullable_field_that_failed_is_null() {
    let data = completed(
        "{ viewer { id } workspace { id } }",
        value!({ "workspace": { "id": "x" } }),
        &[&["viewer"]],
    );
    assert_eq!(data, value!({ "workspace": { "id": "x" }, "viewer": null }));
    let data = completed("mutation { m: receiveMessage(input: 1) { changed } }", Value::Null, &[&["m"]]);
    assert_eq!(data, value!({ "m": null }));
}

#[test]
fn a_failed_non_null_field_makes_its_nearest_nullable_parent_null() {
    let query = "{ conversations { asOf nodes { id ...row } } viewer { id } } fragment row on Conversation { who: contact { id } }";
    let data =
        value!({ "conversations": { "asOf": "c", "nodes": [{ "id": "1" }, { "id": "2" }] }, "viewer": null });
    let data = completed(query, data, &[&["conversations", "nodes", "1", "who"]]);
    assert_eq!(data, value!({ "conversations": null, "viewer": null }));
    let data = completed("{ nodes(ids: []) { id } }", Value::Null, &[&["nodes"]]);
    assert_eq!(data, Value::Null);
}

#[test]
fn a_failed_nullable_item_leaves_the_others() {
    let query = "{ nodes(ids: []) { ... on Conversation { id messages(first: 101) { totalCount } lastMessage { id } } } }";
    let data = value!({ "nodes": [{ "id": "1" }, { "id": "2" }] });
    let data = completed(query, data, &[&["nodes", "1", "messages"], &["nodes", "0", "lastMessage"]]);
    assert_eq!(data, value!({ "nodes": [{ "id": "1", "lastMessage": null }, null] }));
}

#[test]
fn an_object_all_of_whose_fields_failed_is_an_object_of_nulls() {
    let query = "{ conversation(id: 1) { a: assigneeAt(time: 1) { id } b: assigneeAt(time: 2) { id } } }";
    let errors: &[&[&str]] = &[&["conversation", "a"], &["conversation", "b"]];
    let data = completed(query, value!({ "conversation": null }), errors);
    assert_eq!(data, value!({ "conversation": { "a": null, "b": null } }));
    let query =
        "{ conversation(id: 1) { messages(first: 101) { totalCount } a: assigneeAt(time: 1) { id } } }";
    let errors: &[&[&str]] = &[&["conversation", "messages"], &["conversation", "a"]];
    let data = completed(query, value!({ "conversation": null }), errors);
    assert_eq!(data, value!({ "conversation": null }));
}

fn keys(data: &Value) -> String {
    serde_json::to_string(data).unwrap().replace('"', "")
}

#[test]
fn fields_are_in_the_requested_order() {
    let query = "query A { viewer { id } } query B { w: workspace { plan name } ...more viewer { name } }
        fragment more on Query { viewer { id role } conversations { nodes { status id } totalCount } }";
    let data = value!({
        "conversations": { "totalCount": 2, "nodes": [{ "id": 1, "status": 2 }, { "status": 3, "id": 4 }] },
        "viewer": { "name": "n", "id": "i", "role": "r" },
        "w": { "name": "x", "plan": "y" },
    });
    let data = complete(Response::new(data), query, Some("B")).data;
    let wanted = "{w:{plan:y,name:x},viewer:{id:i,role:r,name:n},\
        conversations:{nodes:[{status:2,id:1},{status:3,id:4}],totalCount:2}}";
    assert_eq!(keys(&data), wanted);
}

#[test]
fn fields_are_in_the_requested_order_even_if_some_are_missing() {
    let query = "subscription { queueChanges { __typename ... on QueueReset { reason asOf }
        ... on ConversationUpdated { cursor conversation { id status version } } } }";
    for (given, wanted) in [
        // In order on all levels.
        (
            value!({ "queueChanges": { "__typename": "C", "cursor": 1, "conversation": { "id": 2, "version": 3 } } }),
            "{queueChanges:{__typename:C,cursor:1,conversation:{id:2,version:3}}}",
        ),
        // Out of order on a lower level.
        (
            value!({ "queueChanges": { "__typename": "C", "conversation": { "version": 3, "id": 2 } } }),
            "{queueChanges:{__typename:C,conversation:{id:2,version:3}}}",
        ),
        // One field is missing, another is too late.
        (
            value!({ "queueChanges": { "conversation": { "version": 3, "status": 4 }, "cursor": 1 } }),
            "{queueChanges:{cursor:1,conversation:{status:4,version:3}}}",
        ),
        (
            value!({ "queueChanges": { "asOf": 5, "reason": 6, "__typename": "Q" } }),
            "{queueChanges:{__typename:Q,reason:6,asOf:5}}",
        ),
    ] {
        assert_eq!(keys(&complete(Response::new(given), query, None).data), wanted);
    }
}
