//! What many listeners need is read once for all of them, and is never older than what they are told.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::documents::{HEALTH, USER_ERRORS, WORKLOAD};
use crate::support::outcome::items;
use crate::support::socket::{Socket, Subscription};
use crate::support::world::World;

/// What one socket may have open.
const MANY: u64 = 20;
/// How many statements a second the server sends by itself at the most, to poll and to look at the time pass.
const BY_ITSELF_A_SECOND: u64 = 6;

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

/// How many statements the server sends from a claim until so many have been told of it, its own apart.
async fn statements_to_tell(
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
    let (before, begun) = (world.app.statement_count(), Instant::now());
    world.rep.claim(&id).await.changed();
    for live in &mut all {
        live.find(&is_news).await;
    }
    let by_itself = (begun.elapsed().as_secs() + 1) * BY_ITSELF_A_SECOND;
    (world.app.statement_count() - before).saturating_sub(by_itself)
}

/// Fewer than one statement more for each listener more.
async fn assert_shared(
    world: &World,
    listen: impl Fn(&Socket) -> Subscription,
    is_news: impl Fn(&Value) -> bool,
) {
    let one = statements_to_tell(world, 1, 1, &listen, &is_news).await;
    let many = statements_to_tell(world, MANY, 2, &listen, &is_news).await;
    assert!(many < one + MANY, "{one} statements for one listener, {many} for {MANY}");
}

on_both! {
    async fn what_an_event_mentions_is_read_once_for_all_who_are_told(world: World) {
        let told = |change: &Value| change["__typename"] == "ConversationUpdated";
        assert_shared(world, |socket| rows(socket, None), told).await;
    }

    async fn workloads_are_counted_once_for_all_who_look(world: World) {
        let (rep, held) = (world.rep.id.clone(), std::cell::Cell::new(0));
        let news = |all: &Value| {
            let of_rep = items(all).iter().find(|it| it["agent"]["id"] == rep.as_str());
            of_rep.is_some_and(|it| it["open"].as_i64() > Some(held.get()))
        };
        let one = statements_to_tell(world, 1, 1, workloads, news).await;
        held.set(1);
        let many = statements_to_tell(world, MANY, 2, workloads, news).await;
        assert!(many < one + MANY, "{one} statements for one listener, {many} for {MANY}");
    }

    async fn health_is_read_once_for_all_who_look(world: World) {
        world.tolerate(json!({ "maxUnassigned": 0 })).await.changed();
        assert_shared(world, health, |health| health["unassignedOverThreshold"] == false).await;
    }

    async fn who_replays_is_shown_names_as_they_are_by_now(world: World) {
        let id = world.conversation(1).await;
        let after = world.rep.as_of().await;
        let socket = Socket::open(&world.rep.client).await;
        let mut live = rows(&socket, None);
        live.next().await;
        world.manager.assign(&id, &world.rep2).await.changed();
        let told = live.next_change().await;
        assert_ne!(told["conversation"]["assignee"]["name"], "Inga", "{told:#}");
        let input = json!({ "agentId": world.rep2.id, "name": "Inga" });
        world.manager.client.mutate("updateAgent", input, &format!("changed {USER_ERRORS}")).await.changed();
        let replayed = rows(&socket, Some(&after)).next_change().await;
        assert_eq!(replayed["conversation"]["assignee"]["name"], "Inga", "{replayed:#}");
    }
}
