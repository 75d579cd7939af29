//! Attacks: forged tokens, pages of other sites, mutations with other content types, floods on one connection.

mod numbers;
mod outside_tokens;
mod revocation;
mod service_tokens;
mod settings;
mod storage;
mod trail;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use switchboard::token::Caller;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::support::app::{App, SECRET};
use crate::support::client::Client;
use crate::support::documents;
use crate::support::socket::{Item, Socket};
use crate::support::world::World;

/// The default maximum of open subscriptions per WebSocket connection.
const SUBSCRIPTIONS: usize = 20;

/// A valid token with another header, signed by `sign`.
fn with_header(good: &str, header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let claims = good.split('.').nth(1).expect("a token has three parts");
    let signed = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn with_secret(algorithm: hmac::Algorithm) -> impl Fn(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, SECRET.as_bytes());
    move |signed| hmac::sign(&key, signed).as_ref().to_vec()
}

/// Tokens with valid claims, and with headers that try to avoid the verification.
fn forged(good: &str) -> Vec<(String, String)> {
    let unsigned = |_: &[u8]| Vec::new();
    let mut tokens = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "HS256", ""] {
        tokens.push((format!("{alg:?}, unsigned"), with_header(good, &json!({ "alg": alg }), unsigned)));
    }
    // Signed with the right secret, but the header names another algorithm.
    let swapped = ["none", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA", "hs256", "HS256\u{0}"];
    for alg in swapped {
        let header = json!({ "alg": alg, "typ": "JWT" });
        tokens.push((
            format!("{alg:?} over HMAC-SHA-256"),
            with_header(good, &header, with_secret(hmac::HMAC_SHA256)),
        ));
    }
    for (alg, algorithm) in [("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
        tokens.push((
            format!("a genuine {alg}"),
            with_header(good, &json!({ "alg": alg }), with_secret(algorithm)),
        ));
    }
    // The token contains the key that signed it.
    let own = hmac::Key::new(hmac::HMAC_SHA256, b"a secret of the attacker's, 32 bytes long");
    let key = URL_SAFE_NO_PAD.encode("a secret of the attacker's, 32 bytes long");
    let header = json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": key }, "kid": "../../dev/null",
                         "jku": "http://127.0.0.1:1/keys" });
    let sign = |signed: &[u8]| hmac::sign(&own, signed).as_ref().to_vec();
    tokens.push(("its own key".to_owned(), with_header(good, &header, sign)));
    let without = with_header(good, &json!({ "typ": "JWT" }), with_secret(hmac::HMAC_SHA256));
    tokens.push(("no algorithm".to_owned(), without));
    tokens.push(("cut short".to_owned(), good[..good.len() - 2].to_owned()));
    tokens
}

async fn assert_alive(world: &World) {
    let viewer = world.rep.client.data("{ viewer { id } }", json!({})).await;
    assert_eq!(viewer["viewer"]["id"], world.rep.id.as_str());
}

async fn assert_unowned(world: &World, conversation: &str) {
    let found = world.manager.conversation_with(conversation, "assignee { id }").await;
    assert_eq!(found["assignee"], Value::Null, "a mutation with another content type was executed");
}

/// A `claimConversation` that would succeed if it were sent correctly.
fn claim(conversation: &str) -> String {
    format!(
        "mutation {{ claimConversation(input: {{ conversationId: \"{conversation}\" }}) {{ __typename }} }}"
    )
}

/// The status of the response to a handshake from a page of `origin`; 101 if it is accepted.
async fn handshake_from(app: &App, origin: &str) -> u16 {
    let mut request = format!("ws://{}/graphql", app.address()).into_client_request().expect("a request");
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("graphql-transport-ws"));
    request.headers_mut().insert("Origin", HeaderValue::from_str(origin).expect("a header"));
    let tcp = tokio::net::TcpStream::connect(app.address()).await.expect("connects");
    match tokio_tungstenite::client_async(request, tcp).await {
        Ok((_, response)) => response.status().as_u16(),
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("neither accepted nor refused: {other}"),
    }
}

on_both! {
    async fn forged_and_swapped_tokens_are_rejected(world: World) {
        let caller = Caller::agent(world.id, world.manager.agent_id);
        let good = world.app.token(caller);
        // The forgery itself works: with the correct header it produces a valid token.
        let again = with_header(&good, &json!({ "alg": "HS256" }), with_secret(hmac::HMAC_SHA256));
        for token in [&good, &again] {
            let viewer = world.app.client(token.clone()).data("{ viewer { id } }", json!({})).await;
            assert_eq!(viewer["viewer"]["id"], world.manager.id.as_str());
        }
        for (what, token) in forged(&good) {
            let client: Client = world.app.client(token);
            let answer = client.query("{ viewer { id } }", json!({})).await;
            assert_eq!((answer.status, answer.error_code()), (401, "UNAUTHENTICATED"), "{what}: {answer}");
            match Socket::try_open(&client).await {
                Err(closed) => assert_eq!(closed, Item::Closed(Some(4403)), "{what}"),
                Ok(_) => panic!("{what}: the socket was acknowledged"),
            }
        }
        assert_alive(world).await;
    }

    async fn a_mutation_with_another_content_type_is_not_executed(world: World) {
        let conversation = world.conversation(1).await;
        let query = claim(&conversation);
        let token = world.rep.client.authorization().expect("the rep has a token");
        let url = world.app.url("/graphql");
        let json = json!({ "query": query }).to_string();
        let form = reqwest::Url::parse_with_params("http://a/", [("query", &query)]).expect("a URL");
        let form = form.query().expect("a query").to_owned();
        let part = "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n";
        let multipart = format!("{part}{json}\r\n--x--\r\n");
        let graphql = Some("application/graphql");
        for (content_type, body) in [
            (None, &json),
            (Some("text/plain"), &json),
            (Some("text/plain;application/json"), &json),
            (Some("application/jsonp"), &json),
            (Some("application/x-www-form-urlencoded"), &json),
            (Some("application/x-www-form-urlencoded"), &form),
            (Some("multipart/form-data; boundary=x"), &multipart),
            (Some("multipart/mixed; boundary=x"), &multipart),
            (graphql, &query),
        ] {
            let mut request = world.app.http().post(&url).header(AUTHORIZATION, &token).body(body.clone());
            if let Some(content_type) = content_type {
                request = request.header(CONTENT_TYPE, content_type);
            }
            let status = request.send().await.expect("the server answers").status();
            assert_eq!(status, 415, "{content_type:?}");
        }
        let get = world.app.http().get(format!("{url}?{form}")).header(AUTHORIZATION, &token).send().await;
        assert_eq!(get.expect("the server answers").status(), 405);
        assert_unowned(world, &conversation).await;
        // The same document, sent correctly.
        world.rep.client.data(&query, json!({})).await;
        let found = world.manager.conversation_with(&conversation, "assignee { id }").await;
        assert_eq!(found["assignee"]["id"], world.rep.id.as_str());
    }

    async fn a_page_of_another_site_opens_no_socket(world: World) {
        let own = format!("http://{}", world.app.address());
        assert_eq!(handshake_from(&world.app, &own).await, 101);
        for origin in [
            "https://evil.example",
            "null",
            "",
            &format!("{own}.evil.example"),
            "http://127.0.0.1",
            "file://",
        ] {
            assert_eq!(handshake_from(&world.app, origin).await, 403, "{origin:?}");
        }
        assert_alive(world).await;
    }

    async fn a_flood_of_subscriptions_ends_with_its_socket(world: World) {
        let mut socket = Socket::open(&world.rep.client).await;
        let document = documents::view_counts_changed();
        let mut good = Vec::new();
        for _ in 0..SUBSCRIPTIONS {
            let mut subscription = socket.subscribe(&document, json!({}));
            subscription.next().await;
            good.push(subscription);
        }
        let refusal = socket.subscribe(&document, json!({})).refusal().await;
        assert_eq!(refusal[0]["extensions"]["code"], "LIMIT_EXCEEDED", "{refusal}");
        for _ in 0..20_000 {
            drop(socket.subscribe(&document, json!({})));
        }
        // Too many frames. A client that is still writing may lose the connection before it reads the close code.
        assert!(matches!(socket.close_code().await, Some(1008) | None));
        assert_alive(world).await;
        // The subscriptions of the closed connection no longer count.
        let socket = Socket::open(&world.rep.client).await;
        assert!(socket.subscribe(&document, json!({})).next().await.is_object());
    }
}
