//! Measures the cost of many subscribers: `cargo bench --bench sockets`.
//!
//! Starts the release build on 200 workspaces and opens 10,000 sockets with a live list each. Measures the memory and
//! CPU time of idle sockets, the time until 1,000 subscribers of one workspace have received an event, the CPU time and
//! SQL statements of a delivery, and the cost when all clients reconnect at once. Prints a Markdown table. The server's
//! CPU time is read from `/proc`, which requires Linux. Other load on the machine changes CPU times less than times.
//!
//! | option | |
//! |---|---|
//! | `--postgres` | use PostgreSQL at `TEST_DATABASE_URL` instead of SQLite |
//! | `--sockets N` | the number of sockets (10,000) |
//! | `--subscribers N` | the number of these in the workspace with the events (1,000) |
//! | `--events N` | the number of events per measurement (300) |
//! | `--quick` | a tenth of all numbers |

// A measurement may fail, and is read from the top to the bottom.
#![allow(clippy::expect_used, clippy::too_many_lines, clippy::unwrap_used)]

mod sockets {
    pub mod desk;
    pub mod documents;
    pub mod fleet;
}
mod support;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard::clock::Clock;
use switchboard::domain::{AgentId, WorkspaceId};
use switchboard::token::{Caller, Keys};

use self::sockets::desk::Assigner;
use self::sockets::documents;
use self::sockets::fleet::{ClientSpec, Fleet};
use self::support::database::Database;
use self::support::server::{SECRET, Seeded, Server, seed};
use self::support::table::{Table, quantile};

const WORKSPACES: usize = 200;
/// File descriptors that each process needs in addition to its sockets.
const SPARE_FILES: usize = 200;
/// The idle time before memory is read.
const REST: Duration = Duration::from_secs(3);
/// The interval of polling.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the CPU time of idle sockets is measured.
const IDLE: Duration = Duration::from_secs(30);

struct Options {
    postgres: bool,
    sockets: usize,
    subscribers: usize,
    events: usize,
}

impl Options {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        let share = if has("--quick") { 10 } else { 1 };
        let number = |name: &str, default: usize| {
            let at = arguments.iter().position(|argument| argument == name);
            at.map_or(default / share, |at| arguments[at + 1].parse().expect("a number"))
        };
        let subscribers = number("--subscribers", 1_000);
        Self {
            postgres: has("--postgres"),
            sockets: number("--sockets", 10_000).max(subscribers),
            subscribers,
            events: number("--events", 300),
        }
    }
}

// All clients share one thread and leave the other cores to the server.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    if !support::is_bench() {
        return;
    }
    let options = Options::read();
    allow_files(options.sockets);
    let database = if options.postgres { Database::postgres() } else { Database::sqlite() };
    let workspaces = WORKSPACES.to_string();
    let seeded = seed(database.url(), &["--workspaces", &workspaces, "--conversations", "50"]);
    let metrics = free_address();
    let sockets = (2 * options.sockets).to_string();
    let server = Server::start(
        database.url(),
        &[
            "--metrics-listen",
            &metrics,
            "--sockets",
            &sockets,
            "--sockets-per-agent",
            &sockets,
            "--new-sockets-per-second",
            &sockets,
            "--points-per-minute",
            "0",
        ],
    );
    let assigner = Assigner::open(&server, &seeded).await;
    let mut bench =
        Bench { options, server, metrics, agents: Agents::of(&seeded), assigner, table: Table::new(HEADS) };
    bench.run().await;
    println!("{}", bench.table);
}

const HEADS: [&str; 3] = ["what", "target", "measured"];

struct Bench {
    options: Options,
    server: Server,
    metrics: String,
    agents: Agents,
    assigner: Assigner,
    table: Table,
}

/// The server's counters at a point in time.
struct Mark {
    at: Instant,
    cpu_ms: f64,
    statements: u64,
}

impl Bench {
    async fn run(&mut self) {
        let (sockets, subscribers) = (self.options.sockets, self.options.subscribers);
        let mut idle =
            Fleet::new(self.server.address(), self.agents.in_other_workspaces(sockets - subscribers));
        let mut alike = Fleet::new(
            self.server.address(),
            self.agents.in_first_workspace(subscribers, &[documents::README]),
        );
        let before_kb = self.server.resident_kb();
        let mark = self.mark().await;
        tokio::join!(idle.open(), alike.open());
        self.report_arrival(&format!("{sockets} sockets open at once"), &mark).await;
        tokio::time::sleep(REST).await;
        let each_kb = (self.server.resident_kb() - before_kb) as f64 / sockets as f64;
        self.row("memory of an idle socket with one subscription", "≤ 20 KiB", format!("{each_kb:.1} KiB"));
        let mark = self.mark().await;
        tokio::time::sleep(IDLE).await;
        let idle_ms = (self.server.cpu_ms() - mark.cpu_ms) / IDLE.as_secs_f64();
        self.row(&format!("CPU of {sockets} idle sockets"), "", format!("{idle_ms:.1} ms per second"));

        let with = self.events("one selection", Some(&alike)).await;
        alike.cut().await;
        while self.metric("switchboard_sockets ").await as usize > sockets - subscribers {
            tokio::time::sleep(PAUSE).await;
        }
        let without = self.events("no subscribers", None).await;
        let additional = format!("{:.1} (with {with:.1}, without {without:.1})", with - without);
        self.row(
            &format!("additional statements per event with {subscribers} subscribers"),
            "≤ 4",
            additional,
        );

        let varied = documents::varied();
        let varied: Vec<&str> = varied.iter().map(String::as_str).collect();
        let mut varied =
            Fleet::new(self.server.address(), self.agents.in_first_workspace(subscribers, &varied));
        varied.open().await;
        self.events(&format!("{} selections", documents::SELECTIONS), Some(&varied)).await;

        tokio::join!(idle.cut(), varied.cut());
        while self.metric("switchboard_sockets ").await > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let mark = self.mark().await;
        tokio::join!(idle.open(), varied.open());
        self.report_arrival(&format!("{sockets} sockets reconnect at once"), &mark).await;
        let now_kb = self.server.resident_kb();
        let each_kb = now_kb.saturating_sub(before_kb) as f64 / sockets as f64;
        self.row("memory per socket after the reconnect", "", format!("{each_kb:.1} KiB"));
    }

    /// Creates events one by one, each after the previous one has reached all subscribers. Returns the number of SQL
    /// statements per event.
    async fn events(&mut self, name: &str, fleet: Option<&Fleet>) -> f64 {
        let (events, subscribers) = (self.options.events, self.options.subscribers);
        let (mut since_sent, mut since_answered) = (Vec::new(), Vec::new());
        let mark = self.mark().await;
        for _ in 0..events {
            let sent = Instant::now();
            let Some(fleet) = fleet else {
                self.assigner.assign().await;
                continue;
            };
            let (answered, last) = fleet.after(subscribers, self.assigner.assign()).await;
            since_sent.push((last - sent).as_secs_f64() * 1_000.0);
            since_answered.push(last.saturating_duration_since(answered).as_secs_f64() * 1_000.0);
        }
        let cpu_ms = self.server.cpu_ms() - mark.cpu_ms;
        let statements = (self.statements().await - mark.statements) as f64 / events as f64;
        if fleet.is_some() {
            let who = format!("to the last of {subscribers} subscribers, {name}");
            let mut percentiles = |what: &str, target: &str, samples: &mut [f64]| {
                let (p50, p99) = (quantile(samples, 0.5), quantile(samples, 0.99));
                let result = format!("p50 {p50:.1}, p99 {p99:.1} ms");
                self.table.row([format!("{what} {who}"), target.to_owned(), result]);
            };
            percentiles("from sending the mutation", "p50 ≤ 10, p99 ≤ 30 ms", &mut since_sent);
            percentiles("from its response", "", &mut since_answered);
            let each_us = 1_000.0 * cpu_ms / (events * subscribers) as f64;
            let per_second = 1_000_000.0 / each_us;
            let result = format!("{per_second:.0} ({each_us:.1} µs each)");
            self.row(&format!("deliveries per second and core, {name}"), "≥ 30,000", result);
        }
        statements
    }

    async fn report_arrival(&mut self, name: &str, mark: &Mark) {
        let sockets = self.options.sockets as f64;
        let (took, cpu_ms) = (mark.at.elapsed().as_secs_f64(), self.server.cpu_ms() - mark.cpu_ms);
        let statements = (self.statements().await - mark.statements) as f64 / sockets;
        let each_ms = cpu_ms / sockets;
        let result = format!("{took:.1} s, CPU {each_ms:.2} ms each, {statements:.1} statements each");
        self.row(name, "", result);
    }

    fn row(&mut self, what: &str, target: &str, result: String) {
        eprintln!("{what}: {result}");
        self.table.row([what.to_owned(), target.to_owned(), result]);
    }

    async fn mark(&self) -> Mark {
        Mark { at: Instant::now(), cpu_ms: self.server.cpu_ms(), statements: self.statements().await }
    }

    async fn statements(&self) -> u64 {
        self.metric("switchboard_statements_total ").await
    }

    async fn metric(&self, name: &str) -> u64 {
        let answer = reqwest::get(format!("http://{}/metrics", self.metrics)).await.expect("an answer");
        let text = answer.text().await.expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name}")).parse().expect("a number")
    }
}

/// The `Authorization` values of all agents, by workspace.
struct Agents(Vec<Vec<Arc<str>>>);

impl Agents {
    fn of(seeded: &Seeded) -> Self {
        let keys = Keys::new(SECRET.as_bytes()).expect("a secret");
        let (now, hours) = (Clock::system().now(), Duration::from_secs(12 * 3_600));
        let id = |id: &serde_json::Value| id.as_str().and_then(|id| id.parse().ok()).expect("an id");
        let workspaces = seeded.line()["workspaces"].as_array().expect("a list").iter().map(|workspace| {
            let agents = ["managers", "reps"].map(|role| workspace[role].as_array().expect("a list"));
            let callers = agents
                .into_iter()
                .flatten()
                .map(|agent| Caller::agent(WorkspaceId(id(&workspace["id"])), AgentId(id(agent))));
            let signed = callers.map(|caller| keys.sign(caller, now, hours).expect("signs"));
            signed.map(|token| format!("Bearer {token}").into()).collect()
        });
        Self(workspaces.collect())
    }

    /// Clients in the first workspace, which use the documents in turn.
    fn in_first_workspace(&self, count: usize, documents: &[&str]) -> Vec<ClientSpec> {
        let documents: Vec<Arc<str>> = documents.iter().map(|document| (*document).into()).collect();
        let client = |n: usize| ClientSpec {
            bearer: self.0[0][n % self.0[0].len()].clone(),
            document: documents[n % documents.len()].clone(),
        };
        (0..count).map(client).collect()
    }

    /// Clients in the other workspaces.
    fn in_other_workspaces(&self, count: usize) -> Vec<ClientSpec> {
        let document: Arc<str> = documents::README.into();
        let client = |n: usize| {
            let agents = &self.0[1 + n % (self.0.len() - 1)];
            ClientSpec { bearer: agents[n % agents.len()].clone(), document: document.clone() }
        };
        (0..count).map(client).collect()
    }
}

/// Raises the limit of open files of this process and its children to the maximum, and warns if it is too low.
fn allow_files(sockets: usize) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let most = line.and_then(|line| line.split_whitespace().nth(1)).unwrap_or_default();
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={most}:{most}")]).status();
    let fits = most == "unlimited" || most.parse().is_ok_and(|most: usize| most > sockets + SPARE_FILES);
    if !fits || !raised.is_ok_and(|status| status.success()) {
        eprintln!("{most} open files may be too few for {sockets} sockets");
    }
}

/// A free address.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}
