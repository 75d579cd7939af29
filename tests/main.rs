//! The product's rules, each a test that bears its name, over real HTTP and WebSockets, on both databases.
//!
//! `cargo test --test main` runs the SQLite half anywhere. The PostgreSQL half runs when `TEST_DATABASE_URL`
//! names a server on which databases may be created; see `support/database.rs`.

#[macro_use]
mod support;

mod api;
mod code;
mod faults;
mod live;
mod operation;
mod rules;
mod soak;

/// The suite never passes over half of itself in silence.
#[test]
fn the_postgresql_half_runs_or_says_that_it_was_skipped() {
    use support::database::{ADMIN_URL, REQUIRED, admin_url};
    if admin_url().is_some() {
        return;
    }
    assert_ne!(std::env::var(REQUIRED).as_deref(), Ok("1"), "{REQUIRED}=1, but {ADMIN_URL} is not set");
    support::say(&format!("PostgreSQL's half was SKIPPED: {ADMIN_URL} is not set."));
}
