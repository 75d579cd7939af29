//! Each limit on documents, over HTTP and WebSocket, and the timeouts for slow senders.

use std::time::Duration;

use graphql_guard::DocumentLimits;
use graphql_transport::settings::TransportSettings;
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{socket::Socket, support::Server};

/// The timeout of every wait in these tests.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Lowers a limit, with the document and variables that then exceed it.
type Excess = (fn(&mut DocumentLimits), &'static str, Value);

/// One or two cases per limit.
fn excesses() -> Vec<Excess> {
    const TWICE: &str = "query($n: Int!) { a: echo(number: $n) b: echo(number: $n) }";
    const ONCE: &str = "query($n: Int!) { echo(number: $n) }";
    vec![
        (|limits| limits.query_bytes = 20, "{ caller caller caller }", json!({})),
        (|limits| limits.nesting = 2, "{ nested { nested { caller } } }", json!({})),
        (|limits| limits.tokens = 3, "{ caller caller }", json!({})),
        (|limits| limits.selections = 1, "{ caller caller }", json!({})),
        (|limits| limits.depth = 1, "{ nested { caller } }", json!({})),
        (|limits| limits.aliases = 1, "{ a: caller b: caller }", json!({})),
        (|limits| limits.root_fields = 1, "{ caller __typename }", json!({})),
        (|limits| limits.directives = 1, "{ caller @skip(if: false) @include(if: true) }", json!({})),
        (|limits| limits.arguments = 1, "{ echo(number: 1, other: 2) }", json!({})),
        (|limits| limits.values = 1, "{ a: echo(number: 1) b: echo(number: 2) }", json!({})),
        (|limits| limits.variable_uses = 1, TWICE, json!({ "n": 1 })),
        (|limits| limits.introspection_cost = 1, "{ __schema { types { name } } }", json!({})),
        (|limits| limits.list_items = 1, "{ echo(number: [1, 2]) }", json!({})),
        (|limits| limits.list_items = 1, ONCE, json!({ "n": [1, 2] })),
        (|limits| limits.variables_bytes = 5, ONCE, json!({ "n": 100_000 })),
        (|limits| limits.variable_values = 1, ONCE, json!({ "n": 1, "m": 2 })),
    ]
}

#[tokio::test]
async fn a_document_over_a_limit_is_a_typed_error() {
    for (shrink, query, variables) in excesses() {
        let body = json!({ "query": query, "variables": variables });
        let mut settings = TransportSettings::default();
        // The default limits allow all of these.
        let server = Server::with(settings.clone()).await;
        let answer = Client::new().post(server.url()).bearer_auth("alice").json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_ne!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{query}: {answer}");

        shrink(&mut settings.document);
        let server = Server::with(settings).await;
        let strict = "application/graphql-response+json";
        let request = Client::new().post(server.url()).header(header::ACCEPT, strict).json(&body);
        let answer = request.bearer_auth("alice").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{query}: {answer}");
        assert!(answer.get("data").is_none(), "{answer}");

        let mut socket = Socket::ready(&server).await;
        socket.send(json!({ "id": "1", "type": "subscribe", "payload": body })).await;
        let error = socket.error_of("1").await;
        assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED", "{query}: {error}");
    }
}

/// Everything that the server sends until it closes the connection.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let read = timeout(TIMEOUT, stream.read_to_end(&mut received)).await;
    // A reset also counts as closing.
    let _ = read.expect("the server closes the connection");
    String::from_utf8_lossy(&received).into_owned()
}

#[tokio::test]
async fn headers_that_never_end_close_the_connection() {
    let server = Server::with(TransportSettings {
        header_timeout: Duration::from_millis(300),
        ..TransportSettings::default()
    })
    .await;
    for beginning in ["", "P", "POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let received = until_closed(&mut stream).await;
        assert!(received.is_empty() || received.starts_with("HTTP/1.1 408"), "{beginning:?}: {received}");
    }
    // Sending one byte at a time does not extend the timeout.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /graphql HTTP/1.1\r\nX-Slow: ").await.unwrap();
    let send_slowly = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, send_slowly).await.expect("the server closes the connection");
}

#[tokio::test]
async fn a_connection_in_use_outlives_the_timeout_for_headers() {
    let server = Server::with(TransportSettings {
        header_timeout: Duration::from_millis(300),
        ..TransportSettings::default()
    })
    .await;
    let mut socket = Socket::ready(&server).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    socket.subscribe("1", "{ caller }").await;
    socket.next_of("1").await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_408_and_closes_the_connection() {
    let server = Server::with(TransportSettings {
        request_timeout: Duration::from_millis(300),
        ..TransportSettings::default()
    })
    .await;
    for head in ["Content-Length: 1000\r\n\r\n{\"query\":", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: application/graphql-response+json\r\n\
             Authorization: Bearer alice\r\nContent-Type: application/json\r\n{head}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let received = until_closed(&mut stream).await;
        assert!(received.starts_with("HTTP/1.1 408"), "{received}");
        assert!(received.contains("LIMIT_EXCEEDED"), "{received}");
    }
}
