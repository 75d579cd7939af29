//! What the log records of a change.
//!
//! Every change is one event, numbered 1, 2, 3 … per workspace without gaps. An event about a conversation
//! holds the conversation before and after it, so that what it means to any view is a pure function of the
//! event (see [`crate::domain::view`]). An event about access has no conversation: a stream of the agent
//! whom it concerns starts anew there.

use serde::{Deserialize, Serialize};

use super::conversation::Snapshot;
use super::ids::{AgentId, ConversationId, MessageId, PhoneNumberId, WorkspaceId};
use crate::clock::Timestamp;

/// What happened to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The customer wrote; reopens a closed conversation.
    Received,
    /// An agent wrote.
    Replied,
    Assigned,
    Unassigned,
    Closed,
    Reopened,
    /// The new owner confirmed a handoff.
    Acknowledged,
    /// One agent opened the last inbound message. Concerns nobody else.
    Read,
    /// One agent marked it unread again. Concerns nobody else.
    Unread,
}
super::spelling::spelled!(EventKind {
    Received = "RECEIVED",
    Replied = "REPLIED",
    Assigned = "ASSIGNED",
    Unassigned = "UNASSIGNED",
    Closed = "CLOSED",
    Reopened = "REOPENED",
    Acknowledged = "ACKNOWLEDGED",
    Read = "READ",
    Unread = "UNREAD",
});

impl EventKind {
    /// Whether the event concerns only the agent who caused it, and so is no part of the history.
    pub fn is_personal(self) -> bool {
        matches!(self, Self::Read | Self::Unread)
    }
}

/// One entry of a workspace's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub workspace_id: WorkspaceId,
    /// The position: 1, 2, 3 … in order of commit.
    pub seq: i64,
    /// Never earlier than the event before.
    pub at: Timestamp,
    /// Who did it; `None` for customers and for the operator.
    pub actor: Option<AgentId>,
    pub body: EventBody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventBody {
    Conversation(Box<ConversationEvent>),
    Access(AccessChange),
}

/// A change of one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationEvent {
    pub kind: EventKind,
    /// `None` when the conversation began with this event.
    pub before: Option<Snapshot>,
    pub after: Snapshot,
    /// The message, when the event is one.
    pub message_id: Option<MessageId>,
    pub reason: Option<String>,
    pub note: Option<String>,
}

impl ConversationEvent {
    pub fn conversation_id(&self) -> ConversationId {
        self.after.conversation.id
    }

    /// Who owned the conversation before.
    pub fn previous_assignee(&self) -> Option<AgentId> {
        self.before.as_ref().and_then(|before| before.conversation.assignee())
    }

    /// Who owns it now.
    pub fn assignee(&self) -> Option<AgentId> {
        self.after.conversation.assignee()
    }
}

/// A change of what one agent may see or do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    pub agent_id: AgentId,
    #[serde(flatten)]
    pub kind: AccessChangeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", content = "phone_number_id", rename_all = "snake_case")]
pub enum AccessChangeKind {
    Granted(PhoneNumberId),
    Revoked(PhoneNumberId),
    Deactivated,
    Reactivated,
    RoleChanged,
}
