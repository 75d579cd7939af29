//! Results and errors of use cases.

use std::sync::Arc;

use crate::domain::{Agent, AgentId, Conversation, Message, Refusal, Snapshot};
use crate::store::{Retry, StoreError};

/// Why a use case failed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules refuse the command. Part of the mutation's payload.
    #[error("refused")]
    Refused(Refusal),
    /// The caller's agent does not exist or is deactivated.
    #[error("the agent of this token cannot sign in")]
    Unauthenticated,
    /// The caller is not allowed to do this. The text says who is.
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
    /// Whether the conversation is unread for the caller; false for a service.
    pub unread: bool,
}

impl VisibleConversation {
    /// `snapshot` as `viewer` sees it. The viewer is `None` for a service.
    pub fn new(snapshot: &Snapshot, viewer: Option<AgentId>) -> Self {
        Self {
            conversation: Arc::new(snapshot.conversation.clone()),
            unread: viewer.is_some_and(|agent| snapshot.unread_for(agent)),
        }
    }
}

/// The result of a command on one conversation.
#[derive(Debug, Clone)]
pub struct CommandOutcome {
    pub visible: VisibleConversation,
    /// The owner before the command.
    pub previous_assignee: Option<AgentId>,
    /// Whether the command changed anything.
    pub changed: bool,
    /// The position in the log that `visible` corresponds to.
    pub as_of: i64,
    /// The message that this call stored, or that the first call with the same key stored.
    pub message: Option<Message>,
    /// The agents that the transaction locked: the actor, the owner and the previous owner. May be empty.
    pub agents: Vec<Agent>,
}
