//! The server reads data that many subscribers need once, for all of them. The data is never older than the event.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::documents::{HEALTH, USER_ERRORS, WORKLOAD};
use crate::support::outcome::items;
use crate::support::socket::{Socket, Subscription};
use crate::support::world::World;

/// The number of subscribers to compare with one: the maximum number of subscriptions on one socket.
const MANY: u64 = 20;
/// The maximum number of statements per second from the server's background work.
const BACKGROUND_PER_SECOND: u64 = 6;

fn rows(socket: &Socket, after: Option<&str>) -> Subscription {
    let document = "subscription($after: EventCursor) { queueChanges(after: $after) { __typename
        ... on ConversationEntered { conversation { id } }
        ... on ConversationUpdated { conversation { id contact { name number } assignee { name } lastMessage { body } }
            cause { actor { name } } } } }";
    socket.subscribe(document, json!({ "after": after }))
}

fn workloads(socket: &Socket) -> Subscription {
    socket.subscribe(&format!("subscription {{ workloadsChanged {{ {WORKLOAD} }} }}"), json!({}))
}

fn health(socket: &Socket) -> Subscription {
    socket.subscribe(&format!("subscription {{ queueHealthChanged {{ {HEALTH} }} }}"), json!({}))
}

/// Returns the number of statements from a claim until all subscribers have received the claim. The statements
/// that background work may have executed in the meantime are subtracted.
async fn statements_to_deliver(
    world: &World,
    listeners: u64,
    conversation: u32,
    listen: impl Fn(&Socket) -> Subscription,
    is_news: impl Fn(&Value) -> bool,
) -> u64 {
    let id = world.conversation(conversation).await;
    let socket = Socket::open(&world.manager.client).await;
    let mut all: Vec<Subscription> = (0..listeners).map(|_| listen(&socket)).collect();
    for live in &mut all {
        live.next().await;
    }
    let (before, start) = (world.app.statement_count(), Instant::now());
    world.rep.claim(&id).await.changed();
    for live in &mut all {
        live.find(&is_news).await;
    }
    let background = (start.elapsed().as_secs() + 1) * BACKGROUND_PER_SECOND;
    (world.app.statement_count() - before).saturating_sub(background)
}

/// Asserts that each additional subscriber costs less than one additional statement.
async fn assert_shared(
    world: &World,
    listen: impl Fn(&Socket) -> Subscription,
    is_news: impl Fn(&Value) -> bool,
) {
    let one = statements_to_deliver(world, 1, 1, &listen, &is_news).await;
    let many = statements_to_deliver(world, MANY, 2, &listen, &is_news).await;
    assert!(many < one + MANY, "{one} statements for one subscriber, {many} for {MANY}");
}

on_both! {
    async fn related_entities_of_an_event_are_read_once_for_all_subscribers(world: World) {
        let is_news = |change: &Value| change["__typename"] == "ConversationUpdated";
        assert_shared(world, |socket| rows(socket, None), is_news).await;
    }

    async fn workloads_are_counted_once_for_all_subscribers(world: World) {
        let (rep, held) = (world.rep.id.clone(), std::cell::Cell::new(0));
        let news = |all: &Value| {
            let of_rep = items(all).iter().find(|it| it["agent"]["id"] == rep.as_str());
            of_rep.is_some_and(|it| it["open"].as_i64() > Some(held.get()))
        };
        let one = statements_to_deliver(world, 1, 1, workloads, news).await;
        // After the first claim, the rep owns one conversation.
        held.set(1);
        let many = statements_to_deliver(world, MANY, 2, workloads, news).await;
        assert!(many < one + MANY, "{one} statements for one subscriber, {many} for {MANY}");
    }

    async fn health_is_read_once_for_all_subscribers(world: World) {
        world.tolerate(json!({ "maxUnassigned": 0 })).await.changed();
        assert_shared(world, health, |health| health["unassignedOverThreshold"] == false).await;
    }

    async fn a_replay_shows_current_names(world: World) {
        let id = world.conversation(1).await;
        let after = world.rep.as_of().await;
        let socket = Socket::open(&world.rep.client).await;
        let mut live = rows(&socket, None);
        live.next().await;
        world.manager.assign(&id, &world.rep2).await.changed();
        let change = live.next_change().await;
        assert_ne!(change["conversation"]["assignee"]["name"], "Inga", "{change:#}");
        let input = json!({ "agentId": world.rep2.id, "name": "Inga" });
        world.manager.client.mutate("updateAgent", input, &format!("changed {USER_ERRORS}")).await.changed();
        let replayed = rows(&socket, Some(&after)).next_change().await;
        assert_eq!(replayed["conversation"]["assignee"]["name"], "Inga", "{replayed:#}");
    }
}
