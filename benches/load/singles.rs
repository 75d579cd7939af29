//! Measurements without a comparison of all contenders.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::contenders::{Contender, Measurement, Work, compare};
use super::documents;
use super::driver::{Expected, Load, Pace};
use super::options::Options;
use super::pages::{SWITCHBOARD, Servers, YOGA};
use super::world::World;
use crate::support::server::Server;
use crate::support::table::quantile;

/// The number of repetitions of a server start and of a statement count.
const TIMES: usize = 5;
/// The time without a statement after which a server is idle.
const QUIET: Duration = Duration::from_millis(300);
const MAX_CHECKS: u32 = 100;

/// Measures the badges at the maximum rate.
pub async fn view_counts(world: &World, servers: &Servers, options: &Options) -> Vec<(String, Measurement)> {
    let token = Some(world.manager.as_str());
    let contender = short(world, SWITCHBOARD, &servers.switchboard, token, documents::VIEW_COUNTS).await;
    compare(&[contender], options.connections, Pace::Closed, options).await
}

/// Measures a response that needs neither a database nor a token.
pub async fn trivial(world: &World, servers: &Servers, options: &Options) -> Vec<(String, Measurement)> {
    let mut contenders = Vec::new();
    for (name, server) in [(SWITCHBOARD, Some(&servers.switchboard)), (YOGA, servers.yoga.as_ref())] {
        if let Some(server) = server {
            contenders.push(short(world, name, server, None, documents::TRIVIAL).await);
        }
    }
    compare(&contenders, options.connections, Pace::Closed, options).await
}

async fn short<'a>(
    world: &'a World,
    name: &str,
    server: &'a Server,
    token: Option<&str>,
    query: &str,
) -> Contender<'a> {
    let text = world.ask(server, &json!({ "query": query })).await;
    assert!(!text.contains("errors"), "{text}");
    let bodies = vec![documents::query(query)];
    let load = Load::new(server.address(), token, bodies, Expected::Length(text.len()));
    let work = Work::Http { servers: vec![server], load };
    Contender { name: name.to_owned(), database: &world.database, work }
}

/// The number of SQL statements for a full page of 1, 50 and 100 conversations, from the server's metrics.
pub async fn statements(world: &World) -> Vec<(usize, f64)> {
    let mut server = world.switchboard(&["--metrics-listen", "127.0.0.1:0"]);
    let metrics = format!("http://{}/metrics", server.next_address());
    let mut counted = Vec::new();
    settle(&metrics).await;
    for first in [1, 50, 100] {
        let page = documents::page(first, true);
        let mut each = Vec::new();
        for _ in 0..TIMES {
            let before = statements_sent(&metrics).await;
            world.ask(&server, &page).await;
            each.push(statements_sent(&metrics).await - before);
        }
        // The minimum excludes statements of the background workers.
        counted.push((first, quantile(&mut each, 0.0)));
    }
    counted
}

/// Waits until a new server is idle: after its start, it deletes events that are older than the replay window.
async fn settle(metrics: &str) {
    for _ in 0..MAX_CHECKS {
        let before = statements_sent(metrics).await;
        tokio::time::sleep(QUIET).await;
        if statements_sent(metrics).await <= before {
            return;
        }
    }
}

async fn statements_sent(metrics: &str) -> f64 {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let text = client.get(metrics).send().await.expect("metrics").text().await.expect("a text");
    let line =
        text.lines().find(|line| line.contains("statements_total ")).expect("the number of statements");
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

/// The median of the seconds from the start of the process to its first response.
pub async fn start(world: &World) -> f64 {
    let mut starts = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        let server = world.switchboard(&[]);
        world.ask(&server, &json!({ "query": documents::TRIVIAL })).await;
        starts.push(started.elapsed().as_secs_f64());
    }
    quantile(&mut starts, 0.5)
}

/// The size of the program in megabytes.
pub fn binary() -> f64 {
    let file = fs::metadata(env!("CARGO_BIN_EXE_switchboard")).expect("the program");
    file.len() as f64 / 1e6
}

/// The machine: cores, memory, and the versions of the programs.
pub fn machine(world: &World) -> Value {
    let output = |program: &str, arguments: &[&str]| {
        let ran = std::process::Command::new(program).args(arguments).output().ok();
        ran.map(|ran| String::from_utf8_lossy(&ran.stdout).trim().to_owned()).unwrap_or_default()
    };
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes =
        memory.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(f64::NAN);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memoryGiB": (kilobytes / 1024.0 / 1024.0).round(),
        "postgresql": crate::support::database::sql(world.database.url(), "SHOW server_version"),
        "node": output("node", &["--version"]),
        "rustc": output("rustc", &["--version"]),
        // A value above the number of cores means that the machine was busy before the measurement.
        "loadBefore": load.split_whitespace().next().and_then(|load| load.parse::<f64>().ok()),
    })
}
