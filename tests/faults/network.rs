//! What networks do: answers that are lost, connections that are cut or fall silent.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::support::agent::unique_key;
use crate::support::app::App;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::documents;
use crate::support::eventually;
use crate::support::fault::lasting::{Lasting, assert_retryable};
use crate::support::fault::process::{Options, Process, assert_sound};
use crate::support::fault::proxy::{Flow, Proxy, Towards};
use crate::support::fault::workspace;
use crate::support::fold::{Fold, mark};
use crate::support::outcome::text;
use crate::support::seed;
use crate::support::storm::{ALL, Storm};
use crate::support::world::World;

/// How often each stream is cut.
const CUTS: usize = 24;
/// No cut comes later than after this many bytes: a handshake and a few items.
const MOST_BYTES: u64 = 6_000;

on_both! {
    async fn a_reply_whose_answer_was_lost_is_stored_once_when_it_is_repeated(world: World) {
        let id = world.conversation(1).await;
        let proxy = Proxy::before(world.app.address()).await;
        let input = json!({ "conversationId": id, "body": "Hello", "idempotencyKey": unique_key() });
        // The request gets there, and not a byte of the answer comes back.
        for _ in 0..3 {
            proxy.cut_next_at(Towards::Client, 0);
            let client = world.rep.client.anew().at(proxy.address());
            let lost = client.attempt_mutation("sendMessage", input.clone(), &documents::messaging()).await;
            assert!(lost.is_err(), "the answer is lost: {lost:?}");
        }
        let repeat = world.rep.client.mutate("sendMessage", input, &documents::messaging()).await.unchanged();
        assert_eq!(repeat.message()["body"], "Hello", "the repeat is told of the message: {repeat}");
        assert_eq!(world.rep.messages(&id).await.len(), 2);
        assert_eq!(world.rep.story(&id).await, ["RECEIVED", "REPLIED"]);
    }

    async fn a_request_that_was_cut_half_way_does_nothing(world: World) {
        let id = world.conversation(1).await;
        let proxy = Proxy::before(world.app.address()).await;
        proxy.cut_next_at(Towards::Server, 200);
        let client = world.rep.client.anew().at(proxy.address());
        let cut = client
            .attempt_mutation("claimConversation", json!({ "conversationId": id }), &documents::single())
            .await;
        assert!(cut.is_err(), "{cut:?}");
        assert_eq!(world.manager.story(&id).await, ["RECEIVED"]);
    }

    async fn a_list_that_is_cut_at_random_and_resumed_equals_a_fresh_query(world: World) {
        let mut rng = StdRng::seed_from_u64(seed());
        let proxy = Proxy::before(world.app.address()).await;
        let conversations = world.conversations(4).await;
        let agents = [world.rep.clone(), world.rep2.clone()];
        let storm = Storm { world, conversations: &conversations, acts: ALL };
        for (view, filter) in [("INBOX", json!({})), ("ASSIGNED_TO_ME", json!({ "status": "OPEN" }))] {
            let mut fold = Fold::read(&world.rep, view, filter).await;
            let mut live = Lasting::queue(&world.rep, &[proxy.address()], view, &fold.filter, fold.first());
            let mut n = 100 + rng.random_range(0..1_000_000);
            for _ in 0..CUTS / 4 {
                for _ in 0..4 {
                    storm.strike(&mut rng, &agents).await;
                    proxy.cut();
                    proxy.cut_next_at(Towards::Client, rng.random_range(0..MOST_BYTES));
                    fold.apply(&live.next().await);
                }
                n += 1;
                let row = mark(world, &world.rep, fold.view, &fold.filter, n).await;
                while !fold.holds(&row) {
                    fold.apply(&live.next().await);
                }
                fold.assert_is_fresh().await;
            }
            assert!(live.resumed() as usize >= CUTS / 2, "resumed {} times", live.resumed());
        }
    }

    async fn a_thread_that_is_cut_at_random_and_resumed_is_the_log(world: World) {
        let mut rng = StdRng::seed_from_u64(seed());
        let proxy = Proxy::before(world.app.address()).await;
        let id = world.conversation(1).await;
        let after = world.manager.as_of().await;
        let mut live = Lasting::thread(&world.manager, &[proxy.address()], &id, &after);
        let (mut told, mut expected) = (Vec::new(), Vec::new());
        for round in 0..CUTS {
            for step in 0..3 {
                let body = format!("{round}.{step}");
                world.rep.send(&id, &body).await.changed();
                expected.push(body);
            }
            proxy.cut();
            proxy.cut_next_at(Towards::Client, rng.random_range(0..MOST_BYTES));
            // Some of what is due, so that the rest is caught up with later.
            while told.len() + 2 < expected.len() {
                let item = live.next().await;
                told.extend(item["event"]["message"]["body"].as_str().map(str::to_owned));
            }
        }
        while told.len() < expected.len() {
            let item = live.next().await;
            told.extend(item["event"]["message"]["body"].as_str().map(str::to_owned));
        }
        assert_eq!(told, expected, "no gap, no repeat");
        assert!(live.resumed() as usize >= CUTS / 2, "resumed {} times", live.resumed());
    }

    async fn a_slow_network_delays_and_loses_nothing(world: World) {
        let proxy = Proxy::before(world.app.address()).await;
        proxy.set(Flow::Slow(std::time::Duration::from_millis(20)));
        let rep = world.rep.at(proxy.address());
        let (_socket, mut changes) = rep.queue("INBOX", json!({}), None).await;
        changes.next().await;
        for n in 1..=5 {
            let id = world.conversation(n).await;
            assert_eq!(changes.next_change().await["conversation"]["id"], id.as_str());
            rep.claim(&id).await.changed();
            changes.next_change().await;
        }
    }
}

/// PostgreSQL falls silent for all connections, later for the old ones only, as when another machine takes over.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_that_vanishes_costs_typed_errors_and_comes_back() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = workspace(&store.url).await;
    let patient = Process::start(&store.url).await;
    let id = world.at(patient.address()).conversation(1).await;
    let first = world.at(patient.address()).rep.as_of().await;
    drop(patient);
    let (proxy, through) = Proxy::before_postgres(&store.url).await;
    let options = Options::default().set("REQUEST_TIMEOUT", "1s").set("POOL_SIZE", 4);
    let process = Process::start_with(&through, options).await;
    let here = world.at(process.address());
    let mut live = Lasting::queue(&here.rep, &[process.address()], "INBOX", &json!({}), &first);
    assert_eq!(live.next().await["__typename"], "QueueCheckpoint");

    proxy.set(Flow::Held);
    let selection = documents::single();
    for _ in 0..6 {
        let input = json!({ "conversationId": id });
        let (read, write) = tokio::join!(
            here.rep.client.query("{ viewer { id } }", json!({})),
            here.rep.client.try_mutate("markConversationRead", input, &selection),
        );
        assert_retryable(&read.body);
        assert_retryable(&write.body);
    }
    proxy.set(Flow::Open);
    eventually("PostgreSQL is back, and requests with it", async || {
        let answer = here.rep2.client.query("{ viewer { id } }", json!({})).await;
        answer.body.get("errors").is_none().then_some(())
    })
    .await;
    let arrived = eventually("texts are stored again", async || {
        let input = json!({ "providerMessageId": "SM-after", "from": "+16505550199", "to": here.number.number, "body": "Back?" });
        let answer = here.service.query(
            "mutation($input: ReceiveMessageInput!) { receiveMessage(input: $input) { conversation { id } } }",
            json!({ "input": input }),
        );
        answer.await.body["data"]["receiveMessage"]["conversation"]["id"].as_str().map(str::to_owned)
    })
    .await;
    loop {
        let item = live.next().await;
        if item["conversation"]["id"] == arrived.as_str() {
            break;
        }
    }
    drop(process);
    assert_sound(&store.url).await;
}

/// What is delivered when a server, not its database, is held for a while: nothing is skipped.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_cut_off_for_a_while_catches_up() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = World::prepare(App::start(&store.url).await).await;
    let proxy = Proxy::before(world.app.address()).await;
    let (_socket, mut changes) = world.rep.at(proxy.address()).queue("INBOX", json!({}), None).await;
    changes.next().await;
    proxy.links().iter().for_each(|link| link.set(Flow::Held));
    let ids = world.conversations(30).await;
    proxy.links().iter().for_each(|link| link.set(Flow::Open));
    for id in ids {
        assert_eq!(text(&changes.next_change().await["conversation"]["id"]), id);
    }
    world.app.stop().await;
}
