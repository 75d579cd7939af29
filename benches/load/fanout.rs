//! One change, and everybody who watches: how long until the last of them has it.

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

use super::contenders::{Contender, Figures, Work};
use super::documents;
use super::driver::{Connection, Load};
use super::options::Options;
use crate::support::server::Server;
use crate::support::table::quantile;

/// What Switchboard needs to be told, so that one agent may hold all sockets at once.
pub const SOCKETS: [&str; 4] = ["--sockets-per-agent", "20000", "--new-sockets-per-second", "20000"];
/// The changes of a round.
const CHANGES: usize = 50;
/// Between two changes, so that each is by itself.
const PAUSE: Duration = Duration::from_millis(20);
/// Who has not got it by then has lost it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Rounds of changes at each, one after the other; the medians of their times to the last subscriber, from sending
/// the assignment. Each works over HTTP, and on a database of its own; its subscribers are at its servers in turn, and
/// the changes are made at the first.
///
/// # Panics
/// When a subscriber gets less than it should.
pub async fn compare(contenders: &[Contender<'_>], options: &Options) -> Vec<(String, Figures)> {
    LocalSet::new().run_until(run(contenders, options)).await
}

async fn run(contenders: &[Contender<'_>], options: &Options) -> Vec<(String, Figures)> {
    let mut audiences = Vec::new();
    for contender in contenders {
        if let Work::Http { servers, load } = &contender.work {
            audiences.push((contender, servers, Audience::gather(servers, load, options).await));
        }
    }
    let mut rounds = vec![Vec::new(); audiences.len()];
    for round in 0..=options.rounds {
        for ((contender, servers, audience), measured) in audiences.iter_mut().zip(&mut rounds) {
            let figures = audience.changes(contender, servers).await;
            if round > 0 {
                measured.push(figures);
            }
        }
    }
    let medians = rounds.iter().map(|rounds| Figures::median(rounds));
    contenders.iter().map(|it| it.name.clone()).zip(medians).collect()
}

/// All who watch some servers, and whoever changes something there.
struct Audience {
    size: usize,
    told: Rc<Told>,
    changes: usize,
    writer: Connection,
}

/// How often anybody was told of a change.
#[derive(Default)]
struct Told {
    times: Cell<usize>,
    enough: Cell<usize>,
    all: Notify,
}

impl Audience {
    async fn gather(servers: &[&Server], load: &Load, options: &Options) -> Self {
        let told = Rc::new(Told::default());
        for server in servers.iter().cycle().take(options.subscribers) {
            let socket = subscribe(server, load.bearer()).await;
            tokio::task::spawn_local(watch(socket, told.clone()));
        }
        let writer = Connection::open(&Rc::new(load.clone()), 0).await;
        // The last of them subscribes while the first change would be under way.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Self { size: options.subscribers, told, changes: 0, writer }
    }

    async fn changes(&mut self, contender: &Contender<'_>, servers: &[&Server]) -> Figures {
        let before = contender.spent(servers);
        let mut times_ms = Vec::with_capacity(CHANGES);
        for _ in 0..CHANGES {
            self.changes += 1;
            self.told.enough.set(self.changes * self.size);
            let sent = Instant::now();
            self.writer.ask().await;
            let everybody = tokio::time::timeout(PATIENCE, self.told.all.notified());
            everybody.await.expect("everybody is told");
            times_ms.push(sent.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(PAUSE).await;
        }
        let spent = contender.spent(servers).since(&before);
        let [server_ms, database_ms, client_ms] = spent.map(|ms| ms / CHANGES as f64);
        Figures {
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

async fn watch(mut socket: WebSocketStream<TcpStream>, told: Rc<Told>) {
    while let Some(Ok(message)) = socket.next().await {
        // A checkpoint tells of nothing.
        if message.to_text().is_ok_and(|text| text.contains("\"conversation\"")) {
            told.times.set(told.times.get() + 1);
            if told.times.get() == told.enough.get() {
                told.all.notify_one();
            }
        }
    }
}
