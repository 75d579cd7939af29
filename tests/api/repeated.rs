//! The validation result of a document is cached; its variables are checked each time.

use serde_json::{Value, json};

use crate::support::world::World;

const PAGE: &str = "query($first: Int, $view: ConversationView = INBOX, $number: [ID!]) {
    conversations(first: $first, view: $view, filter: { phoneNumberIds: $number }) { nodes { id } totalCount } }";

async fn response(world: &World, document: &str, variables: &Value) -> Value {
    let mut body = world.rep.client.query(document, variables.clone()).await.body;
    // Each response has its own request id.
    let errors = body.get_mut("errors").and_then(Value::as_array_mut);
    for error in errors.into_iter().flatten() {
        error["extensions"]["requestId"].take();
    }
    body
}

on_both! {
    async fn a_repeated_document_gets_the_same_response(world: World) {
        world.conversations(3).await;
        let cases = [
            (PAGE, json!({ "first": 2 })),
            (PAGE, json!({ "first": 2, "view": "UNASSIGNED" })),
            (PAGE, json!({ "first": "two" })),
            (PAGE, json!({ "first": 2.5 })),
            (PAGE, json!({ "view": "SIDEWAYS" })),
            (PAGE, json!({ "number": [null] })),
            (PAGE, json!({ "number": world.number.id })),
            (PAGE, json!({ "first": 101 })),
            (NULLABLE, json!({ "id": "x", "stale": false })),
            (NULLABLE, json!({ "id": "x", "stale": null })),
            ("{ conversations { nodes { id nothing } } }", json!({})),
            ("query($unused: Int) { viewer { id } }", json!({})),
            ("query($id: ID!) { conversation(id: $id) { id } }", json!({})),
            ("query($id: Int!) { conversation(id: $id) { id } }", json!({ "id": 1 })),
            ("{ conversations(first: \"two\") { totalCount } }", json!({})),
            // Within the limits or too complex, depending on the variable.
            (COSTLY, json!({ "first": 1 })),
            (COSTLY, json!({ "first": 100 })),
        ];
        let mut first = Vec::new();
        for (document, variables) in &cases {
            first.push(response(world, document, variables).await);
        }
        for _ in 0..2 {
            for ((document, variables), first) in cases.iter().zip(&first) {
                assert_eq!(&response(world, document, variables).await, first, "{document} {variables}");
            }
        }
        assert!(first[0].get("errors").is_none(), "{}", first[0]);
        assert_eq!(first.iter().filter(|body| body.get("errors").is_some()).count(), 12, "{first:?}");
    }
}

on_both! {
    async fn an_omitted_variable_is_an_omitted_argument(world: World) {
        let id = world.conversation(1).await;
        world.rep.assign(&id, &world.rep2).await.changed();
        let page = "query($view: ConversationView, $direction: OrderDirection, $status: ConversationStatus) {
            conversations(view: $view, filter: { status: $status },
                orderBy: { field: LAST_ACTIVITY, direction: $direction }) { totalCount } }";
        let data = world.rep.client.data(page, json!({})).await;
        assert_eq!(data["conversations"]["totalCount"], 1);
        let health = "query($window: Int) { queueHealth(window: $window) { unassigned } }";
        assert_eq!(world.rep.client.data(health, json!({})).await["queueHealth"]["unassigned"], 0);
        let assign = "mutation($id: ID!, $to: ID!, $expected: ID) { assignConversation(input: {
            conversationId: $id, agentId: $to, expectedAssigneeId: $expected }) { changed userErrors { code } } }";
        let stale = json!({ "id": id, "to": world.rep.id, "expected": null });
        let payload = world.rep.client.data(assign, stale).await["assignConversation"].take();
        assert_eq!(payload["userErrors"][0]["code"], "STALE", "null expects an unassigned conversation: {payload}");
        let omitted = json!({ "id": id, "to": world.rep.id });
        let payload = world.rep.client.data(assign, omitted).await["assignConversation"].take();
        assert_eq!(payload["changed"], true, "an omitted variable expects nothing: {payload}");
    }

    async fn a_rewritten_document_does_not_make_the_original_valid(world: World) {
        let page = "query($view: Int) { conversations(view: $view) { totalCount } }";
        world.rep.client.query(page, json!({})).await;
        for _ in 0..2 {
            world.rep.client.query(page, json!({ "view": 1 })).await.assert_error(&["GRAPHQL_VALIDATION_FAILED"]);
        }
    }
}

const NULLABLE: &str = "mutation($id: ID!, $stale: Boolean = false) { sendMessage(input: {
    conversationId: $id, body: \"x\", idempotencyKey: \"k\", overrideStale: $stale }) { changed } }";

const COSTLY: &str = "query($first: Int!) { conversations(first: $first) {
    nodes { messages(first: $first) { nodes { id body } } } } }";
