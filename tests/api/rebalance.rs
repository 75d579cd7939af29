//! Rebalance plans: proposed, applied completely or not at all, and undone.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use switchboard::domain::Plan;

use crate::support::agent::{Agent, merged};
use crate::support::app::App;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::documents;
use crate::support::operator;
use crate::support::outcome::{Payload, items, number, text};
use crate::support::random_work::{ALL, RandomWork};
use crate::support::timed::{MINUTE, Time};
use crate::support::world::{Workspace, World, customer};

/// The fields that the tests select from the payload of each mutation.
fn selection() -> String {
    format!(
        "plan {{ id state expiresAt moves {{ conversation {{ id }} from {{ id }} to {{ id }} }}
           before {{ agent {{ id }} open }} after {{ agent {{ id }} open }} }} changed asOf {}
         errors: userErrors {{ ... on PlanStaleError {{ conversationIds }} }}",
        documents::USER_ERRORS
    )
}

async fn plan(by: &Agent, among: &[&Agent], more: Value) -> Payload {
    let ids: Vec<&str> = among.iter().map(|agent| agent.id.as_str()).collect();
    let input = merged(json!({ "agentIds": ids }), more);
    by.client.mutate("planRebalance", input, &selection()).await
}

async fn call(by: &Agent, mutation: &str, planned: &Payload) -> Payload {
    by.client.mutate(mutation, json!({ "planId": planned.value["plan"]["id"] }), &selection()).await
}

fn loads(planned: &Payload, side: &str) -> Vec<i64> {
    items(&planned.value["plan"][side]).iter().map(|load| number(&load["open"])).collect()
}

/// The ids of the conversations that a plan moves.
fn moves(planned: &Payload) -> Vec<String> {
    let moves = items(&planned.value["plan"]["moves"]).iter();
    moves.map(|it| text(&it["conversation"]["id"]).to_owned()).collect()
}

/// Creates a conversation with each of these customers and assigns it to `owner`. Returns the ids of the conversations.
async fn owned(world: &Workspace, owner: &Agent, customers: std::ops::Range<u32>) -> Vec<String> {
    let mut ids = Vec::new();
    for n in customers {
        let id = world.conversation(n).await;
        world.manager.assign(&id, owner).await.changed();
        ids.push(id);
    }
    ids
}

async fn owner_of(world: &Workspace, id: &str) -> Value {
    world.manager.conversation(id).await["assignee"]["id"].take()
}

/// Asserts that the mutation is refused because the plan is stale, that the error lists the conversations `about`, and
/// that nothing is written.
async fn assert_stale(world: &World, mutation: &str, planned: &Payload, about: &[&str]) {
    let snapshot = async || (world.manager.as_of().await, world.manager.list("INBOX", Value::Null).await);
    let before = snapshot().await;
    let refused = call(&world.manager, mutation, planned).await;
    assert_eq!(refused.refused_at("STALE", "planId")["__typename"], "PlanStaleError");
    assert_eq!(refused.value["errors"][0]["conversationIds"], json!(about), "{refused}");
    assert_eq!(snapshot().await, before);
}

on_both! {
    async fn fifteen_against_three_become_nine_each_and_can_go_back(world: World) {
        let many = owned(world, &world.rep, 1..16).await;
        owned(world, &world.rep2, 16..19).await;
        // The owner has answered these nine conversations, so the plan moves the other six.
        for id in &many[..9] {
            world.rep.send(id, "I am on it").await.changed();
        }
        let before = world.everything().await;
        let planned = plan(&world.manager, &[&world.rep, &world.rep2], json!({})).await.ok();
        assert_eq!(planned.value["plan"]["state"], "PROPOSED");
        assert_eq!([loads(&planned, "before"), loads(&planned, "after")], [[15, 3], [9, 9]]);
        let (mut moved, mut wanted) = (moves(&planned), many[9..].to_vec());
        moved.sort();
        wanted.sort();
        assert_eq!(moved, wanted);
        assert_eq!(world.everything().await, before, "a plan moves nothing");
        let applied = call(&world.manager, "applyPlan", &planned).await.changed();
        assert_eq!(applied.value["plan"]["state"], "APPLIED");
        for (id, to) in many.iter().map(|id| (id, if moved.contains(id) { &world.rep2 } else { &world.rep })) {
            assert_eq!(owner_of(world, id).await, to.id.as_str());
        }
        let event = &world.rep2.history(&moved[0]).await[0];
        assert_eq!([&event["kind"], &event["reason"]], ["ASSIGNED", "REBALANCED"]);
        assert_eq!(event["actor"]["id"], world.manager.id.as_str());
        call(&world.manager, "applyPlan", &planned).await.unchanged();
        world.text(&customer(15), "Are you there?").await;
        let undone = call(&world.manager, "undoPlan", &planned).await.changed();
        assert_eq!(undone.value["plan"]["state"], "UNDONE");
        for id in &many {
            assert_eq!(owner_of(world, id).await, world.rep.id.as_str());
        }
        call(&world.manager, "undoPlan", &planned).await.unchanged();
        assert_stale(world, "applyPlan", &planned, &[]).await;
        world.app.assert_store_is_sound().await;
    }

    async fn a_plan_is_refused_whole_when_anything_has_changed(world: World) {
        let many = owned(world, &world.rep, 1..7).await;
        let team = [&world.rep, &world.rep2];
        let planned = plan(&world.manager, &team, json!({})).await.ok();
        assert_eq!(moves(&planned), many[..3], "the least recently active ones");
        world.text(&customer(2), "And another thing").await;
        assert_stale(world, "applyPlan", &planned, &[&many[1]]).await;
        let planned = plan(&world.manager, &team, json!({})).await.ok();
        world.deactivate(&world.rep2).await.changed();
        let all = moves(&planned);
        assert_stale(world, "applyPlan", &planned, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
        world.reactivate(&world.rep2).await.changed();
        call(&world.manager, "undoPlan", &planned).await.refused("NOT_ALLOWED");
        call(&world.manager, "applyPlan", &planned).await.changed();
        world.rep2.assign(&all[0], &world.manager).await.changed();
        world.manager.assign(&all[0], &world.rep2).await.changed();
        assert_stale(world, "undoPlan", &planned, &[&all[0]]).await;
        world.app.assert_store_is_sound().await;
    }

    async fn agents_receive_only_conversations_that_they_can_work(world: World) {
        let private = world.add_number(&world.app, &[&world.manager, &world.rep], "Private").await;
        for n in 1..=4 {
            let id = world.conversation_on(&private, n).await;
            world.manager.assign(&id, &world.rep).await.changed();
        }
        let open = owned(world, &world.rep, 5..7).await;
        let gone = world.join(&world.app, "Gunnar Gone", switchboard::domain::Role::Rep, false).await;
        world.deactivate(&gone).await.changed();
        let planned = plan(&world.manager, &[&world.rep, &world.rep2, &gone], json!({})).await.ok();
        assert_eq!([loads(&planned, "before"), loads(&planned, "after")], [[6, 0, 0], [4, 2, 0]]);
        assert_eq!(moves(&planned), open);
        // Conversations that the manager cannot see count as load, but do not move.
        let hidden = world.add_number(&world.app, &[&world.rep, &world.rep2], "Hidden").await;
        for n in 7..=10 {
            let id = world.conversation_on(&hidden, n).await;
            world.rep.claim(&id).await.changed();
        }
        let planned = plan(&world.manager, &[&world.rep, &world.rep2], json!({})).await.ok();
        assert_eq!([loads(&planned, "before"), loads(&planned, "after")], [[10, 0], [8, 2]]);
        assert_eq!(moves(&planned), open);
        // A manager without access to the numbers of a plan cannot find the plan.
        let lead = world.join(&world.app, "Lea Lead", switchboard::domain::Role::Manager, false).await;
        world.revoke(&lead, &world.number).await.changed();
        call(&lead, "applyPlan", &planned).await.refused_at("NOT_FOUND", "planId");
        call(&world.manager, "applyPlan", &planned).await.changed();
        world.app.assert_store_is_sound().await;
    }

    async fn plans_are_for_managers_of_the_same_workspace(world: World) {
        owned(world, &world.rep, 1..3).await;
        let team = [&world.rep, &world.rep2];
        let planned = plan(&world.manager, &team, json!({})).await.ok();
        let other = Workspace::create(&world.app, Plan::Team).await;
        let before = world.everything().await;
        plan(&world.rep, &team, json!({})).await.refused("NOT_ALLOWED");
        plan(&world.manager, &[&world.rep, &other.rep], json!({})).await.refused_at("NOT_FOUND", "agentIds");
        for bad in [vec![], vec![&world.rep, &world.rep]] {
            plan(&world.manager, &bad, json!({})).await.refused_at("INVALID", "agentIds");
        }
        for mutation in ["applyPlan", "undoPlan"] {
            call(&world.rep, mutation, &planned).await.refused("NOT_ALLOWED");
            call(&other.manager, mutation, &planned).await.refused_at("NOT_FOUND", "planId");
        }
        assert_eq!(world.everything().await, before);
        operator::set_plan(&world.app, world.id, Plan::Starter).await;
        plan(&world.manager, &team, json!({})).await.refused("PLAN_REQUIRED");
        call(&world.manager, "applyPlan", &planned).await.refused("PLAN_REQUIRED");
    }

    async fn concurrent_calls_apply_a_plan_once(world: World) {
        let many = owned(world, &world.rep, 1..9).await;
        let lead = world.join(&world.app, "Lea Lead", switchboard::domain::Role::Manager, false).await;
        let planned = plan(&world.manager, &[&world.rep, &world.rep2], json!({})).await.ok();
        let both = tokio::join!(
            call(&world.manager, "applyPlan", &planned),
            call(&lead, "applyPlan", &planned)
        );
        let changed = [both.0.ok(), both.1.ok()].iter().filter(|it| it.value["changed"] == true).count();
        assert_eq!(changed, 1);
        for id in &many {
            let moved = moves(&planned).contains(id);
            assert_eq!(world.rep.story(id).await.len(), if moved { 3 } else { 2 });
        }
    }

    async fn the_loads_are_what_the_history_adds_up_to(world: World) {
        let all = world.conversations(10).await;
        let team = [world.rep.clone(), world.rep2.clone(), world.manager.clone()];
        let work = RandomWork { world, conversations: &all, acts: ALL };
        let among = [&world.rep, &world.rep2, &world.manager];
        for round in 0..3 {
            work.run_parallel(crate::support::seed().wrapping_add(round), 3, 30, &team).await;
            for (status, wanted) in [(json!("OPEN"), vec!["OPEN"]), (Value::Null, vec!["OPEN", "CLOSED"])] {
                let mut counted: BTreeMap<String, i64> = BTreeMap::new();
                for id in &all {
                    let (owner, status) = replayed(&world.manager.history(id).await);
                    if let Some(owner) = owner.filter(|_| wanted.contains(&status)) {
                        *counted.entry(owner).or_default() += 1;
                    }
                }
                let planned = plan(&world.manager, &among, json!({ "status": status })).await.ok();
                let expected: Vec<i64> =
                    among.iter().map(|it| counted.get(&it.id).copied().unwrap_or_default()).collect();
                assert_eq!(loads(&planned, "before"), expected);
                let total: i64 = expected.iter().sum();
                assert_eq!(loads(&planned, "after").into_iter().max(), Some((total + 2) / 3), "{planned}");
                call(&world.manager, "applyPlan", &planned).await.changed();
                let now = plan(&world.manager, &among, json!({ "status": status })).await.ok();
                assert_eq!(loads(&now, "before"), loads(&planned, "after"));
                assert!(moves(&now).is_empty(), "an even load needs no moves: {now}");
            }
        }
        world.app.assert_store_is_sound().await;
    }
}

/// Returns the owner and the status of a conversation according to its history. The newest event comes first.
fn replayed(history: &[Value]) -> (Option<String>, &'static str) {
    let owner = history[0]["assignee"]["id"].as_str().map(str::to_owned);
    let status = history.iter().find_map(|event| match text(&event["kind"]) {
        "CLOSED" => Some("CLOSED"),
        "RECEIVED" | "REOPENED" => Some("OPEN"),
        _ => None,
    });
    (owner, status.expect("a first event"))
}

async fn plans_expire(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let time = Time::ticking();
    let world = World::prepare(App::start_at(&store.url, time.clock()).await).await;
    let many = owned(&world, &world.rep, 1..5).await;
    let team = [&world.rep, &world.rep2];
    let planned = plan(&world.manager, &team, json!({})).await.ok();
    time.pass(10 * MINUTE);
    assert_stale(&world, "applyPlan", &planned, &[]).await;
    let planned = plan(&world.manager, &team, json!({})).await.ok();
    time.pass(9 * MINUTE);
    call(&world.manager, "applyPlan", &planned).await.changed();
    time.pass(9 * MINUTE);
    call(&world.manager, "undoPlan", &planned).await.changed();
    let planned = plan(&world.manager, &team, json!({})).await.ok();
    call(&world.manager, "applyPlan", &planned).await.changed();
    time.pass(10 * MINUTE);
    assert_stale(&world, "undoPlan", &planned, &[]).await;
    assert_eq!(owner_of(&world, &many[0]).await, world.rep2.id.as_str());
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_can_be_applied_and_undone_for_ten_minutes_on_sqlite() {
    plans_expire(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_can_be_applied_and_undone_for_ten_minutes_on_postgres() {
    plans_expire(Database::Postgres).await;
}
