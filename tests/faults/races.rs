//! Concurrent operations on the same conversations.

use futures_util::future::join_all;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use switchboard::domain::Role;

use crate::support::agent::{Agent, unique_key};
use crate::support::outcome::{Payload, text};
use crate::support::random_work::{ALL, RandomWork};
use crate::support::seed;
use crate::support::world::{Workspace, World, customer};

const CLAIMANTS: usize = 64;
const ROUNDS: u32 = 12;

/// Sixty-four agents, distributed over `servers`.
async fn claimants(world: &World, servers: &[std::net::SocketAddr]) -> Vec<Agent> {
    let mut agents = Vec::new();
    for n in 0..CLAIMANTS {
        let agent = world.join(&world.app, &format!("Claimant {n}"), Role::Rep, false).await;
        agents.push(agent.at(servers[n % servers.len()]));
    }
    agents
}

/// All agents claim `id` at once. One wins, and every other agent's refusal names the winner.
async fn assert_one_winner(world: &Workspace, agents: &[Agent], id: &str) {
    let outcomes = join_all(agents.iter().map(|agent| agent.claim(id))).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        agents.iter().zip(&outcomes).partition(|(_, outcome)| outcome.value["changed"] == true);
    let [(winner, outcome)] = won.as_slice() else {
        panic!("{} winners: {outcomes:#?}", won.len());
    };
    assert_eq!(outcome.conversation()["assignee"]["id"], winner.id.as_str(), "{outcome}");
    assert_eq!(lost.len(), agents.len() - 1);
    for (_, loser) in lost {
        let current = &loser.refused("ALREADY_ASSIGNED")["current"];
        assert_eq!(current["assignee"]["id"], winner.id.as_str(), "{loser}");
        assert_eq!(current["assignedAt"], outcome.conversation()["assignedAt"], "{loser}");
    }
    assert_eq!(world.manager.story(id).await, ["RECEIVED", "ASSIGNED"]);
}

/// Runs random assignments, closes, messages and reads. The history must then be a valid serial order.
async fn assert_serial(world: &World, seed: u64, agents: &[Agent]) {
    let conversations = world.conversations(4).await;
    let work = RandomWork { world, conversations: &conversations, acts: ALL };
    work.run_parallel(seed, 8, 25, agents).await;
    world.app.assert_store_is_sound().await;
    for id in &conversations {
        let mut owner = Value::Null;
        for event in world.manager.history(id).await.iter().rev() {
            if event["kind"] == "ASSIGNED" || event["kind"] == "UNASSIGNED" {
                assert_ne!(
                    event["previousAssignee"], event["assignee"],
                    "an event that changes nothing: {event:#}"
                );
            }
            owner = event["assignee"].clone();
        }
        let now = world.manager.conversation(id).await;
        assert_eq!(now["assignee"]["id"], owner["id"], "the last event says who owns it: {now:#}");
    }
}

on_both! {
    async fn of_64_who_claim_at_once_one_wins_and_63_are_told_who(world: World) {
        let agents = claimants(world, &[world.app.address()]).await;
        for round in 1..=ROUNDS {
            let id = world.conversation(round).await;
            assert_one_winner(world, &agents, &id).await;
        }
        world.app.assert_store_is_sound().await;
    }

    async fn of_64_who_claim_over_two_servers_one_wins(world: World) {
        if !world.app.is_postgres() {
            return;
        }
        let sibling = world.app.sibling().await;
        let agents = claimants(world, &[world.app.address(), sibling.address()]).await;
        for round in 1..=ROUNDS {
            let id = world.conversation(round).await;
            assert_one_winner(world, &agents, &id).await;
        }
        world.app.assert_store_is_sound().await;
        sibling.stop().await;
    }

    async fn the_same_text_50_times_at_once_is_one_message_and_one_conversation(world: World) {
        for round in 0..5 {
            let sid = format!("SM-{round}");
            let deliveries =
                (0..50).map(|_| world.deliver(&sid, &world.number, "+16505550100", "Hello", json!({})));
            let outcomes: Vec<Payload> = join_all(deliveries).await.into_iter().map(Payload::ok).collect();
            let changed = outcomes.iter().filter(|outcome| outcome.value["changed"] == true).count();
            assert_eq!(changed, 1, "{outcomes:#?}");
            let messages: Vec<&Value> = outcomes.iter().map(|outcome| &outcome.message()["id"]).collect();
            assert!(messages.windows(2).all(|pair| pair[0] == pair[1]), "{messages:?}");
        }
        let inbox = world.rep.ids("INBOX", Value::Null).await;
        assert_eq!(inbox.len(), 1, "one conversation, regardless of the number of messages");
        assert_eq!(world.rep.messages(&inbox[0]).await.len(), 5);
        world.app.assert_store_is_sound().await;
    }

    async fn many_texts_of_a_new_customer_at_once_make_one_conversation(world: World) {
        let texts =
            (0..30).map(|n| world.text_to(&world.number, "+16505550100", if n % 2 == 0 { "a" } else { "b" }));
        join_all(texts).await;
        let inbox = world.rep.ids("INBOX", Value::Null).await;
        assert_eq!(inbox.len(), 1);
        assert_eq!(world.rep.messages(&inbox[0]).await.len(), 30);
        assert_eq!(world.rep.story(&inbox[0]).await.len(), 30);
        world.app.assert_store_is_sound().await;
    }

    async fn a_reply_repeated_at_once_is_sent_once(world: World) {
        let id = world.conversation(1).await;
        let key = unique_key();
        let repeats = (0..20).map(|_| world.rep.send_with(&id, "Hello", &key, json!({})));
        let outcomes: Vec<Payload> = join_all(repeats).await.into_iter().map(Payload::ok).collect();
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.value["changed"] == true).count(),
            1,
            "{outcomes:#?}"
        );
        assert_eq!(world.rep.messages(&id).await.len(), 2);
    }

    async fn of_two_fenced_replies_at_once_one_is_stopped(world: World) {
        for round in 1..=10 {
            let arrived = world.text(&customer(round), "Hello").await;
            let id = text(&arrived.conversation()["id"]).to_owned();
            let seen = json!({ "lastSeenMessageId": arrived.message()["id"] });
            let (one, two) = (unique_key(), unique_key());
            let (a, b) = tokio::join!(
                world.rep.send_with(&id, "I am on it", &one, seen.clone()),
                world.rep2.send_with(&id, "So am I", &two, seen.clone()),
            );
            let stopped =
                [&a, &b].into_iter().filter(|outcome| outcome.is_refused_with("STALE_REPLY")).count();
            assert_eq!(stopped, 1, "{a} {b}");
            assert_eq!(world.rep.messages(&id).await.len(), 2);
        }
    }

    async fn random_work_at_once_is_the_same_as_some_serial_order(world: World) {
        let agents = [world.manager.clone(), world.rep.clone(), world.rep2.clone()];
        assert_serial(world, seed(), &agents).await;
    }

    async fn random_work_over_two_servers_is_the_same_as_some_serial_order(world: World) {
        if !world.app.is_postgres() {
            return;
        }
        let sibling = world.app.sibling().await;
        let there = sibling.address();
        let agents =
            [world.manager.clone(), world.rep.at(there), world.rep2.clone(), world.manager.at(there)];
        assert_serial(world, seed(), &agents).await;
        sibling.stop().await;
    }

    async fn a_text_and_a_close_at_once_leave_it_open_unless_the_close_was_last(world: World) {
        for round in 1..=15 {
            let id = world.conversation(round).await;
            world.rep.claim(&id).await.changed();
            let number = customer(round);
            let (closed, _text) = tokio::join!(world.rep.close(&id), world.text(&number, "Wait!"));
            closed.ok();
            let now = world.rep.conversation(&id).await;
            let last = world.rep.story(&id).await.pop();
            let expected = if last.as_deref() == Some("CLOSED") { "CLOSED" } else { "OPEN" };
            assert_eq!(now["status"], expected, "last was {last:?}: {now:#}");
            assert_eq!(now["assignee"]["id"], world.rep.id.as_str(), "the owner keeps it: {now:#}");
        }
    }

    async fn assigning_while_access_is_revoked_never_leaves_an_owner_who_cannot_see_it(world: World) {
        let mut rng = StdRng::seed_from_u64(seed());
        for round in 1..=12_u32 {
            let open = world.conversation(round * 10).await;
            let closed = world.conversation(round * 10 + 1).await;
            world.manager.assign(&closed, &world.rep).await.changed();
            world.manager.close(&closed).await.changed();
            let by_access = rand::Rng::random_bool(&mut rng, 0.5);
            let leave = async {
                if by_access {
                    world.revoke(&world.rep, &world.number).await
                } else {
                    world.deactivate(&world.rep).await
                }
            };
            let back = customer(round * 10 + 1);
            let (assigned, left, _reopened) = tokio::join!(
                world.manager.assign(&open, &world.rep),
                leave,
                world.text(&back, "Hello again")
            );
            left.ok();
            if !assigned.codes().is_empty() {
                let code = if by_access { "AGENT_LACKS_ACCESS" } else { "AGENT_INACTIVE" };
                assigned.refused(code);
            }
            for id in [&open, &closed] {
                let now = world.manager.conversation(id).await;
                assert_eq!(now["status"], "OPEN", "{now:#}");
                assert_eq!(now["assignee"], Value::Null, "an agent without access cannot own it: {now:#}");
            }
            world.app.assert_store_is_sound().await;
            world.reactivate(&world.rep).await.ok();
            world.grant(&world.rep, &world.number).await.ok();
        }
    }
}
