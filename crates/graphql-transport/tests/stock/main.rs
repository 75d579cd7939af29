//! Compares this crate with async-graphql-axum, the standard integration of async-graphql with axum.
//!
//! Both serve the same schema. Each test asserts the responses of both, so a test fails when a new version of
//! async-graphql-axum fixes a deviation from the specification. The tests also check the tables in the README.

// A test may fail, and is read from the top to the bottom.
#![allow(clippy::expect_used, clippy::too_many_lines, clippy::unwrap_used)]

mod audits;
mod client;
mod servers;
mod sockets;
#[expect(dead_code, reason = "the tests of the transport use all of it")]
#[path = "../transport/support.rs"]
mod support;

const README: &str = include_str!("../../README.md");

/// Asserts that the README has exactly these rows in its table below `heading`.
#[track_caller]
fn assert_readme_has(heading: &str, rows: &[String]) {
    let (_, below) = README.split_once(&format!("### {heading}\n")).expect("the README has the heading");
    let table = below.lines().skip_while(|line| !line.starts_with('|'));
    // The first two lines are the names of the columns and the rule under them.
    let found: Vec<_> = table.take_while(|line| line.starts_with('|')).skip(2).collect();
    assert_eq!(found, rows, "the table below \"{heading}\" in README.md should read:\n{}", rows.join("\n"));
}
