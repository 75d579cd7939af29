//! `/metrics`: the counters follow the requests, and clients cannot create any number of labels.

use std::collections::HashSet;

use serde_json::{Value, json};
use switchboard::metrics::OPERATION_NAMES;

use super::exposition::{Exposition, until};
use crate::support::app::{App, TWILIO_PATH};
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::world::{World, customer};

/// The dashboard, whose metrics must exist.
const DASHBOARD: &str = include_str!("../../deploy/grafana.json");

/// How many operations with different names clients send to fill the labels.
const NAMES: usize = 1_000;

fn operations(name: &str, kind: &str, transport: &str, outcome: &str) -> String {
    format!(
        "operations_total{{operation=\"{name}\",kind=\"{kind}\",transport=\"{transport}\",outcome=\"{outcome}\"}}"
    )
}

on_both! {
    async fn the_counters_follow_the_requests(world: World) {
        let metrics = world.app.metrics_address();
        let before = Exposition::of(metrics).await;
        for _ in 0..3 {
            world.rep.client.data("query Counted { viewer { id } }", Value::Null).await;
        }
        world.rep.client.query("query Counted { viewer {", Value::Null).await;
        world.app.stranger().query("query Counted { viewer { id } }", Value::Null).await
            .assert_error(&["UNAUTHENTICATED"]);
        let forged = world.app.http().post(world.app.url(TWILIO_PATH)).body("From=x").send().await;
        assert_eq!(forged.expect("answers").status(), 403);

        let (socket, mut queue) = world.rep.queue("INBOX", json!({}), None).await;
        until(metrics, "a subscription is open", |now| {
            now.get("sockets") == 1.0 && now.get("subscriptions{field=\"queueChanges\"}") == 1.0
        }).await;
        world.text(&customer(1), "Hello").await;
        queue.next_change().await;
        let query = "query OverSocket { viewer { id } }";
        socket.subscribe(query, Value::Null).next().await;
        let now = until(metrics, "everything is counted", |now| {
            now.get(&operations("OverSocket", "query", "websocket", "OK")) == 1.0 && now.get("log_head") >= 1.0
        }).await;

        assert_eq!(now.get(&operations("Counted", "query", "http", "OK")), 3.0);
        assert_eq!(now.get(&operations("Counted", "query", "http", "UNAUTHENTICATED")), 1.0);
        assert_eq!(now.get(&operations("", "unknown", "http", "GRAPHQL_PARSE_FAILED")), 1.0);
        let queries = "operation_duration_seconds_count{kind=\"query\",transport=\"http\"}";
        assert_eq!(now.get(queries) - before.get(queries), 4.0);
        assert_eq!(now.get("webhook_texts_total{outcome=\"unsigned\"}"), 1.0);
        assert!(now.get("deliveries_total{field=\"queueChanges\"}") >= 1.0, "{now:?}");
        assert!(now.get("delivery_lag_seconds_count") >= 1.0, "{now:?}");
        assert!(now.get("events_read_total") >= 1.0, "{now:?}");
        assert!(now.get("wake_ups_total{source=\"commit\"}") >= 1.0, "{now:?}");
        assert!(now.get("statements_total") > before.get("statements_total"));
        assert!(now.get("pool_max") >= now.get("pool_connections{state=\"open\"}"), "{now:?}");
        assert!(now.get("pool_connections{state=\"open\"}") >= 1.0, "{now:?}");
        assert_dashboard_is_exposed(&now);

        drop(socket);
        until(metrics, "the socket and the subscription are closed", |now| {
            now.get("sockets") == 0.0 && now.get("subscriptions{field=\"queueChanges\"}") == 0.0
        }).await;
    }
}

/// Every metric of the dashboard exists.
fn assert_dashboard_is_exposed(now: &Exposition) {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let queries: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().expect("a query"))
        .collect();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names: HashSet<&str> = queries
        .iter()
        .flat_map(|query| query.split(|letter| !is_name(letter)))
        .filter(|word| word.starts_with("switchboard_"))
        .collect();
    assert!(names.len() >= 15, "{names:?}");
    let missing: Vec<&&str> = names.iter().filter(|name| !now.has(name)).collect();
    assert!(missing.is_empty(), "not exposed: {missing:?}");
}

/// Operations without a sign-in get no label. A signed-in client cannot create more labels than the limit. A used name
/// replaces an invented one.
#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_operations_are_bounded() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = World::prepare(App::start(&store.url).await).await;
    for n in 0..NAMES {
        let anonymous = format!("query Stranger{n} {{ __typename }}");
        world.app.stranger().data(&anonymous, Value::Null).await;
    }
    for n in 0..NAMES {
        let named = format!("query Agent{n} {{ viewer {{ __typename }} }}");
        world.rep.client.data(&named, Value::Null).await;
    }
    let now = Exposition::of(world.app.metrics_address()).await;
    let names: HashSet<&str> = now.label("operation").collect();
    assert!(!names.iter().any(|name| name.starts_with("Stranger")), "{names:?}");
    assert!(names.contains("Agent0") && !names.contains(format!("Agent{}", NAMES - 1).as_str()), "{names:?}");
    assert!(names.len() <= OPERATION_NAMES + 2, "{}", names.len());
    let others = now.get(&operations("other", "query", "http", "OK"));
    assert!(others >= (2 * NAMES - OPERATION_NAMES) as f64, "{others}");

    for _ in 0..3 {
        world.rep.client.data("query Real { viewer { __typename } }", Value::Null).await;
    }
    let now = Exposition::of(world.app.metrics_address()).await;
    // The first of the three was counted as `other`.
    assert_eq!(now.get(&operations("Real", "query", "http", "OK")), 2.0);
    let names: HashSet<&str> = now.label("operation").collect();
    assert!(names.len() <= OPERATION_NAMES + 2, "{}", names.len());
    world.app.stop().await;
}
