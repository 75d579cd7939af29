//! Documents that would overflow the stack behind the guard are refused, over HTTP and WebSocket, signed in or not.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::support::app::TWILIO_PATH;
use crate::support::client::Client;
use crate::support::socket::{Item, Socket};
use crate::support::world::World;

/// The maximum size of a WebSocket message.
const MESSAGE_BYTES: usize = 64 * 1024;

/// Literals nested 3,200 levels deep, in every place where a literal is allowed.
fn deep_literals() -> Vec<(&'static str, String)> {
    let list = format!("{}1{}", "[".repeat(3_200), "]".repeat(3_200));
    let object = format!("{}1{}", "{a:".repeat(3_200), "}".repeat(3_200));
    let mut documents = Vec::new();
    for literal in [&list, &object] {
        documents.push(("an argument", format!("{{ node(id: {literal}) {{ id }} }}")));
        documents.push(("a default", format!("query($x: [ID!] = {literal}) {{ nodes(ids: $x) {{ id }} }}")));
        documents.push(("a directive", format!("{{ viewer @include(if: {literal}) {{ id }} }}")));
        documents.push(("an unclosed literal", format!("{{ node(id: {}", &literal[..3_200])));
    }
    documents
}

/// Each fragment spreads the next one twice, so thirty fragments expand to a thousand million fields.
fn doubling_fragments() -> String {
    let mut document = "{ viewer { ...F0 } }".to_owned();
    for n in 0..30 {
        document += &format!(" fragment F{n} on Agent {{ ...F{0} ...F{0} }}", n + 1);
    }
    document + " fragment F30 on Agent { id }"
}

fn attacks() -> Vec<(&'static str, String)> {
    let aliases: String = (0..10_000).map(|n| format!("a{n}: viewer {{ id }} ")).collect();
    let mut documents = deep_literals();
    documents.extend([
        ("doubling fragments", doubling_fragments()),
        (
            "a cycle of fragments",
            "{ viewer { ...A } } fragment A on Agent { ...B } fragment B on Agent { ...A }".into(),
        ),
        ("10,000 aliases", format!("{{ {aliases} }}")),
        ("50,000 directives", format!("{{ viewer {} {{ id }} }}", "@a".repeat(50_000))),
        ("3 MB of comment", format!("#{}\n{{ viewer {{ id }} }}", "x".repeat(3_000_000))),
        ("3,200 nested selections", format!("{}id{}", "{ viewer ".repeat(3_200), "}".repeat(3_200))),
        (
            "a nested type",
            format!("query($x: {}Int{}) {{ viewer {{ id }} }}", "[".repeat(3_200), "]".repeat(3_200)),
        ),
    ]);
    documents
}

async fn assert_alive(world: &World) {
    let viewer = world.rep.client.data("{ viewer { id } }", json!({})).await;
    assert_eq!(viewer["viewer"]["id"], world.rep.id.as_str());
}

async fn assert_refused_over_http(client: &Client, what: &str, document: &str) {
    let answer = client.query(document, json!({})).await;
    answer.assert_error(&["LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"]);
    assert!(answer.body["data"].is_null(), "{what}: {answer}");
}

on_both! {
    async fn documents_that_kill_the_stack_are_refused_over_http(world: World) {
        let stranger = world.app.stranger();
        for (what, document) in attacks() {
            for client in [&world.rep.client, &stranger] {
                assert_refused_over_http(client, what, &document).await;
            }
        }
        assert_alive(world).await;
    }

    async fn documents_that_kill_the_stack_are_refused_over_a_socket(world: World) {
        for (what, document) in attacks() {
            let mut socket = Socket::open(&world.rep.client).await;
            let mut operation = socket.subscribe(&document, json!({}));
            if document.len() < MESSAGE_BYTES {
                let errors: Value = operation.refusal().await;
                assert!(errors[0]["extensions"]["code"].is_string(), "{what}: {errors}");
                // The connection still works.
                let answer = socket.subscribe("{ viewer { id } }", json!({})).item().await;
                assert!(matches!(answer, Item::Next(_)), "{what}: {answer:?}");
            } else {
                assert_eq!(socket.close_code().await, Some(1009), "{what}");
            }
        }
        assert_alive(world).await;
    }

    async fn a_body_of_50_megabytes_is_refused_however_it_is_sent(world: World) {
        let bytes = Bytes::from(vec![b' '; 50 * 1024 * 1024]);
        for path in ["/graphql", TWILIO_PATH] {
            // Once with its length announced, once in chunks.
            let chunks = Full::new(bytes.clone()).map_frame(|frame| frame);
            for body in [reqwest::Body::from(bytes.clone()), reqwest::Body::wrap(chunks)] {
                let request = world.app.http().post(world.app.url(path)).header("content-type", "application/json");
                // The server may close the connection while the body is being sent.
                if let Ok(answer) = request.body(body).send().await {
                    assert_eq!(answer.status(), 413, "{path}");
                }
            }
        }
        assert_alive(world).await;
    }

    async fn a_form_longer_than_any_text_is_refused_before_it_is_read(world: World) {
        for (length, status) in [(64 * 1024, 403), (64 * 1024 + 1, 413)] {
            let request = world.app.http().post(world.app.url(TWILIO_PATH)).body("a".repeat(length));
            assert_eq!(request.send().await.expect("the server answers").status(), status, "{length}");
        }
    }
}
