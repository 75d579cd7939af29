//! GraphQL over HTTP: content negotiation, statuses, error codes, and requests that must not execute.

use std::time::Duration;

use bytes::Bytes;
use graphql_transport::settings::{Introspection, TransportSettings};
use http_body_util::{BodyExt, Full};
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};

use super::support::{Server, hostile_documents};

const STRICT: &str = "application/graphql-response+json";

async fn post(server: &Server, token: Option<&str>, body: Value) -> Response {
    let mut request = Client::new().post(server.url()).header(header::ACCEPT, STRICT).json(&body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

async fn query(server: &Server, query: &str) -> (StatusCode, Value) {
    let response = post(server, Some("alice"), json!({ "query": query })).await;
    (response.status(), response.json().await.unwrap())
}

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code in {body}"))
}

#[tokio::test]
async fn a_query_executes_for_its_caller() {
    let server = Server::start().await;
    let response = post(&server, Some("alice"), json!({ "query": "{ caller }" })).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("x-request-id"));
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/graphql-response+json; charset=utf-8");
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "data": { "caller": "alice" } }));
}

#[tokio::test]
async fn without_a_valid_token_the_status_is_401_and_reveals_nothing_of_the_schema() {
    let server = Server::start().await;
    for token in [None, Some("forged")] {
        for query in ["{ caller }", "{ noSuchField }", "mutation { write }", "{ __typename caller }"] {
            let response = post(&server, token, json!({ "query": query })).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{query}");
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
            assert!(response.headers().contains_key("x-request-id"));
            let body: Value = response.json().await.unwrap();
            assert_eq!(code(&body), "UNAUTHENTICATED");
            assert!(body.get("data").is_none(), "{body}");
        }
    }
    assert_eq!(server.written(), 0);
}

#[tokio::test]
async fn introspection_needs_no_token() {
    let server = Server::start().await;
    let body = json!({ "query": "{ __typename __schema { queryType { name } } }" });
    let response = post(&server, None, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!({ "data": { "__typename": "Query", "__schema": { "queryType": { "name": "Query" } } } })
    );
}

#[tokio::test]
async fn introspection_is_refused_when_it_is_disabled() {
    let server =
        Server::with(TransportSettings { introspection: Introspection::Off, ..TransportSettings::default() })
            .await;
    for text in [
        "{ __schema { description } }",
        "{ __type(name: \"Query\") { name } }",
        "{ caller ...F } fragment F on Query { __schema { description } }",
    ] {
        let (status, body) = query(&server, text).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        assert_eq!(code(&body), "GRAPHQL_VALIDATION_FAILED");
    }
    let (status, body) = query(&server, "{ __typename }").await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "data": { "__typename": "Query" } })));
}

#[tokio::test]
async fn an_unavailable_sign_in_is_503_and_retryable() {
    let server = Server::start().await;
    let response = post(&server, Some("unavailable"), json!({ "query": "{ caller }" })).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body: Value = response.json().await.unwrap();
    assert_eq!(code(&body), "UNAVAILABLE");
    assert_eq!(body["errors"][0]["extensions"]["retryable"], true);
}

#[tokio::test]
async fn each_mistake_has_its_code() {
    let server = Server::start().await;
    for (text, expected) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ noSuchField }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ echo }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ echo(number: \"one\") }", "BAD_USER_INPUT"),
        ("{ nested{nested{nested{nested{nested{nested{nested{nested{caller}}}}}}}} }", "LIMIT_EXCEEDED"),
        ("query Q($number: Int!) { echo(number: $number) }", "BAD_USER_INPUT"),
    ] {
        let (status, body) = query(&server, text).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}: {body}");
        assert_eq!(code(&body), expected, "{text}: {body}");
        assert!(body.get("data").is_none(), "{body}");
    }
    let too_big = json!({
        "query": "query Q($number: Int!) { echo(number: $number) }",
        "variables": { "number": 1_u64 << 40 },
    });
    let body: Value = post(&server, Some("alice"), too_big).await.json().await.unwrap();
    assert_eq!(code(&body), "BAD_USER_INPUT", "{body}");
}

#[tokio::test]
async fn a_fault_is_masked_and_carries_the_request_id() {
    let server = Server::start().await;
    for (text, expected) in [("{ fail }", StatusCode::OK), ("{ panic }", StatusCode::INTERNAL_SERVER_ERROR)] {
        let response = post(&server, Some("alice"), json!({ "query": text })).await;
        assert_eq!(response.status(), expected);
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        let body: Value = response.json().await.unwrap();
        assert_eq!(code(&body), "INTERNAL");
        assert_eq!(body["errors"][0]["extensions"]["requestId"], id);
        assert!(!body.to_string().contains("hunter2"), "{body}");
    }
    let (status, body) = query(&server, "{ forbidden echo(number: 1) }").await;
    assert_eq!((status, code(&body)), (StatusCode::OK, "FORBIDDEN"));
    assert_eq!(body["errors"][0]["message"], "Not for you.");
    assert_eq!(body["data"]["echo"], 1);
}

#[tokio::test]
async fn nothing_executes_for_another_content_type() {
    let server = Server::start().await;
    let body = json!({ "query": "mutation { write }" }).to_string();
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json; charset=utf-16"),
    ] {
        let mut request = Client::new().post(server.url()).bearer_auth("alice").body(body.clone());
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type:?}");
        assert!(response.headers().contains_key("x-request-id"));
    }
    assert_eq!(server.written(), 0);
}

#[tokio::test]
async fn nothing_executes_for_a_client_that_cannot_read_the_answer() {
    let server = Server::start().await;
    let response = Client::new()
        .post(server.url())
        .bearer_auth("alice")
        .header(header::ACCEPT, "text/html")
        .json(&json!({ "query": "mutation { write }" }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(server.written(), 0);
}

#[tokio::test]
async fn a_mutation_by_get_is_refused() {
    let server = Server::start().await;
    let get = |query: &'static str| {
        Client::new().get(server.url()).query(&[("query", query)]).bearer_auth("alice").send()
    };
    let response = get("mutation { write }").await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "POST");
    assert_eq!(server.written(), 0);
    let response = get("{ caller }").await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "data": { "caller": "alice" } }));
}

#[tokio::test]
async fn malformed_requests_are_400() {
    let server = Server::start().await;
    for url in [
        server.url(),
        format!("{}?query=%7Bcaller%7D&variables=%5B%5D", server.url()),
        format!("{}?query=%7Bcaller%7D&extensions=1", server.url()),
        format!("{}?query=%7Bcaller%7D&query=%7Bcaller%7D", server.url()),
    ] {
        let response = Client::new().get(&url).bearer_auth("alice").send();
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{url}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(code(&body), "BAD_USER_INPUT");
    }
    for body in [
        json!([{ "query": "mutation { write }" }]),
        json!(["mutation { write }"]),
        json!("mutation { write }"),
        json!({ "query": "mutation { write }", "extensions": [] }),
    ] {
        let response = post(&server, Some("alice"), body.clone()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(server.written(), 0);
}

#[tokio::test]
async fn a_subscription_over_http_is_refused_with_the_protocol_to_use() {
    let server = Server::start().await;
    let (status, body) = query(&server, "subscription { count(to: 1) }").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.to_string().contains("graphql-transport-ws"), "{body}");
}

#[tokio::test]
async fn any_other_method_is_405_with_a_graphql_error() {
    let server = Server::start().await;
    let response = Client::new().put(server.url()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "GET, HEAD, OPTIONS, POST");
    let body: Value = response.json().await.unwrap();
    assert_eq!(code(&body), "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_however_it_is_sent() {
    let server = Server::start().await;
    let megabytes = format!("{{\"query\":\"#{}\"}}", "x".repeat(3 * 1024 * 1024));
    let send = |body: reqwest::Body| {
        Client::new().post(server.url()).header(header::CONTENT_TYPE, "application/json").body(body).send()
    };
    // Once with `Content-Length`, once chunked.
    let chunks = Full::new(Bytes::from(megabytes.clone())).map_frame(|frame| frame);
    for body in [reqwest::Body::from(megabytes.clone()), reqwest::Body::wrap(chunks)] {
        let response = send(body).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let body: Value = response.json().await.unwrap();
        assert_eq!(code(&body), "LIMIT_EXCEEDED");
    }
}

#[tokio::test]
async fn a_mutation_completes_although_its_client_disconnected() {
    let server = Server::start().await;
    let request = Client::new()
        .post(server.url())
        .bearer_auth("alice")
        .json(&json!({ "query": "mutation { hold }" }))
        .send();
    let client = tokio::spawn(request);
    server.world.begun.notified().await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    // Gives the server time to notice that the client has disconnected.
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.world.release.notify_one();
    server.endpoint.drain().await;
    assert_eq!(server.written(), 1);
}

#[tokio::test]
async fn a_request_that_times_out_is_unavailable_and_its_mutation_still_completes() {
    let server = Server::with(TransportSettings {
        request_timeout: Duration::from_millis(100),
        ..TransportSettings::default()
    })
    .await;
    for text in ["{ never }", "mutation { hold }"] {
        let (status, body) = query(&server, text).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(code(&body), "UNAVAILABLE");
    }
    assert_eq!(server.written(), 0);
    server.world.release.notify_one();
    server.endpoint.drain().await;
    assert_eq!(server.written(), 1);
}

#[tokio::test]
async fn documents_that_would_overflow_the_stack_are_refused() {
    let server = Server::start().await;
    for token in [None, Some("alice")] {
        for document in hostile_documents() {
            let response = post(&server, token, json!({ "query": document })).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST);
            let body: Value = response.json().await.unwrap();
            assert_eq!(code(&body), "LIMIT_EXCEEDED", "{body}");
        }
    }
    let variables = json!({ "number": "x".repeat(100 * 1024) });
    let query = "query Q($number: Int) { caller }";
    let body = json!({ "query": query, "variables": variables });
    let body: Value = post(&server, None, body).await.json().await.unwrap();
    assert_eq!(code(&body), "LIMIT_EXCEEDED", "{body}");
}

#[tokio::test]
async fn what_other_servers_accept_is_accepted() {
    let server = Server::start().await;
    let client = Client::new();
    let json = |body: &str| {
        client
            .post(server.url())
            .bearer_auth("alice")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_owned())
    };
    let marked = json("\u{feff}{\"query\":\"{ caller }\"}").send().await.unwrap();
    assert_eq!(marked.status(), StatusCode::OK);
    let slash = client.post(format!("{}/", server.url())).bearer_auth("alice");
    let slash = slash.json(&json!({ "query": "{ caller }" })).send().await.unwrap();
    assert_eq!(slash.status(), StatusCode::OK);
    for empty in ["variables=", "variables=null", "operationName=&variables=&extensions="] {
        let url = format!("{}?query=%7Bcaller%7D&{empty}", server.url());
        let response = client.get(url).bearer_auth("alice").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{empty}");
    }
    let head = client.head(format!("{}?query=%7Bcaller%7D", server.url())).bearer_auth("alice");
    assert_eq!(head.send().await.unwrap().status(), StatusCode::OK);
    let options = client.request(reqwest::Method::OPTIONS, server.url()).send().await.unwrap();
    assert_eq!(options.status(), StatusCode::NO_CONTENT);
    assert_eq!(options.headers()[header::ALLOW], "GET, HEAD, OPTIONS, POST");
}

#[tokio::test]
async fn a_compressed_body_is_415() {
    let server = Server::start().await;
    let request =
        Client::new().post(server.url()).bearer_auth("alice").header(header::CONTENT_ENCODING, "gzip");
    let response = request.json(&json!({ "query": "{ caller }" })).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(response.headers()[header::ACCEPT_ENCODING], "identity");
    let body: Value = response.json().await.unwrap();
    assert_eq!(code(&body), "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_signed_in_caller_may_introspect_when_strangers_may_not() {
    let settings =
        TransportSettings { introspection: Introspection::SignedIn, ..TransportSettings::default() };
    let server = Server::with(settings).await;
    let text = "{ __schema { queryType { name } } }";
    let stranger = post(&server, None, json!({ "query": text })).await;
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(query(&server, text).await.0, StatusCode::OK);
    // Nothing tells a stranger which types exist.
    for text in [
        "query ($a: Query) { __typename }",
        "{ ... on Nope { __typename } }",
        "{ __typename ...F } fragment F on Query { __typename }",
    ] {
        let stranger = post(&server, None, json!({ "query": text })).await;
        assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED, "{text}");
    }
    let plain = post(&server, None, json!({ "query": "{ __typename }" })).await;
    assert_eq!(plain.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_schema_is_downloaded_by_whoever_may_introspect() {
    let at = |server: &Server| format!("http://{}/schema.graphql", server.address);
    let client = Client::new();
    let public = Server::start().await;
    let response = client.get(at(&public)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let tag = response.headers()[header::ETAG].clone();
    assert!(response.text().await.unwrap().contains("type Query"));
    let again = client.get(at(&public)).header(header::IF_NONE_MATCH, tag.clone()).send().await.unwrap();
    assert_eq!((again.status(), &again.headers()[header::ETAG]), (StatusCode::NOT_MODIFIED, &tag));
    let other = client.get(at(&public)).header(header::IF_NONE_MATCH, "\"other\"").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);

    let with =
        |introspection| Server::with(TransportSettings { introspection, ..TransportSettings::default() });
    let signed_in = with(Introspection::SignedIn).await;
    assert_eq!(client.get(at(&signed_in)).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let response = client.get(at(&signed_in)).bearer_auth("alice").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let off = with(Introspection::Off).await;
    assert_eq!(
        client.get(at(&off)).bearer_auth("alice").send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
}
