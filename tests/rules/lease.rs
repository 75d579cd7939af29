//! The ownership lease: an owner who leaves a customer waiting for too long loses the conversation exactly once.
//!
//! The tests control the clock. A test that expects no change runs the sweep itself; a test that expects a change
//! waits for the background sweep.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use switchboard::domain::Plan;

use crate::support::app::App;
use crate::support::database::{Database, TestDatabase};
use crate::support::outcome::{Payload, instant, text};
use crate::support::random_work::{Act, RandomWork};
use crate::support::timed::{MINUTE, Time};
use crate::support::world::{Workspace, World, customer};
use crate::support::{documents, eventually};

/// Runs a test on both databases with a clock that the test controls.
macro_rules! in_time {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$name(Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                super::$name(Database::Postgres).await;
            }
        }
    )+};
}

in_time!(
    a_customer_who_waits_too_long_goes_back_to_unassigned_once,
    a_lease_counts_from_when_the_owner_got_it_and_an_answer_ends_the_wait,
    a_clock_that_jumps_ends_no_lease_twice,
    of_two_servers_one_ends_each_lease,
    a_lease_that_ran_out_while_no_server_ran_ends_at_the_next_start,
    leases_end_as_the_history_says,
);

async fn set_lease(world: &Workspace, minutes: Value) -> Payload {
    let selection = format!("workspace {{ ownershipLease }} changed asOf {}", documents::USER_ERRORS);
    world.manager.client.mutate("setOwnershipLease", json!({ "minutes": minutes }), &selection).await
}

async fn sweep(app: &App) -> usize {
    app.with_services(async |services| services.sweep_leases().await).await.expect("sweeps")
}

async fn is_owned(world: &Workspace, id: &str) -> bool {
    !world.manager.conversation(id).await["assignee"].is_null()
}

async fn times_expired(world: &Workspace, id: &str) -> usize {
    let history = world.manager.history(id).await;
    history.iter().filter(|event| event["reason"] == "LEASE_EXPIRED").count()
}

async fn a_customer_who_waits_too_long_goes_back_to_unassigned_once(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let time = Time::ticking();
    let app = App::start_at(&store.url, time.clock()).await;
    let world = Workspace::create(&app, Plan::Team).await;
    let id = world.conversation(1).await;
    world.rep.claim(&id).await.changed();
    time.pass(20_000 * MINUTE);
    assert_eq!(sweep(&app).await, 0, "there is no lease by default");
    assert!(is_owned(&world, &id).await);
    let (_socket, mut leaving) =
        world.rep.queue("ASSIGNED_TO_ME", Value::Null, Some(&world.rep.as_of().await)).await;
    set_lease(&world, json!(10)).await.changed();
    eventually("the background sweep ends the lease", async || (!is_owned(&world, &id).await).then_some(()))
        .await;
    let history = world.manager.history(&id).await;
    let event = &history[0];
    assert_eq!([&event["kind"], &event["reason"]], ["UNASSIGNED", "LEASE_EXPIRED"], "{event:#}");
    assert!(event["actor"].is_null() && event["assignee"].is_null(), "{event:#}");
    assert_eq!(event["previousAssignee"]["id"], world.rep.id.as_str());
    assert_eq!(leaving.next_change().await["__typename"], "ConversationLeft");
    for _ in 0..3 {
        time.pass(60 * MINUTE);
        assert_eq!(sweep(&app).await, 0);
    }
    assert_eq!(world.manager.story(&id).await, ["RECEIVED", "ASSIGNED", "UNASSIGNED"]);
    app.assert_store_is_sound().await;
    app.stop().await;
}

async fn a_lease_counts_from_when_the_owner_got_it_and_an_answer_ends_the_wait(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let time = Time::ticking();
    let app = App::start_at(&store.url, time.clock()).await;
    let world = Workspace::create(&app, Plan::Team).await;
    let [late, answered, closed, again] = [1, 2, 3, 4].map(|n| world.conversation(n));
    let (late, answered, closed, again) = (late.await, answered.await, closed.await, again.await);
    set_lease(&world, json!(30)).await.changed();
    for id in [&answered, &closed, &again] {
        world.rep.claim(id).await.changed();
    }
    world.rep.send(&answered, "At once").await.changed();
    world.rep.close(&closed).await.changed();
    world.rep.send(&again, "At once").await.changed();
    time.pass(25 * MINUTE);
    world.rep.claim(&late).await.changed();
    world.text(&customer(4), "Thank you, but").await;
    time.pass(10 * MINUTE);
    assert_eq!(sweep(&app).await, 0, "the conversation was unassigned for 25 minutes of the wait");
    time.pass(21 * MINUTE);
    eventually("both leases end", async || {
        (!is_owned(&world, &late).await && !is_owned(&world, &again).await).then_some(())
    })
    .await;
    assert!(is_owned(&world, &answered).await && is_owned(&world, &closed).await);
    app.assert_store_is_sound().await;
    app.stop().await;
}

async fn a_clock_that_jumps_ends_no_lease_twice(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let time = Time::ticking();
    let app = App::start_at(&store.url, time.clock()).await;
    let world = Workspace::create(&app, Plan::Team).await;
    let id = world.conversation(1).await;
    world.rep.claim(&id).await.changed();
    set_lease(&world, json!(10)).await.changed();
    time.pass(-300 * MINUTE);
    assert_eq!(sweep(&app).await, 0, "setting the clock back ends no lease");
    time.pass(360 * MINUTE);
    eventually("the lease ends", async || (!is_owned(&world, &id).await).then_some(())).await;
    time.pass(-120 * MINUTE);
    world.rep2.claim(&id).await.changed();
    assert_eq!(sweep(&app).await, 0, "the new owner has the whole lease");
    assert!(is_owned(&world, &id).await);
    assert_eq!(times_expired(&world, &id).await, 1);
    time.pass(135 * MINUTE);
    eventually("the second lease ends", async || (!is_owned(&world, &id).await).then_some(())).await;
    time.pass(-600 * MINUTE);
    time.pass(1_200 * MINUTE);
    assert_eq!(sweep(&app).await, 0);
    assert_eq!(times_expired(&world, &id).await, 2);
    let history = world.manager.history(&id).await;
    assert!(history.is_sorted_by(|newer, older| instant(&newer["at"]) >= instant(&older["at"])));
    app.assert_store_is_sound().await;
    app.stop().await;
}

async fn of_two_servers_one_ends_each_lease(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let time = Time::ticking();
    let (one, two) =
        (App::start_at(&store.url, time.clock()).await, App::start_at(&store.url, time.clock()).await);
    let world = Workspace::create(&one, Plan::Team).await;
    let all = world.conversations(30).await;
    let input = json!({ "conversationIds": all, "agentId": world.rep.id });
    world.manager.client.mutate("assignConversations", input, documents::USER_ERRORS).await.ok();
    set_lease(&world, json!(10)).await.changed();
    time.pass(11 * MINUTE);
    // The servers' background sweepers run at the same time.
    tokio::join!(sweep(&one), sweep(&two), sweep(&one), sweep(&two));
    eventually("all conversations are unassigned", async || {
        (world.manager.counts().await["unassigned"]["open"] == 30).then_some(())
    })
    .await;
    for id in &all {
        assert_eq!(world.manager.story(id).await, ["RECEIVED", "ASSIGNED", "UNASSIGNED"]);
    }
    one.assert_store_is_sound().await;
    one.stop().await;
    two.stop().await;
}

async fn a_lease_that_ran_out_while_no_server_ran_ends_at_the_next_start(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let time = Time::ticking();
    let app = App::start_at(&store.url, time.clock()).await;
    let world = Workspace::create(&app, Plan::Team).await;
    let id = world.conversation(1).await;
    world.rep.claim(&id).await.changed();
    set_lease(&world, json!(10)).await.changed();
    app.stop().await;
    time.pass(11 * MINUTE);
    let next = App::start_at(&store.url, time.clock()).await;
    let manager = world.manager.at(next.address());
    eventually("the lease ends", async || {
        manager.conversation(&id).await["assignee"].is_null().then_some(())
    })
    .await;
    assert_eq!(sweep(&next).await, 0);
    assert_eq!(manager.story(&id).await, ["RECEIVED", "ASSIGNED", "UNASSIGNED"]);
    next.stop().await;
}

/// Computes from a conversation's events, oldest first, since when the customer waits and since when the conversation
/// has its owner. Asserts that no lease of `lease` microseconds ended too early.
fn replay(events: &[Value], lease: i64) -> (Option<i64>, Option<i64>) {
    let (mut open, mut waiting, mut owned): (bool, Option<i64>, Option<i64>) = (true, None, None);
    for event in events {
        let at = instant(&event["at"]);
        match text(&event["kind"]) {
            "RECEIVED" => {
                waiting = waiting.filter(|_| open).or(Some(at));
                open = true;
            }
            "REPLIED" => waiting = None,
            "CLOSED" => (open, waiting) = (false, None),
            "REOPENED" => (open, waiting) = (true, None),
            "ASSIGNED" => owned = Some(at),
            "UNASSIGNED" => {
                if event["reason"] == "LEASE_EXPIRED" {
                    let since = waiting.max(owned).expect("owned");
                    assert!(waiting.is_some() && open && at >= since + lease, "too early: {events:#?}");
                }
                owned = None;
            }
            other => panic!("unexpected event {other}"),
        }
    }
    (waiting, owned)
}

async fn leases_end_as_the_history_says(database: Database) {
    const ACTS: &[Act] =
        &[Act::Text, Act::Text, Act::Reply, Act::Assign, Act::Claim, Act::Unassign, Act::Close, Act::Reopen];
    let Some(store) = TestDatabase::create(database).await else { return };
    let time = Time::ticking();
    let app = App::start_at(&store.url, time.clock()).await;
    let world = Workspace::create(&app, Plan::Team).await;
    let all = world.conversations(5).await;
    let team = [world.rep.clone(), world.rep2.clone()];
    let work = RandomWork { world: &world, conversations: &all, acts: ACTS };
    let mut rng = StdRng::seed_from_u64(crate::support::seed());
    set_lease(&world, json!(10)).await.changed();
    for _ in 0..25 {
        for _ in 0..4 {
            work.run_one(&mut rng, &team).await;
        }
        time.pass(rng.random_range(-4..=8) * MINUTE);
        // Nothing else happens between the two sweeps, so the first leaves no lease that had expired before `now`.
        sweep(&app).await;
        let now = time.now();
        sweep(&app).await;
        for id in &all {
            let history: Vec<Value> = world.manager.history(id).await.into_iter().rev().collect();
            if let (Some(waiting), Some(owned)) = replay(&history, 10 * MINUTE) {
                assert!(waiting.max(owned) + 10 * MINUTE > now, "overdue: {history:#?}");
            }
        }
    }
    // This lease expires once, regardless of the clock's earlier jumps.
    let due = world.conversation(6).await;
    world.rep.claim(&due).await.changed();
    time.pass(600 * MINUTE);
    sweep(&app).await;
    sweep(&app).await;
    assert_eq!(times_expired(&world, &due).await, 1);
    app.assert_store_is_sound().await;
    app.stop().await;
}

on_both! {
    async fn managers_set_a_lease_from_a_minute_to_a_week(world: World) {
        let lease = async || {
            world.rep.client.data("{ workspace { ownershipLease } }", json!({})).await["workspace"]
                ["ownershipLease"]
                .take()
        };
        assert_eq!(lease().await, Value::Null);
        for (minutes, changed) in [(json!(10_080), true), (json!(10_080), false), (json!(1), true)] {
            let set = set_lease(world, minutes.clone()).await.ok();
            assert_eq!(set.value["changed"], changed);
            assert_eq!(set.value["workspace"]["ownershipLease"], minutes);
        }
        for bad in [0, -1, 10_081, i32::MAX] {
            set_lease(world, json!(bad)).await.refused_at("INVALID", "minutes");
        }
        let selection = documents::USER_ERRORS;
        let refused = world.rep.client.mutate("setOwnershipLease", json!({ "minutes": 5 }), selection).await;
        refused.refused("NOT_ALLOWED");
        assert_eq!(lease().await, 1);
        set_lease(world, Value::Null).await.changed();
        assert_eq!(lease().await, Value::Null);
        set_lease(world, Value::Null).await.unchanged();
    }
}
