//! Everybody loses their socket at once, and comes back at once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::socket::{Refused, Socket};
use crate::support::world::World;

/// How many come back; `RECONNECT_CLIENTS=1000` for more of them.
const CLIENTS: u32 = 200;
/// The server's pace: slow enough for a machine that is busy with other tests.
const PER_SECOND: u32 = 40;
/// How long everybody together may take. No assertion about speed: a busy machine has this time, too.
const PATIENCE: Duration = Duration::from_secs(300);
/// Statements that one client's return may cost: to sign in, to begin its subscription, and to read what it missed.
const STATEMENTS_EACH: u64 = 4;
/// How many statements a second the server sends by itself, at the most.
const STATEMENTS_A_SECOND: u64 = 40;

fn clients() -> u32 {
    let asked = std::env::var("RECONNECT_CLIENTS").ok();
    asked.map_or(CLIENTS, |clients| clients.parse().expect("RECONNECT_CLIENTS is a number"))
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
        // Sign-in, schema and ring are warm, as they are on a server that only lost its sockets.
        let first = Socket::open(&agents[0].client).await;
        come_back(&first, &after, &missed).await;

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
                            let seconds = retry_after.expect("is told when to try again");
                            assert!((1..=10).contains(&seconds), "{seconds}");
                            refused.fetch_add(1, Ordering::Relaxed);
                            waited.fetch_or(1 << seconds, Ordering::Relaxed);
                            // Impatient clients: ten times as soon as they are told.
                            tokio::time::sleep(Duration::from_millis(100 * seconds)).await;
                        }
                    }
                };
                come_back(&socket, after, missed).await;
                socket
            }
        });
        let sockets = tokio::time::timeout(PATIENCE, join_all(back)).await.expect("everybody comes back");
        let seconds = begun.elapsed().as_secs();
        let statements = server.statement_count() - before;
        let refused = refused.into_inner();
        eprintln!("{clients} clients, {refused} refusals, {seconds} s, {statements} statements");

        assert_eq!(sockets.len(), clients as usize);
        // Windows of a second: what fits in those that have begun.
        let pace = u64::from(PER_SECOND.max(clients / 5));
        assert!(u64::from(clients) <= pace * (seconds + 2), "not paced: {seconds} s");
        if refused > 20 {
            assert!(waited.into_inner().count_ones() > 1, "all were told to come back at once");
        }
        let allowed = u64::from(clients) * STATEMENTS_EACH + (seconds + 1) * STATEMENTS_A_SECOND;
        assert!(statements <= allowed, "{statements} statements for {clients} clients");
        drop(sockets);
        server.stop().await;
    }
}

/// Subscribes where the client had left off, and gets what it missed.
async fn come_back(socket: &Socket, after: &str, missed: &str) {
    let document = "subscription($after: EventCursor) { queueChanges(after: $after) { __typename
        ... on ConversationEntered { conversation { id } } } }";
    let mut changes = socket.subscribe(document, json!({ "after": after }));
    let entered = changes.find(|change: &Value| change["__typename"] == "ConversationEntered").await;
    assert_eq!(entered["conversation"]["id"], missed);
    changes.find(|change| change["__typename"] == "QueueCheckpoint").await;
}
