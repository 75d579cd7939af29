//! Thousands of clients in one process: one task per socket, on one thread, with small buffers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The maximum number of simultaneous connection attempts. More attempts could overflow the backlog of the server's
/// listener.
const CONNECTING: usize = 500;
/// How long a client waits before it tries again after the server has rejected it.
const PAUSE: Duration = Duration::from_millis(100);
/// The size of a client's read buffer in bytes.
const BUFFER: usize = 4 * 1024;
/// A text that occurs in every change of a conversation and in no checkpoint.
const CHANGE: &str = "\"__typename\":\"Conversation";

/// The bearer token of a client's agent, and the document that the client subscribes to.
#[derive(Clone)]
pub struct ClientSpec {
    pub bearer: Arc<str>,
    pub document: Arc<str>,
}

/// Runs the clients and counts what they receive.
pub struct Fleet {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    address: String,
    clients: Vec<ClientSpec>,
    /// The last cursor of each client.
    cursors: Mutex<Vec<Option<String>>>,
    connecting: Semaphore,
    /// The number of clients that have caught up.
    live: Count,
    /// The number of changes that all clients together have received.
    changes: Count,
}

/// A counter that notifies when it reaches an expected value.
#[derive(Default)]
struct Count {
    reached: AtomicUsize,
    awaited: AtomicUsize,
    /// When the counter reached the expected value.
    at: Mutex<Option<Instant>>,
    notify: Notify,
}

impl Count {
    fn increment(&self) {
        let reached = self.reached.fetch_add(1, Ordering::Relaxed) + 1;
        if reached == self.awaited.load(Ordering::Relaxed) {
            *locked(&self.at) = Some(Instant::now());
            self.notify.notify_one();
        }
    }

    /// Sets the expected value to the current value plus `more`. Call this before the counter can reach it.
    fn expect(&self, more: usize) {
        self.awaited.store(self.reached.load(Ordering::Relaxed) + more, Ordering::Relaxed);
    }

    /// Waits until the counter reaches the expected value, and returns the time at which it did.
    async fn reached(&self) -> Instant {
        loop {
            if let Some(at) = locked(&self.at).take() {
                return at;
            }
            self.notify.notified().await;
        }
    }
}

impl Fleet {
    pub fn new(address: &str, clients: Vec<ClientSpec>) -> Self {
        let shared = Shared {
            address: address.to_owned(),
            cursors: Mutex::new(vec![None; clients.len()]),
            clients,
            connecting: Semaphore::new(CONNECTING),
            live: Count::default(),
            changes: Count::default(),
        };
        Self { shared: Arc::new(shared), tasks: Vec::new() }
    }

    /// Opens all clients, each from its last cursor, and waits until all have caught up. Returns how long this took.
    pub async fn open(&mut self) -> Duration {
        let begun = Instant::now();
        self.shared.live.expect(self.shared.clients.len());
        for client in 0..self.shared.clients.len() {
            self.tasks.push(tokio::spawn(listen(self.shared.clone(), client)));
        }
        self.shared.live.reached().await - begun
    }

    /// Closes all connections without a close handshake.
    pub async fn cut(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks.drain(..) {
            let _ = task.await;
        }
    }

    /// Runs `action` and waits until all clients together have received `changes` more changes. Returns the result of
    /// `action`, and the time at which the last change arrived.
    pub async fn after<T>(&self, changes: usize, action: impl Future<Output = T>) -> (T, Instant) {
        self.shared.changes.expect(changes);
        let result = action.await;
        (result, self.shared.changes.reached().await)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(shared: Arc<Shared>, client: usize) {
    let mut socket = connect(&shared).await;
    let ClientSpec { bearer, document } = &shared.clients[client];
    let init = json!({ "type": "connection_init", "payload": { "Authorization": **bearer } });
    socket.send(Message::text(init.to_string())).await.expect("sends");
    let after = locked(&shared.cursors)[client].clone();
    let payload = json!({ "query": **document, "variables": { "after": after } });
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload }).to_string();
    let mut subscribe = Some(subscribe);
    let mut caught_up = false;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        if let Some(subscribe) = subscribe.take() {
            assert!(text.contains("connection_ack"), "{text}");
            socket.send(Message::text(subscribe)).await.expect("sends");
            continue;
        }
        if let Some(cursor) = cursor(&text) {
            cursor.clone_into(locked(&shared.cursors)[client].get_or_insert_default());
        }
        if text.contains(CHANGE) {
            shared.changes.increment();
        } else if !caught_up {
            assert!(text.contains("QueueCheckpoint"), "{text}");
            caught_up = true;
            shared.live.increment();
        }
    }
    panic!("the server closed a socket");
}

/// Opens a socket, and retries while the server rejects new sockets.
async fn connect(shared: &Shared) -> WebSocketStream<TcpStream> {
    let _permit = shared.connecting.acquire().await.expect("never closed");
    let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
    loop {
        let url = format!("ws://{}/graphql", shared.address);
        let mut request = url.into_client_request().expect("a request");
        let protocol = HeaderValue::from_static("graphql-transport-ws");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let tcp = TcpStream::connect(&shared.address).await.expect("connects");
        match tokio_tungstenite::client_async_with_config(request, tcp, Some(config)).await {
            Ok((socket, _)) => return socket,
            Err(Error::Http(answer)) if answer.status() == 503 => tokio::time::sleep(PAUSE).await,
            Err(error) => panic!("no socket: {error}"),
        }
    }
}

/// Finds the cursor in an item's text without parsing it.
fn cursor(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("\"cursor\":\"")?;
    rest.split('"').next()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
