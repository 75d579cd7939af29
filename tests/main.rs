//! Tests of the product's rules over real HTTP and WebSocket connections, on both databases.
//!
//! `cargo test --test main` runs the tests on SQLite. They also run on PostgreSQL if `TEST_DATABASE_URL` points to a
//! server on which the role may create databases; see `support/database.rs`.

// The tests decide what is random, may fail, and are read from the top to the bottom.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::too_many_lines, clippy::unwrap_used)]

#[macro_use]
mod support;

mod api;
mod code;
mod faults;
mod live;
mod operation;
mod rules;
mod soak;

/// The suite reports when it skips the tests on PostgreSQL.
#[test]
fn the_postgresql_tests_run_or_are_reported_as_skipped() {
    use support::database::{ADMIN_URL, REQUIRED, admin_url};
    if admin_url().is_some() {
        return;
    }
    assert_ne!(std::env::var(REQUIRED).as_deref(), Ok("1"), "{REQUIRED}=1, but {ADMIN_URL} is not set");
    support::say(&format!("The tests on PostgreSQL were SKIPPED: {ADMIN_URL} is not set."));
}
