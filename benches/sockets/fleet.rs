//! Ten thousand clients in one process: a task a socket, on one thread, with small buffers.

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

/// Connections that are being made at once: what a listener's queue holds.
const DIALLING: usize = 500;
/// How long a client waits that was turned away.
const PAUSE: Duration = Duration::from_millis(100);
/// What a client reads at once.
const BUFFER: usize = 4 * 1024;
/// What all items about a conversation have in their text, and no checkpoint.
const CHANGE: &str = "\"__typename\":\"Conversation";

/// One client: who it is and what it subscribes to.
#[derive(Clone)]
pub struct Seat {
    pub bearer: Arc<str>,
    pub document: Arc<str>,
}

/// The clients, and what has reached them.
pub struct Fleet {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

struct Shared {
    address: String,
    seats: Vec<Seat>,
    /// The last cursor of each.
    cursors: Mutex<Vec<Option<String>>>,
    dialling: Semaphore,
    /// Clients that have caught up.
    live: Count,
    /// Changes that have arrived at all of them together.
    changes: Count,
}

/// How many there have been, and who waits for how many.
#[derive(Default)]
struct Count {
    reached: AtomicUsize,
    awaited: AtomicUsize,
    at: Mutex<Option<Instant>>,
    told: Notify,
}

impl Count {
    fn one_more(&self) {
        let reached = self.reached.fetch_add(1, Ordering::Relaxed) + 1;
        if reached == self.awaited.load(Ordering::Relaxed) {
            *locked(&self.at) = Some(Instant::now());
            self.told.notify_one();
        }
    }

    /// Names what to wait for, before it can be reached.
    fn expect(&self, more: usize) {
        self.awaited.store(self.reached.load(Ordering::Relaxed) + more, Ordering::Relaxed);
    }

    /// When as many were reached as were expected.
    async fn reached(&self) -> Instant {
        loop {
            if let Some(at) = locked(&self.at).take() {
                return at;
            }
            self.told.notified().await;
        }
    }
}

impl Fleet {
    pub fn new(address: &str, seats: Vec<Seat>) -> Self {
        let shared = Shared {
            address: address.to_owned(),
            cursors: Mutex::new(vec![None; seats.len()]),
            seats,
            dialling: Semaphore::new(DIALLING),
            live: Count::default(),
            changes: Count::default(),
        };
        Self { shared: Arc::new(shared), tasks: Vec::new() }
    }

    /// Opens all of them, each where it left off, and waits until everybody has caught up.
    pub async fn open(&mut self) -> Duration {
        let begun = Instant::now();
        self.shared.live.expect(self.shared.seats.len());
        for seat in 0..self.shared.seats.len() {
            self.tasks.push(tokio::spawn(listen(self.shared.clone(), seat)));
        }
        self.shared.live.reached().await - begun
    }

    /// Cuts all connections.
    pub async fn cut(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks.drain(..) {
            let _ = task.await;
        }
    }

    /// What `act` gives, and when the last of so many changes had arrived that it leads to.
    pub async fn after<T>(&self, changes: usize, act: impl Future<Output = T>) -> (T, Instant) {
        self.shared.changes.expect(changes);
        let done = act.await;
        (done, self.shared.changes.reached().await)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(shared: Arc<Shared>, seat: usize) {
    let mut socket = dial(&shared).await;
    let Seat { bearer, document } = &shared.seats[seat];
    let init = json!({ "type": "connection_init", "payload": { "Authorization": **bearer } });
    socket.send(Message::text(init.to_string())).await.expect("sends");
    let after = locked(&shared.cursors)[seat].clone();
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
            cursor.clone_into(locked(&shared.cursors)[seat].get_or_insert_default());
        }
        if text.contains(CHANGE) {
            shared.changes.one_more();
        } else if !caught_up {
            assert!(text.contains("QueueCheckpoint"), "{text}");
            caught_up = true;
            shared.live.one_more();
        }
    }
    panic!("the server closed a socket");
}

/// A socket, which the server may be too busy for at first.
async fn dial(shared: &Shared) -> WebSocketStream<TcpStream> {
    let _place = shared.dialling.acquire().await.expect("never closed");
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

/// The cursor in an item's text, which is not worth a parser.
fn cursor(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("\"cursor\":\"")?;
    rest.split('"').next()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
