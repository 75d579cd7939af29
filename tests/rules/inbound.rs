//! Messages from customers are never refused for their content, and are stored once.

use serde_json::{Value, json};

use crate::support::outcome::text;
use crate::support::world::{World, customer};

on_both! {
    async fn a_text_is_stored_whatever_it_says(world: World) {
        let long = "A very long story. ".repeat(1_000);
        let texts = [
            "",
            " ",
            "Line one\nline two\r\n\ttabbed",
            "مرحبا، أين دراجتي؟",
            "こんにちは 🚲👩‍👩‍👧‍👦",
            "control \u{1}\u{7}\u{1b} characters",
            "'; DROP TABLE conversations; --",
            "\u{feff}\u{202e}right to left\u{202c}",
            long.as_str(),
        ];
        for (n, body) in texts.into_iter().enumerate() {
            let stored = world.text(&customer(n as u32), body).await;
            assert_eq!(stored.message()["body"], body, "{stored}");
            assert_eq!(stored.message()["direction"], "INBOUND", "{stored}");
            assert_eq!(stored.message()["author"], Value::Null, "{stored}");
            assert_eq!(stored.message()["deliveryStatus"], Value::Null, "{stored}");
            let id = text(&stored.conversation()["id"]);
            assert_eq!(&world.rep.messages(id).await[0], stored.message());
        }
        world.app.assert_store_is_sound().await;
    }

    async fn nul_is_removed_from_a_text(world: World) {
        let stored = world.text(&customer(1), "a\0b\0").await;
        assert_eq!(stored.message()["body"], "ab", "{stored}");
        let stored = world.text(&customer(2), "\0").await;
        assert_eq!(stored.message()["body"], "", "{stored}");
    }

    async fn a_picture_without_words_keeps_its_media(world: World) {
        let urls =
            json!({ "mediaUrls": ["https://media.example.test/1.jpg", "https://media.example.test/2.jpg"] });
        let stored =
            world.deliver("SM-picture", &world.number, &customer(1), "", urls.clone()).await.changed();
        assert_eq!(stored.message()["mediaUrls"], urls["mediaUrls"], "{stored}");
        assert_eq!(stored.conversation()["unread"], false, "a service has no unread conversations: {stored}");
        let id = text(&stored.conversation()["id"]);
        assert_eq!(world.rep.messages(id).await[0]["mediaUrls"], urls["mediaUrls"]);
    }

    async fn a_known_message_changes_nothing_and_returns_the_conversation(world: World) {
        let first = world.deliver("SM-1", &world.number, &customer(1), "Hello", json!({})).await.changed();
        let before = world.everything().await;
        let again = world.deliver("SM-1", &world.number, &customer(1), "Hello", json!({})).await.unchanged();
        assert_eq!(again.conversation()["id"], first.conversation()["id"], "{again}");
        assert_eq!(again.message()["id"], first.message()["id"], "{again}");
        assert_eq!(world.everything().await, before);
        world.rep.close(text(&first.conversation()["id"])).await.changed();
        let late = world.deliver("SM-1", &world.number, &customer(1), "Hello", json!({})).await.unchanged();
        assert_eq!(late.conversation()["status"], "CLOSED", "a repeat does not reopen: {late}");
    }

    async fn a_message_has_the_providers_time_and_its_conversation_the_servers(world: World) {
        let sent_at = "2020-02-29T12:00:00Z";
        let stored = world
            .deliver("SM-2", &world.number, &customer(1), "From long ago", json!({ "sentAt": sent_at }))
            .await
            .changed();
        let micros = crate::support::outcome::instant;
        assert_eq!(micros(&stored.message()["sentAt"]), micros(&json!(sent_at)), "{stored}");
        assert!(micros(&stored.conversation()["lastActivityAt"]) > micros(&json!(sent_at)), "{stored}");
    }

    async fn only_a_service_may_deliver_and_it_may_do_nothing_else(world: World) {
        let gateway = &world.gateway;
        let input = json!({ "providerMessageId": "SM-3", "from": customer(1), "to": world.number.number, "body": "x" });
        for agent in [&world.manager, &world.rep] {
            let denied = agent.client.try_mutate("receiveMessage", input.clone(), "changed").await;
            denied.assert_error(&["FORBIDDEN"]);
        }
        assert!(world.rep.ids("INBOX", Value::Null).await.is_empty());
        let id = world.conversation(1).await;
        let before = world.everything().await;
        for (mutation, input) in [
            ("claimConversation", json!({ "conversationId": id })),
            ("closeConversation", json!({ "conversationId": id })),
            ("markConversationRead", json!({ "conversationId": id })),
            ("sendMessage", json!({ "conversationId": id, "body": "x", "idempotencyKey": "k" })),
            ("setAssignmentModel", json!({ "assignmentModel": "HYBRID" })),
        ] {
            gateway.try_mutate(mutation, input, "changed").await.assert_error(&["FORBIDDEN"]);
        }
        let list = gateway.query("{ conversations { nodes { id } } }", json!({})).await;
        list.assert_error(&["FORBIDDEN"]);
        let viewer = gateway.data("{ viewer { id } }", json!({})).await;
        assert_eq!(viewer["viewer"], Value::Null);
        assert_eq!(world.everything().await, before);
    }

    async fn a_service_may_select_everything_in_its_payload(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        world.rep.send(&id, "Hello").await.changed();
        let selection = "conversation { id unread viewerCanReply assignee { name email } contact { number }
            phoneNumber { label } lastMessage { body author { name } }
            messages(first: 10) { nodes { body author { name } } }
            history(first: 10) { nodes { kind actor { name } assignee { name } } } } message { id } changed asOf";
        let input = json!({ "providerMessageId": "SM-4", "from": customer(1), "to": world.number.number, "body": "x" });
        let payload = world.service.mutate("receiveMessage", input, selection).await;
        let conversation = payload.conversation();
        assert_eq!(conversation["assignee"]["name"], world.rep.name.as_str(), "{payload}");
        assert_eq!(conversation["unread"], false, "{payload}");
        assert_eq!(conversation["viewerCanReply"], false, "{payload}");
        assert_eq!(
            conversation["messages"]["nodes"][1]["author"]["name"],
            world.rep.name.as_str(),
            "{payload}"
        );
        assert_eq!(conversation["history"]["nodes"][0]["kind"], "RECEIVED", "{payload}");
    }

    async fn a_number_that_is_not_ours_is_not_found(world: World) {
        let input =
            json!({ "providerMessageId": "SM-5", "from": customer(1), "to": "+12125550199", "body": "x" });
        let payload =
            world.service.mutate("receiveMessage", input, &crate::support::documents::messaging()).await;
        payload.refused_at("NOT_FOUND", "to");
        assert!(world.rep.ids("INBOX", Value::Null).await.is_empty());
    }
}
