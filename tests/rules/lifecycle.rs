//! Conversations begin, close and reopen.

use serde_json::{Value, json};

use crate::support::documents;
use crate::support::outcome::{instant, number, text};
use crate::support::world::{World, customer};

const NONE: Value = Value::Null;

fn open() -> Value {
    json!({ "status": "OPEN" })
}

fn closed() -> Value {
    json!({ "status": "CLOSED" })
}

on_both! {
    async fn there_is_one_conversation_for_a_number_and_a_contact(world: World) {
        let first = world.conversation(1).await;
        let again = world.text(&customer(1), "Hello again").await;
        assert_eq!(again.conversation()["id"], first.as_str(), "{again}");
        let elsewhere = world.conversation_on(&world.number2, 1).await;
        assert_ne!(elsewhere, first, "each phone number has its own conversation");
        let contacts = [&first, &elsewhere].map(|id| id.as_str());
        let mut seen = Vec::new();
        for id in contacts {
            seen.push(world.rep.conversation(id).await["contact"]["id"].clone());
        }
        assert_eq!(seen[0], seen[1], "the contact is the same");
    }

    async fn an_agents_first_message_to_a_new_contact_begins_a_conversation(world: World) {
        let key = crate::support::agent::unique_key();
        let begun =
            world.rep.start(&world.number.id, &customer(7), "Your bicycle is ready", &key).await.changed();
        let conversation = begun.conversation();
        assert_eq!(conversation["status"], "OPEN", "{begun}");
        assert_eq!(conversation["assignee"], NONE, "writing does not assign: {begun}");
        assert_eq!(conversation["contact"]["number"], customer(7).as_str(), "{begun}");
        assert_eq!(conversation["waitingSince"], NONE, "{begun}");
        assert_eq!(conversation["unread"], false, "{begun}");
        assert_eq!(begun.message()["direction"], "OUTBOUND", "{begun}");
        let answer = world.text(&customer(7), "Thank you").await;
        assert_eq!(answer.conversation()["id"], conversation["id"], "{answer}");
        assert_eq!(world.rep.story(text(&conversation["id"])).await, ["REPLIED", "RECEIVED"]);
    }

    async fn a_closed_conversation_stays_with_its_assignee_and_leaves_the_open_queue(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        assert_eq!(world.rep.ids("ASSIGNED_TO_ME", open()).await, [id.as_str()]);
        let done = world.rep2.close(&id).await.changed();
        let conversation = done.conversation();
        assert_eq!(conversation["status"], "CLOSED", "{done}");
        assert_eq!(conversation["assignee"]["id"], world.rep.id.as_str(), "{done}");
        assert_eq!(conversation["closedBy"]["id"], world.rep2.id.as_str(), "{done}");
        assert_ne!(conversation["closedAt"], NONE, "{done}");
        assert!(world.rep.ids("ASSIGNED_TO_ME", open()).await.is_empty());
        assert_eq!(world.rep.ids("ASSIGNED_TO_ME", closed()).await, [id.as_str()]);
        assert_eq!(world.rep.ids("ASSIGNED_TO_ME", NONE).await, [id.as_str()]);
    }

    async fn a_text_reopens_a_closed_conversation_into_its_assignees_queue(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        world.rep.close(&id).await.changed();
        let back = world.text(&customer(1), "It squeaks again").await;
        let conversation = back.conversation();
        assert_eq!(conversation["id"], id.as_str(), "{back}");
        assert_eq!(conversation["status"], "OPEN", "{back}");
        assert_eq!(conversation["assignee"]["id"], world.rep.id.as_str(), "{back}");
        assert_eq!(conversation["closedAt"], NONE, "{back}");
        assert_eq!(conversation["closedBy"], NONE, "{back}");
        assert_eq!(world.rep.ids("ASSIGNED_TO_ME", open()).await, [id.as_str()]);
        let story = world.rep.story(&id).await;
        assert_eq!(story, ["RECEIVED", "ASSIGNED", "CLOSED", "RECEIVED"], "the text reopens in one event");
    }

    async fn an_agent_can_reopen_a_conversation_and_its_assignee_keeps_it(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        world.rep.close(&id).await.changed();
        let back = world.rep2.reopen(&id).await.changed();
        assert_eq!(back.conversation()["status"], "OPEN", "{back}");
        assert_eq!(back.conversation()["assignee"]["id"], world.rep.id.as_str(), "{back}");
        assert_eq!(world.rep.story(&id).await.last().map(String::as_str), Some("REOPENED"));
    }

    async fn closing_and_reopening_twice_write_nothing_the_second_time(world: World) {
        let id = world.conversation(1).await;
        world.rep.close(&id).await.changed();
        let before = world.everything().await;
        world.rep2.close(&id).await.unchanged();
        assert_eq!(world.everything().await, before);
        world.rep.reopen(&id).await.changed();
        let before = world.everything().await;
        world.rep2.reopen(&id).await.unchanged();
        assert_eq!(world.everything().await, before);
    }

    async fn a_close_is_refused_when_a_message_came_in_between(world: World) {
        let seen = world.text(&customer(1), "Hello").await;
        let id = text(&seen.conversation()["id"]);
        world.text(&customer(1), "Wait").await;
        let expected = json!({ "expectedVersion": number(&seen.conversation()["version"]) });
        let late = world.rep.on_with("closeConversation", id, expected).await;
        assert_eq!(late.refused("STALE")["current"]["status"], "OPEN", "{late}");
        assert_eq!(world.rep.conversation(id).await["status"], "OPEN");
    }

    async fn closing_many_answers_for_each_in_order(world: World) {
        let ids = world.conversations(2).await;
        world.rep.close(&ids[1]).await.changed();
        let input = json!({ "conversationIds": [ids[1], "nonsense", ids[0]] });
        let bulk = world.rep.client.mutate("closeConversations", input, &documents::bulk()).await.ok();
        let changed: Vec<&Value> = bulk.results().iter().map(|result| &result["changed"]).collect();
        assert_eq!(changed, [false, false, true], "{bulk}");
        assert_eq!(bulk.results()[1]["userErrors"][0]["code"], "NOT_FOUND", "{bulk}");
        assert_eq!(bulk.results()[1]["conversationId"], "nonsense", "{bulk}");
        assert_eq!(world.rep.ids("INBOX", closed()).await.len(), 2);
    }

    async fn waiting_since_is_the_oldest_unanswered_text(world: World) {
        let first = world.text(&customer(1), "Hello").await;
        let id = text(&first.conversation()["id"]).to_owned();
        let waiting = &first.conversation()["waitingSince"];
        assert_eq!(waiting, &first.conversation()["lastActivityAt"], "{first}");
        let second = world.text(&customer(1), "Anybody?").await;
        assert_eq!(&second.conversation()["waitingSince"], waiting, "the oldest message counts: {second}");
        let answered = world.rep.send(&id, "Yes").await.changed();
        assert_eq!(answered.conversation()["waitingSince"], NONE, "{answered}");
        let third = world.text(&customer(1), "Good").await;
        assert_eq!(third.conversation()["waitingSince"], third.conversation()["lastActivityAt"], "{third}");
        let closed = world.rep.close(&id).await.changed();
        assert_eq!(closed.conversation()["waitingSince"], NONE, "{closed}");
        let reopened = world.rep.reopen(&id).await.changed();
        assert_eq!(
            reopened.conversation()["waitingSince"],
            NONE,
            "all messages are older than the close: {reopened}"
        );
        let fourth = world.text(&customer(1), "Hello?").await;
        assert_eq!(
            fourth.conversation()["waitingSince"],
            fourth.conversation()["lastActivityAt"],
            "{fourth}"
        );
    }

    async fn only_messages_are_activity(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let id = text(&arrived.conversation()["id"]);
        let active = &arrived.conversation()["lastActivityAt"];
        let quiet = [
            world.rep.claim(id).await.changed(),
            world.manager.assign(id, &world.rep2).await.changed(),
            world.rep.read(id).await.changed(),
            world.rep.unread(id).await.changed(),
            world.rep.close(id).await.changed(),
            world.rep.reopen(id).await.changed(),
            world.rep2.unassign(id).await.changed(),
        ];
        for payload in &quiet {
            assert_eq!(&payload.conversation()["lastActivityAt"], active, "{payload}");
        }
        let reply = world.rep.send(id, "Hi").await.changed();
        assert!(instant(&reply.conversation()["lastActivityAt"]) >= instant(active), "{reply}");
        assert_eq!(reply.conversation()["lastMessage"]["id"], reply.message()["id"], "{reply}");
    }

    async fn every_event_but_reading_raises_the_version_by_one(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let id = text(&arrived.conversation()["id"]);
        assert_eq!(number(&arrived.conversation()["version"]), 1, "{arrived}");
        let read = world.rep.read(id).await.changed();
        let unread = world.rep.unread(id).await.changed();
        for payload in [&read, &unread] {
            assert_eq!(number(&payload.conversation()["version"]), 1, "{payload}");
        }
        let louder = [
            world.rep.claim(id).await.changed(),
            world.rep.send(id, "Hi").await.changed(),
            world.rep.close(id).await.changed(),
            world.rep.reopen(id).await.changed(),
            world.rep.unassign(id).await.changed(),
            world.text(&customer(1), "Thanks").await,
        ];
        for (payload, version) in louder.iter().zip(2..) {
            assert_eq!(number(&payload.conversation()["version"]), version, "{payload}");
        }
    }
}
