//! Several processes on one database: they start, stop and work at the same time.

use std::path::Path;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::database::{Database, TestDatabase};
use crate::support::documents;
use crate::support::fault::process::{Options, PROGRAM, Process, assert_sound, release_program};
use crate::support::fault::workspace;
use crate::support::outcome::{Payload, text};
use crate::support::say;
use crate::support::socket::Socket;
use crate::support::sql::SqlConnection;
use crate::support::world::customer;

/// A text that only a program with failpoints contains.
const OF_FAILPOINTS: &str = "SWITCHBOARD_FAILPOINTS";

fn contains(program: impl AsRef<Path>, text: &str) -> bool {
    let program = std::fs::read(program).expect("reads");
    program.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_release_build_holds_no_failpoint() {
    // The search finds the text in a debug build.
    assert_eq!(contains(PROGRAM, OF_FAILPOINTS), cfg!(debug_assertions));
    match release_program() {
        Some(program) => assert!(!contains(&program, OF_FAILPOINTS), "{}", program.display()),
        None => say("The release build was NOT CHECKED: not found. Set RELEASE_PROGRAM to its path."),
    }
}

/// Six processes start at once on an empty database: one migrates, the others wait, and all serve.
async fn assert_that_all_start(url: &str) {
    let processes =
        join_all((0..6).map(|_| Process::start_with(url, Options::default().set("POOL_SIZE", 2)))).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    for process in &processes {
        let request = http.post(process.url("/graphql")).json(&json!({ "query": "{ viewer { id } }" }));
        assert_eq!(request.send().await.expect("answers").status(), 401);
    }
    drop(processes);
    assert_sound(url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_migrate_at_once_all_start_on_sqlite() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    assert_that_all_start(&store.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_migrate_at_once_all_start_on_postgres() {
    let Some(store) = TestDatabase::empty_postgres().await else { return };
    assert_that_all_start(&store.url).await;
}

/// The next release has added a table, a column and a migration. A process of this release still serves and starts.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_process_serves_and_starts_on_the_schema_of_a_newer_one() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = workspace(&store.url).await;
    let old = Process::start(&store.url).await;
    let here = world.at(old.address());
    let before = here.conversation(1).await;
    let next = "CREATE TABLE of_the_next_release (workspace_id uuid NOT NULL);
                ALTER TABLE conversations ADD COLUMN of_the_next_release text;
                INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')";
    SqlConnection::open(&store.url).await.run(next).await;
    here.rep.claim(&before).await.changed();
    here.conversation(2).await;
    let again = Process::start(&store.url).await;
    let there = world.at(again.address());
    there.rep2.assign(&before, &there.rep2).await.changed();
    assert_eq!(here.rep.conversation(&before).await["assignee"]["id"], world.rep2.id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_50_times_at_once_on_two_processes_is_one_message() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = workspace(&store.url).await;
    let (one, two) = tokio::join!(Process::start(&store.url), Process::start(&store.url));
    let places = [world.at(one.address()), world.at(two.address())];
    for round in 0..5 {
        let sid = format!("SM-{round}");
        let deliveries =
            (0..50).map(|n| places[n % 2].deliver(&sid, &world.number, "+16505550100", "Hello", json!({})));
        let outcomes: Vec<Payload> = join_all(deliveries).await.into_iter().map(Payload::ok).collect();
        let changed = outcomes.iter().filter(|outcome| outcome.value["changed"] == true).count();
        assert_eq!(changed, 1, "{outcomes:#?}");
        let ids: Vec<&Value> = outcomes.iter().map(|outcome| &outcome.message()["id"]).collect();
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    }
    let inbox = places[0].rep.ids("INBOX", Value::Null).await;
    assert_eq!(inbox.len(), 1);
    assert_eq!(places[1].rep.messages(&inbox[0]).await.len(), 5);
    assert_eq!(places[1].rep.story(&inbox[0]).await, ["RECEIVED"; 5]);
    drop((one, two));
    assert_sound(&store.url).await;
}

/// Eight senders send messages one after the other while the process stops. Every acknowledged message must be stored.
async fn stops_under_load(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let world = workspace(&store.url).await;
    let mut process = Process::start(&store.url).await;
    let here = world.at(process.address());
    let mut socket = Socket::open(&here.rep.client).await;
    let mut changes = socket.subscribe(&documents::queue_changes(), json!({}));
    changes.next().await;
    let senders = (0..8_u32).map(|sender| {
        let here = &here;
        async move {
            let selection = documents::messaging();
            let mut acknowledged = Vec::new();
            for n in 0.. {
                let id = format!("SM-{sender}-{n}");
                let input = json!({ "providerMessageId": id, "from": customer(sender + 1),
                                    "to": here.number.number, "body": id });
                let answer = here.service.attempt_mutation("receiveMessage", input, &selection);
                match answer.await {
                    Ok(answer) if answer.status == 200 => {
                        answer.payload("receiveMessage").changed();
                        acknowledged.push(id);
                    }
                    // The listener is closed, or the server refuses because it is stopping.
                    _ => break,
                }
            }
            acknowledged
        }
    });
    let stop = async {
        // Wait until all senders are sending.
        for _ in 0..16 {
            changes.next_change().await;
        }
        process.terminate().await;
        let code = socket.close_code().await;
        (process.ended().await, code)
    };
    let (acknowledged, (status, code)) = tokio::join!(join_all(senders), stop);
    assert_eq!(status.code(), Some(0), "the process exits normally");
    assert_eq!(code, Some(1012), "the close code tells clients to reconnect");
    assert_sound(&store.url).await;
    let process = Process::start(&store.url).await;
    let here = world.at(process.address());
    for texts in acknowledged {
        for sid in texts {
            let again = here.deliver(&sid, &world.number, &customer(1), "again", json!({})).await.unchanged();
            assert_eq!(text(&again.message()["body"]), sid, "what was acknowledged is stored");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_nothing_on_sqlite() {
    stops_under_load(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_nothing_on_postgres() {
    stops_under_load(Database::Postgres).await;
}
