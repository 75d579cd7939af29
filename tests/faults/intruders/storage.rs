//! Customers' data where others could read it: files of other users, and caches of browsers and proxies.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use serde_json::json;

use crate::support::database::{Database, TestDatabase};
use crate::support::fault::process::{Process, output_of};
use crate::support::world::World;

fn mode(path: &str) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn only_their_owner_can_read_the_files_of_sqlite() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let path = store.url.strip_prefix("sqlite:").expect("a path").to_owned();
    let process = Process::start(&store.url).await;
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(&format!("{path}{end}")), 0o600, "{end}");
    }
    assert!(!process.log().contains("other users may open"));
    drop(process);
    // An existing file keeps its permissions, and the log warns.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changes the mode");
    let process = Process::start(&store.url).await;
    assert!(process.log().contains("other users may open the database file"), "{}", process.log());
    assert_eq!(mode(&path), 0o644);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_creates_a_private_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = output_of(folder.path(), &["migrate"], &[("SWITCHBOARD_DATABASE", "sqlite:new.sqlite")]).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(mode(folder.path().join("new.sqlite").to_str().expect("UTF-8")), 0o600);
}

on_both! {
    async fn no_cache_keeps_an_answer_of_the_api(world: World) {
        let url = world.app.url("/graphql");
        let token = world.rep.client.authorization().expect("the rep has a token");
        let get = format!("{url}?query=%7Bviewer%7Bemail%7D%7D");
        let answers = [
            world.app.http().get(get).header(AUTHORIZATION, &token),
            world.app.http().post(&url).header(AUTHORIZATION, &token).json(&json!({ "query": "{viewer{email}}" })),
            world.app.http().post(&url).json(&json!({ "query": "{viewer{email}}" })),
            world.app.http().post(&url).body("x"),
        ];
        for request in answers {
            let answer = request.send().await.expect("the server answers");
            assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
            assert_eq!(answer.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }
}
