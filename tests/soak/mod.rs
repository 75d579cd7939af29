//! Everything at once, for long: two processes on a PostgreSQL of their own, a team at work, and faults.
//!
//! With the suite they are short; a variable makes each as long as one likes, see `tests/README.md`.

mod claims;
mod ledger;
mod mixed;
mod site;

/// A number from the environment, if it is there.
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
