//! Measures the cost of attacks on the server: `cargo bench --bench attacks`.
//!
//! Starts the release build on a new SQLite database, repeats each attack, and reads the server's CPU time and memory
//! from `/proc`. Requires Linux. Other load on the machine changes the results little. Exits with 1 if an attack costs
//! more than [`CPU_LIMIT_MS`], if memory grows by more than [`GROWTH_LIMIT_KB`], if a response is unexpected, or if the
//! server has ended.

// A measurement may fail, and is read from the top to the bottom.
#![allow(clippy::expect_used, clippy::too_many_lines, clippy::unwrap_used)]

mod attacks {
    pub mod documents;
}
mod support;

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};

use self::attacks::documents::{documents, forged_tokens};
use self::support::database::Database;
use self::support::server::{Seeded, Server, seed};

/// The maximum CPU time of one attack, in milliseconds.
const CPU_LIMIT_MS: f64 = 5.0;
/// The maximum growth of the server's memory from the first harmless requests to the end, in KiB.
const GROWTH_LIMIT_KB: u64 = 32 * 1024;
/// The number of repetitions of each attack. The kernel counts CPU time only in hundredths of a second.
const TIMES: u32 = 200;
/// The number of repetitions of attacks of many megabytes.
const TIMES_LARGE: u32 = 20;
const SUBSCRIPTIONS: u32 = 20_000;
/// The number of frames that the server reads before it closes the socket.
const FRAMES_READ: u32 = 1_200;
/// The pause before a retry when the server rejects new sockets.
const PAUSE: Duration = Duration::from_millis(100);

struct Bench {
    server: Server,
    seeded: Seeded,
    client: Client,
    worst_ms: f64,
    /// The number of responses with an unexpected status.
    unexpected: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    if !support::is_bench() {
        return ExitCode::SUCCESS;
    }
    let database = Database::sqlite();
    let seeded = seed(database.url(), &["--conversations", "10"]);
    let webhook = ["--twilio-auth-token", "x", "--public-url", "https://a.test"];
    let server = Server::start(database.url(), &webhook);
    let client = Client::builder().no_proxy().build().expect("a client");
    let mut bench = Bench { server, seeded, client, worst_ms: 0.0, unexpected: 0 };
    let harmless = json!({ "query": "{ __typename }" });
    bench.http("(for comparison: a harmless request)", TIMES * 5, &[200], |post| post.json(&harmless)).await;
    let before_kb = bench.server.resident_kb();
    bench.worst_ms = 0.0;

    bench.all().await;

    let after_kb = bench.server.resident_kb();
    let alive = bench.server.is_alive();
    println!(
        "\nthe most expensive attack costs {:.3} ms; memory {before_kb} KiB before and {after_kb} KiB after; {}",
        bench.worst_ms,
        if alive { "the server is running" } else { "THE SERVER HAS ENDED" }
    );
    let flat = after_kb <= before_kb + GROWTH_LIMIT_KB;
    if alive && flat && bench.unexpected == 0 && bench.worst_ms <= CPU_LIMIT_MS {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Bench {
    async fn all(&mut self) {
        for (name, document) in documents() {
            let body = json!({ "query": document });
            self.http(&name, TIMES, &[400, 413], |post| post.json(&body)).await;
            let token = self.seeded.bearer("rep");
            self.http(&format!("{name}, signed in"), TIMES, &[400, 413], |post| {
                post.header(AUTHORIZATION, &token).json(&body)
            })
            .await;
        }
        let many =
            json!({ "query": "query($v: [Int]) { __typename }", "variables": { "v": vec![1; 50_000] } });
        self.http("50,000 values in a variable", TIMES, &[400, 413], |post| post.json(&many)).await;
        let deep = format!(
            "{{\"query\":\"{{a}}\",\"variables\":{}1{}}}",
            "{\"a\":".repeat(9_000),
            "}".repeat(9_000)
        );
        self.body("variables nested 9,000 deep", "application/json", &deep, &[400]).await;

        let mutation = json!({ "query": "mutation { __typename }" }).to_string();
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
        {
            self.body(&format!("a mutation as {content_type}"), content_type, &mutation, &[415]).await;
        }
        self.large_bodies().await;
        for (name, token) in forged_tokens() {
            self.http(&name, TIMES, &[401], |post| {
                post.header(AUTHORIZATION, &token).json(&json!({ "query": "{ viewer { id } }" }))
            })
            .await;
        }
        let url = self.server.url("/webhooks/twilio/sms");
        for (kilobytes, status) in [(60, 403), (240, 413)] {
            let form = "a=b&".repeat(kilobytes * 250);
            self.measure(
                &format!("{kilobytes} KB to the webhook with an invalid signature"),
                TIMES,
                &[status],
                |client| {
                    let post = client.post(&url).header("x-twilio-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
                    post.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.clone())
                },
            )
            .await;
        }
        let url = self.server.url("/graphql");
        self.measure("a socket from a foreign page", TIMES, &[403], |client| {
            let get = client.get(&url).header("Connection", "Upgrade").header("Upgrade", "websocket");
            let get = get
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
            get.header("Origin", "https://evil.example")
        })
        .await;
        self.sockets().await;
    }

    async fn large_bodies(&mut self) {
        let large = Bytes::from(vec![b' '; 50 * 1024 * 1024]);
        for announced in [true, false] {
            let name = if announced { "50 MB, announced" } else { "50 MB, in chunks" };
            self.http(name, TIMES_LARGE, &[413], |post| {
                let post = post.header(CONTENT_TYPE, "application/json");
                match announced {
                    true => post.body(large.clone()),
                    false => {
                        post.body(reqwest::Body::wrap(Full::new(large.clone()).map_frame(|frame| frame)))
                    }
                }
            })
            .await;
        }
    }

    /// Subscribes to each document on a new socket, then many times on one socket until it is closed.
    async fn sockets(&mut self) {
        for (name, document) in documents() {
            let message =
                json!({ "id": "1", "type": "subscribe", "payload": { "query": document } }).to_string();
            let before = self.server.cpu_ms();
            for _ in 0..TIMES / 10 {
                let mut socket = self.socket().await;
                // The server answers with an `error` or closes the socket.
                let _ = socket.send(Message::text(message.clone())).await;
                let _ = socket.next().await;
            }
            self.report(&format!("{name}, on a new socket"), before, TIMES / 10);
        }
        let mut socket = self.socket().await;
        let before = self.server.cpu_ms();
        for id in 0..SUBSCRIPTIONS {
            let payload = json!({ "query": "subscription { viewCountsChanged { asOf } }" });
            let message = json!({ "id": id.to_string(), "type": "subscribe", "payload": payload });
            if socket.send(Message::text(message.to_string())).await.is_err() {
                break;
            }
        }
        while let Some(Ok(_)) = socket.next().await {}
        self.report(
            "each of the 1,200 that are read of 20,000 subscriptions on one socket",
            before,
            FRAMES_READ,
        );
    }

    async fn socket(&self) -> tokio_tungstenite::WebSocketStream<tokio::net::TcpStream> {
        let address = self.server.address();
        let mut socket = loop {
            let mut request = format!("ws://{address}/graphql").into_client_request().expect("a request");
            let protocol = HeaderValue::from_static("graphql-transport-ws");
            request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
            let tcp = tokio::net::TcpStream::connect(address).await.expect("connects");
            match tokio_tungstenite::client_async(request, tcp).await {
                Ok((socket, _)) => break socket,
                // The limit of new sockets per second is reached.
                Err(Error::Http(answer)) if answer.status() == 503 => tokio::time::sleep(PAUSE).await,
                Err(error) => panic!("no socket: {error}"),
            }
        };
        let init =
            json!({ "type": "connection_init", "payload": { "Authorization": self.seeded.bearer("rep") } });
        socket.send(Message::text(init.to_string())).await.expect("sends");
        let answer = socket.next().await.expect("an answer").expect("an answer");
        assert!(answer.to_string().contains("connection_ack"), "{answer}");
        socket
    }

    async fn body(&mut self, name: &str, content_type: &str, body: &str, expected: &[u16]) {
        self.http(name, TIMES, expected, |post| {
            post.header(CONTENT_TYPE, content_type).body(body.to_owned())
        })
        .await;
    }

    async fn http(
        &mut self,
        name: &str,
        times: u32,
        expected: &[u16],
        make: impl Fn(RequestBuilder) -> RequestBuilder,
    ) {
        let url = self.server.url("/graphql");
        self.measure(name, times, expected, |client| {
            make(client.post(&url).header(ACCEPT, "application/graphql-response+json"))
        })
        .await;
    }

    async fn measure(
        &mut self,
        name: &str,
        times: u32,
        expected: &[u16],
        make: impl Fn(&Client) -> RequestBuilder,
    ) {
        let before = self.server.cpu_ms();
        for _ in 0..times {
            // The server may close the connection while a long body is being sent.
            if let Ok(answer) = make(&self.client).send().await {
                let status = answer.status().as_u16();
                if !expected.contains(&status) {
                    self.unexpected += 1;
                    println!("UNEXPECTED {status} to: {name}");
                }
                let _ = answer.bytes().await;
            }
        }
        self.report(name, before, times);
    }

    fn report(&mut self, name: &str, before_ms: f64, times: u32) {
        let each = (self.server.cpu_ms() - before_ms) / f64::from(times.max(1));
        self.worst_ms = self.worst_ms.max(each);
        println!("{each:>8.3} ms  {:>6} KiB  {name}", self.server.resident_kb());
    }
}
