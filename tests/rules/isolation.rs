//! Something of another workspace, or of a number without access, answers as something that does not exist.

use serde_json::{Value, json};
use switchboard::domain::Plan;

use crate::support::agent::{Agent, unique_key};
use crate::support::app::App;
use crate::support::database::{Database, TestDatabase};
use crate::support::outcome::text;
use crate::support::world::{Workspace, World};

/// One id of each kind.
struct Ids {
    conversation: String,
    agent: String,
    number: String,
    message: String,
    contact: String,
    event: String,
    workspace: String,
}

async fn ids_of(workspace: &Workspace, id: &str) -> Ids {
    let found = workspace
        .manager
        .conversation_with(id, "contact { id } lastMessage { id } history(first: 1) { nodes { id } }")
        .await;
    let home = workspace.manager.client.data("{ workspace { id } }", json!({})).await;
    Ids {
        conversation: id.to_owned(),
        agent: workspace.rep.id.clone(),
        number: workspace.number.id.clone(),
        message: text(&found["lastMessage"]["id"]).to_owned(),
        contact: text(&found["contact"]["id"]).to_owned(),
        event: text(&found["history"]["nodes"][0]["id"]).to_owned(),
        workspace: text(&home["workspace"]["id"]).to_owned(),
    }
}

/// Every question and command of the API that takes an id, with `ids` in the place of each, in `asker`'s name.
///
/// The answers hold the ids as `…`, so that two sets of them can be compared.
async fn answers(asker: &Agent, own: &str, own_number: &str, ids: &Ids) -> Vec<(String, Value)> {
    let all =
        [&ids.conversation, &ids.agent, &ids.number, &ids.message, &ids.contact, &ids.event, &ids.workspace];
    let mut found = Vec::new();
    let mut keep = |what: String, answer: Value| {
        let mut shown = answer.to_string();
        all.iter().for_each(|id| shown = shown.replace(id.as_str(), "…"));
        found.push((what, serde_json::from_str(&shown).expect("still JSON")));
    };
    let any = ["node", "conversation", "nodes", "filter", "badges", "health", "dropdown"];
    for (kind, id) in all.iter().enumerate() {
        for question in any {
            let document = match question {
                "node" => "query($id: ID!) { node(id: $id) { __typename id } }",
                "conversation" => "query($id: ID!) { conversation(id: $id) { id } }",
                "nodes" => "query($id: ID!) { nodes(ids: [$id, $id]) { __typename id } }",
                "filter" => {
                    "query($id: ID!) { conversations(filter: { phoneNumberIds: [$id] }) { nodes { id } totalCount } }"
                }
                "badges" => "query($id: ID!) { viewCounts(phoneNumberIds: [$id]) { inbox { total } } }",
                "health" => {
                    "query($id: ID!) { queueHealth(phoneNumberIds: [$id]) { unassigned arrived trend } }"
                }
                _ => "query($id: ID!) { agents(assignableTo: $id) { nodes { id } } }",
            };
            // Everybody may know the agents and the name of their own workspace.
            let answer = asker.client.query(document, json!({ "id": id })).await;
            keep(format!("{question} of id {kind}"), answer.body);
        }
    }
    let (conversation, key) = (&ids.conversation, unique_key());
    let commands = [
        ("assignConversation", json!({ "conversationId": conversation, "agentId": asker.id })),
        ("assignConversation", json!({ "conversationId": own, "agentId": ids.agent })),
        ("claimConversation", json!({ "conversationId": conversation })),
        ("unassignConversation", json!({ "conversationId": conversation })),
        ("closeConversation", json!({ "conversationId": conversation })),
        ("reopenConversation", json!({ "conversationId": conversation })),
        ("markConversationRead", json!({ "conversationId": conversation })),
        ("markConversationRead", json!({ "conversationId": own, "throughMessageId": ids.message })),
        ("markConversationUnread", json!({ "conversationId": conversation })),
        ("sendMessage", json!({ "conversationId": conversation, "body": "x", "idempotencyKey": key })),
        (
            "sendMessage",
            json!({ "conversationId": own, "body": "x", "idempotencyKey": key, "lastSeenMessageId": ids.message }),
        ),
        (
            "startConversation",
            json!({ "phoneNumberId": ids.number, "to": "+16505550100", "body": "x", "idempotencyKey": key }),
        ),
        ("assignConversations", json!({ "conversationIds": [conversation], "agentId": asker.id })),
        ("closeConversations", json!({ "conversationIds": [conversation] })),
        ("setPresence", json!({ "conversationId": conversation, "state": "VIEWING" })),
        ("handOffConversations", json!({ "fromAgentId": ids.agent, "toAgentId": asker.id })),
        ("handOffConversations", json!({ "fromAgentId": asker.id, "toAgentId": ids.agent })),
        (
            "handOffConversations",
            json!({ "fromAgentId": asker.id, "toAgentId": asker.id, "phoneNumberIds": [ids.number] }),
        ),
        ("acknowledgeHandOff", json!({ "conversationId": conversation })),
        ("planRebalance", json!({ "agentIds": [ids.agent] })),
        ("applyPlan", json!({ "planId": conversation })),
        ("undoPlan", json!({ "planId": conversation })),
        ("updateAgent", json!({ "agentId": ids.agent, "name": "Mallory" })),
        ("deactivateAgent", json!({ "agentId": ids.agent })),
        ("reactivateAgent", json!({ "agentId": ids.agent })),
        ("issueAgentToken", json!({ "agentId": ids.agent })),
        ("grantNumberAccess", json!({ "agentId": ids.agent, "phoneNumberId": own_number })),
        ("grantNumberAccess", json!({ "agentId": asker.id, "phoneNumberId": ids.number })),
        ("revokeNumberAccess", json!({ "agentId": ids.agent, "phoneNumberId": own_number })),
        ("revokeNumberAccess", json!({ "agentId": asker.id, "phoneNumberId": ids.number })),
    ];
    for (mutation, input) in commands {
        let bulk = mutation.ends_with("Conversations");
        let errors = crate::support::documents::USER_ERRORS;
        let selection =
            if bulk { format!("results {{ conversationId {errors} }}") } else { errors.to_owned() };
        let what = format!("{mutation} {input}");
        let answer = asker.client.try_mutate(mutation, input, &selection).await;
        keep(what, answer.body);
    }
    found
}

/// Somewhere else altogether: a workspace whose ids were never known in any other database.
async fn nowhere() -> (TestDatabase, Ids) {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let app = App::start(&store.url).await;
    let workspace = Workspace::create(&app, Plan::Team).await;
    let conversation = workspace.conversation(1).await;
    let ids = ids_of(&workspace, &conversation).await;
    app.stop().await;
    (store, ids)
}

/// Asserts that `foreign` and `unknown` ids are answered alike.
async fn assert_alike(asker: &Agent, own: &str, own_number: &str, foreign: &Ids, unknown: &Ids) {
    let foreign = answers(asker, own, own_number, foreign).await;
    let unknown = answers(asker, own, own_number, unknown).await;
    for ((what, foreign), (_, unknown)) in foreign.iter().zip(&unknown) {
        assert_eq!(foreign, unknown, "{what}: foreign (left) and unknown (right) differ");
        assert!(!foreign.to_string().contains("FORBIDDEN"), "{what}: {foreign:#}");
    }
}

on_both! {
    async fn another_workspaces_things_do_not_exist(world: World) {
        let own = world.conversation(1).await;
        let other = Workspace::create(&world.app, Plan::Team).await;
        let foreign = other.conversation(1).await;
        let foreign = ids_of(&other, &foreign).await;
        let (_store, unknown) = nowhere().await;
        let before = other.everything().await;
        for asker in [&world.manager, &world.rep] {
            assert_alike(asker, &own, &world.number.id, &foreign, &unknown).await;
        }
        assert_eq!(other.everything().await, before, "nothing of the other workspace was touched");
        world.app.assert_store_is_sound().await;
    }

    async fn the_conversations_of_a_number_without_access_do_not_exist(world: World) {
        let own = world.conversation(1).await;
        let hidden = world.add_number(&world.app, &[&world.manager], "Hidden").await;
        let secret = world.conversation_on(&hidden, 2).await;
        let (_store, unknown) = nowhere().await;
        let mut foreign = ids_of(world, &secret).await;
        // Agents and the workspace are known to the whole team.
        foreign.agent.clone_from(&unknown.agent);
        foreign.workspace.clone_from(&unknown.workspace);
        foreign.number.clone_from(&hidden.id);
        let before = world.manager.as_of().await;
        assert_alike(&world.rep, &own, &world.number.id, &foreign, &unknown).await;
        assert_eq!(world.manager.as_of().await, before);
        assert_eq!(world.rep.counts().await["inbox"]["total"], 1);
    }

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
