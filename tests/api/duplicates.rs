//! The report of duplicate replies equals a recomputation from every thread.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::support::outcome::{instant, items, number, text};
use crate::support::random_work::{Act, RandomWork};
use crate::support::seed;
use crate::support::timed::Timed;

const REPORT: &str = "query($from: DateTime!, $to: DateTime!, $numbers: [ID!]) {
    duplicateReplies(from: $from, to: $to, phoneNumberIds: $numbers) {
      from to count answeredTurns rate asOf buckets { phoneNumber { id } hour count } } }";

const HOUR: i64 = 3_600_000_000;

async fn report(world: &Timed, from: i64, to: i64, numbers: Value) -> Value {
    let variables = json!({ "from": world.at(from), "to": world.at(to), "numbers": numbers });
    world.manager.client.data(REPORT, variables).await["duplicateReplies"].take()
}

/// The figures of a report: answered turns, and duplicates by hour (in microseconds) and number.
#[derive(Debug, Default, PartialEq)]
struct Totals {
    answered: i64,
    duplicates: BTreeMap<(i64, String), i64>,
}

fn figures(report: &Value) -> Totals {
    let buckets = items(&report["buckets"]).iter();
    let duplicates: BTreeMap<_, _> = buckets
        .map(|it| ((instant(&it["hour"]), text(&it["phoneNumber"]["id"]).to_owned()), number(&it["count"])))
        .collect();
    assert_eq!(duplicates.values().sum::<i64>(), number(&report["count"]), "the buckets add up: {report:#}");
    let answered = number(&report["answeredTurns"]);
    match report["rate"].as_f64() {
        Some(rate) => {
            let exact = number(&report["count"]) as f64 / answered as f64;
            assert!((rate - exact).abs() < 1e-12, "{report:#}");
        }
        None => assert_eq!(answered, 0, "{report:#}"),
    }
    Totals { answered, duplicates }
}

/// Splits a thread into turns. Each turn lists its answers as author and second.
fn turns(world: &Timed, messages: &[Value]) -> Vec<Vec<(String, i64)>> {
    let mut turns: Vec<Vec<(String, i64)>> = Vec::new();
    for message in messages {
        let inbound = message["direction"] == "INBOUND";
        match turns.last_mut() {
            Some(answers) if inbound && answers.is_empty() => {}
            _ if inbound => turns.push(Vec::new()),
            Some(answers) => {
                let author = text(&message["author"]["id"]).to_owned();
                answers.push((author, world.second(&message["sentAt"])));
            }
            None => {}
        }
    }
    turns
}

/// Compares every pair of answers, not only consecutive ones.
fn is_duplicate(answers: &[(String, i64)]) -> bool {
    answers.iter().any(|(one, at)| answers.iter().any(|(two, later)| one != two && (later - at).abs() <= 60))
}

async fn recounted(world: &Timed, conversations: &[String], from: i64, to: i64) -> Totals {
    let mut figures = Totals::default();
    for conversation in conversations {
        let messages = world.manager.messages(conversation).await;
        assert!(messages.len() < 100, "the thread fits a page");
        for answers in turns(world, &messages) {
            let Some((_, first)) = answers.first().filter(|(_, at)| (from..to).contains(at)) else {
                continue;
            };
            figures.answered += 1;
            if is_duplicate(&answers) {
                let hour = world.micros(*first).div_euclid(HOUR) * HOUR;
                *figures.duplicates.entry((hour, world.number.id.clone())).or_default() += 1;
            }
        }
    }
    figures
}

on_both! {
    async fn the_report_equals_the_threads(world: Timed) {
        const ACTS: &[Act] = &[
            Act::Text, Act::Reply, Act::Reply, Act::Reply, Act::Assign, Act::Close, Act::Reopen, Act::Read,
        ];
        let mut rng = StdRng::seed_from_u64(seed());
        world.pass(60);
        let team = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        let mut conversations = world.conversations(3).await;
        let work = RandomWork { world, conversations: &conversations, acts: ACTS };
        for round in 0..110 {
            world.pass(if round % 25 == 24 { 3_000 } else { rng.random_range(1..40) });
            work.run_one(&mut rng, &team).await;
        }
        // A thread that an agent started has no turn until the customer writes.
        world.pass(1);
        let begun = world.rep.start(&world.number.id, "+14155550177", "Hello", "begun").await.changed();
        conversations.push(text(&begun.conversation()["id"]).to_owned());
        world.pass(1);
        world.rep2.send(&conversations[3], "Hello again").await.changed();
        world.pass(1);
        let end = world.elapsed();
        let whole = recounted(world, &conversations, 0, end).await;
        assert!(whole.answered > 0, "the random work contains answers");
        assert_eq!(figures(&report(world, 0, end, Value::Null).await), whole);
        for _ in 0..8 {
            let from = rng.random_range(0..end);
            let to = rng.random_range(from + 1..=end);
            let expected = recounted(world, &conversations, from, to).await;
            assert_eq!(figures(&report(world, from, to, Value::Null).await), expected, "{from}..{to}");
        }
    }

    async fn two_agents_within_a_minute_are_counted_by_number_and_hour(world: Timed) {
        world.pass(60);
        let one = world.conversation_on(&world.number, 1).await;
        let two = world.conversation_on(&world.number2, 2).await;
        world.rep.send(&one, "Hello").await.changed();
        world.rep.send(&two, "Hello").await.changed();
        world.pass(60);
        world.rep2.send(&one, "Hello from me too").await.changed();
        world.pass(1);
        world.rep2.send(&two, "Later than a minute").await.changed();
        let found = report(world, 0, 600, Value::Null).await;
        let hour = world.micros(60).div_euclid(HOUR) * HOUR;
        let expected =
            Totals { answered: 2, duplicates: BTreeMap::from([((hour, world.number.id.clone()), 1)]) };
        assert_eq!(figures(&found), expected, "{found:#}");
        assert_eq!(found["rate"], 0.5, "{found:#}");
        let other = report(world, 0, 600, json!([world.number2.id])).await;
        assert_eq!(figures(&other), Totals { answered: 1, ..Totals::default() }, "{other:#}");
        let none = report(world, 0, 60, Value::Null).await;
        assert_eq!(none["rate"], Value::Null, "no turn has been answered yet: {none:#}");
    }

    async fn only_managers_see_duplicate_replies(world: Timed) {
        let variables = json!({ "from": world.at(0), "to": world.at(60) });
        let refused = world.rep.client.query(REPORT, variables).await;
        assert_eq!(refused.error_code(), "FORBIDDEN", "{refused}");
        assert_eq!(refused.body["data"]["duplicateReplies"], Value::Null, "{refused}");
        let backwards = json!({ "from": world.at(60), "to": world.at(0) });
        let refused = world.manager.client.query(REPORT, backwards).await;
        assert_eq!(refused.error_code(), "BAD_USER_INPUT", "{refused}");
    }
}
