//! Live lists deliver Entered, Updated, Left, and checkpoints.

use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::outcome::{number, text};
use crate::support::socket::{Socket, Subscription};
use crate::support::world::{World, customer};

/// Subscribes to a list and waits for the first checkpoint.
async fn watch(agent: &Agent, view: &str, filter: Value) -> (Socket, Subscription) {
    let (socket, mut changes) = agent.queue(view, filter, None).await;
    let first = changes.next().await;
    assert_eq!(first["__typename"], "QueueCheckpoint", "{first:#}");
    (socket, changes)
}

/// The type of a change, its conversation, and the kind of its cause.
fn summary(change: &Value) -> (&str, &str, &str) {
    let id = if change["__typename"] == "ConversationLeft" {
        &change["conversationId"]
    } else {
        &change["conversation"]["id"]
    };
    (text(&change["__typename"]), text(id), text(&change["cause"]["kind"]))
}

on_both! {
    async fn without_a_cursor_the_stream_starts_now_with_a_checkpoint(world: World) {
        world.conversation(1).await;
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), None).await;
        let first = changes.next().await;
        assert_eq!(first["__typename"], "QueueCheckpoint", "{first:#}");
        assert_eq!(first["cursor"], world.rep.as_of().await, "the checkpoint has the current cursor");
        let id = world.conversation(2).await;
        assert_eq!(summary(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
    }

    async fn with_a_cursor_the_gap_is_replayed_before_live_changes(world: World) {
        let first = world.conversation(1).await;
        let as_of = world.rep.as_of().await;
        let missed = world.conversation(2).await;
        world.rep.claim(&first).await.changed();
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), Some(&as_of)).await;
        assert_eq!(summary(&changes.next().await), ("ConversationEntered", &*missed, "RECEIVED"));
        assert_eq!(summary(&changes.next().await), ("ConversationUpdated", &*first, "ASSIGNED"));
        let caught_up = changes.next().await;
        assert_eq!(caught_up["__typename"], "QueueCheckpoint", "{caught_up:#}");
        let live = world.conversation(3).await;
        assert_eq!(summary(&changes.next_change().await), ("ConversationEntered", &*live, "RECEIVED"));
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
        assert_eq!(summary(&left), ("ConversationLeft", &*id, "ASSIGNED"));
        assert_eq!(number(&left["version"]), version, "{left:#}");
        let entered = gaining.next_change().await;
        assert_eq!(summary(&entered), ("ConversationEntered", &*id, "ASSIGNED"));
        assert_eq!(
            entered["conversation"],
            world.rep2.conversation(&id).await,
            "the same row as in a query"
        );
        let updated = inbox.next_change().await;
        assert_eq!(summary(&updated), ("ConversationUpdated", &*id, "ASSIGNED"));
        assert_eq!(updated["cause"]["actor"]["id"], world.manager.id.as_str(), "{updated:#}");
        for cursor in [&left["cursor"], &entered["cursor"], &updated["cursor"]] {
            assert_eq!(cursor, &moved.value["asOf"], "the cursor of the change");
        }
        let next = world.conversation(2).await;
        let first = unassigned.next_change().await;
        assert_eq!(
            summary(&first),
            ("ConversationEntered", &*next, "RECEIVED"),
            "changes outside the list are not delivered"
        );
    }

    async fn claiming_leaves_unassigned_and_unassigning_enters_it(world: World) {
        let id = world.conversation(1).await;
        let (_socket, mut changes) = watch(&world.rep2, "UNASSIGNED", json!({})).await;
        world.rep.claim(&id).await.changed();
        assert_eq!(summary(&changes.next_change().await), ("ConversationLeft", &*id, "ASSIGNED"));
        world.rep.unassign(&id).await.changed();
        assert_eq!(summary(&changes.next_change().await), ("ConversationEntered", &*id, "UNASSIGNED"));
    }

    async fn closing_leaves_the_open_queue_and_a_text_enters_it_again(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        let (_a, mut open) = watch(&world.rep, "ASSIGNED_TO_ME", json!({ "status": "OPEN" })).await;
        let (_b, mut closed) = watch(&world.rep, "ASSIGNED_TO_ME", json!({ "status": "CLOSED" })).await;
        world.rep.close(&id).await.changed();
        assert_eq!(summary(&open.next_change().await), ("ConversationLeft", &*id, "CLOSED"));
        assert_eq!(summary(&closed.next_change().await), ("ConversationEntered", &*id, "CLOSED"));
        world.text(&customer(1), "It squeaks again").await;
        assert_eq!(summary(&open.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
        assert_eq!(summary(&closed.next_change().await), ("ConversationLeft", &*id, "RECEIVED"));
    }

    async fn reading_is_delivered_only_to_the_reader(world: World) {
        let id = world.conversation(1).await;
        let (_a, mut mine) = watch(&world.rep, "INBOX", json!({})).await;
        let (_b, mut my_unread) = watch(&world.rep, "INBOX", json!({ "unread": true })).await;
        let (_c, mut others) = watch(&world.rep2, "INBOX", json!({})).await;
        let (_d, mut others_unread) = watch(&world.rep2, "INBOX", json!({ "unread": true })).await;
        world.rep.read(&id).await.changed();
        let updated = mine.next_change().await;
        assert_eq!(summary(&updated), ("ConversationUpdated", &*id, "READ"));
        assert_eq!(updated["conversation"]["unread"], false, "{updated:#}");
        assert_eq!(summary(&my_unread.next_change().await), ("ConversationLeft", &*id, "READ"));
        world.rep.unread(&id).await.changed();
        assert_eq!(summary(&mine.next_change().await), ("ConversationUpdated", &*id, "UNREAD"));
        assert_eq!(summary(&my_unread.next_change().await), ("ConversationEntered", &*id, "UNREAD"));
        world.rep.close(&id).await.changed();
        let first = others.next_change().await;
        assert_eq!(summary(&first), ("ConversationUpdated", &*id, "CLOSED"), "another agent's reading is not delivered");
        assert_eq!(first["conversation"]["unread"], false, "{first:#}");
        assert_eq!(summary(&others_unread.next_change().await), ("ConversationLeft", &*id, "CLOSED"));
    }

    async fn each_viewer_receives_their_own_unread(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        let (_a, mut reader) = watch(&world.rep, "INBOX", json!({})).await;
        let (_b, mut other) = watch(&world.rep2, "INBOX", json!({})).await;
        world.manager.assign(&id, &world.rep).await.changed();
        let (reader, other) = (reader.next_change().await, other.next_change().await);
        assert_eq!(reader["conversation"]["unread"], false, "{reader:#}");
        assert_eq!(other["conversation"]["unread"], true, "{other:#}");
    }

    async fn a_filter_by_number_delivers_only_that_number(world: World) {
        let filter = json!({ "phoneNumberIds": [world.number2.id] });
        let (_socket, mut changes) = watch(&world.rep, "INBOX", filter).await;
        world.conversation(1).await;
        let id = world.conversation_on(&world.number2, 2).await;
        assert_eq!(summary(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
    }

    async fn changes_on_a_number_without_access_are_never_delivered(world: World) {
        let hidden = world.add_number(&world.app, &[&world.manager], "Hidden").await;
        let (_socket, mut changes) = watch(&world.rep, "INBOX", json!({})).await;
        world.conversation_on(&hidden, 1).await;
        let id = world.conversation(2).await;
        assert_eq!(summary(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
    }

    async fn changes_of_another_workspace_are_never_delivered(world: World) {
        let other =
            crate::support::world::Workspace::create(&world.app, switchboard::domain::Plan::Team).await;
        let (_socket, mut changes) = watch(&world.rep, "INBOX", json!({})).await;
        other.conversation(1).await;
        let id = world.conversation(2).await;
        assert_eq!(summary(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
    }

    async fn a_long_replay_of_one_conversation_may_be_one_item_and_ends_as_it_is(world: World) {
        let id = world.conversation(1).await;
        let as_of = world.rep.as_of().await;
        // More events than one batch of a replay.
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

    async fn a_text_on_one_server_is_delivered_by_another(world: World) {
        // Several processes are supported only on PostgreSQL; on SQLite they share no wake-ups.
        if !world.app.is_postgres() {
            return;
        }
        let sibling = world.app.sibling().await;
        let (socket, mut changes) = watch(&world.rep.at(sibling.address()), "INBOX", json!({})).await;
        let id = world.conversation(1).await;
        assert_eq!(summary(&changes.next_change().await), ("ConversationEntered", &*id, "RECEIVED"));
        socket.cut();
        sibling.stop().await;
    }
}
