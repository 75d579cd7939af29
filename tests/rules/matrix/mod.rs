//! Permissions: calls every root field as every kind of caller, and with a hidden id in every id argument.
//!
//! The fields and the paths of id arguments come from the printed schema. The test fails if [`MATRIX`] has no row for a
//! field, or if [`kind_of`] does not know the kind of an id.

mod sdl;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::domain::service_token::ServiceScope;
use switchboard::domain::{Plan, Role};
use switchboard::token::Caller;

use crate::support::agent::{Agent, unique_key};
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::database::{Database, TestDatabase};
use crate::support::operator;
use crate::support::outcome::text;
use crate::support::socket::{Item, Socket};
use crate::support::world::{Workspace, World, customer};
use sdl::{RootField, Sdl};

/// The result for an authenticated caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permission {
    /// A response without errors.
    Allowed,
    /// A top-level error with the code FORBIDDEN.
    Forbidden,
    /// A user error with the code NOT_ALLOWED.
    NotAllowed,
}
use Permission::{Allowed, Forbidden, NotAllowed};

/// The results for a rep, a manager, and services with the scope DELIVER and with the scope READ.
type Row = [Permission; 4];

const ANYBODY: Row = [Allowed, Allowed, Allowed, Allowed];
const READERS: Row = [Allowed, Allowed, Forbidden, Allowed];
const AGENTS: Row = [Allowed, Allowed, Forbidden, Forbidden];
const REPORTS: Row = [Forbidden, Allowed, Forbidden, Allowed];
const MANAGERS_SEE: Row = [Forbidden, Allowed, Forbidden, Forbidden];
const MANAGERS_DO: Row = [NotAllowed, Allowed, Forbidden, Forbidden];
const GATEWAYS: Row = [Forbidden, Forbidden, Allowed, Forbidden];

/// Who may use each root field. Callers without a valid token may use none.
const MATRIX: &[(&str, Row)] = &[
    ("agents", READERS),
    ("allPhoneNumbers", MANAGERS_SEE),
    ("conversation", READERS),
    ("conversations", READERS),
    ("duplicateReplies", REPORTS),
    ("node", READERS),
    ("nodes", READERS),
    ("ownershipAudit", REPORTS),
    ("ownershipViolations", REPORTS),
    ("phoneNumbers", READERS),
    ("queueHealth", READERS),
    ("serviceTokens", MANAGERS_SEE),
    ("viewCounts", READERS),
    // A service gets null.
    ("viewer", ANYBODY),
    ("workloads", REPORTS),
    ("workspace", READERS),
    ("workspaceHistory", MANAGERS_SEE),
    ("acknowledgeHandOff", AGENTS),
    ("addPhoneNumber", MANAGERS_DO),
    ("applyPlan", MANAGERS_DO),
    ("assignConversation", AGENTS),
    ("assignConversations", AGENTS),
    ("claimConversation", AGENTS),
    ("closeConversation", AGENTS),
    ("closeConversations", AGENTS),
    ("createAgent", MANAGERS_DO),
    ("deactivateAgent", MANAGERS_DO),
    ("grantNumberAccess", MANAGERS_DO),
    // This row is for another agent's conversations. Every agent may hand off their own.
    ("handOffConversations", MANAGERS_DO),
    ("issueAgentToken", MANAGERS_DO),
    ("issueServiceToken", MANAGERS_DO),
    ("markConversationRead", AGENTS),
    ("markConversationUnread", AGENTS),
    ("planRebalance", MANAGERS_DO),
    ("reactivateAgent", MANAGERS_DO),
    ("receiveMessage", GATEWAYS),
    // Refused for a manager, because a conversation is open.
    ("removePhoneNumber", MANAGERS_DO),
    ("reopenConversation", AGENTS),
    // This row is for another agent's tokens. Every agent may revoke their own.
    ("revokeAgentTokens", MANAGERS_DO),
    ("revokeNumberAccess", MANAGERS_DO),
    ("revokeServiceToken", MANAGERS_DO),
    ("sendMessage", AGENTS),
    ("setAssignmentModel", MANAGERS_DO),
    ("setOwnershipLease", MANAGERS_DO),
    ("setPresence", AGENTS),
    ("setQueueThresholds", MANAGERS_DO),
    ("startConversation", AGENTS),
    ("unassignConversation", AGENTS),
    // Not allowed for a manager, because the plan was never applied.
    ("undoPlan", [NotAllowed, NotAllowed, Forbidden, Forbidden]),
    ("updateAgent", MANAGERS_DO),
    ("conversationChanged", READERS),
    ("conversationPresence", READERS),
    ("queueChanges", READERS),
    ("queueHealthChanged", READERS),
    ("viewCountsChanged", READERS),
    ("workloadsChanged", REPORTS),
];

/// The kinds of objects that have ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Conversation,
    Agent,
    PhoneNumber,
    Message,
    Contact,
    Event,
    Workspace,
    Plan,
    ServiceToken,
}

/// Objects that every agent of the workspace can see, regardless of access to phone numbers.
const TEAM: [Kind; 4] = [Kind::Agent, Kind::Workspace, Kind::Plan, Kind::ServiceToken];

/// The kind of object that an argument identifies, by the argument's name.
fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "id" | "ids" | "conversationId" | "conversationIds" | "assignableTo" => Kind::Conversation,
        "agentId" | "agentIds" | "fromAgentId" | "toAgentId" | "expectedAssigneeId" => Kind::Agent,
        "phoneNumberId" | "phoneNumberIds" => Kind::PhoneNumber,
        "throughMessageId" | "lastSeenMessageId" => Kind::Message,
        "planId" => Kind::Plan,
        "serviceTokenId" => Kind::ServiceToken,
        _ => return None,
    })
}

/// One id of each kind.
type Ids = BTreeMap<Kind, String>;

async fn ids_of(workspace: &Workspace, conversation: &str, asker: &Agent) -> Ids {
    let shown = "contact { id } lastMessage { id } history(first: 1) { nodes { id } }";
    let found = asker.conversation_with(conversation, shown).await;
    let data = asker.client.data("{ workspace { id } }", json!({})).await;
    let plan = json!({ "agentIds": [workspace.rep.id, workspace.rep2.id] });
    let plan =
        workspace.manager.client.mutate("planRebalance", plan, "plan { id } userErrors { code }").await;
    let service = json!({ "name": "Gateway", "scopes": ["DELIVER"] });
    let issued = workspace.manager.client.mutate(
        "issueServiceToken",
        service,
        "serviceToken { id } userErrors { code }",
    );
    let issued = issued.await.ok();
    let id = |value: &Value| text(value).to_owned();
    Ids::from([
        (Kind::Conversation, conversation.to_owned()),
        (Kind::Agent, workspace.rep2.id.clone()),
        (Kind::PhoneNumber, workspace.number.id.clone()),
        (Kind::Message, id(&found["lastMessage"]["id"])),
        (Kind::Contact, id(&found["contact"]["id"])),
        (Kind::Event, id(&found["history"]["nodes"][0]["id"])),
        (Kind::Workspace, id(&data["workspace"]["id"])),
        (Kind::Plan, id(&plan.ok().value["plan"]["id"])),
        (Kind::ServiceToken, id(&issued.value["serviceToken"]["id"])),
    ])
}

/// Creates ids that do not exist in the tested database: they belong to a workspace in another database.
async fn unknown_ids() -> Ids {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let app = App::start(&store.url).await;
    let workspace = Workspace::create(&app, Plan::Team).await;
    let conversation = workspace.conversation(1).await;
    let ids = ids_of(&workspace, &conversation, &workspace.manager).await;
    app.stop().await;
    ids
}

/// A valid value for a required argument.
fn sample(type_name: &str, name: &str, world: &Workspace, own: &Ids) -> Value {
    match (type_name, name) {
        ("ID", "toAgentId") => json!(world.manager.id),
        ("ID", name) => json!(own[&kind_of(name).unwrap_or_else(|| panic!("kind_of does not know {name}"))]),
        ("E164", "number") => json!(format!("+1323{:07}", rand::random_range(0..10_000_000))),
        ("E164", "to") => json!(world.number.number),
        ("E164", _) => json!(customer(99)),
        ("DateTime", "from") => json!("2026-01-01T00:00:00Z"),
        ("DateTime", _) => json!("2026-01-02T00:00:00Z"),
        ("String", "email") => json!(format!("{}@example.test", unique_key())),
        ("String", "idempotencyKey" | "providerMessageId") => json!(unique_key()),
        ("String", _) => json!("Words"),
        other => panic!("no sample for {other:?}"),
    }
}

/// What a gateway may select.
const DELIVERY: &str = "mutation ($input: ReceiveMessageInput!) {
    receiveMessage(input: $input) { changed asOf userErrors { code } conversation { id status } }
}";

/// A service with each scope.
async fn services(world: &World) -> [Client; 2] {
    let service = async |scope: ServiceScope| {
        operator::service(&world.app, world.id, scope.as_str(), [scope].into_iter().collect()).await
    };
    [service(ServiceScope::Deliver).await, service(ServiceScope::Read).await]
}

/// The codes of all errors in a response: top-level errors and user errors.
fn codes(body: &Value) -> BTreeSet<String> {
    let top = body["errors"].as_array().into_iter().flatten().map(|error| &error["extensions"]["code"]);
    let payload = body["data"].as_object().and_then(|data| data.values().next());
    let user = payload.and_then(|payload| payload["userErrors"].as_array()).into_iter().flatten();
    top.chain(user.map(|error| &error["code"])).map(|code| text(code).to_owned()).collect()
}

/// Returns the first result of a call: a response, an item or the end of the subscription, or the close of the socket.
async fn outcome(client: &Client, field: &RootField, document: &str, variables: Value) -> Value {
    if field.operation != "subscription" {
        return client.query(document, variables).await.body;
    }
    let socket = match Socket::try_open(client).await {
        Ok(socket) => socket,
        Err(closed) => return json!({ "closed": format!("{closed:?}") }),
    };
    match socket.subscribe(document, variables).item().await {
        Item::Next(body) => body,
        Item::Error(errors) => json!({ "errors": errors }),
        other => json!({ "ended": format!("{other:?}") }),
    }
}

fn permission(what: &str, body: &Value) -> Permission {
    let codes = codes(body);
    assert!(!codes.contains("UNAUTHENTICATED"), "{what}: {body:#}");
    assert!(body.get("closed").is_none() && body.get("ended").is_none(), "{what}: {body:#}");
    match (codes.contains("FORBIDDEN"), codes.contains("NOT_ALLOWED")) {
        (true, _) => Forbidden,
        (_, true) => NotAllowed,
        _ => {
            let faults = body["errors"].as_array().map_or(0, Vec::len);
            assert_eq!(faults, 0, "{what}: {body:#}");
            Allowed
        }
    }
}

#[test]
fn every_root_field_has_a_row() {
    let fields: BTreeSet<String> = Sdl::read().root_fields().into_iter().map(|field| field.name).collect();
    let rows: BTreeSet<String> = MATRIX.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(fields.difference(&rows).collect::<Vec<_>>(), [""; 0], "fields without a row");
    assert_eq!(rows.difference(&fields).collect::<Vec<_>>(), [""; 0], "rows without a field");
    assert_eq!(rows.len(), MATRIX.len(), "one row each");
}

#[test]
fn every_id_argument_has_a_known_kind() {
    let sdl = Sdl::read();
    let mut places = 0;
    for field in sdl.root_fields() {
        for place in sdl.id_places(&field) {
            assert!(
                kind_of(place.name()).is_some(),
                "kind_of does not know {} of {}",
                place.name(),
                field.name
            );
            places += 1;
        }
    }
    assert!(places > 40, "only {places} id arguments in the schema");
}

on_both! {
    async fn every_root_field_answers_each_kind_of_caller_as_the_matrix_says(world: World) {
        let sdl = Sdl::read();
        let rep = Caller::agent(world.id, world.rep.agent_id);
        let expired = world.app.client(world.app.token_for(rep, 7_200, Duration::from_secs(60)));
        let services = services(world).await;
        let mut wrong = Vec::new();
        for field in sdl.root_fields() {
            let row = MATRIX.iter().find(|row| row.0 == field.name);
            let Some((_, [rep, manager, gateway, reader])) = row else { panic!("{} has no row", field.name) };
            // Each caller gets a new conversation and a new agent, so that the calls do not affect each other.
            for (caller, client, wanted) in [
                ("stranger", &world.app.stranger(), None),
                ("expired", &expired, None),
                ("rep", &world.rep.client, Some(*rep)),
                ("manager", &world.manager.client, Some(*manager)),
                ("gateway", &services[0], Some(*gateway)),
                ("reader", &services[1], Some(*reader)),
            ] {
                let conversation = world.conversation(rand::random_range(1_000..9_999_999)).await;
                let mut own = ids_of(world, &conversation, &world.manager).await;
                let target = world.join(&world.app, &unique_key(), Role::Rep, false).await;
                own.insert(Kind::Agent, target.id.clone());
                let (mut document, variables) =
                    sdl.call(&field, None, &|kind, name| sample(kind, name, world, &own));
                if (field.name.as_str(), caller) == ("receiveMessage", "gateway") {
                    document = DELIVERY.to_owned();
                }
                let what = format!("{} as {caller}", field.name);
                let after = world.manager.as_of().await;
                let heard = if field.name == "queueChanges" {
                    let document = document.replacen("queueChanges", &format!("queueChanges(after: \"{after}\")"), 1);
                    world.text(&customer(1), "An event to deliver").await;
                    outcome(client, &field, &document, variables).await
                } else {
                    outcome(client, &field, &document, variables).await
                };
                match wanted {
                    Some(wanted) => {
                        let got = permission(&what, &heard);
                        if got != wanted {
                            wrong.push(format!("{what}: {got:?}, not {wanted:?}: {heard}"));
                        }
                    }
                    None if field.operation == "subscription" => {
                        assert_eq!(heard, json!({ "closed": "Closed(Some(4403))" }), "{what}");
                    }
                    None => {
                        assert_eq!(codes(&heard), BTreeSet::from(["UNAUTHENTICATED".to_owned()]), "{what}: {heard:#}");
                        let data = heard["data"].as_object().into_iter().flatten();
                        assert!(data.clone().all(|(_, value)| value.is_null()), "{what}: {heard:#}");
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        world.app.assert_store_is_sound().await;
    }

    async fn an_id_of_another_workspace_answers_as_one_that_does_not_exist(world: World) {
        let other = Workspace::create(&world.app, Plan::Team).await;
        let conversation = other.conversation(1).await;
        let foreign = ids_of(&other, &conversation, &other.manager).await;
        let before = other.everything().await;
        let [_, reader] = services(world).await;
        let reader = Agent { client: reader, ..world.rep.clone() };
        for asker in [&world.rep, &world.manager, &reader] {
            assert_hidden(world, asker, &foreign, async || drop(other.text(&customer(1), "Psst").await)).await;
        }
        let after = other.everything().await;
        let texts = |seen: &Value| seen.to_string().matches("\"Psst\"").count();
        assert!(texts(&after) > 0 && texts(&before) == 0, "the other workspace was busy");
        world.app.assert_store_is_sound().await;
    }

    async fn an_id_on_a_number_without_access_answers_as_one_that_does_not_exist(world: World) {
        let hidden = world.add_number(&world.app, &[&world.manager], "Hidden").await;
        let conversation = world.conversation_on(&hidden, 2).await;
        let mut foreign = ids_of(world, &conversation, &world.manager).await;
        foreign.insert(Kind::PhoneNumber, hidden.id.clone());
        // These kinds are visible to every agent.
        foreign.retain(|kind, _| !TEAM.contains(kind));
        assert_hidden(world, &world.rep, &foreign, async || {
            drop(world.text_to(&hidden, &customer(2), "Psst").await);
        })
        .await;
        world.app.assert_store_is_sound().await;
    }
}

/// Asserts that `asker` cannot tell the ids in `foreign` from unknown ids.
///
/// Puts each id in every argument that takes an id, and compares the response with that for an unknown id. For
/// `queueChanges`, compares whether the subscription delivers the events that `stir` causes.
async fn assert_hidden(world: &World, asker: &Agent, foreign: &Ids, stir: impl AsyncFn()) {
    let (sdl, unknown) = (Sdl::read(), unknown_ids().await);
    let conversation = world.conversation(3).await;
    let own = ids_of(world, &conversation, &world.manager).await;
    for field in sdl.root_fields() {
        for place in sdl.id_places(&field) {
            for (kind, id) in foreign {
                let call = |id: &str| {
                    sdl.call(&field, Some((&place, id)), &|kind, name| sample(kind, name, world, &own))
                };
                let what = format!("{} at {:?} with the id of a {kind:?}", field.name, place.path);
                let (hidden, missing) = (call(id), call(&unknown[kind]));
                if field.name == "queueChanges" {
                    let delivered = delivered(world, asker, [hidden, missing], &stir).await;
                    assert_eq!(delivered[0], delivered[1], "{what}");
                    continue;
                }
                let mut answers = Vec::new();
                for ((document, variables), id) in [(hidden, id), (missing, &unknown[kind])] {
                    let mut answer = outcome(&asker.client, &field, &document, variables).await;
                    // The request id differs in every response.
                    for error in answer["errors"].as_array_mut().into_iter().flatten() {
                        error["extensions"].as_object_mut().map(|it| it.remove("requestId"));
                    }
                    answers.push(answer.to_string().replace(id.as_str(), "…"));
                }
                assert_eq!(
                    answers[0], answers[1],
                    "{what}: a hidden id (left) and an unknown id (right) differ"
                );
            }
        }
    }
}

/// Whether each of two subscriptions delivers a change that `stir` causes.
async fn delivered(
    world: &World,
    asker: &Agent,
    subscriptions: [(String, Value); 2],
    stir: &impl AsyncFn(),
) -> [bool; 2] {
    let socket = Socket::open(&asker.client).await;
    let mut followed = subscriptions.map(|(document, variables)| socket.subscribe(&document, variables));
    let mut everything = socket.subscribe("subscription { queueChanges { __typename } }", json!({}));
    stir().await;
    world.text(&customer(3), "An event that the agent receives").await;
    everything.next_change().await;
    followed.each_mut().map(|it| !it.is_unchanged())
}
