//! Sends requests over keep-alive connections and measures their latencies.
//!
//! The driver builds all bodies in advance and does not parse responses, so it takes little CPU from the server.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

/// The requests to send and the expected responses.
#[derive(Clone)]
pub struct Load {
    /// The connections are distributed evenly over the addresses.
    addresses: Vec<String>,
    bearer: Option<String>,
    /// The bodies of the requests, sent in order and repeated from the first one.
    bodies: Rc<[Bytes]>,
    /// The number of requests sent. All clones of this load share it.
    sent: Rc<Cell<usize>>,
    expected: Expected,
}

impl Load {
    pub fn new(address: &str, bearer: Option<&str>, bodies: Vec<Bytes>, expected: Expected) -> Self {
        Self {
            addresses: vec![address.to_owned()],
            bearer: bearer.map(str::to_owned),
            bodies: bodies.into(),
            sent: Rc::default(),
            expected,
        }
    }

    pub fn bearer(&self) -> Option<&str> {
        self.bearer.as_deref()
    }

    /// The same load for other servers.
    pub fn to(self, addresses: Vec<String>) -> Self {
        Self { addresses, ..self }
    }

    /// The same load from its beginning, for servers on another database.
    pub fn restarted(&self) -> Self {
        Self { sent: Rc::default(), ..self.clone() }
    }

    fn next_body(&self) -> Bytes {
        let number = self.sent.replace(self.sent.get() + 1);
        self.bodies[number % self.bodies.len()].clone()
    }
}

/// How to recognize a successful response with status 200 without parsing it.
#[derive(Clone)]
pub enum Expected {
    /// The response is as long as a response that was parsed and checked before the run.
    Length(usize),
    /// The response contains this text and has no `errors`.
    Contains(&'static str),
}

#[derive(Clone, Copy)]
pub enum Pace {
    /// Each connection sends its next request when it has received the response.
    Closed,
    /// Requests are due at a fixed rate, even if the server is slower. A latency starts when the request is due.
    Open { per_second: f64 },
}

pub struct Driven {
    pub requests: usize,
    pub elapsed: Duration,
    pub latencies_ms: Vec<f64>,
}

/// Sends requests for the given duration.
///
/// # Panics
/// On an unexpected response.
pub async fn drive(load: &Load, connections: usize, pace: Pace, duration: Duration) -> Driven {
    LocalSet::new().run_until(run(load, connections, pace, duration)).await
}

async fn run(load: &Load, connections: usize, pace: Pace, duration: Duration) -> Driven {
    let load = Rc::new(load.clone());
    let mut senders = Vec::with_capacity(connections);
    for number in 0..connections {
        senders.push(Connection::open(&load, number).await);
    }
    let started = Instant::now();
    let schedule = Rc::new(Schedule::new(pace, started, duration));
    let working = senders.into_iter().map(|sender| tokio::task::spawn_local(work(sender, schedule.clone())));
    let working: Vec<_> = working.collect();
    let mut latencies_ms = Vec::new();
    for worker in working {
        latencies_ms.extend(worker.await.expect("the worker does not panic"));
    }
    Driven { requests: latencies_ms.len(), elapsed: started.elapsed(), latencies_ms }
}

async fn work(mut connection: Connection, schedule: Rc<Schedule>) -> Vec<f64> {
    let mut latencies_ms = Vec::new();
    while let Some(due) = schedule.next().await {
        connection.ask().await;
        latencies_ms.push(due.elapsed().as_secs_f64() * 1e3);
    }
    latencies_ms
}

/// Hands out the times at which requests are due.
struct Schedule {
    started: Instant,
    end: Instant,
    paced: Option<Paced>,
}

struct Paced {
    interval: Duration,
    taken: Cell<u32>,
    /// One permit for each request that is due.
    permits: Arc<Semaphore>,
}

impl Schedule {
    fn new(pace: Pace, started: Instant, duration: Duration) -> Self {
        let paced = match pace {
            Pace::Closed => None,
            Pace::Open { per_second } => {
                let interval = Duration::from_secs_f64(1.0 / per_second);
                let permits = Arc::new(Semaphore::new(0));
                pace_by_thread(permits.clone(), started, interval, duration);
                Some(Paced { interval, taken: Cell::new(0), permits })
            }
        };
        Self { started, end: started + duration, paced }
    }

    /// The time at which the next request is due; `None` at the end.
    async fn next(&self) -> Option<Instant> {
        let due = match &self.paced {
            None => Instant::now(),
            Some(paced) => {
                paced.permits.acquire().await.ok()?.forget();
                self.started + paced.interval * paced.taken.replace(paced.taken.get() + 1)
            }
        };
        (due < self.end).then_some(due)
    }
}

/// Adds the permits from a separate thread, because the runtime's timer has a resolution of a millisecond.
fn pace_by_thread(due: Arc<Semaphore>, started: Instant, interval: Duration, duration: Duration) {
    std::thread::spawn(move || {
        for number in 0.. {
            let next = interval * number;
            if next >= duration {
                break;
            }
            std::thread::sleep((started + next).saturating_duration_since(Instant::now()));
            due.add_permits(1);
        }
        due.close();
    });
}

/// A keep-alive connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    load: Rc<Load>,
    host: HeaderValue,
    bearer: Option<HeaderValue>,
}

impl Connection {
    /// Opens connection `number` to one of the addresses, in turn. Must run in a [`LocalSet`].
    pub async fn open(load: &Rc<Load>, number: usize) -> Self {
        let address = &load.addresses[number % load.addresses.len()];
        let socket = TcpStream::connect(address).await.expect("connects");
        socket.set_nodelay(true).expect("a socket");
        let (sender, connection) = handshake(TokioIo::new(socket)).await.expect("HTTP");
        tokio::task::spawn_local(connection);
        let host = HeaderValue::from_str(address).expect("an address");
        let bearer = load.bearer.as_deref().map(|it| HeaderValue::from_str(it).expect("a token"));
        Self { sender, load: load.clone(), host, bearer }
    }

    /// Sends the next body and reads the whole response.
    ///
    /// # Panics
    /// When the response is unexpected.
    pub async fn ask(&mut self) {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/graphql")
            .header(HOST, self.host.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        let request = request.body(Full::new(self.load.next_body())).expect("a request");
        self.sender.ready().await.expect("the connection is kept alive");
        let answer = self.sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        let mut body = answer.into_body();
        let mut text = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame.expect("the whole answer").data_ref() {
                text.extend_from_slice(data);
            }
        }
        let good = match self.load.expected {
            Expected::Length(length) => text.len() == length,
            Expected::Contains(part) => contains(&text, part) && !contains(&text, r#""errors""#),
        };
        assert!(status == 200 && good, "{status}: {}", String::from_utf8_lossy(&text));
    }
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}
