//! Who may open a socket, for how long, and which operations are allowed on it.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::token::Caller;

use crate::support::documents;
use crate::support::outcome::text;
use crate::support::socket::{Item, Socket};
use crate::support::world::World;

on_both! {
    async fn the_socket_of_a_deactivated_agent_is_closed(world: World) {
        let (mut socket, mut changes) = world.rep.queue("INBOX", json!({}), None).await;
        changes.next().await;
        world.deactivate(&world.rep).await.changed();
        assert_eq!(socket.close_code().await, Some(4403));
        let again = Socket::try_open(&world.rep.client).await;
        assert_eq!(again.err(), Some(Item::Closed(Some(4403))));
    }

    async fn nothing_committed_after_a_deactivation_reaches_the_agent(world: World) {
        let (_socket, mut changes) = world.rep.queue("INBOX", json!({}), None).await;
        changes.next().await;
        world.deactivate(&world.rep).await.changed();
        let secret = world.conversation(1).await;
        while let Item::Next(result) = changes.item().await {
            assert!(!result.to_string().contains(&secret), "{result:#}");
        }
    }

    async fn the_socket_of_an_expired_token_is_closed(world: World) {
        // The token expires within the leeway for clock skew, so the socket either opens or is closed with 4403.
        let caller = Caller::agent(world.id, world.rep.agent_id);
        let token = world.app.token_for(caller, 100, Duration::from_secs(73));
        let code = match Socket::try_open(&world.app.client(token)).await {
            Ok(mut socket) => socket.close_code().await,
            Err(Item::Closed(code)) => code,
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(code, Some(4403));
    }

    async fn without_a_valid_token_no_socket_is_opened(world: World) {
        for client in [world.app.stranger(), world.app.client("nonsense".into())] {
            let refused = Socket::try_open(&client).await;
            assert_eq!(refused.err(), Some(Item::Closed(Some(4403))));
        }
    }

    async fn queries_and_mutations_work_on_a_socket_too(world: World) {
        let id = world.conversation(1).await;
        let socket = Socket::open(&world.rep.client).await;
        let mut query = socket.subscribe("{ viewer { id } }", json!({}));
        assert_eq!(query.next().await["id"], world.rep.id.as_str());
        query.assert_complete().await;
        let document = "mutation($id: ID!) { claimConversation(input: { conversationId: $id }) { changed } }";
        let mut mutation = socket.subscribe(document, json!({ "id": id }));
        assert_eq!(mutation.next().await["changed"], true);
        mutation.assert_complete().await;
    }

    async fn the_first_operation_of_an_old_socket_uses_current_access(world: World) {
        let id = world.conversation(1).await;
        let socket = Socket::open(&world.rep.client).await;
        world.revoke(&world.rep, &world.number).await.changed();
        let query = "query($id: ID!) { conversation(id: $id) { id } }";
        let answer = socket.subscribe(query, json!({ "id": id })).item().await;
        assert_eq!(answer, Item::Next(json!({ "data": { "conversation": null } })));
    }

    async fn the_first_subscription_of_an_old_socket_takes_a_newer_cursor(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        world.conversation(1).await;
        let after = world.rep.as_of().await;
        let document = "subscription($after: EventCursor) { queueChanges(after: $after) { __typename } }";
        let first = socket.subscribe(document, json!({ "after": after })).next().await;
        assert_eq!(first["__typename"], "QueueCheckpoint", "{first}");
    }

    async fn a_search_is_refused_in_a_live_list(world: World) {
        let filter = json!({ "search": "bicycle" });
        let (_socket, mut changes) = world.rep.queue("INBOX", filter, None).await;
        let errors = changes.refusal().await;
        assert_eq!(errors[0]["extensions"]["code"], "BAD_USER_INPUT", "{errors:#}");
    }

    async fn a_subscription_has_one_root_field(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        let document = "subscription { viewCountsChanged { asOf } queueChanges { __typename } }";
        let mut changes = socket.subscribe(document, json!({}));
        match changes.item().await {
            Item::Error(errors) => {
                assert_eq!(errors[0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{errors:#}");
            }
            other => panic!("expected an error: {other:?}"),
        }
    }

    async fn after_complete_a_subscription_is_silent_and_the_socket_goes_on(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        let mut first = socket.subscribe(&documents::queue_changes(), json!({}));
        let mut second = socket.subscribe(&documents::queue_changes(), json!({}));
        first.next().await;
        second.next().await;
        first.complete();
        // Once the server answers a later query, it has processed the complete message.
        socket.subscribe("{ viewer { id } }", json!({})).next().await;
        let id = world.conversation(1).await;
        let change = second.next_change().await;
        assert_eq!(text(&change["conversation"]["id"]), id);
        assert!(first.is_silent(), "no item after complete");
    }

    async fn a_service_that_may_not_read_cannot_listen(world: World) {
        let socket = Socket::open(&world.gateway).await;
        let mut changes = socket.subscribe(&documents::queue_changes(), json!({}));
        let errors = changes.refusal().await;
        assert_eq!(errors[0]["extensions"]["code"], "FORBIDDEN", "{errors:#}");
        assert_ne!(errors, Value::Null);
    }
}
