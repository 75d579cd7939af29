//! Retention: how far back a client can resume, and what happens when the log has changed.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use serde_json::json;
use switchboard::clock::{Clock, Timestamp};
use switchboard::service::workers::log_retention::DEFAULT_REPLAY;

use crate::support::app::App;
use crate::support::eventually;
use crate::support::socket::{Item, Subscription};
use crate::support::sql::SqlConnection;
use crate::support::world::World;

async fn assert_reset(changes: &mut Subscription, reason: &str) {
    let reset = changes.next().await;
    assert_eq!(reset["__typename"], "QueueReset", "{reset:#}");
    assert_eq!(reset["reason"], reason, "{reset:#}");
    assert_eq!(changes.item().await, Item::Complete);
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

async fn count(connection: &mut SqlConnection, what: &str) -> i64 {
    let query = diesel::sql_query(format!("SELECT count(*) AS n FROM {what}"));
    let found: Vec<Count> = match connection {
        SqlConnection::Sqlite(c) => diesel::RunQueryDsl::load(query, c).expect("counts"),
        SqlConnection::Postgres(c) => diesel_async::RunQueryDsl::load(query, &mut **c).await.expect("counts"),
    };
    found[0].n
}

/// A clock that shows the time at which `instant` leaves the replay window.
fn when_forgotten(instant: Timestamp) -> Clock {
    let then = instant.plus_micros(i64::try_from(DEFAULT_REPLAY.as_micros()).expect("a week"));
    Clock::from_fn(move || then)
}

/// Writes three events of reading, the kind of event that retention deletes.
async fn read_and_unread(world: &World, id: &str) {
    world.rep.read(id).await.changed();
    world.rep.unread(id).await.changed();
    world.rep2.read(id).await.changed();
}

/// Sweeps with a process whose clock shows the time at which `instant` leaves the replay window.
async fn sweep_at(app: &App, instant: Timestamp) -> usize {
    let later = app.sibling_at(when_forgotten(instant)).await;
    let swept = later.with_services(async |services| services.sweep_replay().await).await;
    later.stop().await;
    swept.expect("sweeps")
}

on_both! {
    async fn a_cursor_below_the_floor_resets_and_the_history_is_kept(world: World) {
        let sibling = world.app.sibling().await;
        let id = world.conversation(1).await;
        read_and_unread(world, &id).await;
        let old = world.rep.as_of().await;
        world.rep.claim(&id).await.changed();
        let mid = Clock::system().now();
        let kept = world.rep.as_of().await;
        read_and_unread(world, &world.conversation(2).await).await;

        let mut connection = world.app.sql_connection().await;
        let personal = "events WHERE kind IN ('READ', 'UNREAD')";
        let (history, before) = (world.manager.story(&id).await, count(&mut connection, personal).await);
        sweep_at(&world.app, mid).await;
        assert_eq!(before - count(&mut connection, personal).await, 3, "only the events below the floor are deleted");
        assert_eq!(world.manager.story(&id).await, history, "history stays");
        assert_eq!(sweep_at(&world.app, mid).await, 0, "a second sweep finds nothing to do");

        for app in [&world.app, &sibling] {
            let rep = world.rep.at(app.address());
            let (_a, mut changes) = rep.queue("INBOX", json!({}), Some(&old)).await;
            assert_reset(&mut changes, "LOG_TRUNCATED").await;
            let (_b, mut changes) = rep.queue("INBOX", json!({}), Some(&kept)).await;
            let first = changes.next_change().await;
            assert_eq!(first["__typename"], "ConversationEntered", "the events above the floor are replayed: {first:#}");
        }
        world.app.assert_store_is_sound().await;
        // The sequence continues without a gap.
        let (_c, mut changes) = world.rep.queue("INBOX", json!({}), None).await;
        changes.next().await;
        world.rep.read(&id).await.changed();
        assert_eq!(changes.next_change().await["cause"]["kind"], "READ");
        world.app.assert_store_is_sound().await;
        sibling.stop().await;
    }

    async fn a_whole_log_can_fall_behind_and_go_on(world: World) {
        let id = world.conversation(1).await;
        read_and_unread(world, &id).await;
        let (_a, mut live) = world.rep.queue("INBOX", json!({}), None).await;
        live.next().await;
        let old = world.rep.as_of().await;
        let later = Clock::system().now().plus_micros(1_000_000);
        sweep_at(&world.app, later).await;
        world.app.assert_store_is_sound().await;
        // The cursor is at the floor, so no later event is missing.
        let (_b, mut changes) = world.rep.queue("INBOX", json!({}), Some(&old)).await;
        assert_eq!(changes.next().await["__typename"], "QueueCheckpoint");
        let fresh = world.conversation(2).await;
        for changes in [&mut live, &mut changes] {
            assert_eq!(changes.next_change().await["conversation"]["id"], fresh.as_str());
        }
        world.app.assert_store_is_sound().await;
    }

    async fn every_process_sweeps_in_the_background(world: World) {
        let id = world.conversation(1).await;
        read_and_unread(world, &id).await;
        let mut connection = world.app.sql_connection().await;
        let later = world.app.sibling_at(when_forgotten(Clock::system().now())).await;
        eventually("the sweep of the process", async || {
            (count(&mut connection, "events WHERE kind IN ('READ', 'UNREAD')").await == 0).then_some(())
        })
        .await;
        later.stop().await;
        world.app.assert_store_is_sound().await;
    }

    async fn many_events_fall_behind_in_small_batches(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        // More than three batches of the sweep.
        let repeat = "INSERT INTO events SELECT workspace_id, seq + n, at, actor_id, 'READ', conversation_id, NULL,
                      NULL, NULL, NULL, NULL, before_image, after_image FROM events, numbers
                      WHERE seq = (SELECT max(seq) FROM events)";
        let many = if world.app.is_postgres() {
            format!("WITH numbers AS (SELECT generate_series(1, 1700) AS n) {repeat}")
        } else {
            format!("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1700) {repeat}")
        };
        let mut connection = world.app.sql_connection().await;
        connection.run(&format!("{many}; UPDATE workspaces SET event_seq = event_seq + 1700")).await;
        world.app.assert_store_is_sound().await;
        let mid = Clock::system().now().plus_micros(1_000_000);
        // The process also sweeps when it starts. Together the sweeps delete all events.
        sweep_at(&world.app, mid).await;
        eventually("all events of reading are deleted", async || {
            (count(&mut connection, "events WHERE kind = 'READ'").await == 0).then_some(())
        })
        .await;
        let above = "workspaces WHERE event_floor < event_seq";
        assert_eq!(count(&mut connection, above).await, 0, "the floor is the last event");
        assert_eq!(world.manager.story(&id).await, ["RECEIVED"]);
        world.app.assert_store_is_sound().await;
    }

    async fn events_that_retention_deletes_before_they_are_read_reset_the_stream(world: World) {
        let id = world.conversation(1).await;
        let old = world.rep.as_of().await;
        read_and_unread(world, &id).await;
        world.rep.claim(&id).await.changed();
        // As if the sweep ran between the check of the cursor and the read of the events.
        world.app.sql_connection().await.run("DELETE FROM events WHERE kind = 'UNREAD'").await;
        let sibling = world.app.sibling().await;
        let (_a, mut changes) = world.rep.at(sibling.address()).queue("INBOX", json!({}), Some(&old)).await;
        assert_reset(&mut changes, "LOG_TRUNCATED").await;
        sibling.stop().await;
    }

    async fn a_new_epoch_resets_every_stream_and_every_older_cursor(world: World) {
        let sibling = world.app.sibling().await;
        world.conversation(1).await;
        let old = world.rep.as_of().await;
        let (here, there) = (&world.rep, world.rep.at(sibling.address()));
        let (_a, mut at_one) = here.queue("INBOX", json!({}), Some(&old)).await;
        let (_b, mut at_other) = there.queue("INBOX", json!({}), Some(&old)).await;
        for changes in [&mut at_one, &mut at_other] {
            assert_eq!(changes.next().await["__typename"], "QueueCheckpoint");
        }
        // The operator's command is a third process.
        let command = tokio::process::Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["new-epoch", "--database", world.app.database_url()])
            .output();
        let output = command.await.expect("the command runs");
        assert!(output.status.success(), "{output:?}");
        for changes in [&mut at_one, &mut at_other] {
            assert_reset(changes, "CURSOR_INVALID").await;
        }
        for agent in [here, &there] {
            let (_c, mut changes) = agent.queue("INBOX", json!({}), Some(&old)).await;
            assert_reset(&mut changes, "CURSOR_INVALID").await;
            let (_, as_of) = agent.list_as_of("INBOX", &json!({})).await;
            assert_ne!(as_of, old.as_str());
            let (_d, mut changes) = agent.queue("INBOX", json!({}), as_of.as_str()).await;
            assert_eq!(changes.next().await["__typename"], "QueueCheckpoint");
        }
        world.app.assert_store_is_sound().await;
        sibling.stop().await;
    }

    async fn a_log_that_became_shorter_resets_its_streams(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        let (_a, mut changes) = world.rep.queue("INBOX", json!({}), None).await;
        changes.next().await;
        // As after a restore that lost the last event.
        let forget = "DELETE FROM events WHERE kind = 'READ'; UPDATE workspaces SET event_seq = event_seq - 1";
        world.app.sql_connection().await.run(forget).await;
        assert_reset(&mut changes, "CURSOR_INVALID").await;
        let (_b, mut changes) = world.rep.queue("INBOX", json!({}), None).await;
        changes.next().await;
        world.rep.claim(&id).await.changed();
        assert_eq!(changes.next_change().await["cause"]["kind"], "ASSIGNED", "new streams continue from the end of the log");
    }
}
