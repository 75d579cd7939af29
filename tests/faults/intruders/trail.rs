//! The trail of administration: acts in the history of the workspace, and refused attempts in the log.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::app::App;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::documents::USER_ERRORS;
use crate::support::eventually;
use crate::support::fault::process::{Process, output_of};
use crate::support::operator;
use crate::support::outcome::{Payload, items, text};
use crate::support::world::World;

const HISTORY: &str = "query($first: Int, $after: String) {
    workspaceHistory(first: $first, after: $after) {
        nodes { cursor at kind before after actor { id } target { __typename id } }
        pageInfo { hasNextPage endCursor }
    }
}";

async fn manage(world: &World, mutation: &str, input: Value, selection: &str) -> Payload {
    let selection = format!("{selection} changed {USER_ERRORS}");
    world.manager.client.mutate(mutation, input, &selection).await.changed()
}

/// The newest events of the history, oldest first.
async fn history(world: &World, first: usize) -> Vec<Value> {
    let page = world.manager.client.data(HISTORY, json!({ "first": first })).await;
    let mut nodes = items(&page["workspaceHistory"]["nodes"]).clone();
    nodes.reverse();
    nodes
}

on_both! {
    async fn each_administrative_act_is_an_event_with_who_what_and_when(world: World) {
        let agent = world.rep2.id.clone();
        let on_number = json!({ "agentId": agent, "phoneNumberId": world.number.id });
        let mut expected: Vec<(&str, Value, Value, Value)> = Vec::new();
        let mut expect = |kind, target: &str, before: Value, after: Value| {
            let target = if target.is_empty() { Value::Null } else { json!(target) };
            expected.push((kind, target, before, after));
        };
        world.set_model("HYBRID").await.changed();
        expect("ASSIGNMENT_MODEL_CHANGED", "", json!("OPEN"), json!("HYBRID"));
        let new = json!({ "name": "Nora", "email": "nora@example.test" });
        let nora = manage(world, "createAgent", new, "agent { id }").await;
        expect("AGENT_CREATED", text(&nora.value["agent"]["id"]), Value::Null, json!("nora@example.test"));
        manage(world, "updateAgent", json!({ "agentId": agent, "title": "Lead" }), "").await;
        expect("AGENT_UPDATED", &agent, json!("Ingrid Berg"), json!("Ingrid Berg, Lead"));
        manage(world, "updateAgent", json!({ "agentId": agent, "role": "MANAGER" }), "").await;
        expect("ROLE_CHANGED", &agent, json!("REP"), json!("MANAGER"));
        manage(world, "updateAgent", json!({ "agentId": agent, "role": "REP" }), "").await;
        expect("ROLE_CHANGED", &agent, json!("MANAGER"), json!("REP"));
        manage(world, "revokeNumberAccess", on_number.clone(), "").await;
        expect("ACCESS_REVOKED", &agent, json!(world.number.number), Value::Null);
        manage(world, "grantNumberAccess", on_number, "").await;
        expect("ACCESS_GRANTED", &agent, Value::Null, json!(world.number.number));
        world.tolerate(json!({ "maxUnassigned": 5 })).await.changed();
        expect("QUEUE_THRESHOLDS_CHANGED", "", json!("unassigned none, wait none"), json!("unassigned 5, wait none"));
        manage(world, "setOwnershipLease", json!({ "minutes": 30 }), "").await;
        expect("OWNERSHIP_LEASE_CHANGED", "", Value::Null, json!("30 minutes"));
        let input = json!({ "agentId": agent, "ttlSeconds": 60 });
        let issued = manage(world, "issueAgentToken", input, "expiresAt").await;
        let until = format!("valid until {}", text(&issued.value["expiresAt"]));
        expect("TOKEN_ISSUED", &agent, Value::Null, json!(until));
        manage(world, "revokeAgentTokens", json!({ "agentId": agent }), "").await;
        expect("TOKENS_REVOKED", &agent, Value::Null, Value::Null);
        manage(world, "deactivateAgent", json!({ "agentId": agent }), "").await;
        expect("AGENT_DEACTIVATED", &agent, Value::Null, Value::Null);
        manage(world, "reactivateAgent", json!({ "agentId": agent }), "").await;
        expect("AGENT_REACTIVATED", &agent, Value::Null, Value::Null);
        let service = json!({ "name": "Gateway", "scopes": ["DELIVER", "READ"] });
        let issued = manage(world, "issueServiceToken", service, "serviceToken { id }").await;
        let service = text(&issued.value["serviceToken"]["id"]).to_owned();
        expect("SERVICE_TOKEN_ISSUED", &service, Value::Null, json!("Gateway: DELIVER, READ"));
        manage(world, "revokeServiceToken", json!({ "serviceTokenId": service }), "").await;
        expect("SERVICE_TOKEN_REVOKED", &service, json!("Gateway"), Value::Null);

        let found = history(world, expected.len()).await;
        for (event, (kind, target, before, after)) in found.iter().zip(&expected) {
            assert_eq!(event["kind"], *kind, "{event:#}");
            assert_eq!(event["target"]["id"], *target, "{event:#}");
            assert_eq!((&event["before"], &event["after"]), (before, after), "{event:#}");
            assert_eq!(event["actor"]["id"], world.manager.id.as_str(), "{event:#}");
            assert!(event["at"].is_string() && event["cursor"].is_string(), "{event:#}");
        }
        assert_eq!(found.len(), expected.len());
        // A refused act and one that changes nothing leave no event.
        world.set_model("HYBRID").await.unchanged();
        let denied = world.rep.client.mutate("setAssignmentModel", json!({ "assignmentModel": "OPEN" }), USER_ERRORS);
        denied.await.refused("NOT_ALLOWED");
        assert_eq!(history(world, expected.len()).await, found);
        world.app.assert_store_is_sound().await;
    }

    async fn the_history_is_read_in_pages_by_managers_only(world: World) {
        world.set_model("HYBRID").await.changed();
        operator::set_plan(&world.app, world.id, switchboard::domain::Plan::Pro).await;
        let all = history(world, 100).await;
        let newest = all.last().expect("an event");
        assert_eq!((&newest["kind"], &newest["actor"]), (&json!("PLAN_CHANGED"), &Value::Null), "the operator");
        let (mut paged, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = world.manager.client.data(HISTORY, json!({ "first": 4, "after": after })).await;
            let page = &page["workspaceHistory"];
            paged.extend(items(&page["nodes"]).iter().cloned());
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
        paged.reverse();
        assert_eq!(paged, all);
        for client in [&world.rep.client, &world.service] {
            client.query(HISTORY, json!({})).await.assert_error(&["FORBIDDEN"]);
        }
        world.manager.client.query(HISTORY, json!({ "after": "nonsense" })).await.assert_error(&["BAD_USER_INPUT"]);
        // The command line prints the same acts.
        let url = [("SWITCHBOARD_DATABASE", world.app.database_url())];
        let done = output_of(Path::new("/"), &["audit", "export"], &url).await;
        let printed = String::from_utf8(done.stdout).expect("UTF-8");
        let kinds: Vec<Value> = printed.lines().map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line["kind"].clone()
        }).collect();
        let expected: Vec<Value> = all.iter().map(|event| event["kind"].clone()).collect();
        assert_eq!(kinds, expected, "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_refused_attempts_and_the_fields_of_operations_without_a_name() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = World::prepare(App::start(&store.url).await).await;
    world.app.stop().await;
    let process = Process::start(&store.url).await;
    let rep = world.rep.at(process.address()).client;
    // The attempt does not select `userErrors`.
    let attempt = format!(
        "mutation {{ x: updateAgent(input: {{ agentId: \"{}\", role: MANAGER }}) {{ changed }} }}",
        world.rep.id
    );
    rep.query(&attempt, json!({})).await.data();
    rep.query("query Named { viewer { id } }", json!({})).await.data();
    rep.query("{ ...Both } fragment Both on Query { me: viewer { id } workspace { id } }", json!({}))
        .await
        .data();
    for parts in [
        ["\"operation\":\"updateAgent\"", "\"outcome\":\"REFUSED\"", "\"refusal\":\"NOT_ALLOWED\""],
        ["\"operation\":\"Named\"", "\"outcome\":\"OK\"", "\"kind\":\"query\""],
        ["\"operation\":\"viewer workspace\"", "\"outcome\":\"OK\"", "\"kind\":\"query\""],
    ] {
        eventually(&format!("a line has {parts:?}"), async || {
            let log = process.log();
            let found = log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
            found.then_some(())
        })
        .await;
    }
}
