//! An assignment may contain the state that its author expects, and its checks have a fixed order.

use serde_json::{Value, json};
use switchboard::domain::Plan;

use crate::support::operator;
use crate::support::outcome::{number, text};
use crate::support::world::{World, customer};

const UNASSIGNED: Value = Value::Null;

on_both! {
    async fn an_assignment_from_an_old_version_is_refused_with_the_conversation_as_it_is(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let (id, seen) = (text(&arrived.conversation()["id"]), number(&arrived.conversation()["version"]));
        world.text(&customer(1), "Are you there?").await;
        let before = world.everything().await;
        let late = world.rep.assign_with(id, &world.rep2.id, json!({ "expectedVersion": seen })).await;
        let current = &late.refused("STALE")["current"];
        assert_eq!(number(&current["version"]), seen + 1, "{late}");
        assert_eq!(world.everything().await, before);
        let expected = json!({ "expectedVersion": seen + 1 });
        world.rep.assign_with(id, &world.rep2.id, expected).await.changed();
    }

    async fn expecting_null_expects_no_owner_and_no_expectation_accepts_any(world: World) {
        let id = world.conversation(1).await;
        let unassigned = json!({ "expectedAssigneeId": UNASSIGNED });
        world.rep.assign_with(&id, &world.rep.id, unassigned.clone()).await.changed();
        let late = world.rep2.assign_with(&id, &world.rep2.id, unassigned).await;
        let current = &late.refused("STALE")["current"];
        assert_eq!(current["assignee"]["id"], world.rep.id.as_str(), "{late}");
        world.rep2.assign_with(&id, &world.rep2.id, json!({})).await.changed();
        let wrong = json!({ "expectedAssigneeId": world.rep.id });
        world.rep.assign_with(&id, &world.manager.id, wrong).await.refused("STALE");
        let right = json!({ "expectedAssigneeId": world.rep2.id });
        world.rep.assign_with(&id, &world.manager.id, right).await.changed();
    }

    async fn without_expectations_the_last_writer_wins(world: World) {
        let id = world.conversation(1).await;
        for to in [&world.rep, &world.rep2, &world.manager, &world.rep] {
            world.manager.assign(&id, to).await.changed();
        }
        let seen = world.rep.conversation(&id).await;
        assert_eq!(seen["assignee"]["id"], world.rep.id.as_str(), "{seen:#}");
    }

    async fn unassigning_and_closing_from_an_old_version_are_refused(world: World) {
        let id = world.conversation(1).await;
        let seen = world.rep.claim(&id).await.changed();
        let old = json!({ "expectedVersion": number(&seen.conversation()["version"]) });
        world.text(&customer(1), "Wait, one more thing").await;
        let before = world.everything().await;
        for mutation in ["unassignConversation", "closeConversation"] {
            let late = world.rep.on_with(mutation, &id, old.clone()).await;
            let current = &late.refused("STALE")["current"];
            assert_eq!(current["assignee"]["id"], world.rep.id.as_str(), "{late}");
        }
        assert_eq!(world.everything().await, before);
        let now = json!({ "expectedVersion": world.rep.conversation(&id).await["version"] });
        world.rep.on_with("closeConversation", &id, now).await.changed();
    }

    async fn access_is_checked_first(world: World) {
        let id = world.conversation(1).await;
        world.manager.assign(&id, &world.rep).await.changed();
        let outsider = world.join_without_access(&world.app, "Otto Outside").await;
        let stale = json!({ "expectedVersion": 999 });
        let hidden = outsider.assign_with(&id, &world.rep.id, stale).await;
        hidden.refused_at("NOT_FOUND", "conversationId");
        assert_eq!(hidden.value["conversation"], Value::Null, "{hidden}");
        outsider.claim(&id).await.refused_at("NOT_FOUND", "conversationId");
    }

    async fn the_current_state_is_checked_second(world: World) {
        let id = world.conversation(1).await;
        world.manager.assign(&id, &world.rep).await.changed();
        world.set_model("MANAGER_ASSIGNED").await.changed();
        operator::set_plan(&world.app, world.id, Plan::Starter).await;
        let wrong = json!({ "expectedVersion": 999, "expectedAssigneeId": world.rep2.id });
        world.rep2.assign_with(&id, &world.rep.id, wrong).await.unchanged();
        world.rep.claim(&id).await.unchanged();
        let other = world.conversation(2).await;
        let version = json!({ "expectedVersion": 999 });
        world.rep.on_with("unassignConversation", &other, version.clone()).await.unchanged();
        world.rep.close(&other).await.changed();
        world.rep.on_with("closeConversation", &other, version).await.unchanged();
    }

    async fn the_expectations_are_checked_third_and_the_rules_last(world: World) {
        let id = world.conversation(1).await;
        world.manager.assign(&id, &world.rep).await.changed();
        world.set_model("MANAGER_ASSIGNED").await.changed();
        let wrong = json!({ "expectedVersion": 999 });
        world.rep2.assign_with(&id, &world.rep2.id, wrong.clone()).await.refused("STALE");
        world.rep2.assign(&id, &world.rep2).await.refused("NOT_ALLOWED");
        operator::set_plan(&world.app, world.id, Plan::Starter).await;
        world.manager.assign_with(&id, &world.rep2.id, wrong).await.refused("STALE");
        world.manager.assign(&id, &world.rep2).await.refused("PLAN_REQUIRED");
        world.rep2.claim(&id).await.refused("ALREADY_ASSIGNED");
    }
}
