//! User errors: expected refusals of a mutation, as data in its payload.

use async_graphql::resolver_utils::EnumType as _;
use async_graphql::{Enum, ID, Interface, SimpleObject};

use super::conversation::Conversation;
use super::message::Message;
use super::workspace::Plan;

/// The machine-readable reason why a mutation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UserErrorCode {
    /// The value of an input field is not valid.
    Invalid,
    /// The object does not exist, or you have no access to it.
    NotFound,
    /// The agent who would become the assignee is deactivated.
    AgentInactive,
    /// The agent who would become the assignee has no access to the conversation's phone number.
    AgentLacksAccess,
    /// Your role or the workspace's assignment model does not allow this.
    NotAllowed,
    /// The idempotency key was already used with different input.
    IdempotencyKeyReused,
    /// Another agent already owns the conversation.
    AlreadyAssigned,
    /// The conversation is not in the state that you expected, or has changed since a rebalance plan was made.
    Stale,
    /// The workspace's pricing plan does not include this feature.
    PlanRequired,
    /// Another agent has replied since the last message you saw.
    StaleReply,
    /// A conversation on the phone number is open.
    ConversationOpen,
}

impl UserErrorCode {
    /// The name of the code in the schema.
    pub fn as_str(self) -> &'static str {
        Self::items().iter().find(|item| item.value == self).map_or("", |item| item.name)
    }
}

/// The reason why a mutation was refused. A refused mutation changes nothing.
#[derive(Clone, Interface)]
#[graphql(
    field(name = "code", ty = "&UserErrorCode", desc = "Machine-readable code."),
    field(name = "message", ty = "&String", desc = "Human-readable message, in English."),
    field(
        name = "path",
        ty = "&Option<Vec<String>>",
        desc = "The path to the argument that is at fault, such as `[\"input\", \"agentId\"]`. Null if no single argument is."
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
    /// The current conversation, if the error is a conflict.
    pub fn current(&self) -> Option<&Conversation> {
        match self {
            Self::Conflict(conflict) => Some(&conflict.current),
            Self::Input(_) | Self::Plan(_) | Self::StaleReply(_) | Self::PlanStale(_) => None,
        }
    }

    /// Whether the error concerns this argument, or no particular one.
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

    /// Changes the argument that the error concerns.
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

/// The input is not valid, an object does not exist, or you are not allowed to do this. `code` says which.
#[derive(Clone, SimpleObject)]
pub struct InputError {
    /// Machine-readable code.
    pub code: UserErrorCode,
    /// Human-readable message, in English.
    pub message: String,
    /// The path to the argument that is at fault, such as `["input", "agentId"]`. Null if no single argument is.
    pub path: Option<Vec<String>>,
}

/// Another change came first: the conversation is not in the state that you expected, or another agent owns it.
#[derive(Clone, SimpleObject)]
pub struct ConflictError {
    /// Machine-readable code.
    pub code: UserErrorCode,
    /// Human-readable message, in English.
    pub message: String,
    /// The path to the argument that is at fault, such as `["input", "agentId"]`. Null if no single argument is.
    pub path: Option<Vec<String>>,
    /// The current conversation. `assignee` is its owner, and `assignedAt` is when that agent became the owner.
    pub current: Conversation,
}

/// The workspace's pricing plan does not include this feature.
#[derive(Clone, SimpleObject)]
pub struct PlanError {
    /// Machine-readable code.
    pub code: UserErrorCode,
    /// Human-readable message, in English.
    pub message: String,
    /// The path to the argument that is at fault, such as `["input", "agentId"]`. Null if no single argument is.
    pub path: Option<Vec<String>>,
    /// The lowest pricing plan that includes the feature.
    pub required_plan: Plan,
}

/// Another agent has replied since the last message you saw. Read the newer messages. If your reply is still needed,
/// send it again with `overrideStale: true`.
#[derive(Clone, SimpleObject)]
pub struct StaleReplyError {
    /// Machine-readable code.
    pub code: UserErrorCode,
    /// Human-readable message, in English.
    pub message: String,
    /// The path to the argument that is at fault, such as `["input", "agentId"]`. Null if no single argument is.
    pub path: Option<Vec<String>>,
    /// The replies of other agents since the last message you saw, oldest first.
    pub newer_messages: Vec<Message>,
}

/// The rebalance plan no longer matches the current state. No conversation was moved. Make a new plan.
#[derive(Clone, SimpleObject)]
pub struct PlanStaleError {
    /// Machine-readable code.
    pub code: UserErrorCode,
    /// Human-readable message, in English.
    pub message: String,
    /// The path to the argument that is at fault, such as `["input", "agentId"]`. Null if no single argument is.
    pub path: Option<Vec<String>>,
    /// The conversations that cannot be moved as planned. Empty if the plan has expired or was undone.
    pub conversation_ids: Vec<ID>,
}
