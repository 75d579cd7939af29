//! A low-level client of `graphql-transport-ws`.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, handshake::client::Request, http::HeaderValue},
};

use super::support::Server;

/// How long the server may take to send a frame before the test fails.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long [`Socket::silent`] waits for a frame.
pub const SILENCE: Duration = Duration::from_millis(200);

pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

pub fn handshake(server: &Server) -> Request {
    let url = format!("ws://{}/graphql", server.address);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
    request
}

impl Socket {
    /// A socket that has not sent anything yet.
    pub async fn open(server: &Server) -> Self {
        Self::open_with(handshake(server)).await.unwrap()
    }

    pub async fn open_with(request: Request) -> Result<Self, Error> {
        let (socket, _) = connect_async(request).await?;
        Ok(Self(socket))
    }

    /// A socket on which `alice` is signed in.
    pub async fn ready(server: &Server) -> Self {
        Self::ready_as(server, "alice").await
    }

    pub async fn ready_as(server: &Server, token: &str) -> Self {
        let mut socket = Self::open(server).await;
        socket.init(token).await;
        assert_eq!(socket.next().await["type"], "connection_ack");
        socket
    }

    pub async fn init(&mut self, token: &str) {
        let authorization = format!("Bearer {token}");
        let payload = json!({ "Authorization": authorization });
        self.send(json!({ "type": "connection_init", "payload": payload })).await;
    }

    pub async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    /// Sends a message and ignores errors, because the server may have closed the socket.
    pub async fn try_send_raw(&mut self, message: Message) {
        let _ = self.0.send(message).await;
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        let payload = json!({ "query": query });
        self.send(json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    }

    pub async fn complete(&mut self, id: &str) {
        self.send(json!({ "id": id, "type": "complete" })).await;
    }

    /// The next frame of any kind.
    pub async fn frame(&mut self) -> Message {
        timeout(TIMEOUT, self.0.next())
            .await
            .expect("a frame arrives")
            .expect("the socket is open")
            .expect("the frame can be read")
    }

    /// The next message. Skips WebSocket pings.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    /// The payload of the next message, which must be a `next` of this operation.
    pub async fn next_of(&mut self, id: &str) -> Value {
        let message = self.next().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!(id)));
        message["payload"].clone()
    }

    /// The first error of the next message, which must be an `error` of this operation.
    pub async fn error_of(&mut self, id: &str) -> Value {
        let message = self.next().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("error"), &json!(id)), "{message}");
        message["payload"][0].clone()
    }

    /// The close code and reason. Skips all frames before the close.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.frame().await {
                let frame = frame.expect("the close has a code");
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }

    /// Asserts that the server sends no message: none before the pong of a new ping, and none
    /// for [`SILENCE`] after it.
    pub async fn silent(&mut self) {
        self.send(json!({ "type": "ping" })).await;
        assert_eq!(self.next().await, json!({ "type": "pong" }));
        if let Ok(frame) = timeout(SILENCE, self.0.next()).await {
            panic!("expected silence, got {frame:?}");
        }
    }
}
