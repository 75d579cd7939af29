//! Measures the time from a change until the last subscriber has received it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::contenders::{Contender, Measurement, Work};
use super::documents;
use super::driver::{Connection, Load};
use super::options::Options;
use crate::support::server::Server;
use crate::support::table::quantile;

/// Options of Switchboard that allow one agent to open all sockets at once.
pub const SOCKETS: [&str; 4] = ["--sockets-per-agent", "20000", "--new-sockets-per-second", "20000"];
/// The number of changes in a round.
const CHANGES: usize = 50;
/// The pause between two changes, so that they do not overlap.
const PAUSE: Duration = Duration::from_millis(20);
/// The time after which a delivery counts as lost.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Measures the contenders in turns. Returns the medians of the time from sending an assignment until the last
/// subscriber has received it. A contender's subscribers are distributed over its servers, and the changes are made at
/// the first server. Each contender must be [`Work::Http`] and must have a database of its own.
///
/// # Panics
/// When a subscriber does not receive a change in time.
pub async fn compare(contenders: &[Contender<'_>], options: &Options) -> Vec<(String, Measurement)> {
    LocalSet::new().run_until(run(contenders, options)).await
}

async fn run(contenders: &[Contender<'_>], options: &Options) -> Vec<(String, Measurement)> {
    let mut subscribers = Vec::new();
    for contender in contenders {
        if let Work::Http { servers, load } = &contender.work {
            subscribers.push((contender, servers, Subscribers::connect(servers, load, options).await));
        }
    }
    let mut rounds = vec![Vec::new(); subscribers.len()];
    for round in 0..=options.rounds {
        for ((contender, servers, subscribers), measured) in subscribers.iter_mut().zip(&mut rounds) {
            let measurement = subscribers.measure(contender, servers).await;
            if round > 0 {
                measured.push(measurement);
            }
        }
    }
    let medians = rounds.iter().map(|rounds| Measurement::median(rounds));
    contenders.iter().map(|it| it.name.clone()).zip(medians).collect()
}

/// The subscribers of a contender, and the connection that makes the changes.
struct Subscribers {
    count: usize,
    deliveries: Rc<Deliveries>,
    /// The number of changes so far.
    changes: usize,
    writer: Connection,
}

/// Counts the deliveries to all subscribers.
#[derive(Default)]
struct Deliveries {
    count: Cell<usize>,
    expected: Cell<usize>,
    complete: Notify,
}

impl Subscribers {
    async fn connect(servers: &[&Server], load: &Load, options: &Options) -> Self {
        let deliveries = Rc::new(Deliveries::default());
        for server in servers.iter().cycle().take(options.subscribers) {
            let socket = subscribe(server, load.bearer()).await;
            tokio::task::spawn_local(count_deliveries(socket, deliveries.clone()));
        }
        let writer = Connection::open(&Rc::new(load.clone()), 0).await;
        // Wait until the last subscription is active.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Self { count: options.subscribers, deliveries, changes: 0, writer }
    }

    async fn measure(&mut self, contender: &Contender<'_>, servers: &[&Server]) -> Measurement {
        let before = contender.cpu_time(servers);
        let mut times_ms = Vec::with_capacity(CHANGES);
        for _ in 0..CHANGES {
            self.changes += 1;
            self.deliveries.expected.set(self.changes * self.count);
            let sent = Instant::now();
            self.writer.ask().await;
            let complete = tokio::time::timeout(DELIVERY_TIMEOUT, self.deliveries.complete.notified());
            complete.await.expect("all subscribers receive the change");
            times_ms.push(sent.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(PAUSE).await;
        }
        let cpu_ms = contender.cpu_time(servers).since(&before);
        let [server_ms, database_ms, client_ms] = cpu_ms.map(|ms| ms / CHANGES as f64);
        Measurement {
            per_second: f64::NAN,
            p50_ms: quantile(&mut times_ms, 0.5),
            p99_ms: quantile(&mut times_ms, 0.99),
            server_ms,
            database_ms,
            client_ms,
        }
    }
}

async fn subscribe(server: &Server, bearer: Option<&str>) -> WebSocketStream<TcpStream> {
    let address = server.address();
    let mut request = format!("ws://{address}/graphql").into_client_request().expect("a request");
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    let tcp = TcpStream::connect(address).await.expect("connects");
    let (mut socket, _) = client_async(request, tcp).await.expect("a socket");
    let init = json!({ "type": "connection_init", "payload": { "Authorization": bearer } });
    socket.send(Message::text(init.to_string())).await.expect("sends");
    let answer = socket.next().await.expect("an answer").expect("an answer");
    assert!(answer.to_string().contains("connection_ack"), "{answer}");
    let payload = json!({ "query": documents::LIVE });
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
    socket.send(Message::text(subscribe.to_string())).await.expect("sends");
    socket
}

async fn count_deliveries(mut socket: WebSocketStream<TcpStream>, deliveries: Rc<Deliveries>) {
    while let Some(Ok(message)) = socket.next().await {
        // A checkpoint contains no conversation, and does not count.
        if message.to_text().is_ok_and(|text| text.contains("\"conversation\"")) {
            deliveries.count.set(deliveries.count.get() + 1);
            if deliveries.count.get() == deliveries.expected.get() {
                deliveries.complete.notify_one();
            }
        }
    }
}
