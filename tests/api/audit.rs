//! The audit equals a recomputation from every history, second by second.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::support::agent::Agent;
use crate::support::outcome::{items, number, text};
use crate::support::random_work::{ALL, RandomWork};
use crate::support::seed;
use crate::support::timed::Timed;
use crate::support::world::Number;

const AUDIT: &str = "query($from: DateTime!, $to: DateTime!, $numbers: [ID!]) {
    ownershipAudit(from: $from, to: $to, phoneNumberIds: $numbers) {
      from to minutesUnowned minutesWaiting handOvers conversations asOf
      byPhoneNumber { phoneNumber { id } minutesUnowned minutesWaiting handOvers conversations } } }";

/// The seconds without an owner, the seconds of waiting, the hand-overs and the conversations.
type Totals = (i64, i64, i64, i64);

fn figures(report: &Value) -> Totals {
    let seconds = |minutes: &Value| {
        let seconds = minutes.as_f64().expect("minutes") * 60.0;
        assert!((seconds - seconds.round()).abs() < 1e-6, "whole seconds: {report:#}");
        seconds.round() as i64
    };
    (
        seconds(&report["minutesUnowned"]),
        seconds(&report["minutesWaiting"]),
        number(&report["handOvers"]),
        number(&report["conversations"]),
    )
}

async fn audit(world: &Timed, agent: &Agent, from: i64, to: i64, numbers: Value) -> Value {
    let variables = json!({ "from": world.at(from), "to": world.at(to), "numbers": numbers });
    agent.client.data(AUDIT, variables).await["ownershipAudit"].take()
}

/// The state of a conversation from some second on, computed from its history.
#[derive(Debug, Clone, Copy)]
struct State {
    from: i64,
    open: bool,
    owned: bool,
    waiting: bool,
    handed_over: bool,
}

/// The states of a conversation, oldest first.
async fn states(world: &Timed, conversation: &str) -> Vec<State> {
    let mut history = world.manager.history(conversation).await;
    assert!(history.len() < 100, "the history fits a page");
    history.reverse();
    let mut all: Vec<State> = Vec::new();
    for event in &history {
        let last = all.last().copied();
        let (open, waiting) = match text(&event["kind"]) {
            "RECEIVED" => (true, true),
            "REPLIED" => (last.is_none_or(|last| last.open), false),
            "CLOSED" => (false, false),
            "REOPENED" => (true, false),
            _ => last.map_or((true, false), |last| (last.open, last.waiting)),
        };
        let (before, after) = (&event["previousAssignee"], &event["assignee"]);
        let handed_over = !before.is_null() && !after.is_null() && before["id"] != after["id"];
        let from = world.second(&event["at"]);
        all.push(State { from, open, owned: !after.is_null(), waiting, handed_over });
    }
    all
}

/// Computes the figures of one conversation, second by second.
fn recount(states: &[State], from: i64, to: i64) -> Totals {
    let (mut unowned, mut waiting, mut open) = (0, 0, 0);
    for second in from..to {
        let Some(then) = states.iter().rfind(|it| it.from <= second).filter(|it| it.open) else { continue };
        open = 1;
        unowned += i64::from(!then.owned);
        waiting += i64::from(then.waiting);
    }
    let handed = states.iter().filter(|it| it.handed_over && (from..to).contains(&it.from)).count();
    (unowned, waiting, i64::try_from(handed).expect("few"), open)
}

/// Computes the figures of many conversations.
async fn recounted(world: &Timed, conversations: &[String], from: i64, to: i64) -> Totals {
    let mut sum = (0, 0, 0, 0);
    for conversation in conversations {
        let one = recount(&states(world, conversation).await, from, to);
        sum = (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2, sum.3 + one.3);
    }
    sum
}

/// Compares an audit of `[from, to)` with the histories of the conversations on both numbers.
async fn assert_audit(world: &Timed, from: i64, to: i64, by_number: [(&Number, &[String]); 2]) {
    let report = audit(world, &world.manager, from, to, Value::Null).await;
    let mut total = (0, 0, 0, 0);
    let end = to.min(world.elapsed().max(from));
    for (number, conversations) in by_number {
        let expected = recounted(world, conversations, from, end).await;
        let rows = items(&report["byPhoneNumber"]);
        let row = rows.iter().find(|row| row["phoneNumber"]["id"] == number.id.as_str()).expect("a row");
        assert_eq!(figures(row), expected, "{from}..{to} on {}: {report:#}", number.id);
        let only = audit(world, &world.manager, from, to, json!([number.id])).await;
        assert_eq!(figures(&only), expected, "{from}..{to} only {}: {only:#}", number.id);
        total = (total.0 + expected.0, total.1 + expected.1, total.2 + expected.2, total.3 + expected.3);
    }
    assert_eq!(figures(&report), total, "{from}..{to}: {report:#}");
    assert_eq!(world.second(&report["to"]), end, "{report:#}");
}

on_both! {
    async fn the_audit_equals_the_histories_second_by_second(world: Timed) {
        let mut rng = StdRng::seed_from_u64(seed());
        world.pass(60);
        let team = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let conversations = world.conversations(6).await;
        let mut others = Vec::new();
        for n in 20..23 {
            world.pass(rng.random_range(1..300));
            others.push(world.conversation_on(&world.number2, n).await);
            world.pass(1);
            team[n as usize % 3].claim(&others[n as usize - 20]).await.changed();
        }
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        for round in 0..90 {
            world.pass(if round % 30 == 29 { 1_500 } else { rng.random_range(1..60) });
            work.run_one(&mut rng, &team).await;
        }
        let end = world.elapsed();
        let by_number = [(&world.number, &conversations[..]), (&world.number2, &others[..])];
        assert_audit(world, 0, end, by_number).await;
        assert_audit(world, 0, end + 3_600, by_number).await;
        for _ in 0..6 {
            let from = rng.random_range(0..end);
            assert_audit(world, from, rng.random_range(from + 1..=end), by_number).await;
        }
    }

    async fn the_owner_at_any_time_agrees_with_the_history(world: Timed) {
        let mut rng = StdRng::seed_from_u64(seed());
        world.pass(60);
        let team = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let conversations = world.conversations(3).await;
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        for _ in 0..60 {
            world.pass(rng.random_range(1..30));
            work.run_one(&mut rng, &team).await;
        }
        for conversation in &conversations {
            let history = world.manager.history(conversation).await;
            for _ in 0..25 {
                let second = rng.random_range(0..world.elapsed() + 10);
                // The history is newest first, so the first match is the last event before that second.
                let then = history.iter().find(|event| world.second(&event["at"]) <= second);
                let owner = then.map_or(Value::Null, |event| event["assignee"]["id"].clone());
                let selection = format!("assigneeAt(time: \"{}\") {{ id }}", world.at(second));
                let found = world.manager.conversation_with(conversation, &selection).await;
                assert_eq!(found["assigneeAt"]["id"], owner, "at {second}: {history:#?}");
            }
        }
    }

    async fn only_managers_audit(world: Timed) {
        let variables = json!({ "from": world.at(0), "to": world.at(60) });
        let refused = world.rep.client.query(AUDIT, variables.clone()).await;
        assert_eq!(refused.error_code(), "FORBIDDEN", "{refused}");
        assert_eq!(refused.body["data"]["ownershipAudit"], Value::Null, "{refused}");
        let refused = world.gateway.query(AUDIT, variables).await;
        assert_eq!(refused.error_code(), "FORBIDDEN", "{refused}");
    }

    async fn an_audit_covers_at_most_31_days_forwards(world: Timed) {
        const DAY: i64 = 86_400;
        for (from, to) in [(0, 0), (10, 5), (-31 * DAY, 1)] {
            let variables = json!({ "from": world.at(from), "to": world.at(to) });
            let refused = world.manager.client.query(AUDIT, variables).await;
            assert_eq!(refused.error_code(), "BAD_USER_INPUT", "{from}..{to}: {refused}");
        }
        let report = audit(world, &world.manager, -31 * DAY, 0, Value::Null).await;
        assert_eq!(figures(&report), (0, 0, 0, 0), "{report:#}");
        let ahead = audit(world, &world.manager, 500, 900, Value::Null).await;
        assert_eq!(figures(&ahead), (0, 0, 0, 0), "the future has no figures: {ahead:#}");
    }

    async fn a_manager_audits_the_numbers_that_they_have_access_to(world: Timed) {
        world.pass(60);
        let ours = world.conversation_on(&world.number, 1).await;
        world.pass(1);
        world.conversation_on(&world.number2, 2).await;
        world.pass(1);
        world.revoke(&world.manager, &world.number2).await.changed();
        world.pass(118);
        let report = audit(world, &world.manager, 0, 600, json!([world.number.id, world.number2.id])).await;
        assert_eq!(figures(&report), (120, 120, 0, 1), "{report:#}");
        assert_eq!(items(&report["byPhoneNumber"]).len(), 1, "{report:#}");
        assert_eq!(recounted(world, &[ours], 0, 180).await, (120, 120, 0, 1));
    }
}
