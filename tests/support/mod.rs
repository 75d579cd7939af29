//! Support for all tests: a running server on either database, and clients for it.
//!
//! - [`database`]: a separate database for each test, and the macro [`on_both`], which runs a test on both databases.
//! - [`app`]: the server, in the test's process, on its own port. Only this module and [`operator`] know how the server
//!   is built and started.
//! - [`client`]: a GraphQL client over HTTP. [`outcome`]: its responses, with assertions.
//! - [`socket`]: a GraphQL client over WebSocket.
//! - [`world`]: a workspace with a team. [`agent`]: one member of the team.
//! - [`identity_provider`]: signs tokens. [`authority`]: signs certificates.
//! - [`collector`]: receives traces.
//! - [`fold`]: a client's copy of a live list.
//! - [`fault`]: a proxy, processes and failpoints, to cause faults.
//! - [`cluster`]: a PostgreSQL cluster for one test.
//! - [`nats`]: a NATS server for one test.
//! - [`plans`]: the query plans of a server's statements.
//! - [`bulk`]: tens of thousands of conversations.
//! - [`sql`]: connections to the database that bypass the server.
//! - [`random_work`]: random operations by several agents at once.
//! - [`timed`]: a clock that the test moves, and a server that uses it.
//!
//! Nothing here waits for a fixed time. Every wait has a condition, and fails after [`DEADLINE`].

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
pub mod random_work;
pub mod socket;
pub mod sql;
pub mod timed;
pub mod world;

use std::time::Duration;

/// The timeout of every wait. It is generous, because it does not assert a speed.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The time between two checks of a condition.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls `check` until it returns a value.
///
/// Panics with `what` after [`DEADLINE`].
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "timed out: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Prints directly to the terminal, because the output of a passing test is captured and not shown.
pub fn say(what: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "\n{what}\n").expect("writes to stderr");
}

/// A number from the environment, which sets the length or size of a test, if it is set.
pub fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The seed of a random test: `SEED` if it is set, to repeat a failure, and otherwise a new one.
pub fn seed() -> u64 {
    let seed = match std::env::var("SEED") {
        Ok(text) => text.parse().expect("SEED is a number"),
        Err(_) => rand::random(),
    };
    eprintln!("random seed {seed}; repeat with SEED={seed}");
    seed
}
