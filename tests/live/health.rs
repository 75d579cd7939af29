//! The live health of the queue sends a value when the trend or the state of a threshold changes, and only then.

use serde_json::{Value, json};

use crate::support::documents::HEALTH;
use crate::support::socket::{Socket, Subscription};
use crate::support::timed::Timed;
use crate::support::world::World;

fn follow(socket: &Socket, variables: Value) -> Subscription {
    let document = format!(
        "subscription($numbers: [ID!], $window: Int! = 3600) {{
           queueHealthChanged(phoneNumberIds: $numbers, window: $window) {{ {HEALTH} }} }}"
    );
    socket.subscribe(&document, variables)
}

on_both! {
    async fn live_health_begins_with_the_value_now(world: World) {
        world.conversations(4).await;
        let socket = Socket::open(&world.rep.client).await;
        let first = follow(&socket, json!({})).next().await;
        assert_eq!(first, world.rep.health(&Value::Null, 3_600).await);
        assert_eq!(first["trend"], "GROWING");
    }

    async fn live_health_sends_a_value_when_the_trend_changes_and_not_before(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        let mut live = follow(&socket, json!({}));
        assert_eq!(live.next().await["trend"], "STEADY");
        let ids = world.conversations(3).await;
        let growing = live.next().await;
        assert_eq!((&growing["trend"], &growing["arrived"]), (&json!("GROWING"), &json!(3)), "{growing:#}");
        for id in &ids {
            world.rep.claim(id).await.changed();
        }
        let steady = live.next().await;
        assert_eq!(steady["trend"], "STEADY", "{steady:#}");
    }

    async fn live_health_sends_a_value_when_a_threshold_is_exceeded_and_met_again(world: World) {
        world.tolerate(json!({ "maxUnassigned": 1 })).await.changed();
        let socket = Socket::open(&world.rep.client).await;
        let mut live = follow(&socket, json!({}));
        assert_eq!(live.next().await["unassignedOverThreshold"], false);
        let ids = world.conversations(2).await;
        let over = live.next().await;
        assert_eq!((&over["unassignedOverThreshold"], &over["unassigned"]), (&json!(true), &json!(2)));
        world.rep.claim(&ids[0]).await.changed();
        assert_eq!(live.next().await["unassignedOverThreshold"], false);
        world.tolerate(json!({ "maxUnassigned": 0 })).await.changed();
        let over = live.next().await;
        assert_eq!(over["unassignedOverThreshold"], true, "a changed setting takes effect without an event: {over:#}");
    }

    async fn live_health_of_some_numbers_covers_only_those(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        let mut live = follow(&socket, json!({ "numbers": [world.number2.id] }));
        live.next().await;
        world.conversations(3).await;
        for n in 10..13 {
            world.conversation_on(&world.number2, n).await;
        }
        let growing = live.next().await;
        assert_eq!((&growing["trend"], &growing["unassigned"]), (&json!("GROWING"), &json!(3)), "{growing:#}");
    }

    async fn live_health_forgets_a_number_that_was_revoked(world: World) {
        world.conversations(3).await;
        let socket = Socket::open(&world.rep.client).await;
        let mut live = follow(&socket, json!({}));
        assert_eq!(live.next().await["trend"], "GROWING");
        world.revoke(&world.rep, &world.number).await.changed();
        let revoked = live.next().await;
        assert_eq!((&revoked["trend"], &revoked["unassigned"]), (&json!("STEADY"), &json!(0)), "{revoked:#}");
    }

    async fn time_alone_changes_the_live_health(world: Timed) {
        world.tolerate(json!({ "maxWaitSeconds": 600 })).await.changed();
        world.conversations(3).await;
        let socket = Socket::open(&world.rep.client).await;
        let mut live = follow(&socket, json!({ "window": 60 }));
        assert_eq!(live.next().await["trend"], "GROWING");
        world.pass(120);
        let calm = live.next().await;
        assert_eq!((&calm["trend"], &calm["waitOverThreshold"]), (&json!("STEADY"), &json!(false)), "{calm:#}");
        world.pass(500);
        let late = live.next().await;
        assert_eq!(late["waitOverThreshold"], true, "{late:#}");
    }

    async fn an_invalid_window_is_refused(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        let refusal = follow(&socket, json!({ "window": 59 })).refusal().await;
        assert_eq!(refusal[0]["extensions"]["code"], "BAD_USER_INPUT", "{refusal:#}");
    }
}
