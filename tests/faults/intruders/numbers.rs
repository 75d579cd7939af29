//! Numbers that a workspace takes without holding them.

use std::path::Path;

use serde_json::{Value, json};
use switchboard::domain::NumberVerification;
use switchboard::domain::Plan;

use crate::support::agent::{merged, unique_key};
use crate::support::app::App;
use crate::support::documents::USER_ERRORS;
use crate::support::fault::process::output_of;
use crate::support::outcome::{Payload, items, text};
use crate::support::setting;
use crate::support::world::{Workspace, World, customer};

/// The number of rounds of a race by default. The variable `ROUNDS` changes it.
const ROUNDS: u64 = 5;

async fn add(workspace: &Workspace, number: &str, more: Value) -> Payload {
    let input = merged(json!({ "number": number, "label": "Line" }), more);
    let selection = format!("phoneNumber {{ id number label status }} changed {USER_ERRORS}");
    workspace.manager.client.mutate("addPhoneNumber", input, &selection).await
}

/// A server that lets the operator verify numbers.
async fn verifying(world: &World) -> App {
    let operator = NumberVerification::Operator;
    world.app.sibling_with(|settings| settings.service.number_verification = operator).await
}

/// Delivers a text to `number` in this workspace, as its gateway.
async fn deliver(workspace: &Workspace, number: &str, body: &str) -> Payload {
    let input = json!({ "providerMessageId": unique_key(), "from": customer(1), "to": number, "body": body });
    let selection = format!("changed conversation {{ id }} {USER_ERRORS}");
    workspace.service.mutate("receiveMessage", input, &selection).await
}

async fn verify(world: &World, workspace: &Workspace, number: &str) -> std::process::Output {
    let id = workspace.id.0.to_string();
    let arguments = ["number", "verify", "--number", number, "--workspace", &id];
    output_of(Path::new("/"), &arguments, &[("SWITCHBOARD_DATABASE", world.app.database_url())]).await
}

/// What a payload shows, without the id, which is always new.
fn shown(payload: &Payload) -> Value {
    let mut value = payload.value.clone();
    value["phoneNumber"]["id"] = Value::Null;
    value
}

on_both! {
    async fn a_number_that_is_not_verified_receives_and_sends_nothing(world: World) {
        let server = verifying(world).await;
        let here = world.at(server.address());
        let squatter = Workspace::create(&server, Plan::Team).await;
        let number = format!("+1312{:07}", rand::random_range(0..10_000_000));
        let asked = add(&squatter, &number, json!({ "agentIds": [squatter.rep.id] })).await.changed();
        assert_eq!(asked.value["phoneNumber"]["status"], "PENDING", "{asked}");
        add(&squatter, &number, json!({})).await.unchanged();
        let id = text(&asked.value["phoneNumber"]["id"]).to_owned();
        deliver(&squatter, &number, "My card is 4111").await.refused("NOT_FOUND");
        let key = unique_key();
        squatter.manager.start(&id, "+16505550100", "Hello", &key).await.refused("NOT_FOUND");
        let grant = json!({ "agentId": squatter.rep.id, "phoneNumberId": id });
        squatter.manager.client.mutate("grantNumberAccess", grant, USER_ERRORS).await.refused("NOT_FOUND");
        // The workspace that holds the number asks later, and the operator verifies it there.
        add(&here, &number, json!({ "agentIds": [here.rep.id] })).await.changed();
        let done = verify(world, &here, &number).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        deliver(&here, &number, "Hello").await.changed();
        deliver(&squatter, &number, "Hello").await.refused("NOT_FOUND");
        let numbers = here.rep.client.data("{ phoneNumbers { number status } }", json!({})).await;
        let own = items(&numbers["phoneNumbers"]).iter().find(|it| it["number"] == number.as_str());
        assert_eq!(own.expect("the named agent has access")["status"], "VERIFIED", "{numbers:#}");
        let refused = verify(world, &squatter, &number).await;
        assert_eq!(refused.status.code(), Some(1));
        let all = squatter.manager.client.data("{ allPhoneNumbers { number status } }", json!({})).await;
        let pending = items(&all["allPhoneNumbers"]).iter().find(|it| it["number"] == number.as_str());
        assert_eq!(pending.expect("still asked for")["status"], "PENDING", "{all:#}");
        world.app.assert_store_is_sound().await;
        server.stop().await;
    }

    async fn a_number_that_another_workspace_holds_tells_nothing(world: World) {
        let server = verifying(world).await;
        let other = Workspace::create(&server, Plan::Team).await;
        let free = format!("+1312{:07}", rand::random_range(0..10_000_000));
        let (held, free) = (add(&other, &world.number.number, json!({})).await, add(&other, &free, json!({})).await);
        let without_digits = |payload: &Payload| {
            let mut value = shown(payload);
            value["phoneNumber"]["number"] = Value::Null;
            value
        };
        assert_eq!(without_digits(&held), without_digits(&free));
        // The number stays where it is.
        deliver(world, &world.number.number, "Hello").await.changed();
        deliver(&other, &world.number.number, "Hello").await.refused("NOT_FOUND");
        server.stop().await;
    }

    async fn of_two_workspaces_that_race_for_a_number_one_has_it(world: World) {
        // Without verification, the first to ask has the number.
        let other = Workspace::create(&world.app, Plan::Team).await;
        for _ in 0..setting("ROUNDS").unwrap_or(ROUNDS) {
            let number = format!("+1313{:07}", rand::random_range(0..10_000_000));
            let (one, two) = tokio::join!(add(world, &number, json!({})), add(&other, &number, json!({})));
            let statuses: Vec<_> = [one.changed(), two.changed()]
                .iter()
                .map(|added| text(&added.value["phoneNumber"]["status"]).to_owned())
                .collect();
            let verified = statuses.iter().filter(|status| *status == "VERIFIED").count();
            assert_eq!(verified, 1, "{statuses:?}");
            let (winner, loser) = if statuses[0] == "VERIFIED" { (&**world, &other) } else { (&other, &**world) };
            deliver(winner, &number, "Hello").await.changed();
            deliver(loser, &number, "Hello").await.refused("NOT_FOUND");
        }
        world.app.assert_store_is_sound().await;
    }

    async fn a_squatted_number_is_removed_or_moved(world: World) {
        let squatter = Workspace::create(&world.app, Plan::Team).await;
        let number = format!("+1314{:07}", rand::random_range(0..10_000_000));
        let taken = add(&squatter, &number, json!({})).await.changed();
        assert_eq!(taken.value["phoneNumber"]["status"], "VERIFIED", "{taken}");
        let asked = add(world, &number, json!({ "agentIds": [world.rep.id] })).await.changed();
        assert_eq!(asked.value["phoneNumber"]["status"], "PENDING", "{asked}");
        let (from, to) = (squatter.id.0.to_string(), world.id.0.to_string());
        let url = [("SWITCHBOARD_DATABASE", world.app.database_url())];
        let arguments = ["number", "move", "--number", &number, "--workspace", &from, "--to", &to];
        let done = output_of(Path::new("/"), &arguments, &url).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let arrived = deliver(world, &number, "Hello").await.changed();
        let conversation = text(&arrived.value["conversation"]["id"]).to_owned();
        assert_ne!(world.rep.conversation(&conversation).await, Value::Null, "the named agent has access");
        deliver(&squatter, &number, "Hello").await.refused("NOT_FOUND");

        let remove = async |workspace: &Workspace, id: &Value| {
            let selection = format!("phoneNumber {{ number }} changed {USER_ERRORS}");
            workspace.manager.client.mutate("removePhoneNumber", json!({ "phoneNumberId": id }), &selection).await
        };
        let id = &asked.value["phoneNumber"]["id"];
        remove(world, id).await.refused("CONVERSATION_OPEN");
        world.rep.close(&conversation).await.changed();
        remove(world, id).await.refused("NOT_ALLOWED");
        remove(&squatter, id).await.refused("NOT_FOUND");
        let other = add(&squatter, &format!("+1315{:07}", rand::random_range(0..10_000_000)), json!({})).await;
        remove(&squatter, &other.changed().value["phoneNumber"]["id"]).await.changed();
        world.app.assert_store_is_sound().await;
    }
}
