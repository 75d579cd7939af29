//! A workspace with a team of signed-in agents.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use switchboard::domain::service_token::{ServiceScope, ServiceScopes};
use switchboard::domain::{PhoneNumberId, Plan, Role, WorkspaceId};
use switchboard::token::Caller;

use super::agent::Agent;
use super::app::App;
use super::client::Client;
use super::database::Prepare;
use super::outcome::{Payload, items, text};
use super::{documents, operator};

/// A phone number of a workspace.
#[derive(Debug, Clone)]
pub struct Number {
    /// The GraphQL id.
    pub id: String,
    /// The id in the database.
    pub phone_number_id: PhoneNumberId,
    pub number: String,
}

/// A workspace with a manager, two reps and a service that delivers inbound messages. All agents can access both phone
/// numbers.
#[derive(Clone)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub manager: Agent,
    /// A rep who is not marked as experienced.
    pub rep: Agent,
    /// A second rep who is not marked as experienced.
    pub rep2: Agent,
    pub number: Number,
    pub number2: Number,
    /// A service with all scopes.
    pub service: Client,
    /// A service with the scope DELIVER.
    pub gateway: Client,
}

/// An application with one workspace, on plan `TEAM` and model `OPEN`.
pub struct World {
    pub app: App,
    workspace: Workspace,
}

impl std::ops::Deref for World {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}

impl Prepare for World {
    async fn prepare(app: App) -> Self {
        let workspace = Workspace::create(&app, Plan::Team).await;
        Self { app, workspace }
    }

    fn app(&self) -> &App {
        &self.app
    }
}

static NUMBERS: AtomicU32 = AtomicU32::new(1);
static MESSAGES: AtomicU32 = AtomicU32::new(1);

/// The phone number of the `n`-th customer.
pub fn customer(n: u32) -> String {
    format!("+1650{n:07}")
}

impl Workspace {
    /// Creates a workspace on `app`.
    pub async fn create(app: &App, plan: Plan) -> Self {
        let id = operator::workspace(app, "Bicycles and More", plan).await;
        let all = ServiceScope::ALL.iter().copied().collect();
        let service = operator::service(app, id, "Service with all scopes", all).await;
        let gateway = operator::service(app, id, "Gateway", ServiceScopes::DELIVER).await;
        let manager = sign_in(app, id, "Maria Lopez", Role::Manager, false).await;
        let rep = sign_in(app, id, "Ravi Shah", Role::Rep, false).await;
        let rep2 = sign_in(app, id, "Ingrid Berg", Role::Rep, false).await;
        let everybody = [&manager, &rep, &rep2];
        let number = add_number(app, id, &everybody, "Sales").await;
        let number2 = add_number(app, id, &everybody, "Support").await;
        Self { id, manager, rep, rep2, number, number2, service, gateway }
    }

    /// The same workspace, with all clients connected to another server.
    pub fn at(&self, address: std::net::SocketAddr) -> Self {
        Self {
            manager: self.manager.at(address),
            rep: self.rep.at(address),
            rep2: self.rep2.at(address),
            service: self.service.at(address),
            gateway: self.gateway.at(address),
            ..self.clone()
        }
    }

    /// Adds an agent with access to both phone numbers.
    pub async fn join(&self, app: &App, name: &str, role: Role, experienced: bool) -> Agent {
        let agent = sign_in(app, self.id, name, role, experienced).await;
        operator::grant(app, self.id, agent.agent_id, self.number.phone_number_id).await;
        operator::grant(app, self.id, agent.agent_id, self.number2.phone_number_id).await;
        agent
    }

    /// Adds an agent without access to any phone number.
    pub async fn join_without_access(&self, app: &App, name: &str) -> Agent {
        sign_in(app, self.id, name, Role::Rep, false).await
    }

    /// Adds a phone number, and gives the agents `who` access to it.
    pub async fn add_number(&self, app: &App, who: &[&Agent], label: &str) -> Number {
        add_number(app, self.id, who, label).await
    }

    /// Delivers a customer's message to the first phone number.
    pub async fn text(&self, from: &str, body: &str) -> Payload {
        self.text_to(&self.number, from, body).await
    }

    /// Delivers a customer's message to `number`.
    pub async fn text_to(&self, number: &Number, from: &str, body: &str) -> Payload {
        let provider_id = format!("SM{:032}", MESSAGES.fetch_add(1, Ordering::Relaxed));
        self.deliver(&provider_id, number, from, body, json!({})).await.changed()
    }

    /// Delivers a message as the SMS provider does, with further input fields.
    pub async fn deliver(
        &self,
        provider_id: &str,
        to: &Number,
        from: &str,
        body: &str,
        more: Value,
    ) -> Payload {
        let input = json!({ "providerMessageId": provider_id, "from": from, "to": to.number, "body": body });
        let input = super::agent::merged(input, more);
        self.service.mutate("receiveMessage", input, &documents::messaging()).await
    }

    /// Creates a conversation with the `n`-th customer on the first phone number. Returns its id.
    pub async fn conversation(&self, n: u32) -> String {
        self.conversation_on(&self.number, n).await
    }

    /// Creates a conversation with the `n`-th customer on `number`. Returns its id.
    pub async fn conversation_on(&self, number: &Number, n: u32) -> String {
        let payload = self.text_to(number, &customer(n), &format!("Hello, I am customer {n}")).await;
        text(&payload.conversation()["id"]).to_owned()
    }

    /// Creates conversations with customers 1 to `count` on the first phone number. Returns their ids, oldest first.
    pub async fn conversations(&self, count: u32) -> Vec<String> {
        let mut ids = Vec::new();
        for n in 1..=count {
            ids.push(self.conversation(n).await);
        }
        ids
    }

    /// Sets the assignment model.
    pub async fn set_model(&self, model: &str) -> Payload {
        let selection = format!("workspace {{ id assignmentModel }} changed asOf {}", documents::USER_ERRORS);
        self.manager
            .client
            .mutate("setAssignmentModel", json!({ "assignmentModel": model }), &selection)
            .await
    }

    /// Sets the queue thresholds.
    pub async fn tolerate(&self, thresholds: Value) -> Payload {
        let selection = format!(
            "workspace {{ queueThresholds {{ maxUnassigned maxWaitSeconds }} }} changed asOf {}",
            documents::USER_ERRORS
        );
        self.manager.client.mutate("setQueueThresholds", thresholds, &selection).await
    }

    /// Calls a mutation that grants or revokes the access of `agent` to `number`.
    async fn access(&self, mutation: &str, agent: &Agent, number: &Number, more: &str) -> Payload {
        let selection =
            format!("agent {{ id }} phoneNumber {{ id }} changed asOf {more} {}", documents::USER_ERRORS);
        let input = json!({ "agentId": agent.id, "phoneNumberId": number.id });
        self.manager.client.mutate(mutation, input, &selection).await
    }

    pub async fn grant(&self, agent: &Agent, number: &Number) -> Payload {
        self.access("grantNumberAccess", agent, number, "").await
    }

    /// Revokes access. The payload's `returnedConversations` is the number of conversations that became unassigned.
    pub async fn revoke(&self, agent: &Agent, number: &Number) -> Payload {
        self.access("revokeNumberAccess", agent, number, "returnedConversations").await
    }

    /// Deactivates an agent. The payload's `returnedConversations` is the number of conversations that became
    /// unassigned.
    pub async fn deactivate(&self, agent: &Agent) -> Payload {
        let selection =
            format!("agent {{ id active }} changed returnedConversations asOf {}", documents::USER_ERRORS);
        self.manager.client.mutate("deactivateAgent", json!({ "agentId": agent.id }), &selection).await
    }

    /// Reactivates an agent, who then signs in with a new token.
    pub async fn reactivate(&self, agent: &Agent) -> Payload {
        let selection = format!("agent {{ id active }} changed asOf {}", documents::USER_ERRORS);
        let reactivated =
            self.manager.client.mutate("reactivateAgent", json!({ "agentId": agent.id }), &selection).await;
        agent.sign_in_again(self.id);
        reactivated
    }

    /// Everything that the team can see of its workspace, to compare it with a later state.
    ///
    /// Contains the position of the log, so it differs after any event.
    pub async fn everything(&self) -> Value {
        let mut all = Vec::new();
        for agent in [&self.manager, &self.rep, &self.rep2] {
            all.push(json!([agent.list("INBOX", json!({})).await, agent.counts().await]));
        }
        let team = "{ workspace { name plan assignmentModel } phoneNumbers { id number label }
                      agents(first: 100) { nodes { id name title email role active experienced } } }";
        all.push(self.manager.client.data(team, json!({})).await);
        Value::Array(all)
    }
}

async fn sign_in(app: &App, workspace_id: WorkspaceId, name: &str, role: Role, experienced: bool) -> Agent {
    let agent_id = operator::agent(app, workspace_id, name, role, experienced).await;
    let client = app.client(app.token(Caller::agent(workspace_id, agent_id)));
    let viewer = client.data("{ viewer { id name } }", json!({})).await;
    assert_eq!(viewer["viewer"]["name"], name);
    Agent { id: text(&viewer["viewer"]["id"]).to_owned(), agent_id, name: name.to_owned(), client }
}

async fn add_number(app: &App, workspace_id: WorkspaceId, who: &[&Agent], label: &str) -> Number {
    let number = format!("+1212{:07}", NUMBERS.fetch_add(1, Ordering::Relaxed));
    let phone_number_id = operator::number(app, workspace_id, &number, label).await;
    for agent in who {
        operator::grant(app, workspace_id, agent.agent_id, phone_number_id).await;
    }
    let first = who.first().expect("an agent has access");
    let data = first.client.data("{ phoneNumbers { id number } }", json!({})).await;
    let found = items(&data["phoneNumbers"]).iter().find(|found| found["number"] == number.as_str());
    let id = text(&found.expect("the number is visible")["id"]).to_owned();
    Number { id, phone_number_id, number }
}
