//! A denied mutation leaves the store unchanged, for each reason to deny it.

use serde_json::{Value, json};

use crate::support::agent::{merged, unique_key};
use crate::support::documents::USER_ERRORS;
use crate::support::outcome::text;
use crate::support::world::{World, customer};

/// Commands that are denied to a new rep under `MANAGER_ASSIGNED`, with their error codes.
fn denied(
    world: &World,
    owned: &str,
    unowned: &str,
    seen: &Value,
    used_key: &str,
) -> Vec<(&'static str, Value, &'static str)> {
    let on = |id: &str, more: Value| merged(json!({ "conversationId": id }), more);
    let message = |id: &str, key: &str, body: &str| on(id, json!({ "idempotencyKey": key, "body": body }));
    vec![
        ("claimConversation", on(unowned, json!({})), "NOT_ALLOWED"),
        ("claimConversation", on(owned, json!({})), "ALREADY_ASSIGNED"),
        ("claimConversation", on("nonsense", json!({})), "NOT_FOUND"),
        ("assignConversation", on(owned, json!({ "agentId": world.rep.id })), "NOT_ALLOWED"),
        ("assignConversation", on(unowned, json!({ "agentId": world.rep2.id })), "NOT_ALLOWED"),
        ("assignConversation", on(owned, json!({ "agentId": world.rep.id, "expectedVersion": 0 })), "STALE"),
        (
            "assignConversation",
            on(owned, json!({ "agentId": world.rep.id, "expectedAssigneeId": null })),
            "STALE",
        ),
        ("unassignConversation", on(owned, json!({})), "NOT_ALLOWED"),
        ("unassignConversation", on(owned, json!({ "expectedVersion": 0 })), "STALE"),
        ("closeConversation", on(owned, json!({ "expectedVersion": 0 })), "STALE"),
        ("markConversationRead", on(owned, json!({ "throughMessageId": "nonsense" })), "NOT_FOUND"),
        ("sendMessage", message(owned, &unique_key(), ""), "INVALID"),
        ("sendMessage", message(owned, "", "Hello"), "INVALID"),
        ("sendMessage", message(owned, used_key, "Something else"), "IDEMPOTENCY_KEY_REUSED"),
        (
            "sendMessage",
            merged(message(owned, &unique_key(), "Me too"), json!({ "lastSeenMessageId": seen })),
            "STALE_REPLY",
        ),
        ("setAssignmentModel", json!({ "assignmentModel": "OPEN" }), "NOT_ALLOWED"),
        (
            "revokeNumberAccess",
            json!({ "agentId": world.rep2.id, "phoneNumberId": world.number.id }),
            "NOT_ALLOWED",
        ),
        ("setQueueThresholds", json!({ "maxUnassigned": 1 }), "NOT_ALLOWED"),
        ("setPresence", json!({ "conversationId": "nonsense", "state": "VIEWING" }), "NOT_FOUND"),
        ("deactivateAgent", json!({ "agentId": world.rep2.id }), "NOT_ALLOWED"),
        (
            "handOffConversations",
            json!({ "fromAgentId": world.rep2.id, "toAgentId": world.rep.id }),
            "NOT_ALLOWED",
        ),
        ("setOwnershipLease", json!({ "minutes": 5 }), "NOT_ALLOWED"),
        ("planRebalance", json!({ "agentIds": [world.rep.id, world.rep2.id] }), "NOT_ALLOWED"),
        ("applyPlan", json!({ "planId": "nonsense" }), "NOT_ALLOWED"),
        ("undoPlan", json!({ "planId": "nonsense" }), "NOT_ALLOWED"),
    ]
}

on_both! {
    async fn a_denied_mutation_leaves_the_store_unchanged(world: World) {
        let arrived = world.text(&customer(1), "Hello").await;
        let owned = text(&arrived.conversation()["id"]);
        world.manager.assign(owned, &world.rep2).await.changed();
        world.rep2.send(owned, "I am on it").await.changed();
        let unowned = world.conversation(2).await;
        let used = unique_key();
        world.rep.send_with(owned, "The first time", &used, json!({})).await.changed();
        world.set_model("MANAGER_ASSIGNED").await.changed();
        let before = world.everything().await;
        for (mutation, input, code) in denied(world, owned, &unowned, &arrived.message()["id"], &used) {
            let payload = world.rep.client.mutate(mutation, input, USER_ERRORS).await;
            payload.refused(code);
            assert_eq!(world.everything().await, before, "{payload}");
        }
        world.app.assert_store_is_sound().await;
    }
}
