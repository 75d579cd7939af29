//! A WebSocket client that reports whatever happens next.

use std::{fmt, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, error::ProtocolError, http::HeaderValue},
};

use super::servers::TestServer;

/// How long an event may take before it counts as missing.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
}

/// What a client sees next.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// A message of this type.
    Message(String),
    /// A close frame with this code.
    Closed(u16),
    /// The end of the connection without a close frame.
    Lost,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(kind) => write!(f, "`{kind}`"),
            Self::Closed(code) => write!(f, "close {code}"),
            Self::Lost => f.write_str("connection lost"),
        }
    }
}

impl Client {
    /// Opens a socket and offers `subprotocols`; the error says how the handshake fails.
    pub async fn offer(server: &TestServer, subprotocols: Option<&'static str>) -> Result<Self, String> {
        let mut request = server.ws.as_str().into_client_request().unwrap();
        if let Some(subprotocols) = subprotocols {
            let value = HeaderValue::from_static(subprotocols);
            request.headers_mut().insert("sec-websocket-protocol", value);
        }
        match connect_async(request).await {
            Ok((socket, response)) => {
                let chosen = response.headers().get("sec-websocket-protocol");
                let subprotocol = chosen.map(|value| value.to_str().unwrap().to_owned());
                Ok(Self { socket, subprotocol })
            }
            Err(Error::Http(response)) => Err(format!("handshake fails with {}", response.status().as_u16())),
            Err(Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_))) => {
                Err("no subprotocol".to_owned())
            }
            Err(other) => panic!("the handshake failed: {other}"),
        }
    }

    pub async fn open(server: &TestServer) -> Self {
        Self::offer(server, Some("graphql-transport-ws")).await.unwrap()
    }

    /// Opens a socket on which `alice` is signed in.
    pub async fn ready(server: &TestServer) -> Self {
        let mut client = Self::open(server).await;
        client.init("alice").await;
        assert_eq!(client.next().await, Event::Message("connection_ack".to_owned()));
        client
    }

    pub async fn init(&mut self, token: &str) {
        let payload = json!({ "Authorization": format!("Bearer {token}") });
        self.send(json!({ "type": "connection_init", "payload": payload })).await;
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    pub async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    /// Sends although the server may have closed the socket.
    pub async fn send_raw(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// The next event, past the pings of WebSocket itself.
    pub async fn next(&mut self) -> Event {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("an event arrives") {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    return Event::Message(message["type"].as_str().unwrap().to_owned());
                }
                Some(Ok(Message::Close(Some(frame)))) => return Event::Closed(frame.code.into()),
                Some(Ok(Message::Ping(_))) => {}
                Some(Ok(other)) => panic!("unexpected frame {other:?}"),
                Some(Err(_)) | None => return Event::Lost,
            }
        }
    }
}
