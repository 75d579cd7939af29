//! Events: the entries of a workspace's log.
//!
//! Every change is one event, numbered 1, 2, 3 … per workspace without gaps. An event of a conversation contains
//! the conversation before and after the change, so its effect on a view is a pure function of the event (see
//! [`crate::domain::view`]). An event of access has no conversation: it resets the streams of its agent.

use serde::{Deserialize, Serialize};

use super::conversation::Snapshot;
use super::ids::{AgentId, ConversationId, MessageId, PhoneNumberId, ServiceTokenId, WorkspaceId};
use super::workspace_event::{Target, WorkspaceChange, WorkspaceEventKind};
use crate::clock::Timestamp;

/// What happened to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The customer wrote. Reopens a closed conversation.
    Received,
    /// An agent wrote.
    Replied,
    Assigned,
    Unassigned,
    Closed,
    Reopened,
    /// The new owner confirmed a handoff.
    Acknowledged,
    /// An agent read the last inbound message. Concerns only this agent.
    Read,
    /// An agent marked the conversation as unread. Concerns only this agent.
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
    /// Whether the event concerns only the agent who caused it. Such events are not part of the history.
    pub fn is_personal(self) -> bool {
        match self {
            Self::Read | Self::Unread => true,
            Self::Received
            | Self::Replied
            | Self::Assigned
            | Self::Unassigned
            | Self::Closed
            | Self::Reopened
            | Self::Acknowledged => false,
        }
    }
}

/// An entry of a workspace's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub workspace_id: WorkspaceId,
    /// The sequence number: 1, 2, 3 … in order of commit.
    pub seq: i64,
    /// Never earlier than the time of the previous event.
    pub at: Timestamp,
    /// The agent who caused the event; `None` for customers and for the operator.
    pub actor: Option<AgentId>,
    pub body: EventBody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventBody {
    Conversation(Box<ConversationEvent>),
    Access(AccessChange),
    /// An administrative act that changes no agent's access.
    Workspace(Box<WorkspaceChange>),
}

impl EventBody {
    /// A change of access.
    pub fn access(agent_id: AgentId, kind: AccessChangeKind) -> Self {
        Self::Access(AccessChange::new(agent_id, kind))
    }

    /// An administrative act.
    pub fn act(kind: WorkspaceEventKind, target: Option<Target>) -> Self {
        Self::Workspace(Box::new(WorkspaceChange::new(kind, target)))
    }

    /// Adds what was changed to a change of access or an administrative act.
    pub fn with(mut self, before: Option<String>, after: Option<String>) -> Self {
        match &mut self {
            Self::Conversation(_) => {}
            Self::Access(change) => (change.before, change.after) = (before, after),
            Self::Workspace(change) => (change.before, change.after) = (before, after),
        }
        self
    }

    /// The administrative act that the event records; `None` for the event of a conversation.
    pub fn workspace_change(&self) -> Option<WorkspaceChange> {
        match self {
            Self::Conversation(_) => None,
            Self::Workspace(change) => Some((**change).clone()),
            Self::Access(change) => Some(change.as_workspace_change()),
        }
    }
}

/// A change to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationEvent {
    pub kind: EventKind,
    /// `None` when the conversation began with this event.
    pub before: Option<Snapshot>,
    pub after: Snapshot,
    /// The message, for `Received` and `Replied`.
    pub message_id: Option<MessageId>,
    pub reason: Option<String>,
    pub note: Option<String>,
}

impl ConversationEvent {
    pub fn conversation_id(&self) -> ConversationId {
        self.after.conversation.id
    }

    /// The owner before the event.
    pub fn previous_assignee(&self) -> Option<AgentId> {
        self.before.as_ref().and_then(|before| before.conversation.assignee())
    }

    /// The owner after the event.
    pub fn assignee(&self) -> Option<AgentId> {
        self.after.conversation.assignee()
    }
}

/// A change to an agent's permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChange {
    pub agent_id: AgentId,
    #[serde(flatten)]
    pub kind: AccessChangeKind,
    /// What was changed, before and after the change, for the history of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl AccessChange {
    pub fn new(agent_id: AgentId, kind: AccessChangeKind) -> Self {
        Self { agent_id, kind, before: None, after: None }
    }

    /// Adds what was changed.
    pub fn with(mut self, before: Option<String>, after: Option<String>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }

    fn as_workspace_change(&self) -> WorkspaceChange {
        use WorkspaceEventKind as Kind;
        let kind = match self.kind {
            AccessChangeKind::Granted(_) => Kind::AccessGranted,
            AccessChangeKind::Revoked(_) => Kind::AccessRevoked,
            AccessChangeKind::Deactivated => Kind::AgentDeactivated,
            AccessChangeKind::Reactivated => Kind::AgentReactivated,
            AccessChangeKind::RoleChanged => Kind::RoleChanged,
            AccessChangeKind::TokensRevoked => Kind::TokensRevoked,
            AccessChangeKind::ServiceTokenRevoked => Kind::ServiceTokenRevoked,
        };
        let target = match self.kind {
            // All signed tokens of services have the nil id.
            AccessChangeKind::ServiceTokenRevoked if self.agent_id.0.is_nil() => None,
            AccessChangeKind::ServiceTokenRevoked => {
                Some(Target::ServiceToken(ServiceTokenId(self.agent_id.0)))
            }
            _ => Some(Target::Agent(self.agent_id)),
        };
        WorkspaceChange::new(kind, target).with(self.before.clone(), self.after.clone())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", content = "phone_number_id", rename_all = "snake_case")]
pub enum AccessChangeKind {
    Granted(PhoneNumberId),
    Revoked(PhoneNumberId),
    Deactivated,
    Reactivated,
    RoleChanged,
    /// The agent's tokens were revoked. Stored in a form that older processes know: see `store::log::images`.
    #[serde(skip)]
    TokensRevoked,
    /// The token of a service was revoked. `agent_id` has its id. Stored as [`Self::TokensRevoked`] is.
    #[serde(skip)]
    ServiceTokenRevoked,
}
