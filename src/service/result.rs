//! What use cases answer with.

use std::sync::Arc;

use crate::domain::{Agent, AgentId, Conversation, Message, Refusal, Snapshot};
use crate::store::{Retry, StoreError};

/// Why a use case did not happen. Whichever it is, nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An expected outcome, for the payload.
    #[error("refused")]
    Refused(Refusal),
    /// The caller's agent does not exist or is deactivated.
    #[error("the agent of this token cannot sign in")]
    Unauthenticated,
    /// This caller may never do this; says who may.
    #[error("{0}")]
    Forbidden(&'static str),
    /// An argument that a well-behaved client never sends.
    #[error("{0}")]
    BadInput(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Retry for Error {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    fn is_fault(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A conversation as one caller sees it.
#[derive(Debug, Clone)]
pub struct VisibleConversation {
    pub conversation: Arc<Conversation>,
    /// Whether it is unread for the caller; false for a service.
    pub unread: bool,
}

impl VisibleConversation {
    /// `snapshot`, as `viewer` sees it; `None` is a service.
    pub fn new(snapshot: &Snapshot, viewer: Option<AgentId>) -> Self {
        Self {
            conversation: Arc::new(snapshot.conversation.clone()),
            unread: viewer.is_some_and(|agent| snapshot.unread_for(agent)),
        }
    }
}

/// What became of a command about one conversation.
#[derive(Debug, Clone)]
pub struct CommandOutcome {
    pub seen: VisibleConversation,
    /// Who owned it before the command.
    pub previous_assignee: Option<AgentId>,
    /// False when it already was as asked, and nothing was written.
    pub changed: bool,
    /// The position in the log at which `seen` holds.
    pub as_of: i64,
    /// The message that the command stored, or had stored the first time.
    pub message: Option<Message>,
    /// Agents that were read on the way, as they were when it was done: who did it, and who owns and owned it.
    pub agents: Vec<Agent>,
}
