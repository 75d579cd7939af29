//! The audits of the npm package `graphql-http`. All of them must pass.
//!
//! The test needs the packages of `tests/clients` (`npm ci`). Without them, it prints that
//! it was skipped.

use std::path::Path;

use tokio::process::Command;

use super::support::Server;

#[tokio::test]
async fn all_audits_of_graphql_http_pass() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
    if !clients.join("node_modules/graphql-http").is_dir() {
        eprintln!("SKIPPED: run `npm ci` in tests/clients for the audits of graphql-http");
        return;
    }
    let server = Server::start().await;
    for token in [None, Some("alice")] {
        let output = Command::new("node")
            .arg(clients.join("audits.mjs"))
            .arg(server.url())
            .args(token)
            .output()
            .await
            .expect("node runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && printed.contains("61 passed, 0 failed"),
            "with token {token:?}:\n{printed}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
