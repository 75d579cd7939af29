//! Background workers that panic run again, and their work goes on.
//!
//! Failpoints make them panic. Only debug builds have them.
#![cfg(debug_assertions)]

use serde_json::{Value, json};

use crate::operation::exposition::{Exposition, until};
use crate::support::database::{Database, TestDatabase};
use crate::support::documents::VIEWERS;
use crate::support::eventually;
use crate::support::fault::process::{Options, Process, assert_sound};
use crate::support::fault::workspace;
use crate::support::outcome::items;
use crate::support::socket::Socket;

/// The workers of every process.
const WORKERS: [&str; 4] = ["log_poll", "presence_reader", "lease_sweeper", "log_retention"];

fn restarts(metrics: &Exposition, worker: &str) -> f64 {
    metrics.get(&format!("worker_restarts_total{{worker=\"{worker}\"}}"))
}

async fn readiness(process: &Process) -> (u16, Value) {
    let answer = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = answer.get(process.url("/readyz")).send().await.expect("answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Every worker panics once, in a process without wake-ups. After that, the process delivers the events and presences
/// that another process writes, which only its workers can find.
#[tokio::test(flavor = "multi_thread")]
async fn workers_that_panic_run_again_and_their_work_goes_on() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = workspace(&store.url).await;
    let plan: Vec<String> = WORKERS.iter().map(|worker| format!("{worker}=panic")).collect();
    let options = Options::default().failpoints(&format!("{},log_tail=panic@2", plan.join(",")));
    let reader = Process::start_with(&store.url, options.set("WAKEUPS", "none")).await;
    let writer = Process::start(&store.url).await;
    let (here, there) = (world.at(reader.address()), world.at(writer.address()));

    let metrics = until(reader.metrics_address(), "every worker runs again", |now| {
        WORKERS.iter().all(|worker| restarts(now, worker) == 1.0)
    });
    let ages = metrics.await;
    assert!(WORKERS.iter().all(|worker| {
        ages.get(&format!("worker_last_success_age_seconds{{worker=\"{worker}\"}}")) >= 0.0
    }));
    let body = eventually("every worker succeeds", async || {
        let (status, body) = readiness(&reader).await;
        assert_eq!((status, &body["ready"]), (200, &json!(true)), "{body}");
        items(&body["workers"]).iter().all(|it| it["secondsSinceSuccess"].is_f64()).then_some(body)
    })
    .await;
    for worker in items(&body["workers"]) {
        assert_eq!((&worker["ok"], &worker["restarts"]), (&json!(true), &json!(1)), "{worker}");
    }

    // The reader of the log panics after the first event and reads on.
    let (_socket, mut queue) = here.rep.queue("INBOX", json!({}), None).await;
    assert_eq!(queue.next().await["__typename"], "QueueCheckpoint", "the subscription has begun");
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(there.conversation(n).await);
        let change = queue.next_change().await;
        assert_eq!(change["conversation"]["id"], ids[ids.len() - 1].as_str(), "{change}");
    }
    let log = reader.log();
    assert!(log.contains("log_tail"), "the tail has panicked: {log}");
    let socket = Socket::open(&here.rep.client).await;
    let document = format!("subscription($id: ID!) {{ conversationPresence(id: $id) {{ {VIEWERS} }} }}");
    let mut presence = socket.subscribe(&document, json!({ "id": ids[0] }));
    there.rep2.is_at(&ids[0], json!("VIEWING")).await.changed();
    presence.find(|presence| items(&presence["viewers"]).len() == 1).await;
    drop((reader, writer));
    assert_sound(&store.url).await;
}

/// On SQLite, one process has the file to itself.
#[tokio::test(flavor = "multi_thread")]
async fn workers_that_panic_run_again_on_sqlite() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = workspace(&store.url).await;
    let plan: Vec<String> = WORKERS.iter().map(|worker| format!("{worker}=panic")).collect();
    let process = Process::start_with(&store.url, Options::default().failpoints(&plan.join(","))).await;
    let here = world.at(process.address());
    until(process.metrics_address(), "every worker runs again", |now| {
        WORKERS.iter().all(|worker| restarts(now, worker) == 1.0)
    })
    .await;
    let (_socket, mut queue) = here.rep.queue("INBOX", json!({}), None).await;
    assert_eq!(queue.next().await["__typename"], "QueueCheckpoint", "the subscription has begun");
    let id = here.conversation(1).await;
    assert_eq!(queue.next_change().await["conversation"]["id"], id.as_str());
    assert_eq!(readiness(&process).await.0, 200);
    drop(process);
    assert_sound(&store.url).await;
}
