//! SIGTERM under load: readiness fails first, running requests finish, sockets are closed, and the exit code is 0.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::exposition::until;
use crate::support::agent::Agent;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::fault::process::{Options, Process};
use crate::support::socket::Socket;
use crate::support::world::World;
use crate::support::{app::App, eventually};

/// The number of clients that keep sending requests.
const CLIENTS: usize = 4;

/// Options with long timeouts, so that only the shutdown ends requests.
fn long_timeouts() -> Options {
    let timeouts = ["DRAIN", "REQUEST_TIMEOUT", "STATEMENT_TIMEOUT", "LOCK_TIMEOUT"];
    let options = Options::default().set("DRAIN_NOTICE", "5s");
    timeouts.iter().fold(options, |options, name| options.set(name, "60s"))
}

/// The status and the body of `/readyz`, as a load balancer sees them.
async fn readiness(http: &reqwest::Client, address: SocketAddr) -> (u16, Value) {
    let answer =
        http.get(format!("http://{address}/readyz")).send().await.expect("answers during the notice");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Claims, unassigns and reads a conversation until `stop`. Every request must succeed. Counts the responses.
async fn work(agent: Agent, conversation: String, stop: Arc<AtomicBool>, answers: Arc<AtomicUsize>) {
    while !stop.load(Ordering::SeqCst) {
        agent.claim(&conversation).await.ok();
        agent.unassign(&conversation).await.ok();
        agent.conversation(&conversation).await;
        answers.fetch_add(3, Ordering::SeqCst);
    }
}

async fn rule(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let world = World::prepare(App::start(&store.url).await).await;
    let ids = world.conversations(CLIENTS as u32 + 1).await;
    let slow = ids.last().expect("a conversation").clone();
    let mut process = Process::start_with(&store.url, long_timeouts()).await;
    let address = process.address();
    let (manager, rep) = (world.manager.at(address), world.rep.at(address));

    let mut socket = Socket::open(&rep.client).await;
    let mut queue = socket.subscribe(&crate::support::documents::queue_changes(), json!({ "view": "INBOX" }));
    let (stop, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let clients: Vec<_> = ids[..CLIENTS]
        .iter()
        .map(|id| tokio::spawn(work(manager.clone(), id.clone(), stop.clone(), answers.clone())))
        .collect();
    eventually("the load is on", async || (answers.load(Ordering::SeqCst) > 20).then_some(())).await;
    queue.next_change().await;
    assert_eq!(readiness(world.app.http(), address).await.0, 200);

    process.terminate().await;
    let body = eventually("the server is no longer ready", async || {
        let (status, body) = readiness(world.app.http(), address).await;
        (status == 503).then_some(body)
    })
    .await;
    assert_eq!(body["checks"]["draining"]["ok"], false, "{body}");
    assert_eq!(body["checks"]["database"]["ok"], true, "{body}");
    // From here on a load balancer sends no more requests. The clients check that all earlier requests succeeded.
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.expect("every request under load succeeded");
    }

    // One more request, which is still running when the server no longer accepts connections.
    let mut blocker = world.app.sql_connection().await;
    let block = match database {
        Database::Postgres => "BEGIN; SELECT 1 FROM workspaces FOR UPDATE",
        Database::Sqlite => "BEGIN IMMEDIATE",
    };
    blocker.run(block).await;
    let claim = tokio::spawn({
        let (rep, slow) = (rep.clone(), slow.clone());
        async move { rep.claim(&slow).await }
    });
    until(process.metrics_address(), "the claim is running", |now| {
        let pool = |state| now.get(&format!("pool_connections{{state=\"{state}\"}}"));
        pool("idle") < pool("open")
    })
    .await;
    eventually("no more connections are accepted", async || {
        TcpStream::connect(address).await.err().map(drop)
    })
    .await;
    assert_eq!(socket.close_code().await, Some(1012));
    blocker.run("COMMIT").await;
    claim.await.expect("the claim is answered").changed();
    let status = process.ended().await;
    let log = process.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("ERROR") && !log.contains("still running"), "{log}");
    assert_eq!(world.manager.conversation(&slow).await["assignee"]["id"], world.rep.id.as_str());
    world.app.assert_store_is_sound().await;
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_server_finishes_its_work_on_sqlite() {
    rule(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_server_finishes_its_work_on_postgres() {
    rule(Database::Postgres).await;
}
