//! Everything at once, for long: two processes on a PostgreSQL of their own, a team at work, and faults.
//!
//! What runs with the suite is short; the rest is ignored there and run by name, see `tests/README.md`.

mod claims;
mod ledger;
mod mixed;
mod site;

/// A number from the environment, or what it is otherwise.
fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => otherwise,
    }
}
