//! The events of the workspace's history.

use std::sync::Arc;

use async_graphql::{Enum, MergedObject, Object, Result};

use super::agent::Agent;
use super::node::Node;
use super::phone_number::PhoneNumber;
use super::service_token::ServiceToken;
use crate::clock::Timestamp;
use crate::domain::Event;
use crate::domain::workspace_event::{self, Target, WorkspaceChange};
use crate::graphql::connection::{Cursor, Page};
use crate::graphql::error;
use crate::graphql::loaders::Loaders;
use crate::graphql::scalars::EventCursor;
use graphql_transport::fast::FastObject;

/// The kind of an administrative act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "workspace_event::WorkspaceEventKind")]
pub enum WorkspaceEventKind {
    /// An agent got access to a phone number.
    AccessGranted,
    /// An agent lost access to a phone number.
    AccessRevoked,
    /// An agent was added.
    AgentCreated,
    /// An agent's name, title or experience was changed.
    AgentUpdated,
    /// An agent was deactivated.
    AgentDeactivated,
    /// An agent was reactivated.
    AgentReactivated,
    /// An agent's role was changed.
    RoleChanged,
    /// A token was issued for an agent.
    TokenIssued,
    /// An agent's tokens were revoked.
    TokensRevoked,
    /// A token was issued for a service.
    ServiceTokenIssued,
    /// A token of a service was revoked.
    ServiceTokenRevoked,
    /// A phone number was added.
    PhoneNumberAdded,
    /// The operator confirmed that the workspace holds a phone number.
    PhoneNumberVerified,
    /// A phone number was removed.
    PhoneNumberRemoved,
    /// The operator moved a phone number between workspaces.
    PhoneNumberMoved,
    /// The assignment model was changed.
    AssignmentModelChanged,
    /// The thresholds of queue health were changed.
    QueueThresholdsChanged,
    /// The ownership lease was changed.
    OwnershipLeaseChanged,
    /// The operator changed the plan.
    PlanChanged,
}

/// A position in the history of a workspace: the number of an event.
pub struct WorkspaceEventNumber(pub i64);

impl Cursor for WorkspaceEventNumber {
    const TAG: &'static str = "e";

    fn write(&self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number| *number >= 1).map(Self)
    }
}

/// The GraphQL type `WorkspaceEvent`.
pub struct WorkspaceEvent {
    event: Arc<Event>,
    change: WorkspaceChange,
    loaders: Arc<Loaders>,
}

impl WorkspaceEvent {
    /// `None` if the event concerns a conversation.
    pub fn new(event: Arc<Event>, loaders: &Arc<Loaders>) -> Option<Self> {
        let change = event.body.workspace_change()?;
        Some(Self { event, change, loaders: loaders.clone() })
    }

    async fn find_target(&self) -> Result<Option<Node>> {
        let services = self.loaders.services();
        let access = self.loaders.access().await?;
        Ok(match self.change.target {
            None => None,
            Some(Target::Agent(id)) => self.loaders.agent(id).await?.map(Agent).map(Node::Agent),
            Some(Target::PhoneNumber(id)) => {
                let found = services.number_of_workspace(access, id).await.map_err(error::of_service)?;
                found.map(PhoneNumber).map(Node::PhoneNumber)
            }
            Some(Target::ServiceToken(id)) => {
                let found = services.service_token(access, id).await.map_err(error::of_service)?;
                found.map(ServiceToken).map(Node::ServiceToken)
            }
        })
    }
}

/// An administrative act in the history of the workspace.
#[Object]
impl WorkspaceEvent {
    /// The event's position in the event log of the workspace.
    async fn cursor(&self) -> EventCursor {
        let services = self.loaders.services();
        EventCursor(services.cursor(self.event.workspace_id, self.event.seq))
    }

    /// When it happened.
    async fn at(&self) -> Timestamp {
        self.event.at
    }

    /// The manager or agent who did it. Null if the operator did it.
    async fn actor(&self) -> Option<Result<Agent>> {
        self.loaders.agent(self.event.actor?).await.map(|found| found.map(Agent)).transpose()
    }

    /// What was done.
    async fn kind(&self) -> WorkspaceEventKind {
        self.change.kind.into()
    }

    /// What it was done to: an agent, a phone number or a service token. Null for the workspace itself, and for an
    /// object that the workspace no longer has.
    async fn target(&self) -> Option<Result<Node>> {
        self.find_target().await.transpose()
    }

    /// What was changed, before the act, as text. Null if nothing was there before.
    async fn before(&self) -> Option<&str> {
        self.change.before.as_deref()
    }

    /// What was changed, after the act, as text. Null if nothing is there after it.
    async fn after(&self) -> Option<&str> {
        self.change.after.as_deref()
    }
}

impl FastObject for WorkspaceEvent {}

/// A page of the history of the workspace, newest first.
#[derive(MergedObject)]
pub struct WorkspaceEventConnection(pub Page<WorkspaceEvent, WorkspaceEventNumber>);
