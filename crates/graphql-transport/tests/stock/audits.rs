//! The audits of the npm package `graphql-http` that async-graphql-axum fails; this crate passes all of them.
//!
//! They run where `npm ci` has been run in `tests/clients`; elsewhere the test says that it was skipped.

use std::path::Path;

use tokio::process::Command;

use super::{
    assert_readme_has,
    servers::{Kind, TestServer},
};

/// The audits of version 1.23.1.
const AUDITS: usize = 61;

/// Identifier and rule of each audit that async-graphql-axum fails.
const FAILED_BY_STOCK: &[(&str, &str)] = &[
    ("4655", "MUST accept application/json and match the content-type"),
    ("47DE", "SHOULD accept */* and use application/json for the content-type"),
    ("80D8", "SHOULD assume application/json content-type when accept is missing"),
    ("9C48", "MAY NOT allow executing mutations on GET requests"),
    ("9ABE", "SHOULD respond with 4xx status code if content-type is not supplied on POST requests"),
    ("423L", "MAY use 400 status code on missing {query} parameter"),
    ("8764", "MAY use 4xx or 5xx status codes if parameters are invalid"),
    ("3E3A", "MAY use 400 status code if parameters are invalid"),
    (
        "865D",
        "SHOULD use 4xx or 5xx status codes on document parsing failure when accepting application/graphql-response+json",
    ),
    (
        "556A",
        "SHOULD use 400 status code on document parsing failure when accepting application/graphql-response+json",
    ),
    (
        "D586",
        "SHOULD not contain the data entry on document parsing failure when accepting application/graphql-response+json",
    ),
    (
        "51FE",
        "SHOULD use 4xx or 5xx status codes on document validation failure when accepting application/graphql-response+json",
    ),
    (
        "74FF",
        "SHOULD use 400 status code on document validation failure when accepting application/graphql-response+json",
    ),
    (
        "5E5B",
        "SHOULD not contain the data entry on document validation failure when accepting application/graphql-response+json",
    ),
    (
        "86EE",
        "SHOULD use a status code of 400 on variable coercion failure when accepting application/graphql-response+json",
    ),
];

#[tokio::test]
async fn each_service_fails_the_audits_that_are_listed() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
    if !clients.join("node_modules/graphql-http").is_dir() {
        eprintln!("SKIPPED: run `npm ci` in tests/clients for the audits of graphql-http");
        return;
    }
    for (kind, pinned) in [(Kind::Ours, [].as_slice()), (Kind::Stock, FAILED_BY_STOCK)] {
        let server = TestServer::start(kind).await;
        let output = Command::new("node").arg(clients.join("audits.mjs")).arg(&server.http).output().await;
        let printed = String::from_utf8(output.expect("node runs").stdout).unwrap();
        let mut lines: Vec<_> = printed.lines().collect();
        let tally = lines.pop().unwrap_or_default();
        let failed: Vec<_> = lines.iter().filter_map(|line| audit(line)).collect();
        assert_eq!(failed, pinned, "{kind:?}:\n{printed}");
        let passed = AUDITS - pinned.len();
        assert_eq!(tally, format!("{passed} passed, {} failed", pinned.len()), "{kind:?}");
    }
}

#[test]
fn the_readme_lists_the_audits_that_the_stock_service_fails() {
    let rows: Vec<_> = FAILED_BY_STOCK.iter().map(|(id, rule)| format!("| `{id}` | {rule} |")).collect();
    assert_readme_has("GraphQL over HTTP", &rows);
}

/// Identifier and rule of a line `STATUS ID RULE: REASON`; `None` for the lines of a reason that has several.
fn audit(line: &str) -> Option<(&str, &str)> {
    let mut words = line.splitn(3, ' ');
    let (status, id, rest) = (words.next()?, words.next()?, words.next()?);
    let (rule, _) = rest.split_once(": ")?;
    matches!(status, "notice" | "warn" | "error").then_some((id, rule))
}
