//! The health of the queue equals a slow recomputation from the histories, after any history.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::outcome::{instant, items, number, text};
use crate::support::random_work::{ALL, RandomWork};
use crate::support::seed;
use crate::support::timed::{SECOND, Timed};
use crate::support::world::{Workspace, World};

const WINDOWS: [i32; 3] = [60, 601, 3_600];

/// The flows in the order of their times: the time, and 'a' (arrived), 'r' (returned) or 'c' (claimed).
type Flows = Vec<(i64, char)>;

/// The flows in a conversation's history, and whether the conversation is now in the queue.
fn replay(history: &[Value]) -> (Flows, bool) {
    let (mut exists, mut open, mut owned) = (false, false, false);
    let mut flows = Flows::new();
    for event in history.iter().rev() {
        let before = (exists && open, exists && open && !owned);
        owned = !event["assignee"].is_null();
        open = match text(&event["kind"]) {
            "CLOSED" => false,
            "RECEIVED" | "REOPENED" => true,
            _ => open || !exists,
        };
        exists = true;
        let flow = match (before, open && !owned) {
            ((true, false), true) => 'r',
            ((false, _), true) => 'a',
            ((_, true), false) if owned => 'c',
            _ => continue,
        };
        flows.push((instant(&event["at"]), flow));
    }
    (flows, open && !owned)
}

/// Computes the trend from its definition: at twelve instants, over one window length before each. All times are
/// multiplied by twelve.
fn expected_trend(flows: &Flows, now: i64, window: i64) -> &'static str {
    let mut trend = "STEADY";
    for n in 1..=12 {
        let end = 12 * (now - window) + n * window;
        let in_window = flows.iter().filter(|(at, _)| 12 * at > end - 12 * window && 12 * at <= end);
        let (mut net, mut total) = (0.0, 0.0);
        for (_, flow) in in_window {
            net += if *flow == 'c' { -1.0 } else { 1.0 };
            total += 1.0;
        }
        let band = f64::max(2.0, total / 5.0);
        trend = if net > band || (trend == "GROWING" && net > band / 2.0) {
            "GROWING"
        } else if net < -band || (trend == "SHRINKING" && net < -band / 2.0) {
            "SHRINKING"
        } else {
            "STEADY"
        };
    }
    trend
}

/// The earliest time in a field of these rows.
fn earliest<'a>(rows: impl Iterator<Item = &'a Value>, field: &str) -> Value {
    rows.map(|row| &row[field])
        .filter(|at| !at.is_null())
        .min_by_key(|at| instant(at))
        .cloned()
        .unwrap_or_default()
}

/// Recomputes the health of the queue of some of the workspace's numbers, together and for each.
async fn recomputed(world: &Workspace, numbers: &Value, now: i64, window: i32) -> Value {
    let mut health = of_numbers(&world.rep, numbers, now, window).await;
    let mut by_number = Vec::new();
    for id in [&world.number.id, &world.number2.id] {
        if numbers.as_array().is_none_or(|only| only.contains(&json!(id))) {
            let mut alone = of_numbers(&world.rep, &json!([id]), now, window).await;
            alone["phoneNumber"] = json!({ "id": id });
            by_number.push(alone);
        }
    }
    health["byPhoneNumber"] = json!(by_number);
    health
}

/// Recomputes the health of the queue of some numbers together from lists and histories.
async fn of_numbers(agent: &Agent, numbers: &Value, now: i64, window: i32) -> Value {
    let rows = agent.list("INBOX", json!({ "phoneNumberIds": numbers })).await;
    let (mut flows, mut unassigned) = (Flows::new(), 0);
    for row in &rows {
        let (more, queued) = replay(&agent.history(text(&row["id"])).await);
        flows.extend(more);
        unassigned += i32::from(queued);
    }
    let micros = i64::from(window) * SECOND;
    let count = |kind| flows.iter().filter(|(at, flow)| *flow == kind && *at > now - micros).count();
    let open = || rows.iter().filter(|row| row["status"] == "OPEN");
    json!({
        "unassigned": unassigned,
        "oldestUnassignedSince": earliest(open().filter(|row| row["assignee"].is_null()), "unassignedSince"),
        "oldestWaitingSince": earliest(open(), "waitingSince"),
        "arrived": count('a'),
        "claimed": count('c'),
        "returned": count('r'),
        "trend": expected_trend(&flows, now, micros),
    })
}

/// The health from the API, without position and thresholds.
async fn reported(agent: &Agent, numbers: &Value, window: i32) -> Value {
    let mut health = agent.health(numbers, window).await;
    for field in ["asOf", "unassignedOverThreshold", "waitOverThreshold"] {
        health.as_object_mut().expect("health").remove(field);
    }
    health
}

fn choices(world: &Workspace) -> [Value; 4] {
    [Value::Null, json!([world.number.id]), json!([world.number2.id]), json!([])]
}

on_both! {
    async fn the_health_equals_a_recomputation_from_the_history(world: Timed) {
        let mut rng = StdRng::seed_from_u64(seed());
        let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let conversations = world.conversations(8).await;
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        let mut trends = std::collections::BTreeSet::new();
        for round in 0..5 {
            let id = world.conversation_on(&world.number2, 100 + round).await;
            if round % 2 == 0 {
                world.rep.claim(&id).await.changed();
            }
            for _ in 0..20 {
                // Mostly not a whole second, so that window edges are at arbitrary times.
                world.pass_micros(rng.random_range(0..20 * SECOND));
                work.run_one(&mut rng, &agents).await;
            }
            world.revoke(&world.rep2, &world.number).await.changed();
            world.grant(&world.rep2, &world.number).await.changed();
            // Later than the last event, so that the test knows the time at which the trend is computed.
            world.pass(1);
            for window in WINDOWS {
                for numbers in choices(world) {
                    let health = reported(&world.rep, &numbers, window).await;
                    let slow = recomputed(world, &numbers, world.now(), window).await;
                    assert_eq!(health, slow, "round {round}, {window} s of {numbers}");
                    trends.insert(text(&health["trend"]).to_owned());
                }
            }
        }
        assert!(trends.len() > 1, "the random work has only the trend {trends:?}");
        world.app.assert_store_is_sound().await;
    }

    async fn the_health_is_right_after_agents_worked_at_once(world: World) {
        let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let conversations = world.conversations(6).await;
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        work.run_parallel(seed(), 4, 25, &agents).await;
        world.deactivate(&world.rep2).await.changed();
        let health = reported(&world.rep, &Value::Null, 604_800).await;
        let now = switchboard::clock::Clock::system().now().as_micros();
        let slow = recomputed(world, &Value::Null, now, 604_800).await;
        assert_eq!(health, slow);
        world.app.assert_store_is_sound().await;
    }

    async fn events_before_the_window_are_not_counted(world: Timed) {
        let id = world.conversation(1).await;
        let arrived = instant(&world.rep.conversation(&id).await["createdAt"]);
        world.move_to(arrived + 60 * SECOND - 1);
        let health = world.rep.health(&Value::Null, 60).await;
        assert_eq!((&health["arrived"], &health["unassigned"]), (&json!(1), &json!(1)), "{health:#}");
        world.move_to(arrived + 60 * SECOND);
        let health = world.rep.health(&Value::Null, 60).await;
        assert_eq!((&health["arrived"], &health["unassigned"]), (&json!(0), &json!(1)), "{health:#}");
    }

    async fn the_queue_of_numbers_without_access_is_not_shown(world: World) {
        let hidden = world.add_number(&world.app, &[&world.manager], "Hidden").await;
        world.conversation_on(&hidden, 1).await;
        for numbers in [Value::Null, json!([hidden.id]), json!(["nonsense"])] {
            let health = world.rep.health(&numbers, 3_600).await;
            assert_eq!((&health["unassigned"], &health["arrived"]), (&json!(0), &json!(0)), "{health:#}");
            assert!(health["oldestUnassignedSince"].is_null() && health["oldestWaitingSince"].is_null());
        }
        assert_eq!(world.manager.health(&json!([hidden.id]), 3_600).await["unassigned"], 1);
    }

    async fn a_window_is_from_a_minute_to_a_week(world: World) {
        for window in [60, 604_800] {
            world.rep.health(&Value::Null, window).await;
        }
        for window in [-1, 0, 59, 604_801] {
            let document = "query($window: Int!) { queueHealth(window: $window) { unassigned } }";
            let answer = world.rep.client.query(document, json!({ "window": window })).await;
            answer.assert_error(&["BAD_USER_INPUT"]);
            assert!(answer.body["data"]["queueHealth"].is_null(), "{answer}");
        }
        world.gateway.query("{ queueHealth { unassigned } }", json!({})).await.assert_error(&["FORBIDDEN"]);
    }

    async fn thresholds_belong_to_the_workspace_and_only_managers_set_them(world: World) {
        world.conversations(2).await;
        let thresholds = |max, wait| json!({ "maxUnassigned": max, "maxWaitSeconds": wait });
        let set = world.tolerate(json!({ "maxUnassigned": 1 })).await.changed();
        assert_eq!(set.value["workspace"]["queueThresholds"], thresholds(json!(1), Value::Null), "{set}");
        world.tolerate(json!({ "maxUnassigned": 1 })).await.unchanged();
        let over = world.rep.health(&Value::Null, 60).await;
        assert_eq!(over["unassignedOverThreshold"], true, "{over:#}");
        let set = world.tolerate(thresholds(json!(2), json!(3_600))).await.changed();
        assert_eq!(set.value["workspace"]["queueThresholds"], thresholds(json!(2), json!(3_600)), "{set}");
        let within = world.rep.health(&Value::Null, 60).await;
        assert_eq!(within["unassignedOverThreshold"], false, "two do not exceed two: {within:#}");
        assert_eq!(within["waitOverThreshold"], false, "{within:#}");
        let off = world.tolerate(json!({ "maxUnassigned": null })).await.changed();
        assert_eq!(off.value["workspace"]["queueThresholds"], thresholds(Value::Null, json!(3_600)), "{off}");
        for (field, value) in [("maxUnassigned", -1), ("maxUnassigned", 1_000_001), ("maxWaitSeconds", 0)] {
            world.tolerate(json!({ field: value })).await.refused_at("INVALID", field);
        }
        let read = world.rep2.client.data("{ workspace { queueThresholds { maxWaitSeconds } } }", json!({})).await;
        assert_eq!(read["workspace"]["queueThresholds"]["maxWaitSeconds"], 3_600);
    }

    async fn a_wait_exceeds_its_threshold_as_time_passes(world: Timed) {
        world.tolerate(json!({ "maxWaitSeconds": 60 })).await.changed();
        let id = world.conversation(1).await;
        let since = instant(&world.rep.conversation(&id).await["waitingSince"]);
        world.move_to(since + 60 * SECOND);
        assert_eq!(world.rep.health(&Value::Null, 60).await["waitOverThreshold"], false);
        world.move_to(since + 60 * SECOND + 1);
        assert_eq!(world.rep.health(&Value::Null, 60).await["waitOverThreshold"], true);
        world.rep.send(&id, "Here I am").await.changed();
        assert_eq!(world.rep.health(&Value::Null, 60).await["waitOverThreshold"], false);
    }

    async fn the_migration_fills_in_flows_from_the_log(world: World) {
        let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let conversations = world.conversations(6).await;
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        work.run_parallel(seed(), 2, 40, &agents).await;
        world.revoke(&world.rep, &world.number).await.changed();
        let migration = match world.app.is_postgres() {
            true => include_str!("../../migrations/postgres/2026-11-22-000002_queue_health/up.sql"),
            false => include_str!("../../migrations/sqlite/2026-11-22-000002_queue_health/up.sql"),
        };
        let fill = migration.split_once("INSERT").and_then(|(_, rest)| rest.split_once(';')).expect("an INSERT");
        let mut connection = world.app.sql_connection().await;
        connection.run(&format!("DELETE FROM queue_flows; INSERT{};", fill.0)).await;
        world.app.assert_store_is_sound().await;
        let health = world.manager.health(&Value::Null, 3_600).await;
        assert!(number(&health["arrived"]) > 0 && number(&health["claimed"]) > 0, "{health:#}");
    }

    async fn check_reports_flows_that_do_not_match_the_events(world: World) {
        world.conversations(2).await;
        world.app.assert_store_is_sound().await;
        let mut connection = world.app.sql_connection().await;
        for damage in [
            "DELETE FROM queue_flows WHERE seq = (SELECT min(seq) FROM queue_flows)",
            "UPDATE queue_flows SET flow = 'CLAIMED'",
        ] {
            connection.run(damage).await;
            let report = world.app.with_services(async |services| services.check(|_, _, _| ()).await).await;
            let report = report.expect("the store can be checked");
            assert!(report.problems.iter().any(|it| it.contains("queue")), "{damage}: {report:#?}");
        }
    }
}

#[test]
fn the_recomputation_follows_the_definitions() {
    let event =
        |kind: &str, owner: Value| json!({ "kind": kind, "assignee": owner, "at": "2026-01-01T00:00:00Z" });
    let (me, unassigned) = (json!({ "id": "me" }), Value::Null);
    let mut history = vec![
        event("RECEIVED", unassigned.clone()),
        event("ASSIGNED", me.clone()),
        event("UNASSIGNED", unassigned.clone()),
        event("CLOSED", unassigned.clone()),
        event("ASSIGNED", me.clone()),
        event("REOPENED", unassigned),
        event("ASSIGNED", me),
    ];
    history.reverse();
    let (flows, queued) = replay(items(&Value::Array(history)));
    assert_eq!(flows.iter().map(|(_, flow)| *flow).collect::<String>(), "acrac");
    assert!(!queued);
}
