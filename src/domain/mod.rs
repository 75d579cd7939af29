//! The rules, pure: no SQL, no GraphQL, no async, no clock.
//!
//! - [`ids`]: one type per kind of id.
//! - [`conversation`]: who owns a conversation, and what may happen to it next.
//! - [`agent`]: who may assign what, under each plan and assignment model.
//! - [`handoff`], [`rebalance`], [`rebalance_plan`]: how many conversations change owners at once, or by themselves.
//! - [`event`]: what the log records of a change.
//! - [`view`]: which conversations a view shows, and what an event means to one view of one viewer.
//! - [`counts`]: what a conversation adds to the badges.
//! - [`queue`]: how unassigned work fills and empties, and whether it grows.
//! - [`presence`]: who is looking at a conversation.
//! - [`audit`], [`duplicates`]: how the team kept its promises, from the log.
//! - [`message`], [`input`]: texts, and what agents may type.
//! - [`words`]: how text becomes searchable words.
//! - [`refusal`]: why a command was turned down. [`spelling`]: how enums are stored.
//!
//! Every function here takes facts and returns a decision. A rule that needs a query gets the answer as an
//! argument, from [`crate::service`].

pub mod agent;
pub mod audit;
pub mod conversation;
pub mod counts;
pub mod duplicates;
pub mod event;
pub mod handoff;
pub mod ids;
pub mod input;
pub mod input_field;
pub mod message;
pub mod presence;
pub mod queue;
pub mod rebalance;
pub mod rebalance_plan;
pub mod refusal;
pub mod spelling;
pub mod view;
pub mod words;

#[cfg(test)]
mod properties;

pub use agent::{Agent, AssignmentModel, Plan, Policy, Role};
pub use conversation::{Conversation, Ownership, Snapshot, State, Status};
pub use event::{AccessChange, ConversationEvent, Event, EventBody, EventKind};
pub use handoff::Lease;
pub use ids::{AgentId, ContactId, ConversationId, MessageId, PhoneNumberId, RebalancePlanId, WorkspaceId};
pub use input_field::InputField;
pub use message::{AuthoredMessage, DeliveryStatus, Direction, Message};
pub use presence::{Presence, PresenceState};
pub use queue::{QueueHealth, QueueThresholds};
pub use refusal::Refusal;
pub use view::{Filter, View, Viewer};

use crate::clock::Timestamp;

/// The customer account. Every other row belongs to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    pub plan: Plan,
    pub assignment_model: AssignmentModel,
    pub queue_thresholds: QueueThresholds,
    /// How long an owner may leave a customer waiting; `None` is for ever.
    pub lease: Option<Lease>,
}

/// A shared number that customers text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber {
    pub id: PhoneNumberId,
    pub workspace_id: WorkspaceId,
    pub number: input::E164,
    pub label: String,
    pub created_at: Timestamp,
}

/// A customer's phone number, with a name if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: ContactId,
    pub workspace_id: WorkspaceId,
    pub number: input::E164,
    pub name: Option<String>,
}
