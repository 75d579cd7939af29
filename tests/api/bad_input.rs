//! Invalid input gets the error code of the contract.

use serde_json::{Value, json};

use crate::support::agent::unique_key;
use crate::support::documents;
use crate::support::world::World;

const BAD: &[&str] = &["BAD_USER_INPUT"];

on_both! {
    async fn malformed_ids_and_ids_of_another_type_are_not_found(world: World) {
        let own = world.conversation(1).await;
        let before = world.everything().await;
        for wrong in ["", "nonsense", "\u{0}", world.rep.id.as_str(), world.number.id.as_str()] {
            for mutation in [
                "claimConversation",
                "unassignConversation",
                "closeConversation",
                "reopenConversation",
                "markConversationRead",
                "markConversationUnread",
            ] {
                world.rep.on(mutation, wrong).await.refused_at("NOT_FOUND", "conversationId");
            }
            world.rep.assign(wrong, &world.rep2).await.refused_at("NOT_FOUND", "conversationId");
            world.rep.send(wrong, "Hello").await.refused_at("NOT_FOUND", "conversationId");
        }
        for wrong in ["", "nonsense", own.as_str(), world.number.id.as_str()] {
            world.rep.assign_with(&own, wrong, json!({})).await.refused_at("NOT_FOUND", "agentId");
        }
        for wrong in ["", "nonsense", own.as_str(), world.rep.id.as_str()] {
            let started = world.rep.start(wrong, "+16505550100", "Hello", &unique_key()).await;
            started.refused_at("NOT_FOUND", "phoneNumberId");
        }
        assert_eq!(world.everything().await, before);
    }

    async fn phone_numbers_that_are_not_e164_are_bad_input(world: World) {
        let before = world.everything().await;
        for bad in [
            "",
            "+",
            "+1",
            "+0123456",
            "16505550100",
            "+1650555010a",
            "+1234567890123456",
            "+1 650 555 0100",
            "tel:+16505550100",
            " +16505550100",
            "+16505550100\n",
            "+١٢٣",
        ] {
            let input = json!({ "phoneNumberId": world.number.id, "to": bad, "body": "x", "idempotencyKey": unique_key() });
            world.rep.client.try_mutate("startConversation", input, "changed").await.assert_error(BAD);
            let input =
                json!({ "providerMessageId": "x", "from": bad, "to": world.number.number, "body": "x" });
            world.service.try_mutate("receiveMessage", input, "changed").await.assert_error(BAD);
        }
        for odd in [json!(16505550100_i64), json!(null), json!(["+16505550100"]), json!(true)] {
            let input = json!({ "phoneNumberId": world.number.id, "to": odd, "body": "x", "idempotencyKey": unique_key() });
            let answer = world.rep.client.try_mutate("startConversation", input, "changed").await;
            answer.assert_error(&["BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"]);
        }
        assert_eq!(world.everything().await, before);
    }

    async fn a_value_that_is_not_valid_in_its_position_refuses_the_whole_request(world: World) {
        let id = world.conversation(1).await;
        let before = world.everything().await;
        for (document, variables) in [
            ("{ conversations(view: \"INBOX\") { totalCount } }", json!({})),
            ("{ conversations(filter: { status: \"OPEN\" }) { totalCount } }", json!({})),
            ("query($view: ConversationView = \"INBOX\") { conversations(view: $view) { totalCount } }", json!({})),
            ("query($id: ID = null) { node(id: $id) { id } }", json!({ "id": id })),
            ("query($on: Boolean = null) { viewer @include(if: $on) { id } }", json!({ "on": true })),
            ("query($ids: [ID]!) { nodes(ids: $ids) { id } }", json!({ "ids": [id] })),
            (
                "mutation($id: ID = null) { claimConversation(input: { conversationId: $id }) { changed } }",
                json!({ "id": id }),
            ),
        ] {
            let answer = world.rep.client.query(document, variables).await;
            answer.assert_error(&["GRAPHQL_VALIDATION_FAILED"]);
            assert!(answer.body["data"].is_null(), "{document}: {answer}");
        }
        assert_eq!(world.everything().await, before, "nothing was claimed");
        // In JSON variables, enum values are strings.
        let document = "query($view: ConversationView, $id: ID = \"none\") {
            conversations(view: $view) { totalCount } node(id: $id) { id } }";
        let data = world.rep.client.data(document, json!({ "view": "INBOX", "id": id })).await;
        assert_eq!(data["node"]["id"], id.as_str());
    }

    async fn an_invalid_variable_refuses_the_whole_request(world: World) {
        let id = world.conversation(1).await;
        let before = world.everything().await;
        let document = "mutation($id: ID!, $number: E164!) {
            a: closeConversation(input: { conversationId: $id }) { changed }
            b: addPhoneNumber(input: { number: $number, label: \"x\" }) { changed } }";
        for number in [json!("garbage"), json!(null), json!(7)] {
            let variables = json!({ "id": id, "number": number });
            let answer = world.manager.client.query(document, variables).await;
            answer.assert_error(BAD);
            assert!(answer.body["data"].is_null(), "{answer}");
        }
        assert_eq!(world.everything().await, before, "nothing was closed");
    }

    async fn bodies_that_are_empty_or_too_long_are_invalid(world: World) {
        let id = world.conversation(1).await;
        let before = world.everything().await;
        for bad in ["", " ", &"x".repeat(10_000)] {
            world.rep.send(&id, bad).await.refused_at("INVALID", "body");
        }
        assert_eq!(world.everything().await, before);
    }

    async fn paging_arguments_out_of_range_are_bad_input(world: World) {
        let id = world.conversation(1).await;
        for bad in
            ["first: -1", "last: -1", "first: 101", "last: 101", "first: 2147483647", "first: 5, last: 5"]
        {
            for document in [
                format!("{{ conversations({bad}) {{ nodes {{ id }} }} }}"),
                format!("{{ agents({bad}) {{ nodes {{ id }} }} }}"),
                format!("{{ conversation(id: \"{id}\") {{ messages({bad}) {{ nodes {{ id }} }} }} }}"),
                format!("{{ conversation(id: \"{id}\") {{ history({bad}) {{ nodes {{ id }} }} }} }}"),
            ] {
                let answer = world.rep.client.query(&document, json!({})).await;
                answer.assert_error(&["BAD_USER_INPUT", "LIMIT_EXCEEDED"]);
            }
        }
        for bad in [
            json!({ "first": -1 }),
            json!({ "last": -1 }),
            json!({ "first": 101 }),
            json!({ "first": 5, "last": 5 }),
        ] {
            world
                .rep
                .client
                .query(&documents::page(), bad)
                .await
                .assert_error(&["BAD_USER_INPUT", "LIMIT_EXCEEDED"]);
        }
    }

    async fn malformed_cursors_are_bad_input(world: World) {
        let id = world.conversation(1).await;
        let as_of = world.rep.as_of().await;
        for bad in ["", "nonsense", "AAAA", "'; DROP TABLE", as_of.as_str(), id.as_str()] {
            for end in ["after", "before"] {
                let answer = world.rep.client.query(&documents::page(), json!({ end: bad })).await;
                answer.assert_error(BAD);
                for field in ["messages", "history"] {
                    let document = format!(
                        "query($id: ID!, $cursor: String) {{ conversation(id: $id) {{
                           {field}({end}: $cursor) {{ nodes {{ id }} }} }} }}"
                    );
                    let variables = json!({ "id": id, "cursor": bad });
                    world.rep.client.query(&document, variables).await.assert_error(BAD);
                }
                let document =
                    format!("query($cursor: String) {{ agents({end}: $cursor) {{ nodes {{ id }} }} }}");
                world.rep.client.query(&document, json!({ "cursor": bad })).await.assert_error(BAD);
            }
        }
    }

    async fn a_cursor_of_another_order_is_bad_input(world: World) {
        world.conversations(3).await;
        let waiting = json!({ "orderBy": { "field": "WAITING_SINCE" }, "first": 1 });
        let cursor = world.rep.page(waiting).await["pageInfo"]["endCursor"].take();
        let answer = world.rep.client.query(&documents::page(), json!({ "after": cursor })).await;
        answer.assert_error(BAD);
    }

    async fn instants_that_are_not_rfc_3339_are_bad_input(world: World) {
        let id = world.conversation(1).await;
        let document =
            "query($id: ID!, $time: DateTime!) { conversation(id: $id) { assigneeAt(time: $time) { id } } }";
        for bad in
            ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "1767225600"]
        {
            world.rep.client.query(document, json!({ "id": id, "time": bad })).await.assert_error(BAD);
        }
        let ok =
            world.rep.client.data(document, json!({ "id": id, "time": "2026-01-01T02:00:00+02:00" })).await;
        assert_eq!(ok["conversation"]["assigneeAt"], Value::Null);
    }

    async fn too_many_ids_at_once_are_refused(world: World) {
        let id = world.conversation(1).await;
        let before = world.everything().await;
        let many = vec![id; 101];
        for (mutation, input) in [
            ("assignConversations", json!({ "conversationIds": many, "agentId": world.rep.id })),
            ("closeConversations", json!({ "conversationIds": many })),
        ] {
            let answer = world.rep.client.try_mutate(mutation, input, &documents::bulk()).await;
            if answer.body.get("errors").is_some() {
                answer.assert_error(&["BAD_USER_INPUT", "LIMIT_EXCEEDED"]);
            } else {
                answer.payload(mutation).refused_at("INVALID", "conversationIds");
            }
        }
        assert_eq!(world.everything().await, before);
    }

    async fn documents_that_do_not_parse_or_validate_say_so(world: World) {
        for (document, code) in [
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("", "GRAPHQL_PARSE_FAILED"),
            ("{ viewer { id } ", "GRAPHQL_PARSE_FAILED"),
            ("{ nonsense }", "GRAPHQL_VALIDATION_FAILED"),
            ("{ viewer }", "GRAPHQL_VALIDATION_FAILED"),
            ("{ viewer { id(nonsense: 1) } }", "GRAPHQL_VALIDATION_FAILED"),
            ("{ conversations(view: NONSENSE) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
            ("query($x: Nonsense) { viewer { id } }", "GRAPHQL_VALIDATION_FAILED"),
            ("mutation { closeConversation(input: {}) { changed } }", "GRAPHQL_VALIDATION_FAILED"),
        ] {
            let answer = world.rep.client.query(document, json!({})).await;
            // An empty query may be refused before parsing.
            let codes = if document.is_empty() { &[code, "BAD_USER_INPUT"][..] } else { &[code][..] };
            answer.assert_error(codes);
        }
    }

    async fn without_a_valid_token_queries_are_refused(world: World) {
        world.conversation(1).await;
        let clients =
            [world.app.stranger(), world.app.client("nonsense".into()), world.app.client(String::new())];
        for client in &clients {
            let answer = client.query("{ conversations { nodes { id } } }", json!({})).await;
            assert_eq!(answer.status, 401, "{answer}");
            answer.assert_error(&["UNAUTHENTICATED"]);
        }
        let hello = world.app.stranger().query("{ __typename }", json!({})).await;
        assert_eq!(hello.data()["__typename"], "Query");
    }

    async fn keys_of_a_provider_have_limits(world: World) {
        for bad in ["", &"k".repeat(256)] {
            let payload = world.deliver(bad, &world.number, "+16505550100", "x", json!({})).await;
            payload.refused_at("INVALID", "providerMessageId");
        }
        assert!(world.rep.ids("INBOX", Value::Null).await.is_empty());
    }
}
