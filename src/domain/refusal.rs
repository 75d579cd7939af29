//! Why a command was turned down.
//!
//! A refusal is an expected outcome: it travels to the client as data in the payload, never as a fault, and
//! whoever receives it knows that nothing was written.

use super::agent::Plan;
use super::conversation::Snapshot;
use super::ids::ConversationId;
use super::input_field::InputField;
use super::message::Message;

/// An expected reason for not doing what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing, or the caller may not know of it. Names the input field.
    NotFound(InputField),
    /// The value of an input field cannot be used.
    Invalid { field: InputField, message: String },
    /// The agent who is to own the conversation is deactivated.
    AgentInactive,
    /// The agent who is to own the conversation cannot see it.
    AgentLacksAccess,
    /// The assignment model, or the caller's role, does not allow it; with the reason to show.
    NotAllowed(&'static str),
    /// The key was used before, for something else.
    IdempotencyKeyReused,
    /// Somebody else owns the conversation; as it is now.
    AlreadyAssigned(Box<Snapshot>),
    /// The conversation is not what the caller saw; as it is now.
    Stale(Box<Snapshot>),
    /// The workspace's plan does not include this; the least one that does.
    PlanRequired(Plan),
    /// Other agents have replied since the message that the caller saw last; their replies, oldest first.
    StaleReply(Vec<Message>),
    /// What a rebalance plan was made from is no longer so: these of its conversations, or, when there are
    /// none, its agents or its time.
    PlanStale(Vec<ConversationId>),
}

impl Refusal {
    /// The value of `field` cannot be used, because of `message`.
    pub fn invalid(field: InputField, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}
