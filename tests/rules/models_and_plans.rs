//! The server enforces the assignment model and the plan.

use serde_json::json;
use switchboard::domain::{Plan, Role};

use crate::support::agent::Agent;
use crate::support::documents;
use crate::support::operator;
use crate::support::outcome::Payload;
use crate::support::world::World;

/// Whether the command was allowed. Panics if it was refused for another reason than the model.
#[track_caller]
fn allowed(payload: Payload) -> bool {
    if payload.is_refused_with("NOT_ALLOWED") {
        return false;
    }
    payload.changed();
    true
}

/// Whether `actor` may, under the current model: claim, assign an unassigned conversation to another agent, take
/// another agent's conversation, move it to a third agent, unassign it, hand over their own, and unassign their own.
async fn may(world: &World, actor: &Agent, n: u32) -> [bool; 7] {
    let id = world.conversation(n).await;
    let (owner, third) = (&world.manager, &world.rep2);
    let before = world.manager.as_of().await;
    let claim = allowed(actor.claim(&id).await);
    if !claim {
        assert_eq!(world.manager.as_of().await, before, "a refused claim writes nothing");
    }
    world.manager.unassign(&id).await.ok();
    let assign_unowned = allowed(actor.assign(&id, third).await);
    world.manager.assign(&id, owner).await.ok();
    let take = allowed(actor.assign(&id, actor).await);
    world.manager.assign(&id, owner).await.ok();
    let move_to_third = allowed(actor.assign(&id, third).await);
    world.manager.assign(&id, owner).await.ok();
    let unassign = allowed(actor.unassign(&id).await);
    world.manager.assign(&id, actor).await.ok();
    let hand_over_own = allowed(actor.assign(&id, third).await);
    world.manager.assign(&id, actor).await.ok();
    let unassign_own = allowed(actor.unassign(&id).await);
    [claim, assign_unowned, take, move_to_third, unassign, hand_over_own, unassign_own]
}

on_both! {
    async fn each_model_says_who_may_claim_and_who_may_assign(world: World) {
        let new = world.join(&world.app, "Nadia New", Role::Rep, false).await;
        let experienced = world.join(&world.app, "Ed Experienced", Role::Rep, true).await;
        let lead = world.join(&world.app, "Lea Lead", Role::Manager, false).await;
        // Every agent may always hand over or unassign their own conversations.
        let everything = [true; 7];
        let claims = [true, false, false, false, false, true, true];
        let own_only = [false, false, false, false, false, true, true];
        let mut n = 0;
        for (model, by_new, by_experienced) in [
            ("OPEN", everything, everything),
            ("MANAGER_ASSIGNED", own_only, own_only),
            ("SELF_SERVICE", claims, claims),
            ("HYBRID", own_only, claims),
        ] {
            world.set_model(model).await.ok();
            for (actor, expected) in [(&new, by_new), (&experienced, by_experienced), (&lead, everything)] {
                n += 1;
                let found = may(world, actor, n).await;
                assert_eq!(found, expected, "{model}, {}", actor.name);
            }
        }
        world.app.assert_store_is_sound().await;
    }

    async fn assigning_an_unowned_conversation_to_oneself_is_a_claim(world: World) {
        world.set_model("SELF_SERVICE").await.changed();
        let id = world.conversation(1).await;
        world.rep.assign(&id, &world.rep).await.changed();
        world.set_model("MANAGER_ASSIGNED").await.changed();
        let id = world.conversation(2).await;
        world.rep.assign(&id, &world.rep).await.refused("NOT_ALLOWED");
    }

    async fn the_model_limits_nothing_but_assignment(world: World) {
        world.set_model("MANAGER_ASSIGNED").await.changed();
        let id = world.conversation(1).await;
        world.rep.send(&id, "Hello").await.changed();
        world.rep.close(&id).await.changed();
        world.rep.reopen(&id).await.changed();
    }

    async fn bulk_assignment_follows_the_model(world: World) {
        world.set_model("SELF_SERVICE").await.changed();
        let ids = world.conversations(2).await;
        world.manager.assign(&ids[1], &world.manager).await.changed();
        let input = json!({ "conversationIds": ids, "agentId": world.rep.id });
        let bulk = world.rep.client.mutate("assignConversations", input, &documents::bulk()).await.ok();
        assert_eq!(bulk.results()[0]["changed"], true, "a claim: {bulk}");
        assert_eq!(bulk.results()[1]["userErrors"][0]["code"], "NOT_ALLOWED", "another agent's conversation: {bulk}");
    }

    async fn starter_has_no_assignment_and_says_which_plan_has(world: World) {
        let ids = world.conversations(2).await;
        world.manager.assign(&ids[1], &world.rep).await.changed();
        operator::set_plan(&world.app, world.id, Plan::Starter).await;
        let before = world.everything().await;
        let refusals = [
            world.rep.claim(&ids[0]).await,
            world.manager.assign(&ids[0], &world.rep).await,
            world.manager.assign(&ids[1], &world.rep2).await,
            world.rep.assign(&ids[1], &world.rep2).await,
            world.rep.unassign(&ids[1]).await,
        ];
        for refusal in &refusals {
            let error = refusal.refused("PLAN_REQUIRED");
            assert_eq!(error["__typename"], "PlanError", "{refusal}");
            assert_eq!(error["requiredPlan"], "TEAM", "{refusal}");
        }
        let input = json!({ "conversationIds": [ids[0]], "agentId": world.rep.id });
        let bulk = world.manager.client.mutate("assignConversations", input, &documents::bulk()).await;
        let errors = if bulk.codes().is_empty() {
            &bulk.results()[0]["userErrors"]
        } else {
            &bulk.value["userErrors"]
        };
        assert_eq!(errors[0]["code"], "PLAN_REQUIRED", "{bulk}");
        assert_eq!(errors[0]["requiredPlan"], "TEAM", "{bulk}");
        assert_eq!(world.everything().await, before);
    }

    async fn everything_but_assignment_works_on_starter(world: World) {
        operator::set_plan(&world.app, world.id, Plan::Starter).await;
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        world.rep.unread(&id).await.changed();
        world.rep.send(&id, "Hello").await.changed();
        world.rep.close(&id).await.changed();
        world.rep.reopen(&id).await.changed();
        let input = json!({ "conversationIds": [id] });
        let closed = world.rep.client.mutate("closeConversations", input, &documents::bulk()).await.ok();
        assert_eq!(closed.results()[0]["changed"], true, "{closed}");
        let key = crate::support::agent::unique_key();
        world.rep.start(&world.number.id, &crate::support::world::customer(2), "Hi", &key).await.changed();
        assert_eq!(world.rep.ids("UNASSIGNED", json!({})).await.len(), 2);
    }

    async fn every_other_plan_has_assignment(world: World) {
        for (n, plan) in [Plan::Team, Plan::Pro, Plan::ProPlus, Plan::Business].into_iter().enumerate() {
            operator::set_plan(&world.app, world.id, plan).await;
            let id = world.conversation(n as u32 + 1).await;
            world.rep.claim(&id).await.changed();
            world.rep.assign(&id, &world.rep2).await.changed();
            world.manager.unassign(&id).await.changed();
            let workspace = world.rep.client.data("{ workspace { plan } }", json!({})).await;
            assert_eq!(workspace["workspace"]["plan"], plan.as_str());
        }
    }
}
