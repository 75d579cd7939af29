//! Subscribers who stop reading.

use serde_json::json;

use crate::support::database::{Database, TestDatabase};
use crate::support::eventually;
use crate::support::fault::process::{Options, Process};
use crate::support::fault::proxy::{Flow, Proxy};
use crate::support::fault::workspace;
use crate::support::outcome::text;
use crate::support::socket::{Item, Socket};
use crate::support::world::customer;

/// Sockets, and those of them whose clients stop reading.
const SOCKETS: usize = 30;
const STUCK: usize = 5;
/// Subscriptions on each socket that gets stuck.
const EACH: usize = 20;
const EVENTS: u32 = 40;
/// What those who do not read may cost the process in all: far below what is pushed to them.
const MOST_GROWTH: u64 = 64 * 1024 * 1024;

/// Selects a body twenty times, so that few events fill what the kernel holds for a socket.
fn heavy() -> String {
    let bodies: String = (0..20).map(|n| format!("b{n}: body ")).collect();
    format!(
        "subscription {{ queueChanges {{ __typename ... on ConversationEntered {{ conversation {{ id \
         lastMessage {{ {bodies} }} }} }} }} }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_reading_is_closed_and_costs_the_others_nothing() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = workspace(&store.url).await;
    let options = Options::default().set("WRITE_DEADLINE", "2s").set("SOCKETS_PER_AGENT", SOCKETS);
    let process = Process::start_with(&store.url, options).await;
    let here = world.at(process.address());
    let proxy = Proxy::before(process.address()).await;
    let light =
        "subscription { queueChanges { __typename ... on ConversationEntered { conversation { id } } } }";

    let (mut stuck, mut reading) = (Vec::new(), Vec::new());
    for n in 0..SOCKETS {
        let agent = if n < STUCK { here.rep.at(proxy.address()) } else { here.rep2.clone() };
        let socket = Socket::open(&agent.client).await;
        let (document, count) = if n < STUCK { (heavy(), EACH) } else { (light.to_owned(), 1) };
        let mut changes: Vec<_> = (0..count).map(|_| socket.subscribe(&document, json!({}))).collect();
        for changes in &mut changes {
            assert_eq!(changes.next().await["__typename"], "QueueCheckpoint");
        }
        if n < STUCK { stuck.push((socket, changes)) } else { reading.push((socket, changes)) }
    }
    let (before, open) = (process.resident_bytes(), process.open_sockets());
    proxy.set(Flow::Held);
    let mut ids = Vec::new();
    for n in 1..=EVENTS {
        let body = "x".repeat(1_500);
        let text_in = here.text(&customer(n), &body).await;
        ids.push(text(&text_in.conversation()["id"]).to_owned());
    }
    for (_, changes) in &mut reading {
        for id in &ids {
            assert_eq!(changes[0].next_change().await["conversation"]["id"], id.as_str());
        }
    }
    let growth = process.resident_bytes().saturating_sub(before);
    assert!(growth < MOST_GROWTH, "{growth} bytes for {STUCK} sockets that do not read");
    eventually("the server gives up who does not read", async || {
        (process.open_sockets() + STUCK <= open).then_some(())
    })
    .await;
    proxy.set(Flow::Open);
    for (mut socket, _changes) in stuck {
        // The code reaches whoever reads again within two seconds; see `tests/transport/ws_limits.rs`.
        let code = socket.close_code().await;
        assert!(matches!(code, None | Some(4508)), "{code:?}");
    }
    // The others are as they were.
    let id = here.conversation(EVENTS + 1).await;
    for (_, changes) in &mut reading {
        assert_eq!(changes[0].next_change().await["conversation"]["id"], id.as_str());
    }
    // Who comes back gets what was missed.
    let (_socket, mut changes) = here.rep.queue("INBOX", json!({}), None).await;
    assert!(matches!(changes.item().await, Item::Next(_)));
}
