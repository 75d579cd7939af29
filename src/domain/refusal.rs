//! Why a command was refused.
//!
//! A refusal is an expected outcome. The client receives it as data in the payload, not as an error, and knows that
//! nothing was written.

use super::agent::Plan;
use super::conversation::Snapshot;
use super::ids::ConversationId;
use super::input_field::InputField;
use super::message::Message;

/// An expected reason for refusing a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The object does not exist, or the caller has no access to it. Contains the input field that names it.
    NotFound(InputField),
    /// The value of an input field is invalid.
    Invalid { field: InputField, message: String },
    /// The new owner is deactivated.
    AgentInactive,
    /// The phone number cannot be removed while a conversation on it is open.
    ConversationOpen,
    /// The new owner has no access to the conversation.
    AgentLacksAccess,
    /// The assignment model or the caller's role does not allow the command. Contains the message to show.
    NotAllowed(&'static str),
    /// The idempotency key was already used for a different command.
    IdempotencyKeyReused,
    /// Another agent owns the conversation. Contains the current conversation.
    AlreadyAssigned(Box<Snapshot>),
    /// The conversation has changed since the caller read it. Contains the current conversation.
    Stale(Box<Snapshot>),
    /// The workspace's plan does not include the command. Contains the lowest plan that does.
    PlanRequired(Plan),
    /// Other agents have replied since the last message that the caller has seen. Contains the replies, oldest
    /// first.
    StaleReply(Vec<Message>),
    /// A rebalance plan no longer matches the current state. Contains its conversations that have changed; empty
    /// when the plan has expired or its agents have changed.
    PlanStale(Vec<ConversationId>),
}

impl Refusal {
    /// Creates a [`Refusal::Invalid`].
    pub fn invalid(field: InputField, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}
