//! Workspaces are isolated. [`super::matrix`] tests that ids of other workspaces are not found.

use serde_json::{Value, json};
use switchboard::domain::Plan;

use crate::support::world::{Workspace, World};

on_both! {
    async fn each_workspace_has_its_own_conversation_with_a_customer(world: World) {
        let other = Workspace::create(&world.app, Plan::Team).await;
        let mine = world.conversation(1).await;
        let theirs = other.conversation(1).await;
        assert_ne!(mine, theirs);
        assert_eq!(world.rep.ids("INBOX", Value::Null).await, [mine.as_str()]);
        assert_eq!(other.rep.ids("INBOX", Value::Null).await, [theirs.as_str()]);
        let names = other.rep.client.data("{ agents { nodes { id } } }", json!({})).await;
        assert!(!names.to_string().contains(&world.rep.id), "{names:#}");
    }

    async fn a_service_delivers_to_its_own_workspaces_numbers_only(world: World) {
        let other = Workspace::create(&world.app, Plan::Team).await;
        let payload = other.deliver("SM-1", &world.number, "+16505550100", "Hello", json!({})).await;
        payload.refused_at("NOT_FOUND", "to");
        assert!(world.rep.ids("INBOX", Value::Null).await.is_empty());
        world.deliver("SM-1", &world.number, "+16505550100", "Hello", json!({})).await.changed();
        other.deliver("SM-1", &other.number, "+16505550100", "Hello", json!({})).await.changed();
    }
}
