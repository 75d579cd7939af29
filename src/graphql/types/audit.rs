//! How the team kept its promises: figures for managers, and what stands in breach now.

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

/// How ownership went in a span of time, over the open conversations of your phone numbers.
#[derive(SimpleObject)]
pub struct OwnershipAudit {
    /// The beginning of the span.
    pub from: Timestamp,
    /// The end of the span: what was asked for, or now when that lies ahead. No part of it.
    pub to: Timestamp,
    /// Minutes that open conversations had no assignee, over all of them.
    pub minutes_unowned: f64,
    /// Minutes that customers waited for an answer, over all open conversations.
    pub minutes_waiting: f64,
    /// How often a conversation went from one assignee to another.
    pub hand_overs: i32,
    /// How many conversations were open at some time.
    pub conversations: i32,
    /// The same for each phone number, in the order of `phoneNumbers`.
    pub by_phone_number: Vec<PhoneNumberAudit>,
    /// A position that these figures include.
    pub as_of: EventCursor,
}

/// How ownership went on one phone number.
#[derive(SimpleObject)]
pub struct PhoneNumberAudit {
    /// The phone number.
    pub phone_number: PhoneNumber,
    /// Minutes that its open conversations had no assignee, over all of them.
    pub minutes_unowned: f64,
    /// Minutes that its customers waited for an answer, over all open conversations.
    pub minutes_waiting: f64,
    /// How often one of its conversations went from one assignee to another.
    pub hand_overs: i32,
    /// How many of its conversations were open at some time.
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

/// Microseconds as minutes. Exact to the microsecond for some centuries of waiting.
pub fn minutes(micros: i64) -> f64 {
    micros as f64 / MICROS_PER_MINUTE
}

/// A count as the API tells it.
pub fn count(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// How a conversation stands in breach of what the team has promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::audit::ViolationKind")]
pub enum OwnershipViolationKind {
    /// It is open and has had no assignee for too long.
    UnownedTooLong,
    /// It has an assignee, and its customer has waited for an answer for too long.
    UnansweredTooLong,
    /// It is open and its assignee cannot work it. There is never one: this shows that the rule holds.
    OwnedByInactive,
    /// It was closed while the customer waited for an answer, and has not been answered since.
    ClosedUnanswered,
}

/// A conversation that stands in breach of what the team has promised.
pub struct OwnershipViolation {
    pub kind: OwnershipViolationKind,
    pub since: Timestamp,
    pub assignee: Option<domain::AgentId>,
    pub conversation: Conversation,
}

/// A conversation that stands in breach of what the team has promised.
#[Object]
impl OwnershipViolation {
    /// What is wrong.
    async fn kind(&self) -> OwnershipViolationKind {
        self.kind
    }

    /// The conversation.
    async fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// Since when: since it has had no assignee and been open, since the customer waits, since its assignee
    /// owns it, or since it was closed.
    async fn since(&self) -> Timestamp {
        self.since
    }

    /// The agent who owns the conversation; null when nobody does.
    async fn assignee(&self) -> Option<Result<Agent>> {
        self.conversation.find_agent(self.assignee).await
    }
}

/// Where the log was when a list was read.
#[derive(SimpleObject)]
pub struct AsOf {
    /// The position at which this page holds.
    pub as_of: EventCursor,
}

impl FastObject for OwnershipViolation {}

/// A page of violations.
#[derive(MergedObject)]
pub struct OwnershipViolationConnection(pub Page<OwnershipViolation, ViolationPosition>, pub AsOf);
