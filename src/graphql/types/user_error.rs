//! Why a mutation did not do what was asked, as data in its payload.

use async_graphql::{Enum, ID, Interface, SimpleObject};

use super::conversation::Conversation;
use super::message::Message;
use super::workspace::Plan;

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// The value of an input field cannot be used.
    Invalid,
    /// There is no such thing, or you have no access to it.
    NotFound,
    /// The agent who was to own the conversation is deactivated.
    AgentInactive,
    /// The agent who was to own the conversation has no access to its phone number.
    AgentLacksAccess,
    /// Your role, or the workspace's assignment model, leaves this to others.
    NotAllowed,
    /// The idempotency key was used before, with other input.
    IdempotencyKeyReused,
    /// Somebody else owns the conversation.
    AlreadyAssigned,
    /// The conversation, or what a plan was made from, is not as you expected it to be.
    Stale,
    /// The workspace's plan does not include this.
    PlanRequired,
    /// Somebody else has replied since the last message you saw.
    StaleReply,
}

/// Why a mutation did not do what was asked. Nothing was written.
#[derive(Clone, Interface)]
#[graphql(
    field(name = "code", ty = "&UserErrorCode", desc = "Why, for programs."),
    field(name = "message", ty = "&String", desc = "Why, for people."),
    field(
        name = "path",
        ty = "&Option<Vec<String>>",
        desc = "Which argument it is about, from the outermost in; null when it is about none in particular."
    )
)]
pub enum UserError {
    Input(InputError),
    Conflict(ConflictError),
    Plan(PlanError),
    StaleReply(StaleReplyError),
    PlanStale(PlanStaleError),
}

impl UserError {
    /// The conversation as it is now, when somebody else got there first.
    pub fn current(&self) -> Option<&Conversation> {
        match self {
            Self::Conflict(conflict) => Some(&conflict.current),
            _ => None,
        }
    }

    /// Whether the error is about this argument, or about none in particular.
    pub fn is_at(&self, field: &str) -> bool {
        let path = match self {
            Self::Input(error) => &error.path,
            Self::Conflict(error) => &error.path,
            Self::Plan(error) => &error.path,
            Self::StaleReply(error) => &error.path,
            Self::PlanStale(error) => &error.path,
        };
        path.as_ref().and_then(|path| path.last()).is_none_or(|last| last == field)
    }

    /// Says that the error is about another argument.
    pub fn set_path(&mut self, path: Vec<String>) {
        match self {
            Self::Input(error) => error.path = Some(path),
            Self::Conflict(error) => error.path = Some(path),
            Self::Plan(error) => error.path = Some(path),
            Self::StaleReply(error) => error.path = Some(path),
            Self::PlanStale(error) => error.path = Some(path),
        }
    }
}

/// The input cannot be used, or you may not do this.
#[derive(Clone, SimpleObject)]
pub struct InputError {
    /// Why, for programs.
    pub code: UserErrorCode,
    /// Why, for people.
    pub message: String,
    /// Which argument it is about, from the outermost in; null when it is about none in particular.
    pub path: Option<Vec<String>>,
}

/// Somebody else got there first.
#[derive(Clone, SimpleObject)]
pub struct ConflictError {
    /// Why, for programs.
    pub code: UserErrorCode,
    /// Why, for people.
    pub message: String,
    /// Which argument it is about, from the outermost in; null when it is about none in particular.
    pub path: Option<Vec<String>>,
    /// The conversation as it is now: who owns it, and since when.
    pub current: Conversation,
}

/// The workspace's plan does not include this.
#[derive(Clone, SimpleObject)]
pub struct PlanError {
    /// Why, for programs.
    pub code: UserErrorCode,
    /// Why, for people.
    pub message: String,
    /// Which argument it is about, from the outermost in; null when it is about none in particular.
    pub path: Option<Vec<String>>,
    /// The least plan that includes it.
    pub required_plan: Plan,
}

/// Somebody else has replied since the last message you saw. Read their replies, then send again with
/// `overrideStale` if yours is still needed.
#[derive(Clone, SimpleObject)]
pub struct StaleReplyError {
    /// Why, for programs.
    pub code: UserErrorCode,
    /// Why, for people.
    pub message: String,
    /// Which argument it is about, from the outermost in; null when it is about none in particular.
    pub path: Option<Vec<String>>,
    /// What others have replied meanwhile, oldest first.
    pub newer_messages: Vec<Message>,
}

/// What the plan was made from is no longer so. Nothing was moved; make a new plan.
#[derive(Clone, SimpleObject)]
pub struct PlanStaleError {
    /// Why, for programs.
    pub code: UserErrorCode,
    /// Why, for people.
    pub message: String,
    /// Which argument it is about, from the outermost in; null when it is about none in particular.
    pub path: Option<Vec<String>>,
    /// The conversations that are not as planned; empty when the plan is too old, or was taken back.
    pub conversation_ids: Vec<ID>,
}
