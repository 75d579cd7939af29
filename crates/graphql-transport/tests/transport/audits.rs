//! The audits of the npm package `graphql-http`, all of which have to pass.
//!
//! They run where `npm ci` has been run in `tests/clients`; elsewhere the test says
//! that it was skipped.

use std::path::Path;

use tokio::process::Command;

use super::support::Server;

#[tokio::test]
async fn graphql_http_finds_nothing_wrong() {
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
