//! Agents.

use std::borrow::Cow;

use async_graphql::{Enum, ID, MergedObject, Object};

use crate::domain;
use crate::graphql::connection::{Page, Total};
use crate::graphql::ids;
use crate::graphql::json::WriteScalar;
use graphql_transport::fast::{FastObject, FieldWriter, Json, Selected, scalar};

/// The role of an agent in the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "AgentRole", remote = "domain::Role")]
pub enum AgentRole {
    /// Answers customers. The workspace's `assignmentModel` decides what a rep may claim and assign.
    Rep,
    /// Answers customers, may assign any conversation, and administers the workspace.
    Manager,
}

/// The GraphQL type `Agent`.
#[derive(Debug, Clone)]
pub struct Agent(pub domain::Agent);

/// A member of the team, who can sign in, own conversations and answer customers.
// Serial, because no field has to be loaded.
#[Object(serial)]
impl Agent {
    /// The agent's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.0.id)
    }

    /// The agent's name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The agent's job title. Null if none is set.
    async fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// The e-mail address that the agent signs in with.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// The agent's role in the workspace.
    async fn role(&self) -> AgentRole {
        self.0.role.into()
    }

    /// Whether the agent can sign in and own open conversations. A deactivated agent still appears in histories.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Whether the agent may claim conversations under the `HYBRID` assignment model.
    async fn experienced(&self) -> bool {
        self.0.experienced
    }
}

impl FastObject for domain::Agent {
    fn type_name() -> Cow<'static, str> {
        "Agent".into()
    }

    fn writer(selected: &Selected<'_>) -> Option<FieldWriter<Self>> {
        Some(match selected.name() {
            "id" => scalar(|it: &Self, json| json.id(it.id)),
            "name" => scalar(|it: &Self, json| json.text(&it.name)),
            "title" => scalar(|it: &Self, json| json.optional(it.title.as_deref(), Json::text)),
            "email" => scalar(|it: &Self, json| json.text(&it.email)),
            "role" => scalar(|it: &Self, json| json.name(AgentRole::from(it.role))),
            "active" => scalar(|it: &Self, json| json.boolean(it.active)),
            "experienced" => scalar(|it: &Self, json| json.boolean(it.experienced)),
            _ => return None,
        })
    }
}

impl FastObject for Agent {}

/// A page of agents, ordered by name.
#[derive(MergedObject)]
pub struct AgentConnection(pub Page<Agent, domain::AgentId>, pub Total);
