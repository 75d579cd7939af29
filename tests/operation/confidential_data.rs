//! Confidential data does not get into logs or traces, at any log level.

use std::net::SocketAddr;

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::support::app::TWILIO_PATH;
use crate::support::collector::Collector;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::fault::process::{Options, Process};
use crate::support::outcome::text;
use crate::support::socket::Socket;
use crate::support::world::{World, customer};
use crate::support::{agent::unique_key, app::App, documents};

const BODY: &str = "canary-body-5e1f";
const NAME: &str = "Canary Name 77aa";
const PASSWORD: &str = "canary-password-19c4";
const FORGED: &str = "canary.token.b7d2";
/// A phone number without its country code, so that it is found in every format.
const DIGITS: &str = "6505550142";

/// The client's trace, and its span in it.
const TRACE: [u8; 16] =
    [0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36];
const PARENT: [u8; 8] = [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7];
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The URL of the database with a password. PostgreSQL ignores it, because the tests use trust authentication.
fn with_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.scheme() == "postgres" => {
            parsed.set_password(Some(PASSWORD)).expect("takes a password");
            parsed.into()
        }
        _ => url.to_owned(),
    }
}

/// Sends all kinds of operations with confidential data. Some of them fail, and one claim is traced.
///
/// Returns a token that the server has signed.
async fn send_confidential_data(world: &World, address: SocketAddr) -> String {
    let (service, rep, manager) =
        (world.service.at(address), world.rep.at(address), world.manager.at(address));
    let number = format!("+1{DIGITS}");
    let socket = Socket::open(&rep.client).await;
    // A live list does not support a search, so this subscription fails.
    socket.subscribe(&documents::queue_changes(), json!({ "filter": { "search": BODY } })).item().await;
    let mut queue = socket.subscribe(&documents::queue_changes(), Value::Null);
    // The first item shows that the subscription has begun before anything happens.
    queue.item().await;

    let input =
        json!({ "providerMessageId": "SMcanary", "from": number, "to": world.number.number, "body": BODY });
    let received = service.mutate("receiveMessage", input, &documents::messaging()).await.changed();
    let id = text(&received.conversation()["id"]).to_owned();
    queue.next_change().await;

    let claim = "mutation Claim($id: ID!) { claimConversation(input: { conversationId: $id }) { changed } }";
    let claimed = world
        .app
        .http()
        .post(format!("http://{address}/graphql"))
        .header("authorization", rep.client.authorization().expect("signed in"))
        .header("traceparent", TRACEPARENT)
        .json(&json!({ "query": claim, "variables": { "id": id } }))
        .send();
    let claimed: Value = claimed.await.expect("answers").json().await.expect("JSON");
    assert_eq!(claimed["data"]["claimConversation"]["changed"], true, "{claimed}");

    let input = json!({ "name": NAME, "email": format!("{BODY}@example.com"), "title": NAME });
    let created = manager
        .client
        .mutate("createAgent", input, "changed agent { id } userErrors { code }")
        .await
        .changed();
    let input = json!({ "agentId": created.value["agent"]["id"] });
    let issued = manager.client.mutate("issueAgentToken", input, "token userErrors { code }").await;
    let token = text(&issued.value["token"]).to_owned();

    rep.send(&id, BODY).await.changed();
    rep.start(&world.number.id, &format!("+1{}", DIGITS.replace("0142", "0143")), BODY, &unique_key()).await;
    rep.page(json!({ "filter": { "search": format!("{BODY} {NAME}") } })).await;
    rep.page(json!({ "filter": { "search": DIGITS } })).await;
    rep.messages(&id).await;
    rep.history(&id).await;
    rep.close(&id).await.changed();
    let inline = format!(
        "mutation {{ sendMessage(input: {{ body: \"{BODY}\", conversationId: \"{BODY}\", idempotencyKey: \"{DIGITS}\" }}) {{ changed userErrors {{ message }} }} }}"
    );
    rep.client.query(&inline, Value::Null).await;

    // Failures in the parser, the guard, the validation, a variable, a rule, and the sign-in.
    rep.client.query(&format!("{{ \"{BODY}"), Value::Null).await;
    rep.client.query(&format!("{{ node(id: \"{BODY}\") {{ nothing{DIGITS} }} }}"), Value::Null).await;
    rep.client.query(claim, json!({ "id": { "body": BODY, "number": number } })).await;
    rep.client.query(claim, json!({ "id": BODY })).await;
    rep.client.query(claim, json!({ "number": number })).await;
    let input =
        json!({ "providerMessageId": BODY, "from": BODY, "to": number, "body": format!("{BODY}\u{0}") });
    service.try_mutate("receiveMessage", input, &documents::messaging()).await;
    rep.send(&id, &BODY.repeat(200)).await;
    let input = json!({ "phoneNumberId": BODY, "to": format!("{number}{number}"), "body": BODY, "idempotencyKey": "1" });
    rep.client.try_mutate("startConversation", input, &documents::messaging()).await;
    socket
        .subscribe(
            &format!("subscription {{ conversationChanged(id: \"{BODY}\") {{ __typename }} }}"),
            Value::Null,
        )
        .item()
        .await;
    socket.subscribe(&format!("{{ \"{DIGITS}"), Value::Null).item().await;
    socket.subscribe(claim, json!({ "id": BODY })).item().await;
    let forged = world.app.client(FORGED.to_owned()).at(address);
    forged.query("{ viewer { id } }", Value::Null).await.assert_error(&["UNAUTHENTICATED"]);
    let refused = Socket::try_open(&forged).await.err();
    assert!(refused.is_some(), "a forged token is accepted");
    for form in [format!("From=%2B1{DIGITS}&Body={BODY}&To=x"), format!("{BODY}={DIGITS}")] {
        let url = format!("http://{address}{TWILIO_PATH}?{BODY}");
        let sent = world.app.http().post(url).header("content-type", "application/x-www-form-urlencoded");
        let answer = sent.header("x-twilio-signature", FORGED).body(form).send().await.expect("answers");
        assert_eq!(answer.status(), 403);
    }
    token
}

async fn rule(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let world = World::prepare(App::start(&store.url).await).await;
    // The log also has what the server does without a request.
    world.text(&customer(1), BODY).await;
    let collector = Collector::start().await;
    let options = Options::default().environment("RUST_LOG", "trace").set("LOG_FORMAT", "json");
    let options = options.set("OTLP_ENDPOINT", collector.endpoint());
    let mut process = Process::start_with(&with_password(&store.url), options).await;
    let issued = send_confidential_data(&world, process.address()).await;
    process.terminate().await;
    let status = process.ended().await;
    let log = process.log();
    assert_eq!(status.code(), Some(0), "{log}");

    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line:?} in {log}")))
        .collect();
    let claim = lines.iter().find(|line| line["fields"]["operation"] == "Claim");
    let claim = claim.unwrap_or_else(|| panic!("the claim is not in the log: {log}"));
    assert_eq!(claim["fields"]["outcome"], "OK", "{claim}");
    assert_eq!(claim["fields"]["agent_id"], world.rep.agent_id.0.to_string(), "{claim}");
    assert_eq!(claim["fields"]["workspace_id"], world.id.0.to_string(), "{claim}");
    assert!(claim["fields"]["duration_ms"].is_number(), "{claim}");

    let token = world.rep.client.authorization().expect("signed in").replace("Bearer ", "");
    let sent: Vec<u8> = collector.batches().concat();
    for canary in [BODY, NAME, PASSWORD, FORGED, DIGITS, &token, &issued, crate::support::app::SECRET] {
        if let Some(line) = log.lines().find(|line| line.contains(canary)) {
            panic!("{canary} is in the log: {line}");
        }
        let is_sent = sent.windows(canary.len()).any(|part| part == canary.as_bytes());
        assert!(!is_sent, "{canary} is in a trace");
    }
    assert_span_parents(&collector.spans());
    world.app.stop().await;
}

/// Each span must be the parent of the next: the client's span, the operation, its execution, the use case, and the
/// transaction.
fn assert_span_parents(spans: &[Span]) {
    let of_client: Vec<&Span> = spans.iter().filter(|span| span.trace_id == TRACE).collect();
    let mut parent = PARENT.to_vec();
    for name in ["operation", "graphql", "claim", "transaction"] {
        let is_next = |span: &&&Span| span.name == name && span.parent_span_id == parent;
        let next = of_client.iter().find(is_next);
        let next = next.unwrap_or_else(|| {
            let seen: Vec<_> =
                of_client.iter().map(|span| (&span.name, &span.span_id, &span.parent_span_id)).collect();
            panic!("no {name} below {parent:?}: {seen:?}")
        });
        parent = next.span_id.clone();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_confidential_is_logged_or_traced_on_sqlite() {
    rule(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_confidential_is_logged_or_traced_on_postgres() {
    rule(Database::Postgres).await;
}
