//! The limits of a client: sockets, operations, frames, message sizes and timeouts.

use std::time::Duration;

use graphql_transport::settings::TransportSettings;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{Error, Message, http::HeaderValue};

use super::{
    socket::{Socket, handshake},
    support::{Server, eventually, hostile_documents},
};

fn refused_with(result: Result<Socket, Error>) -> u16 {
    match result {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("expected a refused handshake, got {other}"),
        Ok(_) => panic!("expected a refused handshake, got a socket"),
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_at_the_handshake() {
    let server = Server::with(TransportSettings {
        allowed_origins: vec!["https://app.example.com".to_owned()],
        ..TransportSettings::default()
    })
    .await;
    let from = |origin: String| {
        let mut request = handshake(&server);
        let origin = HeaderValue::from_str(&origin).unwrap();
        request.headers_mut().insert("origin", origin);
        Socket::open_with(request)
    };
    assert_eq!(refused_with(from("https://evil.example".to_owned()).await), 403);
    assert_eq!(refused_with(from("null".to_owned()).await), 403);
    assert!(from(format!("http://{}", server.address)).await.is_ok());
    assert!(from("https://app.example.com".to_owned()).await.is_ok());
}

#[tokio::test]
async fn a_full_process_refuses_the_handshake_with_503() {
    let server =
        Server::with(TransportSettings { sockets_per_process: 1, ..TransportSettings::default() }).await;
    let first = Socket::ready(&server).await;
    assert_eq!(refused_with(Socket::open_with(handshake(&server)).await), 503);
    drop(first);
    eventually(|| server.endpoint.open_sockets() == 0).await;
    Socket::ready(&server).await;
}

#[tokio::test]
async fn too_many_new_sockets_are_refused_with_503() {
    let server =
        Server::with(TransportSettings { new_sockets_per_second: 0, ..TransportSettings::default() }).await;
    for _ in 0..20 {
        let Err(Error::Http(response)) = Socket::open_with(handshake(&server)).await else {
            panic!("expected a refused handshake");
        };
        assert_eq!(response.status(), 503);
        let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=10).contains(&seconds), "{seconds}");
    }
}

#[tokio::test]
async fn an_agents_sockets_are_limited_and_a_services_are_not() {
    let server =
        Server::with(TransportSettings { sockets_per_agent: 1, ..TransportSettings::default() }).await;
    let first = Socket::ready(&server).await;
    let mut second = Socket::open(&server).await;
    second.init("alice").await;
    assert_eq!(second.closed().await.0, 1013);
    let _other = Socket::ready_as(&server, "revocable").await;
    let _services = (Socket::ready_as(&server, "service").await, Socket::ready_as(&server, "service").await);
    drop((first, second));
    eventually(|| server.endpoint.open_sockets() == 3).await;
    Socket::ready(&server).await;
}

#[tokio::test]
async fn too_many_subscriptions_are_refused_by_error() {
    let server =
        Server::with(TransportSettings { subscriptions_per_socket: 2, ..TransportSettings::default() }).await;
    let mut socket = Socket::ready(&server).await;
    for id in ["1", "2", "3"] {
        socket.subscribe(id, "subscription { forever }").await;
    }
    let error = socket.error_of("3").await;
    assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED");
    // Queries are counted separately, and a completed subscription releases its permit.
    socket.subscribe("3", "{ caller }").await;
    socket.next_of("3").await;
    assert_eq!(socket.next().await["type"], "complete");
    socket.complete("1").await;
    socket.subscribe("3", "subscription { count(to: 1) }").await;
    socket.next_of("3").await;
}

#[tokio::test]
async fn completed_mutations_keep_their_permits_until_they_end() {
    let server =
        Server::with(TransportSettings { results_per_socket: 1, ..TransportSettings::default() }).await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("1", "mutation { hold }").await;
    server.world.begun.notified().await;
    socket.complete("1").await;
    socket.subscribe("2", "mutation { hold }").await;
    let error = socket.error_of("2").await;
    assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED");
    server.world.release.notify_one();
    eventually(|| server.written() == 1).await;
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_an_error() {
    let server = Server::with(TransportSettings {
        request_timeout: Duration::from_millis(100),
        ..TransportSettings::default()
    })
    .await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("1", "{ never }").await;
    let error = socket.error_of("1").await;
    assert_eq!(error["extensions"]["code"], "UNAVAILABLE");
}

#[tokio::test]
async fn too_many_frames_close_with_1008() {
    let server = Server::with(TransportSettings { client_frames: 5, ..TransportSettings::default() }).await;
    let mut socket = Socket::ready(&server).await;
    for _ in 0..5 {
        socket.send_raw(Message::Ping("".into())).await;
    }
    assert_eq!(socket.closed().await, (1008, "Too many messages".to_owned()));
}

#[tokio::test]
async fn a_message_over_the_limit_closes_with_1009() {
    let server = Server::start().await;
    for bytes in [64 * 1024 + 1, 3 * 1024 * 1024] {
        let mut socket = Socket::ready(&server).await;
        let (message, padding) = (json!({ "type": "ping" }).to_string(), " ".repeat(bytes));
        socket.try_send_raw(Message::text(message + &padding)).await;
        assert_eq!(socket.closed().await.0, 1009, "{bytes}");
    }
    let mut fits = Socket::ready(&server).await;
    let padding = " ".repeat(64 * 1024 - 15);
    fits.send_raw(Message::text(format!("{{\"type\":\"ping\"}}{padding}"))).await;
    assert_eq!(fits.next().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_disconnected() {
    let server = Server::with(TransportSettings {
        ping_interval: Duration::from_millis(200),
        pong_timeout: Duration::from_millis(500),
        ..TransportSettings::default()
    })
    .await;
    // A client that reads also answers pings, and stays connected.
    let mut alive = Socket::ready(&server).await;
    for _ in 0..5 {
        assert!(matches!(alive.frame().await, Message::Ping(_)));
    }
    let dead = Socket::ready(&server).await;
    let keep = async { while matches!(alive.frame().await, Message::Ping(_)) {} };
    let gone = eventually(|| server.endpoint.open_sockets() == 1);
    tokio::select! {
        () = gone => {}
        () = keep => panic!("the client that answers was closed"),
    }
    drop(dead);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_with_4508() {
    let server = Server::with(TransportSettings {
        write_deadline: Duration::from_millis(200),
        ..TransportSettings::default()
    })
    .await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("s", "subscription { flood(bytes: 30000) }").await;
    let mut other = Socket::ready_as(&server, "service").await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    other.silent().await;
    assert_eq!(socket.closed().await.0, 4508);
}

#[tokio::test]
async fn a_client_that_stops_in_the_middle_of_a_frame_is_disconnected() {
    let server = Server::with(TransportSettings {
        init_timeout: Duration::from_millis(100),
        ..TransportSettings::default()
    })
    .await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET /graphql HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // The first byte of a frame, and then nothing.
    stream.write_all(&[0x81]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    let code = 4408_u16.to_be_bytes();
    assert!(answer.windows(2).any(|bytes| bytes == code));
    eventually(|| server.endpoint.open_sockets() == 0).await;
}

#[tokio::test]
async fn documents_that_would_overflow_the_stack_are_refused() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    for document in hostile_documents() {
        // The longest document exceeds the limit on messages.
        if document.len() < 32 * 1024 {
            socket.subscribe("1", &document).await;
            let error = socket.error_of("1").await;
            assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED", "{error}");
        }
    }
    socket.subscribe("1", "{ caller }").await;
    socket.next_of("1").await;
}
