//! Agents' replies: idempotency keys, the check for newer replies of other agents, and refusals.

use serde_json::{Value, json};

use crate::support::agent::{merged, unique_key};
use crate::support::outcome::{ids, items, text};
use crate::support::world::{World, customer};

on_both! {
    async fn a_reply_is_stored_with_its_author_and_ends_the_waiting(world: World) {
        let id = world.conversation(1).await;
        let sent = world.rep.send(&id, "Hello,\n\thow can I help? 👋").await.changed();
        assert_eq!(sent.message()["body"], "Hello,\n\thow can I help? 👋", "{sent}");
        assert_eq!(sent.message()["direction"], "OUTBOUND", "{sent}");
        assert_eq!(sent.message()["author"]["id"], world.rep.id.as_str(), "{sent}");
        assert!(sent.message()["deliveryStatus"].is_string(), "{sent}");
        assert_eq!(sent.conversation()["waitingSince"], Value::Null, "{sent}");
        assert_eq!(world.rep.messages(&id).await.last(), Some(sent.message()));
    }

    async fn messages_come_by_arrival_and_page_in_both_directions(world: World) {
        let id = world.conversation(1).await;
        let mut sent = vec!["Hello, I am customer 1".to_owned()];
        for n in 0..9 {
            sent.push(format!("Part {n}"));
            world.rep.send(&id, &sent[n + 1]).await.changed();
        }
        let bodies = |page: &Value| -> Vec<String> {
            items(&page["nodes"]).iter().map(|message| text(&message["body"]).to_owned()).collect()
        };
        for (forward, backward) in [("first: 4, after", ""), ("", "last: 4, before")] {
            let arguments = if forward.is_empty() { backward } else { forward };
            let mut cursor = Value::Null;
            let mut found = Vec::new();
            loop {
                let selection = format!(
                    "messages({arguments}: {cursor}) {{ nodes {{ body }}
                       pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}"
                );
                let page = world.rep.conversation_with(&id, &selection).await["messages"].take();
                let info = &page["pageInfo"];
                let more = if forward.is_empty() {
                    found = [bodies(&page), found].concat();
                    cursor = info["startCursor"].clone();
                    &info["hasPreviousPage"]
                } else {
                    found.extend(bodies(&page));
                    cursor = info["endCursor"].clone();
                    &info["hasNextPage"]
                };
                if *more != true {
                    break;
                }
            }
            assert_eq!(found, sent, "{arguments}");
        }
    }

    async fn the_same_key_with_the_same_input_sends_once(world: World) {
        let id = world.conversation(1).await;
        let key = unique_key();
        let first = world.rep.send_with(&id, "Hello", &key, json!({})).await.changed();
        let before = world.everything().await;
        let again = world.rep.send_with(&id, "Hello", &key, json!({})).await.unchanged();
        assert_eq!(again.message(), first.message(), "{again}");
        assert_eq!(world.everything().await, before);
        assert_eq!(world.rep.messages(&id).await.len(), 2);
    }

    async fn the_same_key_with_other_input_is_refused(world: World) {
        let ids = world.conversations(2).await;
        let key = unique_key();
        world.rep.send_with(&ids[0], "Hello", &key, json!({})).await.changed();
        let before = world.everything().await;
        world.rep.send_with(&ids[0], "Goodbye", &key, json!({})).await.refused("IDEMPOTENCY_KEY_REUSED");
        world.rep.send_with(&ids[1], "Hello", &key, json!({})).await.refused("IDEMPOTENCY_KEY_REUSED");
        assert_eq!(world.everything().await, before);
    }

    async fn a_key_belongs_to_its_agent(world: World) {
        let id = world.conversation(1).await;
        let key = unique_key();
        let first = world.rep.send_with(&id, "Hello", &key, json!({})).await.changed();
        let other = world.rep2.send_with(&id, "Hello", &key, json!({})).await.changed();
        assert_ne!(first.message()["id"], other.message()["id"], "{other}");
    }

    async fn a_conversation_is_started_once_for_a_key(world: World) {
        let key = unique_key();
        let first = world.rep.start(&world.number.id, &customer(5), "Hello", &key).await.changed();
        let again = world.rep.start(&world.number.id, &customer(5), "Hello", &key).await.unchanged();
        assert_eq!(again.message(), first.message(), "{again}");
        let reused = world.rep.start(&world.number.id, &customer(6), "Hello", &key).await;
        reused.refused("IDEMPOTENCY_KEY_REUSED");
        assert_eq!(world.rep.ids("INBOX", json!({})).await.len(), 1);
    }

    async fn starting_with_a_known_contact_writes_into_the_one_conversation(world: World) {
        let id = world.conversation(1).await;
        let sent = world.rep.start(&world.number.id, &customer(1), "Hello", &unique_key()).await.changed();
        assert_eq!(sent.conversation()["id"], id.as_str(), "{sent}");
        assert_eq!(world.rep.messages(&id).await.len(), 2);
    }

    async fn a_second_reps_reply_is_stopped_and_shows_the_first(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let id = text(&arrived.conversation()["id"]).to_owned();
        let seen = json!({ "lastSeenMessageId": arrived.message()["id"] });
        let first = world.rep.send_with(&id, "I am on it", &unique_key(), seen.clone()).await.changed();
        let before = world.everything().await;
        let second = world.rep2.send_with(&id, "I am on it too", &unique_key(), seen).await;
        let error = second.refused("STALE_REPLY");
        assert_eq!(error["__typename"], "StaleReplyError", "{second}");
        assert_eq!(ids(items(&error["newerMessages"])), [text(&first.message()["id"])], "{second}");
        assert_eq!(error["newerMessages"][0]["author"]["id"], world.rep.id.as_str(), "{second}");
        assert_eq!(world.everything().await, before);
    }

    async fn neither_ones_own_replies_nor_the_customers_texts_stop_a_reply(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let id = text(&arrived.conversation()["id"]).to_owned();
        let seen = json!({ "lastSeenMessageId": arrived.message()["id"] });
        world.rep.send_with(&id, "Hi", &unique_key(), seen.clone()).await.changed();
        world.text(&customer(1), "My bicycle squeaks").await;
        world.rep.send_with(&id, "Let me see", &unique_key(), seen.clone()).await.changed();
        world.rep2.send(&id, "Without a last seen message nothing is stopped").await.changed();
    }

    async fn an_override_sends_the_reply_and_the_history_records_it(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let id = text(&arrived.conversation()["id"]).to_owned();
        let seen = json!({ "lastSeenMessageId": arrived.message()["id"] });
        world.rep.send_with(&id, "I am on it", &unique_key(), seen.clone()).await.changed();
        let key = unique_key();
        world.rep2.send_with(&id, "Me too", &key, seen.clone()).await.refused("STALE_REPLY");
        let overriding = merged(seen, json!({ "overrideStale": true }));
        let sent = world.rep2.send_with(&id, "Me too", &key, overriding).await.changed();
        let newest = &world.rep.history(&id).await[0];
        assert_eq!(newest["kind"], "REPLIED", "{newest:#}");
        assert_eq!(
            newest["message"]["id"],
            sent.message()["id"],
            "a refused reply does not use its key: {newest:#}"
        );
        assert!(newest["reason"].is_string(), "the history shows the override: {newest:#}");
        let ordinary = &world.rep.history(&id).await[1];
        assert_eq!(ordinary["reason"], Value::Null, "{ordinary:#}");
    }

    async fn a_known_key_is_checked_before_newer_replies(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let id = text(&arrived.conversation()["id"]).to_owned();
        let seen = json!({ "lastSeenMessageId": arrived.message()["id"] });
        let key = unique_key();
        let first = world.rep.send_with(&id, "I am on it", &key, seen.clone()).await.changed();
        world.rep2.send(&id, "So am I").await.changed();
        let again = world.rep.send_with(&id, "I am on it", &key, seen).await.unchanged();
        assert_eq!(again.message()["id"], first.message()["id"], "{again}");
    }

    async fn the_last_seen_message_must_belong_to_the_conversation(world: World) {
        let ids = world.conversations(2).await;
        let other = world.rep.messages(&ids[1]).await.remove(0)["id"].take();
        for unknown in [other, json!("nonsense"), json!(world.rep.id)] {
            let seen = json!({ "lastSeenMessageId": unknown });
            let sent = world.rep.send_with(&ids[0], "Hello", &unique_key(), seen).await;
            sent.refused_at("NOT_FOUND", "lastSeenMessageId");
        }
        assert_eq!(world.rep.messages(&ids[0]).await.len(), 1);
    }

    async fn an_agents_message_has_limits(world: World) {
        let id = world.conversation(1).await;
        world.rep.send(&id, &"é".repeat(1_600)).await.changed();
        let before = world.everything().await;
        for bad in ["", "  \n\t ", "bell\u{7}", "nul\0", &"x".repeat(1_601), &"x".repeat(10_000)] {
            world.rep.send(&id, bad).await.refused_at("INVALID", "body");
            world
                .rep
                .start(&world.number.id, &customer(3), bad, &unique_key())
                .await
                .refused_at("INVALID", "body");
        }
        for bad in ["", &"k".repeat(256)] {
            world.rep.send_with(&id, "Hello", bad, json!({})).await.refused_at("INVALID", "idempotencyKey");
        }
        assert_eq!(world.everything().await, before);
        world.app.assert_store_is_sound().await;
    }
}
