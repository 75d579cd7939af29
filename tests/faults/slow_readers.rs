//! Subscribers that stop reading.

use serde_json::json;

use crate::support::database::{Database, TestDatabase};
use crate::support::fault::process::{Options, Process};
use crate::support::fault::proxy::{Flow, Proxy};
use crate::support::fault::workspace;
use crate::support::outcome::text;
use crate::support::socket::{Item, Socket};
use crate::support::world::customer;
use crate::support::{eventually, setting};

/// The number of sockets, and how many of their clients stop reading. `SUBSCRIBERS` and `STOPPED` change them.
const SUBSCRIBERS: u64 = 30;
const STOPPED: u64 = 5;
/// Subscriptions on each socket whose client stops reading.
const EACH: usize = 20;
const EVENTS: u32 = 40;
/// How often these subscriptions select a body, so that few events fill the kernel's buffer of a socket.
const BODIES: usize = 20;
const BODY_BYTES: usize = 1_500;
/// The memory in bytes that the allocator and the database may take during the test, independent of the subscribers.
const MAX_NOISE: u64 = 32 * 1024 * 1024;

/// The memory in bytes that the stopped clients may cost the process: a tenth of what is pushed to them.
fn max_growth(stopped: usize) -> u64 {
    MAX_NOISE.max((stopped * EACH * EVENTS as usize * BODIES * BODY_BYTES / 10) as u64)
}

/// The subscription of the clients that stop reading.
fn heavy() -> String {
    let bodies: String = (0..BODIES).map(|n| format!("b{n}: body ")).collect();
    format!(
        "subscription {{ queueChanges {{ __typename ... on ConversationEntered {{ conversation {{ id \
         lastMessage {{ {bodies} }} }} }} }} }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_reading_is_closed_and_costs_the_others_nothing() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = workspace(&store.url).await;
    let subscribers = setting("SUBSCRIBERS").unwrap_or(SUBSCRIBERS) as usize;
    let stopped = setting("STOPPED").unwrap_or(STOPPED) as usize;
    // The stopped clients stay connected long enough for data to pile up.
    let options = Options::default().set("WRITE_DEADLINE", "10s").set("SOCKETS_PER_AGENT", subscribers);
    // Thousands of subscriptions take time, so no other timeout may end them.
    let options = options.set("NEW_SOCKETS_PER_SECOND", 100_000).set("REQUEST_TIMEOUT", "60s");
    // Idle connections of HTTP must not be counted below.
    let options = options.set("PONG_TIMEOUT", "60s").set("HEADER_TIMEOUT", "5s").set("KEEP_ALIVE", "5s");
    let process = Process::start_with(&store.url, options).await;
    let here = world.at(process.address());
    let proxy = Proxy::before(process.address()).await;
    let light =
        "subscription { queueChanges { __typename ... on ConversationEntered { conversation { id } } } }";

    let (mut stuck, mut reading) = (Vec::new(), Vec::new());
    for n in 0..subscribers {
        let agent = if n < stopped { here.rep.at(proxy.address()) } else { here.rep2.clone() };
        let socket = Socket::open(&agent.client).await;
        let (document, count) = if n < stopped { (heavy(), EACH) } else { (light.to_owned(), 1) };
        let mut changes: Vec<_> = (0..count).map(|_| socket.subscribe(&document, json!({}))).collect();
        for changes in &mut changes {
            assert_eq!(changes.next().await["__typename"], "QueueCheckpoint");
        }
        if n < stopped { stuck.push((socket, changes)) } else { reading.push((socket, changes)) }
    }
    let (before, open) = (process.resident_bytes(), process.open_sockets());
    proxy.set(Flow::Held);
    let (mut ids, mut peak) = (Vec::new(), before);
    for n in 1..=EVENTS {
        let body = "x".repeat(BODY_BYTES);
        let text_in = here.text(&customer(n), &body).await;
        ids.push(text(&text_in.conversation()["id"]).to_owned());
        peak = peak.max(process.resident_bytes());
    }
    for (_, changes) in &mut reading {
        for id in &ids {
            assert_eq!(changes[0].next_change().await["conversation"]["id"], id.as_str());
        }
    }
    let growth = peak.max(process.resident_bytes()) - before;
    assert!(growth < max_growth(stopped), "{growth} bytes for {stopped} clients that do not read");
    eventually("the server closes the clients that do not read", async || {
        (process.open_sockets() + stopped <= open).then_some(())
    })
    .await;
    proxy.set(Flow::Open);
    for (mut socket, _changes) in stuck {
        // Only a client that reads again within two seconds gets the close code; see `tests/transport/ws_limits.rs`.
        let code = socket.close_code().await;
        assert!(matches!(code, None | Some(4508)), "{code:?}");
    }
    // The other clients are not affected.
    let id = here.conversation(EVENTS + 1).await;
    for (_, changes) in &mut reading {
        assert_eq!(changes[0].next_change().await["conversation"]["id"], id.as_str());
    }
    // A client that reconnects gets the missed events.
    let (_socket, mut changes) = here.rep.queue("INBOX", json!({}), None).await;
    assert!(matches!(changes.item().await, Item::Next(_)));
    println!(
        "{stopped} of {subscribers} subscribers stopped reading: each was closed, {} others received all {} events, \
         and the process took {:.1} MB more.",
        reading.len(),
        EVENTS + 1,
        growth as f64 / 1e6
    );
}
