//! The events of conversations.

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

/// The kind of a conversation event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::EventKind")]
pub enum ConversationEventKind {
    /// The customer sent a message. The message reopens a closed conversation.
    Received,
    /// An agent sent a message.
    Replied,
    /// The conversation got a new assignee.
    Assigned,
    /// The conversation lost its assignee.
    Unassigned,
    /// An agent closed the conversation.
    Closed,
    /// An agent reopened the conversation.
    Reopened,
    /// The new assignee confirmed a handoff.
    Acknowledged,
    /// You marked the conversation as read. Only you receive this event, and it is not part of the history.
    Read,
    /// You marked the conversation as unread. Only you receive this event, and it is not part of the history.
    Unread,
}

/// The GraphQL type `ConversationEvent`.
#[derive(Clone)]
pub struct ConversationEvent {
    event: Arc<Event>,
    loaders: Arc<Loaders>,
}

impl ConversationEvent {
    /// `None` if the event does not concern a conversation.
    pub fn new(event: Arc<Event>, loaders: &Arc<Loaders>) -> Option<Self> {
        matches!(event.body, EventBody::Conversation(_)).then(|| Self { event, loaders: loaders.clone() })
    }

    /// The conversation's version after the event.
    pub fn version(&self) -> i32 {
        self.body().map_or(0, |body| body.after.conversation.version)
    }

    /// Always `Some`, because [`Self::new`] accepts no other events.
    fn body(&self) -> Option<&domain::ConversationEvent> {
        match &self.event.body {
            EventBody::Conversation(body) => Some(body),
            EventBody::Access(_) | EventBody::Workspace(_) => None,
        }
    }

    async fn find_agent(&self, id: Option<AgentId>) -> Option<Result<Agent>> {
        self.loaders.agent(id?).await.map(|found| found.map(Agent)).transpose()
    }
}

/// An event in the history of a conversation.
#[Object]
impl ConversationEvent {
    /// The event's id.
    pub async fn id(&self) -> ID {
        ids::encode_event(self.event.workspace_id, self.event.seq)
    }

    /// The event's position in the event log of the workspace.
    async fn cursor(&self) -> EventCursor {
        let services = self.loaders.services();
        EventCursor(services.cursor(self.event.workspace_id, self.event.seq))
    }

    /// The kind of the event.
    async fn kind(&self) -> Result<ConversationEventKind> {
        let body =
            self.body().ok_or_else(|| crate::graphql::error::missing("the conversation of an event"))?;
        Ok(body.kind.into())
    }

    /// When the event happened.
    async fn at(&self) -> Timestamp {
        self.event.at
    }

    /// The agent who caused the event. Null if a customer or the server caused it.
    async fn actor(&self) -> Option<Result<Agent>> {
        self.find_agent(self.event.actor).await
    }

    /// The conversation's assignee before the event. Null if it had none.
    async fn previous_assignee(&self) -> Option<Result<Agent>> {
        self.find_agent(self.body()?.previous_assignee()).await
    }

    /// The conversation's assignee after the event. Null if it had none.
    async fn assignee(&self) -> Option<Result<Agent>> {
        self.find_agent(self.body()?.assignee()).await
    }

    /// The message that was received or sent. Null for other kinds of events.
    async fn message(&self) -> Option<Result<Message>> {
        Message::find(self.body()?.message_id?, &self.loaders).await.transpose()
    }

    /// Why the event happened, if `kind` alone does not say: `ACCESS_REVOKED`, `AGENT_DEACTIVATED`,
    /// `ASSIGNEE_UNAVAILABLE`, `LEASE_EXPIRED`, `HANDED_OFF`, `REBALANCED`, `REBALANCE_UNDONE` or
    /// `STALE_OVERRIDDEN`. Null otherwise.
    async fn reason(&self) -> Option<&str> {
        self.body()?.reason.as_deref()
    }

    /// The note that the acting agent added for colleagues. Null if there is no note.
    async fn note(&self) -> Option<&str> {
        self.body()?.note.as_deref()
    }
}

impl FastObject for ConversationEvent {}

/// A page of a conversation's history, newest first.
#[derive(MergedObject)]
pub struct ConversationEventConnection(pub Page<ConversationEvent, HistoryNumber>, pub Total);
