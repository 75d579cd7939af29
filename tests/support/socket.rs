//! A GraphQL client over WebSocket: the client side of `graphql-transport-ws`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::DEADLINE;
use super::client::Client;

type Stream = WebSocketStream<TcpStream>;

/// An item of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// The payload of a `next`: an execution result.
    Next(Value),
    /// The payload of an `error`: the list of errors.
    Error(Value),
    Complete,
    /// The connection is closed, with the close code if there was a close frame.
    Closed(Option<u16>),
}

#[derive(Default)]
struct Listeners {
    by_id: HashMap<String, mpsc::UnboundedSender<Item>>,
    last_id: u32,
}

/// An acknowledged connection.
pub struct Socket {
    outgoing: mpsc::UnboundedSender<Value>,
    listeners: Arc<Mutex<Listeners>>,
    closed: watch::Receiver<Option<Item>>,
    tasks: Vec<JoinHandle<()>>,
}

/// A handshake that the server has refused.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    /// In seconds.
    pub retry_after: Option<u64>,
}

/// One operation on a socket.
pub struct Subscription {
    id: String,
    items: mpsc::UnboundedReceiver<Item>,
    outgoing: mpsc::UnboundedSender<Value>,
}

impl Socket {
    /// Connects as `client` and waits until the server has acknowledged it.
    pub async fn open(client: &Client) -> Self {
        Self::open_with(client, &[]).await
    }

    /// As [`Self::open`], with headers in the handshake.
    pub async fn open_with(client: &Client, headers: &[(&'static str, &str)]) -> Self {
        let connected = tokio::time::timeout(DEADLINE, Self::connect(client, headers)).await;
        let connected = connected.expect("the server acknowledges in time");
        connected.unwrap_or_else(|closed| panic!("the server closed the socket: {closed:?}"))
    }

    /// As [`Self::open`].
    ///
    /// # Errors
    /// [`Item::Closed`] when the server closes the socket instead of acknowledging it, or cannot be reached.
    pub async fn try_open(client: &Client) -> Result<Self, Item> {
        let connected = tokio::time::timeout(DEADLINE, Self::connect(client, &[])).await;
        connected.expect("the server acknowledges in time")
    }

    /// Connects to a server that may refuse the handshake.
    ///
    /// # Errors
    /// [`Refused`], with the status of the response.
    pub async fn try_handshake(client: &Client) -> Result<Self, Refused> {
        let (socket, _) = match Self::handshake(client, &[]).await {
            Ok(done) => done,
            Err(Error::Http(response)) => {
                let retry_after = response.headers().get("retry-after");
                return Err(Refused {
                    status: response.status().as_u16(),
                    retry_after: retry_after.and_then(|value| value.to_str().ok()?.parse().ok()),
                });
            }
            Err(other) => panic!("the handshake failed: {other}"),
        };
        Ok(Self::sign_in(socket, client)
            .await
            .unwrap_or_else(|closed| panic!("not acknowledged: {closed:?}")))
    }

    async fn connect(client: &Client, headers: &[(&'static str, &str)]) -> Result<Self, Item> {
        let (socket, _) = Self::handshake(client, headers).await.map_err(|_| Item::Closed(None))?;
        Self::sign_in(socket, client).await
    }

    async fn handshake(
        client: &Client,
        headers: &[(&'static str, &str)],
    ) -> Result<(Stream, Response), Error> {
        let tcp = TcpStream::connect(client.address()).await?;
        let url = format!("ws://{}/graphql", client.address());
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in [("sec-websocket-protocol", "graphql-transport-ws")].iter().chain(headers) {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        tokio_tungstenite::client_async(request, tcp).await
    }

    async fn sign_in(socket: Stream, client: &Client) -> Result<Self, Item> {
        let (mut sink, mut stream) = socket.split();
        let authorization = client.authorization().map(|value| json!({ "Authorization": value }));
        let init = json!({ "type": "connection_init", "payload": authorization.unwrap_or_default() });
        sink.send(Message::text(init.to_string())).await.map_err(|_| Item::Closed(None))?;
        loop {
            match receive(&mut stream).await {
                Ok(message) if message["type"] == "connection_ack" => break,
                Ok(message) => assert_eq!(message["type"], "ping", "unexpected before the ack: {message}"),
                Err(closed) => return Err(closed),
            }
        }
        Ok(Self::run(sink, stream))
    }

    fn run(mut sink: SplitSink<Stream, Message>, mut stream: SplitStream<Stream>) -> Self {
        let listeners = Arc::new(Mutex::new(Listeners::default()));
        let (outgoing, mut to_send) = mpsc::unbounded_channel::<Value>();
        let (close, closed) = watch::channel(None);
        let writer = tokio::spawn(async move {
            while let Some(message) = to_send.recv().await {
                if sink.send(Message::text(message.to_string())).await.is_err() {
                    break;
                }
            }
        });
        let (receivers, replies) = (listeners.clone(), outgoing.clone());
        let reader = tokio::spawn(async move {
            loop {
                match receive(&mut stream).await {
                    Ok(message) => dispatch(&receivers, &replies, &message),
                    Err(closed) => {
                        let listeners = std::mem::take(&mut receivers.lock().expect("not poisoned").by_id);
                        listeners.values().for_each(|listener| drop(listener.send(closed.clone())));
                        close.send_replace(Some(closed));
                        break;
                    }
                }
            }
        });
        Self { outgoing, listeners, closed, tasks: vec![reader, writer] }
    }

    /// Starts the operation in `document`.
    pub fn subscribe(&self, document: &str, variables: Value) -> Subscription {
        self.start(json!({ "query": document, "variables": variables }))
    }

    /// Starts an operation with this `subscribe` payload.
    pub fn start(&self, payload: Value) -> Subscription {
        let (listener, items) = mpsc::unbounded_channel();
        let id = {
            let mut listeners = self.listeners.lock().expect("not poisoned");
            listeners.last_id += 1;
            let id = listeners.last_id.to_string();
            listeners.by_id.insert(id.clone(), listener);
            id
        };
        let _ = self.outgoing.send(json!({ "id": id, "type": "subscribe", "payload": payload }));
        Subscription { id, items, outgoing: self.outgoing.clone() }
    }

    /// Cuts the connection without a close frame, as a network failure does.
    pub fn cut(self) {
        drop(self);
    }

    /// Waits until the server has closed the connection, and returns the close code.
    pub async fn close_code(&mut self) -> Option<u16> {
        let closed = tokio::time::timeout(DEADLINE, self.closed.wait_for(Option::is_some)).await;
        match closed.expect("the server closes the socket").expect("the reader runs").clone() {
            Some(Item::Closed(code)) => code,
            other => panic!("not closed: {other:?}"),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The next message of the protocol.
async fn receive(stream: &mut SplitStream<Stream>) -> Result<Value, Item> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) => {
                return Ok(serde_json::from_str(&text).expect("the server sends JSON"));
            }
            Some(Ok(Message::Close(frame))) => {
                return Err(Item::Closed(frame.map(|frame| frame.code.into())));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(Item::Closed(None)),
        }
    }
}

fn dispatch(listeners: &Mutex<Listeners>, replies: &mpsc::UnboundedSender<Value>, message: &Value) {
    if message["type"] == "ping" {
        let _ = replies.send(json!({ "type": "pong" }));
        return;
    }
    let id = message["id"].as_str().unwrap_or_default();
    let item = match message["type"].as_str() {
        Some("next") => Item::Next(message["payload"].clone()),
        Some("error") => Item::Error(message["payload"].clone()),
        Some("complete") => Item::Complete,
        _ => return,
    };
    if let Some(listener) = listeners.lock().expect("not poisoned").by_id.get(id) {
        let _ = listener.send(item);
    }
}

impl Subscription {
    /// The next item.
    pub async fn item(&mut self) -> Item {
        let item =
            tokio::time::timeout(DEADLINE, self.items.recv()).await.expect("the subscription delivers");
        item.unwrap_or(Item::Closed(None))
    }

    /// The only root field of the next result, which must be free of errors.
    pub async fn next(&mut self) -> Value {
        match self.item().await {
            Item::Next(result) => {
                assert!(result.get("errors").is_none(), "unexpected errors: {result:#}");
                let data = result["data"].as_object().and_then(|data| data.values().next());
                data.unwrap_or_else(|| panic!("no data: {result:#}")).clone()
            }
            other => panic!("a result was expected: {other:?}"),
        }
    }

    /// The next result that `wanted` accepts. Earlier results are dropped.
    pub async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = self.next().await;
            if wanted(&value) {
                return value;
            }
        }
    }

    /// The next result that is not a checkpoint.
    pub async fn next_change(&mut self) -> Value {
        self.find(|value| value["__typename"] != "QueueCheckpoint").await
    }

    /// Waits until the caller loses access: the stream is reset, completes, or its socket is closed with 4403. Which of
    /// them comes first is a race when the token is revoked.
    pub async fn until_access_ends(&mut self) {
        loop {
            match self.item().await {
                Item::Next(result) if result.to_string().contains("ACCESS_CHANGED") => return,
                Item::Next(_) => {}
                Item::Complete => return,
                Item::Closed(code) => return assert_eq!(code, Some(4403)),
                Item::Error(errors) => panic!("{errors:#}"),
            }
        }
    }

    /// Asserts that the server ends the operation now.
    pub async fn assert_complete(&mut self) {
        assert_eq!(self.item().await, Item::Complete);
    }

    /// The errors with which the server refuses the operation.
    pub async fn refusal(&mut self) -> Value {
        match self.item().await {
            Item::Error(errors) => errors,
            Item::Next(result) if result.get("errors").is_some() => result["errors"].clone(),
            other => panic!("an error was expected: {other:?}"),
        }
    }

    /// Whether no item is waiting.
    pub fn is_silent(&mut self) -> bool {
        matches!(self.items.try_recv(), Err(mpsc::error::TryRecvError::Empty))
    }

    /// Whether no change of a list is waiting. Drops checkpoints, which arrive at intervals.
    pub fn is_unchanged(&mut self) -> bool {
        loop {
            match self.items.try_recv() {
                Ok(Item::Next(result))
                    if result["data"]["queueChanges"]["__typename"] == "QueueCheckpoint" => {}
                outcome => return outcome == Err(mpsc::error::TryRecvError::Empty),
            }
        }
    }

    /// Ends the operation: sends `complete` to the server.
    pub fn complete(&self) {
        let _ = self.outgoing.send(json!({ "id": self.id, "type": "complete" }));
    }
}
