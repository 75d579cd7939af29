//! Several processes on one PostgreSQL, and the wake-ups about each other's writes.
//!
//! Tests of wake-ups set the poll interval to a day, so that only a wake-up can cause a delivery.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::config::{Secret, ServerConfig, Wakeups};
use switchboard::service::live::wakeups::WakeupState;
use switchboard::store::db::notify;
use switchboard::store::{DatabaseUrl, Store};

use crate::support::app::App;
use crate::support::cluster::Cluster;
use crate::support::database::{Database, Prepare, TestDatabase, admin_url};
use crate::support::documents::{self, VIEWERS};
use crate::support::fault::proxy::{Flow, Proxy};
use crate::support::nats::Nats;
use crate::support::socket::{Socket, Subscription};
use crate::support::sql::SqlConnection;
use crate::support::world::World;

/// Longer than any test runs.
const NEVER: Duration = Duration::from_secs(86_400);

/// Starts a process and creates a workspace.
async fn world(store: &TestDatabase, change: impl FnOnce(&mut ServerConfig)) -> World {
    let mut settings = crate::support::app::settings(&store.url);
    change(&mut settings);
    World::prepare(App::start_with(settings).await).await
}

/// Settings with `wakeups`, without polling, and with one database connection. The connection is open from the start,
/// so the process still works while the database rejects new connections.
fn over(wakeups: Wakeups) -> impl Fn(&mut ServerConfig) {
    move |settings| {
        settings.pool_size = 1;
        settings.wakeups = wakeups.clone();
        settings.service.poll = NEVER;
    }
}

/// Starts two processes that are connected only by `wakeups`, and creates a workspace on the first.
async fn pair(store: &TestDatabase, wakeups: Wakeups) -> (World, App) {
    let world = world(store, over(wakeups.clone())).await;
    let sibling = world.app.sibling_with(over(wakeups)).await;
    world.app.until_wakeups_are(WakeupState::Connected).await;
    sibling.until_wakeups_are(WakeupState::Connected).await;
    (world, sibling)
}

/// Subscribes to the rep's Inbox on a process, from now on.
async fn inbox_at(world: &World, app: &App) -> (Socket, Subscription) {
    let (socket, mut changes) = world.rep.at(app.address()).queue("INBOX", json!({}), None).await;
    assert_eq!(changes.next().await["__typename"], "QueueCheckpoint");
    (socket, changes)
}

async fn assert_delivers(world: &World, changes: &mut Subscription, n: u32) {
    let id = world.conversation(n).await;
    let change = changes.next_change().await;
    assert_eq!(change["conversation"]["id"], id.as_str(), "{change:#}");
}

/// Asserts that new conversations and presence on one process reach the other.
async fn assert_delivers_across_processes(world: &World, sibling: &App) {
    let (_a, mut queue) = inbox_at(world, sibling).await;
    assert_delivers(world, &mut queue, 1).await;
    assert_delivers(world, &mut queue, 2).await;

    let id = world.conversation(3).await;
    let socket = Socket::open(&world.manager.at(sibling.address()).client).await;
    let document = format!("subscription($id: ID!) {{ conversationPresence(id: $id) {{ {VIEWERS} }} }}");
    let mut presence = socket.subscribe(&document, json!({ "id": id }));
    assert_eq!(presence.next().await, json!({ "viewers": [] }));
    world.rep2.is_at(&id, json!("REPLYING")).await.changed();
    let present = presence.next().await;
    assert_eq!(present["viewers"][0]["agent"]["id"], world.rep2.id.as_str(), "{present:#}");
    world.rep2.is_at(&id, Value::Null).await.changed();
    assert_eq!(presence.next().await, json!({ "viewers": [] }));
}

async fn assert_reset(changes: &mut Subscription) {
    let reset = changes.find(|change| change["__typename"] == "QueueReset").await;
    assert_eq!(reset["reason"], "ACCESS_CHANGED", "{reset:#}");
    changes.assert_complete().await;
}

/// Asserts that a revocation, a grant, a change of role and a deactivation on one process reach the sockets of the
/// other.
async fn assert_access_changes_reach_both(world: &World, sibling: &App) {
    let (_a, mut changes) = inbox_at(world, sibling).await;
    world.revoke(&world.rep, &world.number2).await.changed();
    assert_reset(&mut changes).await;
    let (_b, mut changes) = inbox_at(world, sibling).await;
    world.grant(&world.rep, &world.number2).await.changed();
    assert_reset(&mut changes).await;
    let (_c, mut changes) = inbox_at(world, sibling).await;
    let promote = json!({ "agentId": world.rep.id, "role": "MANAGER" });
    let selection = format!("changed {}", documents::USER_ERRORS);
    world.manager.client.mutate("updateAgent", promote, &selection).await.changed();
    changes.until_access_ends().await;
    world.rep.sign_in_again(world.id);
    let (mut socket, _changes) = inbox_at(world, sibling).await;
    world.deactivate(&world.rep).await.changed();
    assert_eq!(socket.close_code().await, Some(4403));
    let again = Socket::try_open(&world.rep.at(sibling.address()).client).await;
    assert!(again.is_err(), "a deactivated agent cannot open a socket");
}

async fn stop(world: World, sibling: App) {
    sibling.stop().await;
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_process_are_delivered_by_another_over_notify() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let (world, sibling) = pair(&store, Wakeups::Notify).await;
    assert_delivers_across_processes(&world, &sibling).await;
    assert_access_changes_reach_both(&world, &sibling).await;
    world.app.assert_store_is_sound().await;
    stop(world, sibling).await;
}

/// Every process reads an agent's access for each request, with or without wake-ups.
#[tokio::test(flavor = "multi_thread")]
async fn access_that_one_process_revokes_is_gone_at_another_at_once() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = world(&store, over(Wakeups::Off)).await;
    let sibling = world.app.sibling_with(over(Wakeups::Off)).await;
    let rep = world.rep.at(sibling.address());
    let labels =
        async || rep.client.data("{ phoneNumbers { label } }", json!({})).await["phoneNumbers"].clone();
    assert_eq!(labels().await, json!([{ "label": "Sales" }, { "label": "Support" }]));
    world.revoke(&world.rep, &world.number).await.changed();
    assert_eq!(labels().await, json!([{ "label": "Support" }]));
    world.grant(&world.rep, &world.number).await.changed();
    world.revoke(&world.rep, &world.number2).await.changed();
    assert_eq!(labels().await, json!([{ "label": "Sales" }]));
    world.deactivate(&world.rep).await.changed();
    rep.client.query("{ phoneNumbers { label } }", json!({})).await.assert_error(&["UNAUTHENTICATED"]);
    stop(world, sibling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_process_are_delivered_by_another_over_nats() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let Some(mut nats) = Nats::start().await else { return };
    let (world, sibling) = pair(&store, Wakeups::Nats(Secret::new(nats.url()))).await;
    assert_delivers_across_processes(&world, &sibling).await;

    // Changes that are written while NATS is down are delivered when it is back.
    let (_a, mut queue) = inbox_at(&world, &sibling).await;
    nats.stop();
    world.app.until_wakeups_are(WakeupState::Disconnected).await;
    sibling.until_wakeups_are(WakeupState::Disconnected).await;
    let id = world.conversation(7).await;
    assert!(queue.is_unchanged(), "only a wake-up can deliver");
    nats.restart().await;
    let change = queue.next_change().await;
    assert_eq!(change["conversation"]["id"], id.as_str(), "{change:#}");
    sibling.until_wakeups_are(WakeupState::Connected).await;
    world.app.until_wakeups_are(WakeupState::Connected).await;
    assert_access_changes_reach_both(&world, &sibling).await;
    stop(world, sibling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_up_that_is_lost_is_made_up_for_by_the_poll() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let off = |settings: &mut ServerConfig| settings.wakeups = Wakeups::Off;
    let world = world(&store, off).await;
    let sibling = world.app.sibling_with(off).await;
    sibling.until_wakeups_are(WakeupState::Polling).await;
    assert_delivers_across_processes(&world, &sibling).await;
    assert_access_changes_reach_both(&world, &sibling).await;
    stop(world, sibling).await;
}

/// A database that rejects new connections, and whose oldest listening connections were terminated.
struct CutOff {
    admin: SqlConnection,
    name: String,
}

impl CutOff {
    async fn begin(store: &TestDatabase, how_many: u32) -> Self {
        let admin = SqlConnection::open(&admin_url().expect("there is PostgreSQL")).await;
        let name = store.url.rsplit('/').next().expect("a name").to_owned();
        let mut cut = Self { admin, name };
        cut.allow(false).await;
        let kill = format!(
            "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND \
             application_name = '{}' ORDER BY backend_start LIMIT {how_many}) listeners",
            cut.name,
            notify::APPLICATION_NAME
        );
        cut.admin.run(&kill).await;
        cut
    }

    async fn end(mut self) {
        self.allow(true).await;
    }

    async fn allow(&mut self, allowed: bool) {
        let name = &self.name;
        self.admin.run(&format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {allowed}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_was_cut_off_comes_back_and_catches_up() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    // The writer publishes no wake-ups: only a full refresh can deliver.
    let world = world(&store, over(Wakeups::Off)).await;
    let sibling = world.app.sibling_with(over(Wakeups::Notify)).await;
    sibling.until_wakeups_are(WakeupState::Connected).await;
    let (_socket, mut queue) = inbox_at(&world, &sibling).await;
    let cut = CutOff::begin(&store, 2).await;
    sibling.until_wakeups_are(WakeupState::Disconnected).await;
    let id = world.conversation(1).await;
    assert!(queue.is_unchanged(), "only a wake-up can deliver");
    cut.end().await;
    let change = queue.next_change().await;
    assert_eq!(change["conversation"]["id"], id.as_str(), "{change:#}");
    stop(world, sibling).await;
}

/// The listener reconnects while the pool's connection hangs, so the full refresh fails at first.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_refresh_that_failed_is_repeated() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    // The writer publishes no wake-ups: only a full refresh can deliver.
    let world = world(&store, over(Wakeups::Off)).await;
    let (proxy, through) = Proxy::before_postgres(&store.url).await;
    let mut settings = crate::support::app::settings(&through);
    over(Wakeups::Notify)(&mut settings);
    let sibling = App::start_with(settings).await;
    sibling.until_wakeups_are(WakeupState::Connected).await;
    let (_socket, mut queue) = inbox_at(&world, &sibling).await;
    let links = proxy.links();
    let [pool, listener] = links.as_slice() else { panic!("{} connections", links.len()) };
    pool.set(Flow::Held);
    listener.cut();
    sibling.until_wakeups_are(WakeupState::Disconnected).await;
    sibling.until_wakeups_are(WakeupState::Connected).await;
    let id = world.conversation(1).await;
    assert!(queue.is_unchanged(), "nothing can be read in the meantime");
    pool.cut();
    let change = queue.next_change().await;
    assert_eq!(change["conversation"]["id"], id.as_str(), "{change:#}");
    stop(world, sibling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_was_cut_off_publishes_when_it_is_back() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = world(&store, over(Wakeups::Notify)).await;
    world.app.until_wakeups_are(WakeupState::Connected).await;
    let sibling = world.app.sibling_with(over(Wakeups::Notify)).await;
    sibling.until_wakeups_are(WakeupState::Connected).await;
    let (_socket, mut queue) = inbox_at(&world, &sibling).await;
    let url = DatabaseUrl::parse(&store.url).expect("a URL");
    let mut wire = Store::open(&url, 1).await.expect("opens").listen().await.expect("listens");
    let cut = CutOff::begin(&store, 1).await;
    world.app.until_wakeups_are(WakeupState::Disconnected).await;
    let ids = world.conversations(20).await;
    assert_eq!(sibling.wakeups(), WakeupState::Connected, "only the publisher lost its connection");
    assert!(queue.is_unchanged(), "only a wake-up can deliver");
    cut.end().await;
    for id in ids {
        let change = queue.next_change().await;
        assert_eq!(change["conversation"]["id"], id.as_str(), "{change:#}");
    }
    let text = wire.next().await.expect("a notification");
    assert!(text.ends_with(&format!(" L{}", world.id.0.simple())), "{text}");
    wire.send(&["the end".to_owned()]).await.expect("sends");
    assert_eq!(wire.next().await.as_deref(), Some("the end"), "20 commits are one notification");
    stop(world, sibling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_postgresql_processes_find_each_other_again() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let mut settings = crate::support::app::settings(&cluster.url());
    over(Wakeups::Notify)(&mut settings);
    let world = World::prepare(App::start_with(settings).await).await;
    let sibling = world.app.sibling_with(over(Wakeups::Notify)).await;
    let both = [&world.app, &sibling];
    for app in both {
        app.until_wakeups_are(WakeupState::Connected).await;
    }
    let (_socket, mut queue) = inbox_at(&world, &sibling).await;
    assert_delivers(&world, &mut queue, 1).await;
    cluster.stop_immediately();
    for app in both {
        app.until_wakeups_are(WakeupState::Disconnected).await;
    }
    let response = world.rep.client.query("{ viewer { id } }", json!({})).await;
    response.assert_error(&["UNAVAILABLE"]);
    cluster.start_again().await;
    for app in both {
        app.until_wakeups_are(WakeupState::Connected).await;
    }
    assert_delivers(&world, &mut queue, 2).await;
    world.app.assert_store_is_sound().await;
    stop(world, sibling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_read_once_however_many_subscribe() {
    const EVENTS: u32 = 20;
    const SOCKETS: usize = 4;
    const EACH: usize = 15;
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let (world, sibling) = pair(&store, Wakeups::Notify).await;
    // Selects only fields of the event itself.
    let document = "subscription { queueChanges { __typename ... on QueueEvent { cursor } } }";
    let mut statements = Vec::new();
    let mut first = 0;
    for (sockets, each) in [(1, 1), (SOCKETS, EACH)] {
        let (mut open, mut changes) = (Vec::new(), Vec::new());
        for _ in 0..sockets {
            let socket = Socket::open(&world.rep.at(sibling.address()).client).await;
            changes.extend((0..each).map(|_| socket.subscribe(document, json!({}))));
            open.push(socket);
        }
        for change in &mut changes {
            assert_eq!(change.next().await["__typename"], "QueueCheckpoint");
        }
        let before = sibling.statement_count();
        for n in 1..=EVENTS {
            world.conversation(first + n).await;
            for change in &mut changes {
                assert_eq!(change.next_change().await["__typename"], "ConversationEntered");
            }
        }
        statements.push(sibling.statement_count() - before);
        first += EVENTS;
    }
    // Includes statements of the background workers. One read per subscriber would be 1,200 statements.
    assert!(statements.iter().all(|&count| (20..=150).contains(&count)), "statements: {statements:?}");
    stop(world, sibling).await;
}
