//! All clients lose their connection at once, and reconnect at once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::socket::{Refused, Socket};
use crate::support::world::World;

/// The number of clients that reconnect. `RECONNECT_CLIENTS` changes it.
const CLIENTS: u32 = 200;
/// New connections per second that the server accepts: few enough for a machine that is busy with other tests.
const PER_SECOND: u32 = 40;
/// The timeout for all clients together. It does not assert a speed: even a busy machine needs much less.
const PATIENCE: Duration = Duration::from_secs(300);
/// The statements that one client may cost: to sign in, to begin its subscription, and to read the missed events.
const STATEMENTS_EACH: u64 = 4;
/// The maximum number of statements per second that the server sends without clients.
const STATEMENTS_A_SECOND: u64 = 40;

fn clients() -> u32 {
    let setting = std::env::var("RECONNECT_CLIENTS").ok();
    setting.map_or(CLIENTS, |clients| clients.parse().expect("RECONNECT_CLIENTS is a number"))
}

on_both! {
    async fn clients_that_all_come_back_at_once_are_paced_and_miss_nothing(world: World) {
        let clients = clients();
        let server = world
            .app
            .sibling_with(|settings| {
                settings.transport.sockets_per_agent = clients as usize + 1;
                settings.transport.new_sockets_per_second = PER_SECOND.max(clients / 5);
                settings.transport.init_timeout = PATIENCE;
                settings.transport.request_timeout = PATIENCE;
                settings.transport.pong_timeout = PATIENCE;
                settings.transport.write_deadline = PATIENCE;
                settings.transport.points_per_minute = 0;
            })
            .await;
        let agents = [&world.manager, &world.rep, &world.rep2].map(|agent| agent.at(server.address()));
        let after = world.rep.as_of().await;
        let missed = world.conversation(1).await;
        // Fills the caches of the server, which are also full on a server that only lost its connections.
        let first = Socket::open(&agents[0].client).await;
        resume(&first, &after, &missed).await;

        let (before, begun) = (server.statement_count(), Instant::now());
        let (refused, waited) = (AtomicU32::new(0), AtomicU64::new(0));
        let back = (0..clients).map(|n| {
            let (agent, refused, waited) = (&agents[n as usize % agents.len()], &refused, &waited);
            let (after, missed) = (&after, &missed);
            async move {
                let socket = loop {
                    match Socket::try_handshake(&agent.client).await {
                        Ok(socket) => break socket,
                        Err(Refused { status, retry_after }) => {
                            assert_eq!(status, 503);
                            let seconds = retry_after.expect("the response has Retry-After");
                            assert!((1..=10).contains(&seconds), "{seconds}");
                            refused.fetch_add(1, Ordering::Relaxed);
                            waited.fetch_or(1 << seconds, Ordering::Relaxed);
                            // Impatient clients: they retry after a tenth of the given time.
                            tokio::time::sleep(Duration::from_millis(100 * seconds)).await;
                        }
                    }
                };
                resume(&socket, after, missed).await;
                socket
            }
        });
        let sockets = tokio::time::timeout(PATIENCE, join_all(back)).await.expect("all clients reconnect");
        let seconds = begun.elapsed().as_secs();
        let statements = server.statement_count() - before;
        let refused = refused.into_inner();
        eprintln!("{clients} clients, {refused} refusals, {seconds} s, {statements} statements");

        assert_eq!(sockets.len(), clients as usize);
        // The limit counts per window of one second. This is the capacity of the windows that have begun.
        let pace = u64::from(PER_SECOND.max(clients / 5));
        assert!(u64::from(clients) <= pace * (seconds + 2), "not paced: {seconds} s");
        if refused > 20 {
            assert!(waited.into_inner().count_ones() > 1, "all clients got the same Retry-After");
        }
        let allowed = u64::from(clients) * STATEMENTS_EACH + (seconds + 1) * STATEMENTS_A_SECOND;
        assert!(statements <= allowed, "{statements} statements for {clients} clients");
        drop(sockets);
        server.stop().await;
    }
}

/// Resumes the subscription after the last cursor, and receives the missed event.
async fn resume(socket: &Socket, after: &str, missed: &str) {
    let document = "subscription($after: EventCursor) { queueChanges(after: $after) { __typename
        ... on ConversationEntered { conversation { id } } } }";
    let mut changes = socket.subscribe(document, json!({ "after": after }));
    let entered = changes.find(|change: &Value| change["__typename"] == "ConversationEntered").await;
    assert_eq!(entered["conversation"]["id"], missed);
    changes.find(|change| change["__typename"] == "QueueCheckpoint").await;
}
