//! Network faults: lost responses, and connections that are cut or fall silent.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::support::agent::unique_key;
use crate::support::app::App;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::documents;
use crate::support::fault::process::{Options, Process, assert_sound};
use crate::support::fault::proxy::{Flow, Proxy, Towards};
use crate::support::fault::resuming::{ResumingSubscription, assert_retryable};
use crate::support::fault::workspace;
use crate::support::fold::{Fold, mark};
use crate::support::outcome::text;
use crate::support::random_work::{ALL, RandomWork};
use crate::support::world::World;
use crate::support::{eventually, seed, setting};

/// How often each stream is cut.
const CUTS: usize = 24;
/// The maximum number of bytes before a cut: a handshake and a few items.
const MAX_BYTES: u64 = 6_000;
/// The minimum time for which PostgreSQL is unreachable. `BLACKOUT_SECONDS` changes it.
const BLACKOUT_SECONDS: u64 = 2;

on_both! {
    async fn a_reply_whose_answer_was_lost_is_stored_once_when_it_is_repeated(world: World) {
        let id = world.conversation(1).await;
        let proxy = Proxy::before(world.app.address()).await;
        let input = json!({ "conversationId": id, "body": "Hello", "idempotencyKey": unique_key() });
        // The request arrives, and no byte of the response comes back.
        for _ in 0..3 {
            proxy.cut_next_at(Towards::Client, 0);
            let client = world.rep.client.anew().at(proxy.address());
            let lost = client.attempt_mutation("sendMessage", input.clone(), &documents::messaging()).await;
            assert!(lost.is_err(), "the response is lost: {lost:?}");
        }
        let repeat = world.rep.client.mutate("sendMessage", input, &documents::messaging()).await.unchanged();
        assert_eq!(repeat.message()["body"], "Hello", "the repeat returns the message: {repeat}");
        assert_eq!(world.rep.messages(&id).await.len(), 2);
        assert_eq!(world.rep.story(&id).await, ["RECEIVED", "REPLIED"]);
    }

    async fn a_request_that_was_cut_halfway_does_nothing(world: World) {
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
        let work = RandomWork { world, conversations: &conversations, acts: ALL };
        for (view, filter) in [("INBOX", json!({})), ("ASSIGNED_TO_ME", json!({ "status": "OPEN" }))] {
            let mut fold = Fold::read(&world.rep, view, filter).await;
            let mut live = ResumingSubscription::queue(&world.rep, &[proxy.address()], view, &fold.filter, fold.first());
            let mut n = 100 + rng.random_range(0..1_000_000);
            for _ in 0..CUTS / 4 {
                for _ in 0..4 {
                    work.run_one(&mut rng, &agents).await;
                    proxy.cut();
                    proxy.cut_next_at(Towards::Client, rng.random_range(0..MAX_BYTES));
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
        let mut live = ResumingSubscription::thread(&world.manager, &[proxy.address()], &id, &after);
        let (mut delivered, mut expected) = (Vec::new(), Vec::new());
        for round in 0..CUTS {
            for step in 0..3 {
                let body = format!("{round}.{step}");
                world.rep.send(&id, &body).await.changed();
                expected.push(body);
            }
            proxy.cut();
            proxy.cut_next_at(Towards::Client, rng.random_range(0..MAX_BYTES));
            // Leave the last items, so that the subscription has to catch up later.
            while delivered.len() + 2 < expected.len() {
                let item = live.next().await;
                delivered.extend(item["event"]["message"]["body"].as_str().map(str::to_owned));
            }
        }
        while delivered.len() < expected.len() {
            let item = live.next().await;
            delivered.extend(item["event"]["message"]["body"].as_str().map(str::to_owned));
        }
        assert_eq!(delivered, expected, "no gap, no repeat");
        assert!(live.resumed() as usize >= CUTS / 2, "resumed {} times", live.resumed());
    }

    async fn a_slow_network_delays_and_loses_nothing(world: World) {
        let proxy = Proxy::before(world.app.address()).await;
        proxy.set(Flow::Slow(Duration::from_millis(20)));
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

/// The readiness of a process, as a load balancer sees it.
async fn readiness(process: &Process) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let answer = http.get(process.url("/readyz")).send().await.expect("answers");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Waits until the process is ready and receives wake-ups.
async fn until_ready(process: &Process) {
    eventually("the process is ready and receives wake-ups", async || {
        let (status, body) = readiness(process).await;
        (status == 200 && body["checks"]["wakeups"]["detail"] == "connected").then_some(())
    })
    .await;
}

/// PostgreSQL falls silent for one of two processes, and comes back as if on another machine: the old connections are
/// lost. The process does not poll, so the changes of the other process can only arrive through a new LISTEN.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_that_vanishes_costs_typed_errors_and_comes_back() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = workspace(&store.url).await;
    let other = Process::start(&store.url).await;
    let there = world.at(other.address());
    let id = there.conversation(1).await;
    let first = there.rep.as_of().await;
    let (proxy, through) = Proxy::before_postgres(&store.url).await;
    let options = Options::default().set("REQUEST_TIMEOUT", "1s").set("POOL_SIZE", 4);
    let process = Process::start_with(&through, options.set("POLL_INTERVAL", "1h")).await;
    let here = world.at(process.address());
    let mut live = ResumingSubscription::queue(&here.rep, &[process.address()], "INBOX", &json!({}), &first);
    assert_eq!(live.next().await["__typename"], "QueueCheckpoint");
    until_ready(&process).await;

    let away = Duration::from_secs(setting("BLACKOUT_SECONDS").unwrap_or(BLACKOUT_SECONDS));
    let (since, mut gap, mut refused) = (Instant::now(), Vec::new(), 0);
    proxy.set(Flow::Held);
    let selection = documents::single();
    while since.elapsed() < away || gap.len() < 3 {
        let input = json!({ "conversationId": id });
        let (read, write, (status, body), text) = tokio::join!(
            here.rep.client.query("{ viewer { id } }", json!({})),
            here.rep.client.try_mutate("markConversationRead", input, &selection),
            readiness(&process),
            there.conversation(gap.len() as u32 + 2),
        );
        assert_retryable(&read.body);
        assert_retryable(&write.body);
        refused += 2;
        assert_eq!(status, 503, "{body}");
        assert_eq!(body["checks"]["database"]["ok"], false, "{body}");
        assert_eq!(body["checks"]["draining"]["ok"], true, "{body}");
        gap.push(text);
    }
    let away = since.elapsed();
    proxy.set_new(Flow::Open);
    proxy.cut();
    let since = Instant::now();
    until_ready(&process).await;
    let ready = since.elapsed();
    eventually("requests are answered again", async || {
        let answer = here.rep2.client.query("{ viewer { id } }", json!({})).await;
        answer.body.get("errors").is_none().then_some(())
    })
    .await;
    for missed in &gap {
        assert_eq!(next_entered(&mut live).await, *missed, "the missed events are delivered in order");
    }
    let caught_up = since.elapsed();
    let news = there.conversation(gap.len() as u32 + 2).await;
    assert_eq!(next_entered(&mut live).await, news, "wake-ups arrive again");
    here.rep.claim(&news).await.changed();
    println!(
        "PostgreSQL was unreachable for {:.0} s: {refused} requests were refused as retryable, /readyz was 503. \
         After its return: ready after {:.1} s, {} missed events delivered after {:.1} s.",
        away.as_secs_f64(),
        ready.as_secs_f64(),
        gap.len(),
        caught_up.as_secs_f64()
    );
    drop((process, other));
    assert_sound(&store.url).await;
}

/// The next conversation that enters the list.
async fn next_entered(live: &mut ResumingSubscription) -> String {
    loop {
        let item = live.next().await;
        match text(&item["__typename"]) {
            "ConversationEntered" => return text(&item["conversation"]["id"]).to_owned(),
            "QueueReset" => panic!("the list was reset: {item:#}"),
            _ => {}
        }
    }
}

/// The connection to the server, not to its database, is held for a while. No event is skipped.
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
