//! Administration, which only managers may do.

use serde_json::{Value, json};

use crate::support::documents::USER_ERRORS;
use crate::support::outcome::{Payload, items, text};
use crate::support::world::World;

const AGENT: &str = "agent { id name title email role active experienced }";

async fn manage(world: &World, mutation: &str, input: Value, more: &str) -> Payload {
    world.manager.client.mutate(mutation, input, &format!("{more} changed asOf {USER_ERRORS}")).await
}

/// Every mutation for managers, with input that would change something.
fn commands(world: &World) -> Vec<(&'static str, Value)> {
    vec![
        ("setAssignmentModel", json!({ "assignmentModel": "HYBRID" })),
        ("createAgent", json!({ "name": "Nora", "email": "nora@example.test", "role": "REP" })),
        ("updateAgent", json!({ "agentId": world.rep2.id, "name": "Inga" })),
        ("deactivateAgent", json!({ "agentId": world.rep2.id })),
        ("reactivateAgent", json!({ "agentId": world.rep2.id })),
        ("issueAgentToken", json!({ "agentId": world.rep2.id })),
        ("addPhoneNumber", json!({ "number": "+12125550123", "label": "Third" })),
        ("grantNumberAccess", json!({ "agentId": world.rep.id, "phoneNumberId": world.number.id })),
        ("revokeNumberAccess", json!({ "agentId": world.rep2.id, "phoneNumberId": world.number.id })),
    ]
}

on_both! {
    async fn reps_cannot_administer(world: World) {
        let before = world.everything().await;
        for (mutation, input) in commands(world) {
            let denied = world.rep.client.mutate(mutation, input, USER_ERRORS).await;
            denied.refused("NOT_ALLOWED");
        }
        assert_eq!(world.everything().await, before);
        world.app.assert_store_is_sound().await;
    }

    async fn a_rep_who_becomes_a_manager_administers_and_a_former_manager_does_not(world: World) {
        manage(world, "updateAgent", json!({ "agentId": world.rep.id, "role": "MANAGER" }), AGENT)
            .await
            .changed();
        world.rep.sign_in_again(world.id);
        let input = json!({ "agentId": world.manager.id, "role": "REP" });
        let demoted =
            world.rep.client.mutate("updateAgent", input, &format!("{AGENT} changed {USER_ERRORS}")).await;
        assert_eq!(demoted.changed().value["agent"]["role"], "REP");
        world.manager.sign_in_again(world.id);
        world.set_model("HYBRID").await.refused("NOT_ALLOWED");
    }

    async fn the_assignment_model_is_one_setting_of_the_workspace(world: World) {
        let workspace = async || world.rep.client.data("{ workspace { assignmentModel } }", json!({})).await;
        assert_eq!(workspace().await["workspace"]["assignmentModel"], "OPEN", "the default");
        for model in ["HYBRID", "SELF_SERVICE", "MANAGER_ASSIGNED", "OPEN"] {
            let set = world.set_model(model).await.changed();
            assert_eq!(set.value["workspace"]["assignmentModel"], model, "{set}");
            world.set_model(model).await.unchanged();
            assert_eq!(workspace().await["workspace"]["assignmentModel"], model);
        }
    }

    async fn a_new_agent_signs_in_with_an_issued_token_and_works(world: World) {
        let input = json!({
            "name": "  Nora New ", "email": "Nora@Example.test", "title": "Trainee", "role": "REP", "experienced": true,
        });
        let created = manage(world, "createAgent", input, AGENT).await.changed();
        let agent = &created.value["agent"];
        let expected = json!({
            "id": agent["id"], "name": "Nora New", "title": "Trainee", "email": "nora@example.test", "role": "REP",
            "active": true, "experienced": true,
        });
        assert_eq!(agent, &expected, "{created}");
        let input = json!({ "agentId": agent["id"], "phoneNumberId": world.number.id });
        manage(world, "grantNumberAccess", input, "agent { id } phoneNumber { id }").await.changed();
        let input = json!({ "agentId": agent["id"] });
        let issued =
            world.manager.client.mutate("issueAgentToken", input, &format!("token {USER_ERRORS}")).await.ok();
        let nora = world.app.client(text(&issued.value["token"]).to_owned());
        let viewer = nora.data("{ viewer { id } phoneNumbers { id } }", json!({})).await;
        assert_eq!(viewer["viewer"]["id"], agent["id"], "{viewer:#}");
        assert_eq!(viewer["phoneNumbers"], json!([{ "id": world.number.id }]), "{viewer:#}");
        let id = world.conversation(1).await;
        nora.mutate("claimConversation", json!({ "conversationId": id }), &format!("changed {USER_ERRORS}"))
            .await
            .changed();
    }

    async fn one_address_names_one_agent(world: World) {
        let input = json!({ "name": "Another Ravi", "email": "RAVI.SHAH@example.test", "role": "REP" });
        let before = world.everything().await;
        let twice = manage(world, "createAgent", input, AGENT).await;
        twice.refused_at("INVALID", "email");
        assert_eq!(world.everything().await, before);
    }

    async fn no_token_is_issued_for_a_deactivated_agent(world: World) {
        world.deactivate(&world.rep).await.changed();
        let input = json!({ "agentId": world.rep.id });
        let denied =
            world.manager.client.mutate("issueAgentToken", input, &format!("token {USER_ERRORS}")).await;
        denied.refused("AGENT_INACTIVE");
        assert_eq!(denied.value["token"], Value::Null, "{denied}");
    }

    async fn updating_changes_what_is_given_and_nothing_else(world: World) {
        let update = async |more: Value| {
            let input = crate::support::agent::merged(json!({ "agentId": world.rep.id }), more);
            manage(world, "updateAgent", input, AGENT).await
        };
        update(json!({ "title": "Mechanic" })).await.changed();
        let updated = update(json!({ "name": "Ravi S.", "experienced": true })).await.changed();
        let agent = &updated.value["agent"];
        assert_eq!(agent["name"], "Ravi S.", "{updated}");
        assert_eq!(agent["title"], "Mechanic", "{updated}");
        assert_eq!(agent["experienced"], true, "{updated}");
        assert_eq!(agent["role"], "REP", "{updated}");
        let same = update(json!({ "name": "Ravi S." })).await.unchanged();
        assert_eq!(same.value["agent"]["title"], "Mechanic", "{same}");
        let untitled = update(json!({ "title": null })).await.changed();
        assert_eq!(untitled.value["agent"]["title"], Value::Null, "{untitled}");
    }

    async fn names_titles_and_addresses_have_limits(world: World) {
        let before = world.everything().await;
        let long = "x".repeat(201);
        for name in ["", "   ", "bell\u{7}", long.as_str()] {
            let input = json!({ "name": name, "email": "nora@example.test", "role": "REP" });
            manage(world, "createAgent", input, AGENT).await.refused_at("INVALID", "name");
            let input = json!({ "agentId": world.rep.id, "name": name });
            manage(world, "updateAgent", input, AGENT).await.refused_at("INVALID", "name");
            let input = json!({ "number": "+12125550123", "label": name });
            manage(world, "addPhoneNumber", input, "phoneNumber { id }").await.refused_at("INVALID", "label");
        }
        for email in ["", "nora", "@example.test", "a b@example.test"] {
            let input = json!({ "name": "Nora", "email": email, "role": "REP" });
            manage(world, "createAgent", input, AGENT).await.refused_at("INVALID", "email");
        }
        assert_eq!(world.everything().await, before);
    }

    async fn a_new_number_is_usable_once_access_is_granted(world: World) {
        let input = json!({ "number": "+12125550123", "label": "Third" });
        let added = manage(world, "addPhoneNumber", input, "phoneNumber { id number label }").await.changed();
        let id = added.value["phoneNumber"]["id"].clone();
        let grant = json!({ "agentId": world.rep.id, "phoneNumberId": id });
        manage(world, "grantNumberAccess", grant.clone(), "agent { id } phoneNumber { id }").await.changed();
        manage(world, "grantNumberAccess", grant, "agent { id } phoneNumber { id }").await.unchanged();
        let numbers = world.rep.client.data("{ phoneNumbers { id label } }", json!({})).await;
        let labels: Vec<&str> =
            items(&numbers["phoneNumbers"]).iter().map(|number| text(&number["label"])).collect();
        assert_eq!(labels, ["Sales", "Support", "Third"], "oldest first");
        let key = crate::support::agent::unique_key();
        world.rep.start(text(&id), "+16505550100", "Hello from the new number", &key).await.changed();
    }

    async fn a_number_cannot_be_added_twice(world: World) {
        let input = json!({ "number": world.number.number, "label": "Again" });
        let twice = manage(world, "addPhoneNumber", input, "phoneNumber { id label }").await.unchanged();
        assert_eq!(twice.value["phoneNumber"], json!({ "id": world.number.id, "label": "Sales" }), "{twice}");
    }

    async fn a_malformed_number_cannot_be_added(world: World) {
        for bad in ["12125550123", "+0125550123", "+1212555x123", "", "+1 212 555 0123", "+1234567890123456"]
        {
            let input = json!({ "number": bad, "label": "Bad" });
            let answer = world.manager.client.try_mutate("addPhoneNumber", input, "changed").await;
            answer.assert_error(&["BAD_USER_INPUT"]);
        }
    }
}
