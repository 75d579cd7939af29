//! Subscriptions over HTTP: server-sent events and multipart responses.

use std::sync::atomic::Ordering;
use std::time::Duration;

use graphql_transport::settings::TransportSettings;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};

use super::support::{Server, eventually};

const EVENTS: &str = "text/event-stream";
const MULTIPART: &str = "multipart/mixed;boundary=\"graphql\";subscriptionSpec=\"1.0\",application/json";

async fn post(server: &Server, token: Option<&str>, accept: &str, query: &str) -> Response {
    let request = Client::new().post(server.url()).header(header::ACCEPT, accept);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.json(&json!({ "query": query })).send().await.unwrap()
}

/// Reads until the text so far contains `end`, or the stream ends.
async fn read_until(response: &mut Response, end: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.contains(end) {
            let Ok(Some(chunk)) = response.chunk().await else { break };
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the stream says nothing");
    text
}

/// The names and the data of events, without comments.
fn events(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.starts_with("event: "));
    blocks
        .map(|block| {
            let (name, data) = block.split_once('\n').unwrap();
            let data = data.strip_prefix("data:").unwrap().trim();
            let data = if data.is_empty() { Value::Null } else { serde_json::from_str(data).unwrap() };
            (name["event: ".len()..].to_owned(), data)
        })
        .collect()
}

/// The parts of a multipart response.
fn parts(text: &str) -> Vec<Value> {
    let parts = text.split("\r\n--graphql").filter_map(|part| part.split_once("\r\n\r\n"));
    parts.map(|(_, json)| serde_json::from_str(json).unwrap()).collect()
}

fn next(data: Value) -> (String, Value) {
    ("next".to_owned(), json!({ "data": data }))
}

fn complete() -> (String, Value) {
    ("complete".to_owned(), Value::Null)
}

#[tokio::test]
async fn a_subscription_is_a_stream_of_events() {
    let server = Server::start().await;
    let response = post(&server, Some("alice"), EVENTS, "subscription { count(to: 3) }").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with(EVENTS));
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let expected: Vec<_> = (1..=3).map(|n| next(json!({ "count": n }))).chain([complete()]).collect();
    assert_eq!(events(&response.text().await.unwrap()), expected);
}

#[tokio::test]
async fn a_subscription_is_a_multipart_response() {
    let server = Server::start().await;
    let response = post(&server, Some("alice"), MULTIPART, "subscription { count(to: 2) }").await;
    assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().contains("boundary=\"graphql\""));
    let text = response.text().await.unwrap();
    assert_eq!(
        parts(&text),
        [json!({ "payload": { "data": { "count": 1 } } }), json!({ "payload": { "data": { "count": 2 } } })]
    );
    assert!(text.ends_with("\r\n--graphql--\r\n"), "{text}");
}

#[tokio::test]
async fn a_subscription_can_be_started_by_get() {
    let server = Server::start().await;
    let url = format!("{}?query=subscription%7Bcount(to:1)%7D", server.url());
    let response =
        Client::new().get(url).bearer_auth("alice").header(header::ACCEPT, EVENTS).send().await.unwrap();
    assert_eq!(events(&response.text().await.unwrap()), [next(json!({ "count": 1 })), complete()]);
}

#[tokio::test]
async fn items_are_flushed_one_by_one_and_a_disconnect_ends_the_subscription() {
    let server = Server::start().await;
    let mut response = post(&server, Some("alice"), EVENTS, "subscription { tick }").await;
    for n in 1..=3 {
        server.world.tick.notify_one();
        let text = read_until(&mut response, "\n\n").await;
        assert_eq!(events(&text), [next(json!({ "tick": n }))]);
    }
    drop(response);
    eventually(|| server.endpoint.open_sockets() == 0).await;

    let response = post(&server, Some("alice"), EVENTS, "subscription { forever }").await;
    eventually(|| server.world.forever.load(Ordering::SeqCst) == 1).await;
    assert_eq!(server.endpoint.open_sockets(), 1);
    drop(response);
    eventually(|| server.world.forever.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn queries_and_mutations_are_answered_in_the_format_that_is_accepted() {
    let server = Server::start().await;
    let response = post(&server, Some("alice"), EVENTS, "{ caller }").await;
    assert_eq!(events(&response.text().await.unwrap()), [next(json!({ "caller": "alice" })), complete()]);
    let response = post(&server, Some("alice"), EVENTS, "mutation { write }").await;
    assert_eq!(events(&response.text().await.unwrap()), [next(json!({ "write": 1 })), complete()]);
    // JSON, if the client accepts JSON.
    let response = post(&server, Some("alice"), MULTIPART, "{ caller }").await;
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "data": { "caller": "alice" } }));
}

#[tokio::test]
async fn errors_of_a_document_are_events_and_a_refused_caller_is_not() {
    let server = Server::start().await;
    for document in ["subscription { noSuchField }", "subscription {", "{ noSuchField }"] {
        let response = post(&server, Some("alice"), EVENTS, document).await;
        assert_eq!(response.status(), StatusCode::OK, "{document}");
        let events = events(&response.text().await.unwrap());
        assert_eq!(events.len(), 2, "{document}: {events:?}");
        assert!(events[0].1["errors"][0]["message"].is_string() && events[0].1.get("data").is_none());
        assert_eq!(events[1], complete());
    }
    let response = post(&server, None, EVENTS, "subscription { count(to: 1) }").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let failed = post(&server, Some("alice"), EVENTS, "subscription { refuse }").await;
    let events = events(&failed.text().await.unwrap());
    assert_eq!(events[0].1["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(events.last(), Some(&complete()));
}

#[tokio::test]
async fn a_stream_ends_without_completing_when_its_token_expires_or_is_revoked() {
    let server = Server::start().await;
    let brief = post(&server, Some("brief"), EVENTS, "subscription { forever }").await;
    assert!(!brief.text().await.unwrap().contains("complete"));
    let revocable = post(&server, Some("revocable"), MULTIPART, "subscription { forever }").await;
    server.world.revoke.cancel();
    let text = revocable.text().await.unwrap();
    let last = parts(&text).pop().unwrap();
    assert_eq!(last["payload"], Value::Null);
    assert_eq!(last["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    eventually(|| server.endpoint.open_sockets() == 0).await;
}

#[tokio::test]
async fn a_stream_is_kept_alive_and_outlasts_the_request_timeout() {
    let settings = TransportSettings {
        ping_interval: Duration::from_millis(50),
        request_timeout: Duration::from_millis(200),
        ..TransportSettings::default()
    };
    let server = Server::with(settings).await;
    let mut response = post(&server, Some("alice"), EVENTS, "subscription { tick }").await;
    let mut text = String::new();
    while text.matches(":\n\n").count() < 8 {
        text.push_str(&read_until(&mut response, ":\n\n").await);
    }
    server.world.tick.notify_one();
    let text = read_until(&mut response, "event: next").await;
    assert!(text.contains("event: next"), "{text}");
}

#[tokio::test]
async fn streams_count_as_sockets_of_their_agent() {
    let settings = TransportSettings { sockets_per_agent: 2, ..TransportSettings::default() };
    let server = Server::with(settings).await;
    let first = post(&server, Some("alice"), EVENTS, "subscription { forever }").await;
    let second = post(&server, Some("alice"), MULTIPART, "subscription { forever }").await;
    let third = post(&server, Some("alice"), EVENTS, "subscription { forever }").await;
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(first);
    eventually(|| server.endpoint.open_sockets() == 1).await;
    let fourth = post(&server, Some("alice"), EVENTS, "subscription { count(to: 1) }").await;
    assert_eq!(fourth.status(), StatusCode::OK);
    drop(second);
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams() {
    let server = Server::start().await;
    let mut response = post(&server, Some("alice"), EVENTS, "subscription { tick }").await;
    server.world.tick.notify_one();
    read_until(&mut response, "event: next").await;
    server.shutdown.cancel();
    let rest = read_until(&mut response, "never").await;
    assert!(!rest.contains("complete"), "{rest}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let settings =
        TransportSettings { write_deadline: Duration::from_millis(200), ..TransportSettings::default() };
    let server = Server::with(settings).await;
    let response = post(&server, Some("alice"), EVENTS, "subscription { flood(bytes: 1000000) }").await;
    eventually(|| server.endpoint.open_sockets() == 0).await;
    drop(response);
}
