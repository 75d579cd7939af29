//! Faults that only concern SQLite: many writers on one file, and a full disk.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::app::App;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::documents;
use crate::support::fault::process::{Process, assert_sound};
use crate::support::fault::resuming::assert_retryable;
use crate::support::fault::workspace;
use crate::support::world::{World, customer};

const WRITERS: u32 = 32;
const WRITES: u32 = 8;

/// Half of the writers use a second server on the same file, which counts as another process.
#[tokio::test(flavor = "multi_thread")]
async fn none_of_32_writers_gets_the_error_database_is_locked() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = World::prepare(App::start(&store.url).await).await;
    let sibling = world.app.sibling().await;
    let servers = [world.at(world.app.address()), world.at(sibling.address())];
    let writers = (0..WRITERS).map(|writer| {
        let server = &servers[writer as usize % 2];
        async move {
            for n in 0..WRITES {
                let arrived = server.text(&customer(writer + 1), &format!("text {n}")).await;
                let id = arrived.conversation()["id"].as_str().expect("an id").to_owned();
                server.rep.send(&id, &format!("reply {n}")).await.changed();
            }
        }
    });
    join_all(writers).await;
    let counts = world.rep.counts().await;
    assert_eq!(counts["inbox"]["total"], WRITERS, "{counts:#}");
    world.app.assert_store_is_sound().await;
    sibling.stop().await;
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_typed_error_and_leaves_the_store_sound() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = workspace(&store.url).await;
    let process = Process::start(&store.url).await;
    let here = world.at(process.address());
    let id = here.conversation(1).await;

    // No file of the process can grow beyond this size, so larger writes fail.
    process.limit_files(Some(4096)).await;
    let mut refused = 0;
    for n in 0..10 {
        let text = json!({ "providerMessageId": format!("SM-full-{n}"), "from": customer(9),
                           "to": here.number.number, "body": "x".repeat(1_000) });
        let answer = here.service.try_mutate("receiveMessage", text, &documents::messaging()).await;
        if answer.body.get("errors").is_some() {
            assert_retryable(&answer.body);
            refused += 1;
        }
    }
    assert!(refused > 0, "the disk is full");
    assert_eq!(here.rep.conversation(&id).await["id"], id.as_str(), "reads go on");
    process.limit_files(None).await;
    for n in 10..15 {
        here.conversation(n).await;
    }
    here.rep.claim(&id).await.changed();
    drop(process);
    assert_sound(&store.url).await;
}
