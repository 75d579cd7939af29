//! Ownership reports for managers: figures for a period, and current violations.

use async_graphql::{Enum, MergedObject, Object, Result, SimpleObject};

use super::agent::Agent;
use super::conversation::Conversation;
use super::phone_number::PhoneNumber;
use crate::clock::Timestamp;
use crate::domain;
use crate::domain::audit::Tally;
use crate::graphql::connection::Page;
use crate::graphql::scalars::EventCursor;
use crate::service::queries::violations::ViolationPosition;
use graphql_transport::fast::FastObject;

const MICROS_PER_MINUTE: f64 = 60_000_000.0;

/// How conversations on your phone numbers were owned and answered in a period.
#[derive(SimpleObject)]
pub struct OwnershipAudit {
    /// The start of the period.
    pub from: Timestamp,
    /// The end of the period, exclusive. If the requested end is in the future, the current time.
    pub to: Timestamp,
    /// The total time, in minutes, during which open conversations had no assignee.
    pub minutes_unowned: f64,
    /// The total time, in minutes, during which customers of open conversations waited for an answer.
    pub minutes_waiting: f64,
    /// How many times a conversation changed from one assignee to another.
    pub hand_overs: i32,
    /// The number of conversations that were open at any time in the period.
    pub conversations: i32,
    /// The same figures for each phone number, in the order of `phoneNumbers`.
    pub by_phone_number: Vec<PhoneNumberAudit>,
    /// A position in the event log. The figures include all events up to it.
    pub as_of: EventCursor,
}

/// How conversations on one phone number were owned and answered in a period.
#[derive(SimpleObject)]
pub struct PhoneNumberAudit {
    /// The phone number.
    pub phone_number: PhoneNumber,
    /// The total time, in minutes, during which open conversations on this phone number had no assignee.
    pub minutes_unowned: f64,
    /// The total time, in minutes, during which customers of open conversations on this phone number waited for an
    /// answer.
    pub minutes_waiting: f64,
    /// How many times a conversation on this phone number changed from one assignee to another.
    pub hand_overs: i32,
    /// The number of conversations on this phone number that were open at any time in the period.
    pub conversations: i32,
}

impl PhoneNumberAudit {
    pub fn new(number: &domain::PhoneNumber, tally: Tally) -> Self {
        Self {
            phone_number: PhoneNumber(number.clone()),
            minutes_unowned: minutes(tally.unowned),
            minutes_waiting: minutes(tally.waiting),
            hand_overs: count(tally.hand_overs),
            conversations: count(tally.conversations),
        }
    }
}

/// Converts microseconds to minutes. Exact to the microsecond for sums of several centuries.
pub fn minutes(micros: i64) -> f64 {
    micros as f64 / MICROS_PER_MINUTE
}

/// Converts a count to a GraphQL `Int`; larger counts become the largest one.
pub fn count(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// The kind of an ownership violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::audit::ViolationKind")]
pub enum OwnershipViolationKind {
    /// The conversation is open and has had no assignee for too long.
    UnownedTooLong,
    /// The conversation has an assignee, and its customer has been waiting for an answer for too long.
    UnansweredTooLong,
    /// The conversation is open, but its assignee is deactivated or has no access to its phone number. The server
    /// prevents this, so a violation of this kind indicates damaged data.
    OwnedByInactive,
    /// The conversation was closed while the customer was waiting for an answer, and has not been answered since.
    ClosedUnanswered,
}

/// A conversation that currently breaks an ownership rule.
pub struct OwnershipViolation {
    pub kind: OwnershipViolationKind,
    pub since: Timestamp,
    pub assignee: Option<domain::AgentId>,
    pub conversation: Conversation,
}

/// A conversation that currently breaks an ownership rule.
#[Object]
impl OwnershipViolation {
    /// The rule that is broken.
    async fn kind(&self) -> OwnershipViolationKind {
        self.kind
    }

    /// The conversation.
    async fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// When the violation began. It depends on `kind`:
    ///
    /// - `UNOWNED_TOO_LONG`: when the conversation became open without an assignee.
    /// - `UNANSWERED_TOO_LONG`: when the customer started waiting.
    /// - `OWNED_BY_INACTIVE`: when the conversation was assigned to the assignee.
    /// - `CLOSED_UNANSWERED`: when the conversation was closed.
    async fn since(&self) -> Timestamp {
        self.since
    }

    /// The agent who owns the conversation. Null if it is unassigned.
    async fn assignee(&self) -> Option<Result<Agent>> {
        self.conversation.find_agent(self.assignee).await
    }
}

/// The `asOf` field of a list.
#[derive(SimpleObject)]
pub struct AsOf {
    /// The position in the event log that this page reflects.
    pub as_of: EventCursor,
}

impl FastObject for OwnershipViolation {}

/// A page of ownership violations.
#[derive(MergedObject)]
pub struct OwnershipViolationConnection(pub Page<OwnershipViolation, ViolationPosition>, pub AsOf);
