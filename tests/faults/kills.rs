//! The process dies at critical moments and is started again.
//!
//! Failpoints kill it. Only debug builds have them.
#![cfg(debug_assertions)]

use serde_json::{Value, json};

use crate::support::agent::unique_key;
use crate::support::database::{Database, TestDatabase};
use crate::support::documents;
use crate::support::fault::process::{Options, Process, assert_sound};
use crate::support::fault::workspace;
use crate::support::outcome::text;
use crate::support::socket::Item;
use crate::support::world::Workspace;

/// The number of the event at which the process dies.
const AT: u32 = 4;

/// Runs a test on each database.
macro_rules! on_each {
    ($($name:ident: $rule:ident)+) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                $rule(Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                $rule(Database::Postgres).await;
            }
        }
    )+};
}

on_each! {
    killed_before_the_commit_nothing_is_stored_and_the_repeat_is: dies_before_the_commit
    killed_after_the_commit_what_nobody_was_told_of_is_delivered_on_resume: dies_after_the_commit
    killed_in_the_middle_of_a_delivery_the_rest_comes_on_resume: dies_in_a_delivery
    a_panic_in_a_transaction_costs_a_connection_and_nothing_else: panics_in_a_transaction
}

/// Sends replies until the process dies. All replies except the last are acknowledged.
///
/// Returns the bodies of all replies, and the idempotency key of the last.
async fn reply_until_it_dies(world: &Workspace, id: &str, process: &mut Process) -> (Vec<String>, String) {
    let mut bodies = Vec::new();
    loop {
        let (key, body) = (unique_key(), format!("reply {}", bodies.len()));
        let input = json!({ "conversationId": id, "body": body, "idempotencyKey": key });
        let answer = world.rep.client.attempt_mutation("sendMessage", input, &documents::messaging()).await;
        bodies.push(body);
        match answer {
            Ok(answer) => {
                answer.payload("sendMessage").changed();
                assert!(bodies.len() < AT as usize, "the process outlived its failpoint");
            }
            Err(_) => {
                assert!(!process.ended().await.success());
                return (bodies, key);
            }
        }
    }
}

/// The bodies of the replies that a subscription delivers after `after`, up to the last of `bodies`.
async fn delivered(world: &Workspace, id: &str, after: &str, bodies: &[String]) -> Vec<String> {
    let socket = crate::support::socket::Socket::open(&world.rep2.client).await;
    let variables = json!({ "id": id, "after": after });
    let mut thread = socket.subscribe(&documents::conversation_changed(), variables);
    let mut delivered = Vec::new();
    while delivered.last() != bodies.last() {
        let change = thread.find(|change| change["event"]["message"].is_object()).await;
        delivered.push(text(&change["event"]["message"]["body"]).to_owned());
    }
    delivered
}

/// The process dies at the failpoint `name` during a reply. `is_new` says whether a repeat after the restart must store
/// the reply.
async fn dies_during_a_reply(database: Database, name: &str, is_new: bool) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let world = workspace(&store.url).await;
    let mut process = Process::start(&store.url).await;
    let here = world.at(process.address());
    let id = here.conversation(1).await;
    let after = here.rep.as_of().await;
    process.kill().await;

    let options = Options::default().failpoints(&format!("{name}=abort@{AT}"));
    let mut process = Process::start_with(&store.url, options).await;
    let here = world.at(process.address());
    let (bodies, key) = reply_until_it_dies(&here, &id, &mut process).await;
    assert_eq!(bodies.len() as u32, AT);

    let process = Process::start(&store.url).await;
    let here = world.at(process.address());
    let repeat = here.rep.send_with(&id, &bodies[bodies.len() - 1], &key, json!({})).await.ok();
    assert_eq!(repeat.value["changed"], is_new, "{repeat}");
    let delivered = delivered(&here, &id, &after, &bodies).await;
    assert_eq!(delivered, bodies, "what was acknowledged is stored, and delivered once");
    assert_eq!(here.rep.messages(&id).await.len(), bodies.len() + 1);
    drop(process);
    assert_sound(&store.url).await;
}

async fn dies_before_the_commit(database: Database) {
    dies_during_a_reply(database, "before_commit", true).await;
}

async fn dies_after_the_commit(database: Database) {
    dies_during_a_reply(database, "after_commit", false).await;
}

async fn dies_in_a_delivery(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let world = workspace(&store.url).await;
    let options = Options::default().failpoints(&format!("mid_delivery=abort@{AT}"));
    let mut process = Process::start_with(&store.url, options).await;
    let here = world.at(process.address());
    let after = here.rep.as_of().await;
    let mut ids = Vec::new();
    for n in 1..=AT {
        ids.push(here.conversation(n).await);
    }
    // The process dies while it delivers the last event.
    let (_socket, mut changes) = here.rep.queue("INBOX", json!({}), Some(&after)).await;
    let (mut delivered, mut last) = (Vec::new(), after);
    while let Item::Next(result) = changes.item().await {
        let change = &result["data"]["queueChanges"];
        text(&change["cursor"]).clone_into(&mut last);
        delivered.push(text(&change["conversation"]["id"]).to_owned());
    }
    assert!(!process.ended().await.success());
    assert!(
        delivered.len() < ids.len(),
        "the process died before the last event was delivered: {delivered:?}"
    );
    let process = Process::start(&store.url).await;
    let here = world.at(process.address());
    let (_socket, mut changes) = here.rep.queue("INBOX", json!({}), Some(&last)).await;
    while delivered.len() < ids.len() {
        delivered.push(text(&changes.next_change().await["conversation"]["id"]).to_owned());
    }
    assert_eq!(delivered, ids);
    drop(process);
    assert_sound(&store.url).await;
}

/// A panic drops a future inside its transaction. The connection must be discarded.
async fn panics_in_a_transaction(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let world = workspace(&store.url).await;
    // The pool has one connection, which must not be reused while its transaction is open.
    let options = Options::default().failpoints("before_commit=panic@2").set("POOL_SIZE", 1);
    let process = Process::start_with(&store.url, options).await;
    let here = world.at(process.address());
    let id = here.conversation(1).await;
    let claim = json!({ "conversationId": id });
    let answer = here.rep.client.try_mutate("claimConversation", claim, &documents::single()).await;
    answer.assert_error(&["UNAVAILABLE", "INTERNAL"]);
    assert_eq!(here.rep.conversation(&id).await["assignee"], Value::Null);
    for n in 2..=6 {
        here.conversation(n).await;
    }
    here.rep2.claim(&id).await.changed();
    drop(process);
    assert_sound(&store.url).await;
}
