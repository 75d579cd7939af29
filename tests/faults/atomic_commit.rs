//! A write that sends its last statements together with the commit stores all of them or none.

use serde_json::{Value, json};

use crate::support::world::World;

/// Everything that a change of the conversation would change.
async fn state(world: &World, id: &str) -> (Value, Value, Value) {
    (world.rep.conversation(id).await, world.rep.counts().await, json!(world.rep.history(id).await))
}

/// Inserts an event with the next sequence number of the workspace, so that the next event cannot be written.
async fn take_next_number(world: &World) {
    run(
        world,
        "INSERT INTO events (workspace_id, seq, at, kind, after_image)
         SELECT id, event_seq + 1, last_event_at, 'ACCESS', '{}' FROM workspaces",
    )
    .await;
}

async fn give_next_number_back(world: &World) {
    run(world, "DELETE FROM events WHERE seq > (SELECT event_seq FROM workspaces)").await;
}

async fn run(world: &World, sql: &str) {
    world.app.sql_connection().await.run(sql).await;
}

on_both! {
    async fn a_change_whose_event_cannot_be_written_leaves_nothing_behind(world: World) {
        let id = world.conversation(1).await;
        // At first no connection has prepared any of the statements; later all have prepared them.
        for n in 0..12 {
            let before = state(world, &id).await;
            take_next_number(world).await;
            for (mutation, input) in [
                ("assignConversation", json!({ "conversationId": id, "agentId": world.rep2.id })),
                ("closeConversation", json!({ "conversationId": id })),
            ] {
                let answer = world.rep.client.try_mutate(mutation, input, "changed").await;
                assert!(answer.body["data"][mutation].is_null(), "{:?}", answer.body);
            }
            give_next_number_back(world).await;
            assert_eq!(state(world, &id).await, before, "attempt {n}");
            let other = world.conversation(10 + n).await;
            world.rep.assign(&other, &world.rep2).await.changed();
            world.rep.close(&other).await.changed();
        }
        world.rep.assign(&id, &world.rep2).await.changed();
        world.rep.close(&id).await.changed();
        world.app.assert_store_is_sound().await;
    }
}
