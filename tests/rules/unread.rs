//! Unread is per agent: a conversation is unread if it is open and the agent has not read its last inbound message.

use serde_json::{Value, json};

use crate::support::agent::{Agent, unique_key};
use crate::support::bulk;
use crate::support::outcome::text;
use crate::support::world::{World, customer};

async fn is_unread(agent: &Agent, id: &str) -> bool {
    let row = agent.conversation(id).await;
    let listed = agent.ids("INBOX", json!({ "unread": true })).await.contains(&id.to_owned());
    let other = agent.ids("INBOX", json!({ "unread": false })).await.contains(&id.to_owned());
    assert_eq!(row["unread"], listed, "the row and the list agree: {row:#}");
    assert_ne!(listed, other, "the filters true and false exclude each other: {row:#}");
    listed
}

on_both! {
    async fn reading_changes_unread_only_for_the_agent_who_reads(world: World) {
        let id = world.conversation(1).await;
        for agent in [&world.manager, &world.rep, &world.rep2] {
            assert!(is_unread(agent, &id).await, "a new conversation is unread for {}", agent.name);
        }
        let read = world.rep.read(&id).await.changed();
        assert_eq!(read.conversation()["unread"], false, "{read}");
        assert!(!is_unread(&world.rep, &id).await);
        assert!(is_unread(&world.rep2, &id).await);
        assert!(is_unread(&world.manager, &id).await);
    }

    async fn loading_or_claiming_a_conversation_does_not_mark_it_as_read(world: World) {
        let id = world.conversation(1).await;
        world.rep.messages(&id).await;
        world.rep.history(&id).await;
        world.rep.claim(&id).await.changed();
        assert!(is_unread(&world.rep, &id).await);
    }

    async fn reading_twice_writes_nothing_the_second_time(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        let before = world.everything().await;
        world.rep.read(&id).await.unchanged();
        assert_eq!(world.everything().await, before);
        world.rep.unread(&id).await.changed();
        let before = world.everything().await;
        world.rep.unread(&id).await.unchanged();
        assert_eq!(world.everything().await, before);
    }

    async fn it_can_be_marked_unread_again(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        let unread = world.rep.unread(&id).await.changed();
        assert_eq!(unread.conversation()["unread"], true, "{unread}");
        assert!(is_unread(&world.rep, &id).await);
    }

    async fn few_unread_among_many_open_conversations_are_found(world: World) {
        // With this many open conversations, the server looks up unread ones by their buckets instead of scanning.
        bulk::fill(world, 3_000).await;
        bulk::read(world, "place > 0").await;
        let manager = &world.manager;
        let read_before = manager.ids("INBOX", json!({ "status": "OPEN" })).await;
        assert!(read_before.len() >= 500 && manager.ids("INBOX", json!({ "unread": true })).await.is_empty());
        let mut new = Vec::new();
        for n in 1..=12 {
            new.push(world.conversation(n).await);
        }
        manager.read(&new[0]).await.changed();
        manager.read(&new[1]).await.changed();
        manager.unread(&new[1]).await.changed();
        world.rep.claim(&new[2]).await.changed();
        manager.claim(&new[3]).await.changed();
        world.rep.close(&new[4]).await.changed();
        manager.read(&new[5]).await.changed();
        world.text(&customer(6), "Hello?").await;
        manager.close(&new[6]).await.changed();
        world.text(&customer(7), "Not done yet").await;
        for id in [&read_before[0], &read_before[77], &read_before[499]] {
            manager.unread(id).await.changed();
        }
        for view in ["INBOX", "ASSIGNED_TO_ME", "UNASSIGNED"] {
            let mut expected = manager.list(view, json!({ "status": "OPEN" })).await;
            expected.retain(|row| row["unread"] == true);
            assert_eq!(manager.list(view, json!({ "unread": true })).await, expected, "{view}");
        }
        assert_eq!(manager.ids("INBOX", json!({ "unread": true })).await.len(), 10 + 3);
    }

    async fn a_text_makes_it_unread_for_everybody(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        world.text(&customer(1), "Hello?").await;
        for agent in [&world.manager, &world.rep, &world.rep2] {
            assert!(is_unread(agent, &id).await);
        }
    }

    async fn a_text_that_arrives_while_reading_stays_unread(world: World) {
        let first = world.text(&customer(1), "Hello").await;
        let id = text(&first.conversation()["id"]).to_owned();
        world.text(&customer(1), "Are you there?").await;
        let through = json!({ "throughMessageId": first.message()["id"] });
        let read = world.rep.on_with("markConversationRead", &id, through).await.unchanged();
        assert_eq!(read.conversation()["unread"], true, "{read}");
        assert!(is_unread(&world.rep, &id).await);
        let last = world.rep.messages(&id).await.pop().expect("two messages");
        let through = json!({ "throughMessageId": last["id"] });
        world.rep.on_with("markConversationRead", &id, through).await.changed();
        assert!(!is_unread(&world.rep, &id).await);
    }

    async fn reading_through_a_message_of_another_conversation_is_not_found(world: World) {
        let ids = world.conversations(2).await;
        let other = world.rep.messages(&ids[1]).await.remove(0);
        for unknown in [other["id"].clone(), json!("nonsense"), json!(ids[0])] {
            let through = json!({ "throughMessageId": unknown });
            let read = world.rep.on_with("markConversationRead", &ids[0], through).await;
            read.refused_at("NOT_FOUND", "throughMessageId");
        }
        assert!(is_unread(&world.rep, &ids[0]).await);
    }

    async fn a_reply_marks_as_read_up_to_the_last_message_that_its_author_saw(world: World) {
        let first = world.text(&customer(1), "Hello").await;
        let id = text(&first.conversation()["id"]).to_owned();
        let second = world.text(&customer(1), "Are you there?").await;
        let seen = json!({ "lastSeenMessageId": first.message()["id"] });
        let sent = world.rep.send_with(&id, "Hi", &unique_key(), seen).await.changed();
        assert_eq!(sent.conversation()["unread"], true, "the author had not seen the second message: {sent}");
        let seen = json!({ "lastSeenMessageId": second.message()["id"] });
        let sent = world.manager.send_with(&id, "Hi", &unique_key(), with_override_stale(seen)).await.changed();
        assert_eq!(sent.conversation()["unread"], false, "{sent}");
        assert!(is_unread(&world.rep2, &id).await, "a reply marks the conversation as read only for its author");
    }

    async fn a_closed_conversation_is_never_unread(world: World) {
        let id = world.conversation(1).await;
        world.rep.close(&id).await.changed();
        for agent in [&world.manager, &world.rep, &world.rep2] {
            assert!(!is_unread(agent, &id).await);
        }
        let unread = world.rep.unread(&id).await.ok();
        assert_eq!(unread.conversation()["unread"], false, "{unread}");
        world.rep.reopen(&id).await.changed();
        assert!(is_unread(&world.rep2, &id).await, "reopening does not mark a conversation as read");
    }

    async fn what_was_read_before_the_close_is_read_after_an_agent_reopens(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        world.rep.close(&id).await.changed();
        world.rep.reopen(&id).await.changed();
        assert!(!is_unread(&world.rep, &id).await);
        assert!(is_unread(&world.rep2, &id).await);
        world.app.assert_store_is_sound().await;
    }

    async fn without_a_text_from_the_customer_nothing_is_unread(world: World) {
        let begun = world.rep.start(&world.number.id, &customer(9), "Hello", &unique_key()).await.changed();
        let id = text(&begun.conversation()["id"]).to_owned();
        assert!(!is_unread(&world.rep2, &id).await);
        world.rep2.unread(&id).await.unchanged();
        world.rep2.read(&id).await.unchanged();
        assert!(!is_unread(&world.rep2, &id).await);
    }
}

fn with_override_stale(fields: Value) -> Value {
    crate::support::agent::merged(fields, json!({ "overrideStale": true }))
}
