//! The business rules. They are pure: no SQL, no GraphQL, no async, no clock.
//!
//! - [`ids`]: one type per kind of id.
//! - [`conversation`]: conversations, their owners, and their transitions.
//! - [`agent`]: who may assign, under each plan and assignment model.
//! - [`handoff`], [`rebalance`], [`rebalance_plan`]: owner changes in bulk, and leases.
//! - [`event`]: the entries of the log.
//! - [`view`]: which conversations a view shows, and how an event changes a view.
//! - [`counts`]: what each conversation contributes to the badges.
//! - [`queue`]: the flow and the trend of unassigned work.
//! - [`presence`]: who is viewing a conversation.
//! - [`audit`], [`duplicates`]: how well the team kept its promises, measured from the log.
//! - [`message`], [`input`], [`input_field`]: messages, and validation of agents' input.
//! - [`words`]: searchable words of a text.
//! - [`refusal`]: why a command was refused.
//! - [`spelling`]: the stored names of enum values.
//!
//! Every function takes facts and returns a decision. When a rule depends on a query, [`crate::service`] runs the
//! query and passes the result as an argument.

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
pub mod service_token;
pub mod spelling;
pub mod view;
pub mod words;
pub mod workspace_event;

#[cfg(test)]
mod properties;

pub use agent::{Agent, AssignmentModel, Plan, Policy, Role};
pub use conversation::{Conversation, Ownership, Snapshot, State, Status};
pub use event::{AccessChange, AccessChangeKind, ConversationEvent, Event, EventBody, EventKind};
pub use handoff::Lease;
pub use ids::{
    AgentId, ContactId, ConversationId, MessageId, PhoneNumberId, RebalancePlanId, ServiceTokenId,
    WorkspaceId,
};
pub use input_field::InputField;
pub use message::{AuthoredMessage, DeliveryStatus, Direction, Message};
pub use presence::{Presence, PresenceState};
pub use queue::{QueueHealth, QueueThresholds};
pub use refusal::Refusal;
pub use view::{Filter, View, Viewer};

use crate::clock::Timestamp;

/// A customer account. Every other row belongs to one workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    pub plan: Plan,
    pub assignment_model: AssignmentModel,
    pub queue_thresholds: QueueThresholds,
    /// How long an owner may leave a customer waiting; `None` means without limit.
    pub lease: Option<Lease>,
}

/// A shared phone number that customers send messages to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumber {
    pub id: PhoneNumberId,
    pub workspace_id: WorkspaceId,
    pub number: input::E164,
    pub label: String,
    pub status: NumberStatus,
    pub created_at: Timestamp,
}

/// Whether a workspace is known to hold a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberStatus {
    /// The workspace has asked for the number. It receives and sends nothing.
    Pending,
    Verified,
}

/// Who verifies the numbers that managers add.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NumberVerification {
    /// Nobody. A number is verified if no other workspace has it.
    #[default]
    Off,
    /// The operator, on the command line.
    Operator,
}

/// A customer's phone number, and name if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: ContactId,
    pub workspace_id: WorkspaceId,
    pub number: input::E164,
    pub name: Option<String>,
}
