//! A stream that cannot continue without loss sends a reset and ends.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use switchboard::domain::{Plan, Role};

use crate::support::documents;
use crate::support::socket::{Socket, Subscription};
use crate::support::world::{Workspace, World};

/// Asserts that the stream's next item is a reset for `reason`, and that the stream then ends.
async fn assert_reset(changes: &mut Subscription, reason: &str) {
    let reset = changes.next_change().await;
    assert_eq!(reset["__typename"], "QueueReset", "{reset:#}");
    assert_eq!(reset["reason"], reason, "{reset:#}");
    assert!(reset["cursor"].is_string(), "{reset:#}");
    changes.assert_complete().await;
}

/// Changes one character in the middle of the cursor.
fn forged(cursor: &str) -> String {
    let mut chars: Vec<char> = cursor.chars().collect();
    let middle = chars.len() / 2;
    chars[middle] = if chars[middle] == 'A' { 'B' } else { 'A' };
    chars.into_iter().collect()
}

on_both! {
    async fn cursors_of_another_log_reset(world: World) {
        world.conversation(1).await;
        let other = Workspace::create(&world.app, Plan::Team).await;
        other.conversations(3).await;
        let foreign = other.rep.as_of().await;
        let own = world.rep.as_of().await;
        let garbage = [
            "",
            "nonsense",
            "0",
            "-1",
            "9999999999999999999999",
            &STANDARD.encode("nonsense:1"),
            &URL_SAFE_NO_PAD.encode([0; 24]),
        ];
        for cursor in garbage.into_iter().chain([foreign.as_str()]) {
            let (socket, mut changes) = world.rep.queue("INBOX", json!({}), Some(cursor)).await;
            let reset = changes.next().await;
            assert_eq!(reset["__typename"], "QueueReset", "{cursor:?}: {reset:#}");
            assert_eq!(reset["reason"], "CURSOR_INVALID", "{cursor:?}: {reset:#}");
            changes.assert_complete().await;
            socket.cut();
        }
        // A forged cursor is either rejected or is a position in the same log. It never shows another workspace.
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), Some(&forged(&own))).await;
        let first = changes.next().await;
        let harmless = first["reason"] == "CURSOR_INVALID"
            || first["__typename"] == "QueueCheckpoint"
            || first["conversation"]["phoneNumber"]["id"] == world.number.id.as_str();
        assert!(harmless, "{first:#}");
    }

    async fn a_cursor_from_the_future_resets(world: World) {
        world.conversation(1).await;
        let ahead = world.app.with_services(async |services| services.cursor(world.id, 1_000_000)).await;
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), Some(&ahead)).await;
        assert_reset(&mut changes, "CURSOR_INVALID").await;
    }

    async fn a_cursor_below_the_retention_floor_resets(world: World) {
        world.conversation(1).await;
        let old = world.rep.as_of().await;
        world.conversations(3).await;
        let recent = world.rep.as_of().await;
        let forget = "UPDATE workspaces SET event_floor = event_seq - 1";
        world.app.sql_connection().await.run(forget).await;
        let (_a, mut changes) = world.rep.queue("INBOX", json!({}), Some(&old)).await;
        assert_reset(&mut changes, "LOG_TRUNCATED").await;
        let (_b, mut changes) = world.rep.queue("INBOX", json!({}), Some(&recent)).await;
        let first = changes.next().await;
        assert_eq!(first["__typename"], "QueueCheckpoint", "a cursor above the floor can be resumed: {first:#}");
        let document = documents::conversation_changed();
        let socket = Socket::open(&world.rep.client).await;
        let id = world.conversation(1).await;
        let mut thread = socket.subscribe(&document, json!({ "id": id, "after": old }));
        assert_eq!(thread.next().await["reset"], "LOG_TRUNCATED");
        thread.assert_complete().await;
    }

    async fn revoking_and_granting_access_reset_the_agents_streams(world: World) {
        for grant in [false, true] {
            let (_a, mut theirs) = world.rep.queue("INBOX", json!({}), None).await;
            let (_b, mut others) = world.rep2.queue("INBOX", json!({}), None).await;
            theirs.next().await;
            others.next().await;
            let changed = if grant {
                world.grant(&world.rep, &world.number2).await
            } else {
                world.revoke(&world.rep, &world.number2).await
            };
            changed.changed();
            assert_reset(&mut theirs, "ACCESS_CHANGED").await;
            let id = world.conversation(if grant { 2 } else { 1 }).await;
            let first = others.next_change().await;
            assert_eq!(first["conversation"]["id"], id.as_str(), "other agents' streams continue: {first:#}");
        }
    }

    async fn a_change_of_access_resets_also_in_replay(world: World) {
        world.conversation(1).await;
        let as_of = world.rep.as_of().await;
        world.conversation(2).await;
        world.revoke(&world.rep, &world.number2).await.changed();
        world.conversation(3).await;
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), Some(&as_of)).await;
        loop {
            let change = changes.next().await;
            if change["__typename"] == "QueueReset" {
                assert_eq!(change["reason"], "ACCESS_CHANGED", "{change:#}");
                break;
            }
            assert_ne!(
                change["__typename"], "QueueCheckpoint",
                "the replay ends at the change of access: {change:#}"
            );
        }
        changes.assert_complete().await;
        let (_socket, mut changes) = world.rep2.queue("INBOX", json!({}), Some(&as_of)).await;
        let first = changes.next().await;
        assert_eq!(first["__typename"], "ConversationEntered", "other agents are not affected: {first:#}");
    }

    async fn after_a_reset_a_client_refetches_and_subscribes_again(world: World) {
        let id = world.conversation_on(&world.number2, 1).await;
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), None).await;
        changes.next().await;
        world.revoke(&world.rep, &world.number2).await.changed();
        assert_reset(&mut changes, "ACCESS_CHANGED").await;
        let (rows, as_of) = world.rep.list_as_of("INBOX", &json!({})).await;
        assert!(rows.iter().all(|row| row["id"] != id.as_str()), "{rows:#?}");
        let again = world.rep.queue("INBOX", json!({}), as_of.as_str()).await;
        let (_socket, mut changes) = again;
        let fresh = world.conversation(2).await;
        let entered = changes.next_change().await;
        assert_eq!(entered["conversation"]["id"], fresh.as_str(), "{entered:#}");
    }

    async fn a_change_of_role_resets_the_agents_streams(world: World) {
        let lead = world.join(&world.app, "Lea Lead", Role::Manager, false).await;
        let (_socket, mut changes) = lead.queue("INBOX", json!({}), None).await;
        changes.next().await;
        let input = json!({ "agentId": lead.id, "role": "REP" });
        let selection = format!("changed {}", documents::USER_ERRORS);
        world.manager.client.mutate("updateAgent", input, &selection).await.changed();
        changes.until_access_ends().await;
    }

    async fn a_thread_resets_in_the_same_way(world: World) {
        let id = world.conversation(1).await;
        let socket = Socket::open(&world.rep.client).await;
        let document = documents::conversation_changed();
        let mut lost = socket.subscribe(&document, json!({ "id": id, "after": "nonsense" }));
        let reset = lost.next().await;
        assert_eq!(reset["reset"], "CURSOR_INVALID", "{reset:#}");
        lost.assert_complete().await;
        let mut changes = socket.subscribe(&document, json!({ "id": id, "after": world.rep.as_of().await }));
        // The stream has caught up, so it was accepted before the revocation.
        changes.next().await;
        world.revoke(&world.rep, &world.number).await.changed();
        let reset = changes.find(|change| !change["reset"].is_null()).await;
        assert_eq!(reset["reset"], "ACCESS_CHANGED", "{reset:#}");
        changes.assert_complete().await;
    }
}
