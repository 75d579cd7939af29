//! A mixed load on two processes while the processes are killed, PostgreSQL is restarted, and connections are cut.
//!
//! Clients follow live lists and threads and resume after each fault. In the end, every acknowledged change must have
//! been delivered once, and each list must equal a fresh query.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ledger::{Acknowledged, Delivered};
use super::site::Site;
use crate::support::agent::{Agent, unique_key};
use crate::support::client::Client;
use crate::support::documents;
use crate::support::fault::resuming::{ResumingSubscription, assert_retryable};
use crate::support::fold::{Fold, lists, mark};
use crate::support::outcome::number;
use crate::support::random_work::{ALL, Act, is_ordinary};
use crate::support::world::{Workspace, customer};
use crate::support::{seed, setting};

const CONVERSATIONS: u32 = 8;
const WORKERS: u64 = 6;
/// The time between two kills of a long run. The variable `KILL_EVERY_SECONDS` changes it.
const KILL_EVERY: Duration = Duration::from_secs(20);
/// The time between two cuts of a connection.
const CUT_EVERY: Duration = Duration::from_millis(700);
/// The pause before a worker retries.
const PAUSE: Duration = Duration::from_millis(100);

/// The faults of a run, in order, with the time between them.
struct Plan {
    every: Duration,
    faults: Vec<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    RestartPostgres,
}

impl Plan {
    /// One fault every `every` for the duration `total`: two restarts of PostgreSQL, otherwise kills.
    fn lasting(total: Duration, every: Duration) -> Self {
        let count = (total.as_secs() / every.as_secs()).max(2) as usize;
        let mut faults = vec![Fault::Kill; count];
        faults[count / 3] = Fault::RestartPostgres;
        faults[count * 2 / 3] = Fault::RestartPostgres;
        Self { every, faults }
    }
}

/// Sends random mutations until it is stopped.
struct Worker {
    rng: StdRng,
    /// The workspace, through the address of each process.
    places: Vec<Workspace>,
    conversations: Vec<String>,
    ledger: Arc<Mutex<Acknowledged>>,
}

impl Worker {
    async fn work(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.act().await;
        }
    }

    /// Sends one random mutation. Idempotent ones are repeated until they are answered.
    async fn act(&mut self) {
        let at = self.rng.random_range(0..self.conversations.len());
        let act = *ALL.choose(&mut self.rng).expect("an act");
        let (actor, other) = (self.rng.random_range(0..3), self.rng.random_range(0..3));
        let (key, body) = (unique_key(), format!("message {}", unique_key()));
        loop {
            let place = self.places.choose(&mut self.rng).expect("a place");
            let agents = [&place.manager, &place.rep, &place.rep2];
            let id = &self.conversations[at];
            let from = customer(at as u32 + 1);
            let (client, name, input) = request(place, act, id, &agents, actor, other, &from, &key, &body);
            let payload = self.attempt(client, name, input).await;
            let Some(payload) = payload else {
                tokio::time::sleep(PAUSE).await;
                if matches!(act, Act::Text | Act::Reply) {
                    continue;
                }
                return;
            };
            self.record(act, &payload, body);
            return;
        }
    }

    /// Returns the payload; `None` without a response, or with a retryable error.
    async fn attempt(&self, client: &Client, name: &str, input: Value) -> Option<Value> {
        let selection = if name.ends_with("Message") { documents::messaging() } else { documents::single() };
        self.ledger().attempts += 1;
        let answer = client.attempt_mutation(name, input, &selection).await;
        let payload = answer.ok().and_then(|answer| {
            if answer.body.get("errors").is_some() {
                assert_retryable(&answer.body);
                return None;
            }
            Some(answer.body["data"][name].clone())
        });
        if payload.is_none() {
            self.ledger().unanswered += 1;
        }
        payload
    }

    fn record(&self, act: Act, payload: &Value, body: String) {
        let refusals = payload["userErrors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ordinary = refusals.iter().all(|error| error["code"].as_str().is_some_and(is_ordinary));
        assert!(ordinary, "unexpected refusal of {act:?}: {payload:#}");
        if !refusals.is_empty() {
            return;
        }
        let mut ledger = self.ledger();
        if matches!(act, Act::Text | Act::Reply) {
            ledger.bodies.insert(body);
        }
        if payload["changed"] == true && !matches!(act, Act::Read | Act::Unread) {
            ledger.change(payload);
        }
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Acknowledged> {
        self.ledger.lock().expect("not poisoned")
    }
}

/// The mutation for an act: its client, its name and its input.
#[expect(clippy::too_many_arguments, reason = "the inputs of every kind of act")]
fn request<'a>(
    place: &'a Workspace,
    act: Act,
    id: &str,
    agents: &[&'a Agent; 3],
    actor: usize,
    other: usize,
    from: &str,
    key: &str,
    body: &str,
) -> (&'a Client, &'static str, Value) {
    let of = json!({ "conversationId": id });
    let (name, input) = match act {
        Act::Text => {
            let to = &place.number.number;
            let text = json!({ "providerMessageId": key, "from": from, "to": to, "body": body });
            return (&place.service, "receiveMessage", text);
        }
        Act::Reply => ("sendMessage", json!({ "conversationId": id, "body": body, "idempotencyKey": key })),
        Act::Assign => ("assignConversation", json!({ "conversationId": id, "agentId": agents[other].id })),
        Act::Claim => ("claimConversation", of),
        Act::Unassign => ("unassignConversation", of),
        Act::Close => ("closeConversation", of),
        Act::Reopen => ("reopenConversation", of),
        Act::Read => ("markConversationRead", of),
        Act::Unread => ("markConversationUnread", of),
    };
    (&agents[actor].client, name, input)
}

/// Follows a live list until `stop` is cancelled.
fn follow_list(
    mut fold: Fold,
    mut live: ResumingSubscription,
    stop: CancellationToken,
) -> JoinHandle<(Fold, ResumingSubscription)> {
    tokio::spawn(async move {
        loop {
            tokio::select! {
                item = live.next() => fold.apply(&item),
                () = stop.cancelled() => return (fold, live),
            }
        }
    })
}

/// Follows a thread until `stop` is cancelled.
fn follow_thread(
    mut live: ResumingSubscription,
    stop: CancellationToken,
) -> JoinHandle<(Delivered, ResumingSubscription)> {
    tokio::spawn(async move {
        let mut delivered = Delivered::default();
        loop {
            tokio::select! {
                item = live.next() => delivered.take(&item),
                () = stop.cancelled() => return (delivered, live),
            }
        }
    })
}

/// Injects the faults of the plan, and cuts connections between them.
async fn inject_faults(site: &mut Site, rng: &mut StdRng, plan: &Plan) {
    for fault in &plan.faults {
        let due = tokio::time::Instant::now() + plan.every;
        while tokio::time::Instant::now() < due {
            tokio::time::sleep(CUT_EVERY.min(plan.every)).await;
            site.cut_one(rng);
        }
        match fault {
            Fault::Kill => site.kill_one(rng).await,
            Fault::RestartPostgres => site.restart_postgres().await,
        }
    }
}

async fn soak(plan: Plan) {
    let seed = seed();
    let Some(mut site) = Site::start().await else { return };
    let servers = site.addresses();
    let world = site.workspace.clone();
    let conversations = world.conversations(CONVERSATIONS).await;
    let first_version = number(&world.manager.conversation(&conversations[0]).await["version"]);
    let after = world.manager.as_of().await;
    let (working, following) = (CancellationToken::new(), CancellationToken::new());

    let mut threads = Vec::new();
    for id in &conversations {
        threads.push(follow_thread(
            ResumingSubscription::thread(&world.manager, &servers, id, &after),
            following.clone(),
        ));
    }
    let mut folds = Vec::new();
    for agent in [&world.rep, &world.rep2] {
        for (view, filter) in lists() {
            let fold = Fold::read(agent, view, filter).await;
            let live = ResumingSubscription::queue(agent, &servers, view, &fold.filter, fold.first());
            folds.push(follow_list(fold, live, following.clone()));
        }
    }
    let ledger = Arc::new(Mutex::new(Acknowledged::default()));
    let mut workers = Vec::new();
    for worker in 0..WORKERS {
        let worker = Worker {
            rng: StdRng::seed_from_u64(seed.wrapping_add(worker)),
            places: servers.iter().map(|server| world.at(*server)).collect(),
            conversations: conversations.clone(),
            ledger: ledger.clone(),
        };
        workers.push(tokio::spawn(worker.work(working.clone())));
    }

    inject_faults(&mut site, &mut StdRng::seed_from_u64(seed ^ 0x5eed), &plan).await;
    working.cancel();
    for worker in workers {
        worker.await.expect("the worker does not panic");
    }
    following.cancel();

    let mut report = Report { resumed: 0, events: 0, repeated: 0, bodies_repeated: 0, lost: 0, lists: 0 };
    let acknowledged = std::mem::take(&mut *ledger.lock().expect("not poisoned"));
    let mut changes = acknowledged.changes.clone();
    let mut bodies = acknowledged.bodies.clone();
    for (id, thread) in conversations.iter().zip(threads) {
        let (mut delivered, mut live) = thread.await.expect("the thread's follower does not panic");
        let last = number(&world.manager.conversation(id).await["version"]);
        // The conversation may have no change at all.
        while delivered.versions.last().is_none_or(|version| *version < last) && last > first_version {
            delivered.take(&live.next().await);
        }
        delivered.assert_whole(first_version, last);
        for version in &delivered.versions {
            changes.remove(&(id.clone(), *version));
        }
        for (body, times) in &delivered.bodies {
            bodies.remove(body);
            report.bodies_repeated += usize::from(*times > 1);
        }
        report.events += delivered.events.len();
        report.repeated += delivered.repeated();
        report.resumed += live.resumed();
    }
    report.lost = changes.len() + bodies.len();
    for (n, fold) in folds.into_iter().enumerate() {
        let (mut fold, mut live) = fold.await.expect("the list's follower does not panic");
        let row = mark(&world, &fold.agent, fold.view, &fold.filter, 100 + n as u32).await;
        while !fold.holds(&row) {
            fold.apply(&live.next().await);
        }
        fold.assert_is_fresh().await;
        report.resumed += live.resumed();
        report.lists += 1;
    }
    let checked = site.assert_sound().await;
    println!("{}", report.table(seed, &site, &acknowledged, checked.trim()));
    assert_eq!((report.lost, report.repeated, report.bodies_repeated), (0, 0, 0), "lost or repeated");
}

/// The results of a run.
struct Report {
    resumed: u32,
    events: usize,
    repeated: usize,
    bodies_repeated: usize,
    lost: usize,
    lists: u32,
}

impl Report {
    fn table(&self, seed: u64, site: &Site, acknowledged: &Acknowledged, checked: &str) -> String {
        let faults = &site.faults;
        let lines = [
            ("seed", seed.to_string()),
            ("mutations attempted", acknowledged.attempts.to_string()),
            ("without a response, or with a retryable error", acknowledged.unanswered.to_string()),
            ("processes killed with -9", faults.kills.to_string()),
            ("restarts of PostgreSQL", faults.restarts.to_string()),
            ("connections cut", faults.cuts.to_string()),
            ("streams resumed", self.resumed.to_string()),
            ("changes acknowledged", acknowledged.changes.len().to_string()),
            ("messages acknowledged", acknowledged.bodies.len().to_string()),
            ("events delivered to threads", self.events.to_string()),
            ("acknowledged and not delivered", self.lost.to_string()),
            ("delivered twice", self.repeated.to_string()),
            ("messages stored twice", self.bodies_repeated.to_string()),
            ("lists equal to a fresh query", self.lists.to_string()),
            ("check", checked.to_owned()),
        ];
        lines.iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_processes_die_and_postgresql_restarts() {
    use Fault::{Kill, RestartPostgres};
    let seconds = |name| setting(name).map(Duration::from_secs);
    let plan = match seconds("SOAK_SECONDS") {
        Some(total) => Plan::lasting(total, seconds("KILL_EVERY_SECONDS").unwrap_or(KILL_EVERY)),
        None => Plan { every: Duration::from_secs(1), faults: vec![Kill, RestartPostgres, Kill] },
    };
    soak(plan).await;
}
