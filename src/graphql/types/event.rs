//! One entry of a conversation's history.

use std::sync::Arc;

use async_graphql::{Enum, ID, MergedObject, Object, Result};

use super::agent::Agent;
use super::message::Message;
use crate::clock::Timestamp;
use crate::domain::{self, AgentId, Event, EventBody};
use crate::graphql::connection::{HistoryNumber, Page, Total};
use crate::graphql::ids;
use crate::graphql::loaders::Loaders;
use crate::graphql::scalars::EventCursor;
use graphql_transport::fast::FastObject;

/// What happened to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::EventKind")]
pub enum ConversationEventKind {
    /// The customer wrote. Reopens a closed conversation.
    Received,
    /// An agent wrote.
    Replied,
    /// Somebody became the assignee.
    Assigned,
    /// The conversation went back to nobody.
    Unassigned,
    /// The work was marked as done.
    Closed,
    /// An agent took the work up again.
    Reopened,
    /// The new owner confirmed that they have taken over what was handed off to them.
    Acknowledged,
    /// You opened the customer's last message. Concerns nobody else, and is no part of the history.
    Read,
    /// You marked the conversation as unread. Concerns nobody else, and is no part of the history.
    Unread,
}

/// An event about a conversation.
#[derive(Clone)]
pub struct ConversationEvent {
    event: Arc<Event>,
    loaders: Arc<Loaders>,
}

impl ConversationEvent {
    /// `None` when the event is about something else than a conversation.
    pub fn new(event: Arc<Event>, loaders: &Arc<Loaders>) -> Option<Self> {
        matches!(event.body, EventBody::Conversation(_)).then(|| Self { event, loaders: loaders.clone() })
    }

    /// The version of the conversation that it left.
    pub fn version(&self) -> i32 {
        self.body().map_or(0, |body| body.after.conversation.version)
    }

    /// Always there: [`Self::new`] takes no other events.
    fn body(&self) -> Option<&domain::ConversationEvent> {
        match &self.event.body {
            EventBody::Conversation(body) => Some(body),
            EventBody::Access(_) => None,
        }
    }

    async fn find_agent(&self, id: Option<AgentId>) -> Option<Result<Agent>> {
        self.loaders.agent(id?).await.map(|found| found.map(Agent)).transpose()
    }
}

/// Something that happened to a conversation.
#[Object]
impl ConversationEvent {
    /// The event's id.
    pub async fn id(&self) -> ID {
        ids::encode_event(self.event.workspace_id, self.event.seq)
    }

    /// Its position in what has happened in the workspace.
    async fn cursor(&self) -> EventCursor {
        let services = self.loaders.services();
        EventCursor(services.cursor(self.event.workspace_id, self.event.seq))
    }

    /// What happened.
    async fn kind(&self) -> Result<ConversationEventKind> {
        let body =
            self.body().ok_or_else(|| crate::graphql::error::missing("the conversation of an event"))?;
        Ok(body.kind.into())
    }

    /// When it happened.
    async fn at(&self) -> Timestamp {
        self.event.at
    }

    /// The agent who did it; null for the customer and for what happened by itself.
    async fn actor(&self) -> Option<Result<Agent>> {
        self.find_agent(self.event.actor).await
    }

    /// Who owned the conversation before; null when nobody did.
    async fn previous_assignee(&self) -> Option<Result<Agent>> {
        self.find_agent(self.body()?.previous_assignee()).await
    }

    /// Who owned the conversation afterwards; null when nobody did.
    async fn assignee(&self) -> Option<Result<Agent>> {
        self.find_agent(self.body()?.assignee()).await
    }

    /// The message, when the event is one.
    async fn message(&self) -> Option<Result<Message>> {
        Message::find(self.body()?.message_id?, &self.loaders).await.transpose()
    }

    /// Why it happened, when that is not plain from the kind: ACCESS_REVOKED, AGENT_DEACTIVATED,
    /// ASSIGNEE_UNAVAILABLE, LEASE_EXPIRED, HANDED_OFF, REBALANCED, REBALANCE_UNDONE or STALE_OVERRIDDEN.
    async fn reason(&self) -> Option<&str> {
        self.body()?.reason.as_deref()
    }

    /// What the agent who did it wrote beside it, for colleagues.
    async fn note(&self) -> Option<&str> {
        self.body()?.note.as_deref()
    }
}

impl FastObject for ConversationEvent {}

/// A page of a conversation's history, newest first.
#[derive(MergedObject)]
pub struct ConversationEventConnection(pub Page<ConversationEvent, HistoryNumber>, pub Total);
