//! What a live list delivers: Entered, Updated, Left, and checkpoints.

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::outcome::{number, text};
use crate::support::socket::{Socket, Subscription};
use crate::support::world::{World, customer};

/// A live list that has caught up.
async fn watch(agent: &Agent, view: &str, filter: Value) -> (Socket, Subscription) {
    let (socket, mut changes) = agent.queue(view, filter, None).await;
    let first = changes.next().await;
    assert_eq!(first["__typename"], "QueueCheckpoint", "{first:#}");
    (socket, changes)
}

/// The kind of a change, the conversation, and what caused it.
fn told(change: &Value) -> (&str, &str, &str) {
    let id = if change["__typename"] == "ConversationLeft" {
        &change["conversationId"]
    } else {
        &change["conversation"]["id"]
    };
    (text(&change["__typename"]), text(id), text(&change["cause"]["kind"]))
}

on_both! {
    async fn without_a_position_it_starts_now_with_a_checkpoint(world: World) {
        world.conversation(1).await;
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), None).await;
        let first = changes.next().await;
        assert_eq!(first["__typename"], "QueueCheckpoint", "{first:#}");
        assert_eq!(first["cursor"], world.rep.as_of().await, "the checkpoint is the present position");
        let id = world.conversation(2).await;
        assert_eq!(told(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
    }

    async fn with_a_position_the_gap_is_replayed_and_then_it_is_live(world: World) {
        let first = world.conversation(1).await;
        let as_of = world.rep.as_of().await;
        let missed = world.conversation(2).await;
        world.rep.claim(&first).await.changed();
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), Some(&as_of)).await;
        assert_eq!(told(&changes.next().await), ("ConversationEntered", &*missed, "RECEIVED"));
        assert_eq!(told(&changes.next().await), ("ConversationUpdated", &*first, "ASSIGNED"));
        let caught_up = changes.next().await;
        assert_eq!(caught_up["__typename"], "QueueCheckpoint", "{caught_up:#}");
        let live = world.conversation(3).await;
        assert_eq!(told(&changes.next_change().await), ("ConversationEntered", &*live, "RECEIVED"));
    }

    async fn a_reassignment_is_left_for_one_entered_for_the_other_and_updated_in_the_inbox(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        let (_a, mut losing) = watch(&world.rep, "ASSIGNED_TO_ME", json!({})).await;
        let (_b, mut gaining) = watch(&world.rep2, "ASSIGNED_TO_ME", json!({})).await;
        let (_c, mut inbox) = watch(&world.manager, "INBOX", json!({})).await;
        let (_d, mut unassigned) = watch(&world.manager, "UNASSIGNED", json!({})).await;
        let moved = world.manager.assign(&id, &world.rep2).await.changed();
        let version = number(&moved.conversation()["version"]);
        let left = losing.next_change().await;
        assert_eq!(told(&left), ("ConversationLeft", &*id, "ASSIGNED"));
        assert_eq!(number(&left["version"]), version, "{left:#}");
        let entered = gaining.next_change().await;
        assert_eq!(told(&entered), ("ConversationEntered", &*id, "ASSIGNED"));
        assert_eq!(
            entered["conversation"],
            world.rep2.conversation(&id).await,
            "a whole row, as a query gives it"
        );
        let updated = inbox.next_change().await;
        assert_eq!(told(&updated), ("ConversationUpdated", &*id, "ASSIGNED"));
        assert_eq!(updated["cause"]["actor"]["id"], world.manager.id.as_str(), "{updated:#}");
        for cursor in [&left["cursor"], &entered["cursor"], &updated["cursor"]] {
            assert_eq!(cursor, &moved.value["asOf"], "the position of the change");
        }
        let next = world.conversation(2).await;
        let first = unassigned.next_change().await;
        assert_eq!(
            told(&first),
            ("ConversationEntered", &*next, "RECEIVED"),
            "what moves outside is not told"
        );
    }

    async fn claiming_leaves_unassigned_and_unassigning_enters_it(world: World) {
        let id = world.conversation(1).await;
        let (_socket, mut changes) = watch(&world.rep2, "UNASSIGNED", json!({})).await;
        world.rep.claim(&id).await.changed();
        assert_eq!(told(&changes.next_change().await), ("ConversationLeft", &*id, "ASSIGNED"));
        world.rep.unassign(&id).await.changed();
        assert_eq!(told(&changes.next_change().await), ("ConversationEntered", &*id, "UNASSIGNED"));
    }

    async fn closing_leaves_the_open_queue_and_a_text_enters_it_again(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        let (_a, mut open) = watch(&world.rep, "ASSIGNED_TO_ME", json!({ "status": "OPEN" })).await;
        let (_b, mut closed) = watch(&world.rep, "ASSIGNED_TO_ME", json!({ "status": "CLOSED" })).await;
        world.rep.close(&id).await.changed();
        assert_eq!(told(&open.next_change().await), ("ConversationLeft", &*id, "CLOSED"));
        assert_eq!(told(&closed.next_change().await), ("ConversationEntered", &*id, "CLOSED"));
        world.text(&customer(1), "It squeaks again").await;
        assert_eq!(told(&open.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
        assert_eq!(told(&closed.next_change().await), ("ConversationLeft", &*id, "RECEIVED"));
    }

    async fn reading_is_told_to_the_reader_only(world: World) {
        let id = world.conversation(1).await;
        let (_a, mut mine) = watch(&world.rep, "INBOX", json!({})).await;
        let (_b, mut my_unread) = watch(&world.rep, "INBOX", json!({ "unread": true })).await;
        let (_c, mut others) = watch(&world.rep2, "INBOX", json!({})).await;
        let (_d, mut others_unread) = watch(&world.rep2, "INBOX", json!({ "unread": true })).await;
        world.rep.read(&id).await.changed();
        let updated = mine.next_change().await;
        assert_eq!(told(&updated), ("ConversationUpdated", &*id, "READ"));
        assert_eq!(updated["conversation"]["unread"], false, "{updated:#}");
        assert_eq!(told(&my_unread.next_change().await), ("ConversationLeft", &*id, "READ"));
        world.rep.unread(&id).await.changed();
        assert_eq!(told(&mine.next_change().await), ("ConversationUpdated", &*id, "UNREAD"));
        assert_eq!(told(&my_unread.next_change().await), ("ConversationEntered", &*id, "UNREAD"));
        world.rep.close(&id).await.changed();
        let first = others.next_change().await;
        assert_eq!(told(&first), ("ConversationUpdated", &*id, "CLOSED"), "another's reading is not told");
        assert_eq!(first["conversation"]["unread"], false, "{first:#}");
        assert_eq!(told(&others_unread.next_change().await), ("ConversationLeft", &*id, "CLOSED"));
    }

    async fn each_viewer_is_told_their_own_unread(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        let (_a, mut reader) = watch(&world.rep, "INBOX", json!({})).await;
        let (_b, mut other) = watch(&world.rep2, "INBOX", json!({})).await;
        world.manager.assign(&id, &world.rep).await.changed();
        let (reader, other) = (reader.next_change().await, other.next_change().await);
        assert_eq!(reader["conversation"]["unread"], false, "{reader:#}");
        assert_eq!(other["conversation"]["unread"], true, "{other:#}");
    }

    async fn a_filter_by_number_tells_of_that_number_only(world: World) {
        let filter = json!({ "phoneNumberIds": [world.number2.id] });
        let (_socket, mut changes) = watch(&world.rep, "INBOX", filter).await;
        world.conversation(1).await;
        let id = world.conversation_on(&world.number2, 2).await;
        assert_eq!(told(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
    }

    async fn a_number_without_access_is_never_told_of(world: World) {
        let hidden = world.add_number(&world.app, &[&world.manager], "Hidden").await;
        let (_socket, mut changes) = watch(&world.rep, "INBOX", json!({})).await;
        world.conversation_on(&hidden, 1).await;
        let id = world.conversation(2).await;
        assert_eq!(told(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
    }

    async fn another_workspace_is_never_told_of(world: World) {
        let other =
            crate::support::world::Workspace::create(&world.app, switchboard::domain::Plan::Team).await;
        let (_socket, mut changes) = watch(&world.rep, "INBOX", json!({})).await;
        other.conversation(1).await;
        let id = world.conversation(2).await;
        assert_eq!(told(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
    }

    async fn a_long_replay_of_one_conversation_may_be_one_item_and_ends_as_it_is(world: World) {
        let id = world.conversation(1).await;
        let as_of = world.rep.as_of().await;
        // More events than a replay takes from the log at a time.
        for _ in 0..160 {
            world.rep.claim(&id).await.changed();
            world.rep.unassign(&id).await.changed();
        }
        let (_socket, mut changes) = world.rep.queue("UNASSIGNED", json!({}), Some(&as_of)).await;
        let mut last = Value::Null;
        loop {
            let change = changes.next().await;
            if change["__typename"] == "QueueCheckpoint" {
                break;
            }
            last = change;
        }
        assert_eq!(last["conversation"], world.rep.conversation(&id).await, "{last:#}");
    }

    async fn a_text_on_one_server_is_told_by_another(world: World) {
        // Two processes on SQLite share a file but no wake-ups; several processes are for PostgreSQL.
        if !world.app.is_postgres() {
            return;
        }
        let sibling = world.app.sibling().await;
        let (socket, mut changes) = watch(&world.rep.at(sibling.address()), "INBOX", json!({})).await;
        let id = world.conversation(1).await;
        assert_eq!(told(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
        socket.cut();
        sibling.stop().await;
    }
}
