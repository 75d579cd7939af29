//! Persisted documents: automatic ones by their hash, and trusted ones by an ID.

use graphql_transport::persisted::TrustedDocuments;
use graphql_transport::settings::TransportSettings;
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};

use super::{socket::Socket, support::Server};

const CALLER: &str = "{ caller }";
/// The SHA-256 of [`CALLER`].
const HASH: &str = "7f718938472c5fff9b324fc070f9743ce9ef8dcedb4b1dfbc9b34c323b86258c";

fn persisted(hash: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

async fn send(server: &Server, token: Option<&str>, body: Value) -> (StatusCode, Value) {
    let request = Client::new().post(server.url()).header(header::ACCEPT, "application/json").json(&body);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

async fn get(server: &Server, parameters: &[(&str, String)]) -> (StatusCode, Value) {
    let url = url::Url::parse_with_params(&server.url(), parameters).unwrap();
    let response = Client::new().get(url).bearer_auth("alice").send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code in {body}"))
}

fn alice() -> Value {
    json!({ "data": { "caller": "alice" } })
}

#[tokio::test]
async fn a_hash_is_known_after_a_signed_in_caller_has_sent_its_text() {
    let server = Server::start().await;
    let hash_only = json!({ "extensions": persisted(HASH) });
    let both = json!({ "query": CALLER, "extensions": persisted(HASH) });

    let (status, body) = send(&server, Some("alice"), hash_only.clone()).await;
    assert_eq!((status, code(&body)), (StatusCode::OK, "PERSISTED_QUERY_NOT_FOUND"));
    assert_eq!(body["errors"][0]["message"], "PersistedQueryNotFound");
    let (status, _) = send(&server, None, both.clone()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (_, body) = send(&server, Some("alice"), hash_only.clone()).await;
    assert_eq!(code(&body), "PERSISTED_QUERY_NOT_FOUND", "a stranger registers nothing");

    assert_eq!(send(&server, Some("alice"), both).await.1, alice());
    assert_eq!(send(&server, Some("alice"), hash_only).await.1, alice());
    let by_url = [("extensions", persisted(HASH).to_string())];
    assert_eq!(get(&server, &by_url).await, (StatusCode::OK, alice()));
    let mut socket = Socket::ready(&server).await;
    let payload = json!({ "extensions": persisted(HASH) });
    socket.send(json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
    assert_eq!(socket.next().await["payload"], alice());
}

#[tokio::test]
async fn a_hash_that_is_not_the_texts_is_refused() {
    let server = Server::start().await;
    let (_, body) = send(
        &server,
        Some("alice"),
        json!({ "query": "{ nested { caller } }", "extensions": persisted(HASH) }),
    )
    .await;
    assert_eq!(code(&body), "BAD_USER_INPUT");
    let (_, body) = send(&server, Some("alice"), json!({ "extensions": persisted(HASH) })).await;
    assert_eq!(code(&body), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn a_document_that_the_guard_refuses_is_not_persisted() {
    let server = Server::start().await;
    let text = "{";
    let hash = "021fb596db81e6d02bf3d2586ee3981fe519f275c0ac9ca76bbcf2ebb4097d96";
    let (_, body) =
        send(&server, Some("alice"), json!({ "query": text, "extensions": persisted(hash) })).await;
    assert_eq!(code(&body), "GRAPHQL_PARSE_FAILED");
    let (_, body) = send(&server, Some("alice"), json!({ "extensions": persisted(hash) })).await;
    assert_eq!(code(&body), "PERSISTED_QUERY_NOT_FOUND");
}

async fn trusting(only: bool) -> Server {
    let mut trusted_documents = TrustedDocuments::default();
    trusted_documents.only = only;
    trusted_documents.add_manifest(&json!({ "caller-1": CALLER }).to_string()).unwrap();
    Server::with(TransportSettings { trusted_documents, ..TransportSettings::default() }).await
}

#[tokio::test]
async fn a_trusted_document_is_known_by_its_id_its_hash_and_its_text() {
    let server = trusting(true).await;
    for body in [
        json!({ "documentId": "caller-1" }),
        json!({ "documentId": HASH }),
        json!({ "extensions": persisted(HASH) }),
        json!({ "query": CALLER }),
    ] {
        assert_eq!(send(&server, Some("alice"), body).await.1, alice());
    }
    assert_eq!(get(&server, &[("documentId", "caller-1".to_owned())]).await.1, alice());
    let (_, body) = send(&server, Some("alice"), json!({ "documentId": "caller-2" })).await;
    assert_eq!(code(&body), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn other_documents_are_executed_unless_only_trusted_ones_are() {
    let other = json!({ "query": "{ c: caller }" });
    let (_, body) = send(&trusting(false).await, Some("alice"), other.clone()).await;
    assert_eq!(body, json!({ "data": { "c": "alice" } }));
    let server = trusting(true).await;
    let (_, body) = send(&server, Some("alice"), other).await;
    assert_eq!(code(&body), "FORBIDDEN");
    let (_, body) = send(&server, Some("alice"), json!({ "query": "mutation { write }" })).await;
    assert_eq!((code(&body), server.written()), ("FORBIDDEN", 0));
    let (_, body) = send(&server, None, json!({ "query": "{ __typename }" })).await;
    assert_eq!(body, json!({ "data": { "__typename": "Query" } }));
}
