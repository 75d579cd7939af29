//! What every test stands on: a running server on either database, and clients that speak to it.
//!
//! - [`database`]: a database of its own for each test, and the macro [`on_both`] that runs a rule on both.
//! - [`app`]: the server, in this process, on a port of its own. Everything the tests know about how the
//!   server is built and started is in there and in [`operator`].
//! - [`client`]: GraphQL over HTTP; [`outcome`]: what came back, with assertions that show it.
//! - [`socket`]: GraphQL over WebSocket.
//! - [`world`]: a workspace with a team; [`agent`]: what one of them can do.
//! - [`identity_provider`]: somebody else who signs tokens; [`authority`]: somebody who signs certificates.
//! - [`collector`]: a receiver of traces.
//! - [`fold`]: a client's picture of a live list.
//! - [`fault`]: a proxy, processes and failpoints, to break things with.
//! - [`cluster`]: a PostgreSQL of a test's own, to stop and break.
//! - [`nats`]: a NATS server of a test's own.
//! - [`plans`]: how the databases go about what a server asks them.
//! - [`bulk`]: tens of thousands of conversations.
//! - [`sql`]: straight into the database.
//! - [`storm`]: random work by several agents at once.
//! - [`timed`]: a clock that the test moves, and a workspace at a server that is told the time by it.
//!
//! Nothing here waits for a fixed time: whoever waits, waits for a condition until [`DEADLINE`].

#[macro_use]
pub mod database;

pub mod agent;
pub mod app;
pub mod authority;
pub mod bulk;
pub mod client;
pub mod cluster;
pub mod collector;
pub mod documents;
pub mod fault;
pub mod fold;
pub mod identity_provider;
pub mod nats;
pub mod operator;
pub mod outcome;
pub mod plans;
pub mod socket;
pub mod sql;
pub mod storm;
pub mod timed;
pub mod world;

use std::time::Duration;

/// How long anything may take before a test gives up on it. Generous: it is no assertion about speed.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How long to rest between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until `look` finds something.
///
/// Panics with `what` after [`DEADLINE`].
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up = tokio::time::Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < give_up, "waited in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Says something straight to the terminal: what a passing test prints is captured and never seen.
pub fn say(what: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "\n{what}\n").expect("can be said");
}

/// A number from the environment, if it is there: how long, or how large, a test is to be.
pub fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The seed of a random test: `SEED` when it is set, so that a failure can be repeated; otherwise a new one.
pub fn seed() -> u64 {
    let seed = match std::env::var("SEED") {
        Ok(text) => text.parse().expect("SEED is a number"),
        Err(_) => rand::random(),
    };
    eprintln!("random seed {seed}; repeat with SEED={seed}");
    seed
}
