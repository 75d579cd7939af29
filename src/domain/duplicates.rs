//! Counts how often two agents answered the same customer: the race that ownership prevents.
//!
//! A turn is an uninterrupted run of messages from the customer. The agents' messages until the customer writes
//! again are its answers. A turn is a duplicate when two consecutive answers come from different agents within
//! [`CLOSE_TOGETHER`]. A turn belongs to the span that contains its first answer. This module does not read the
//! log and does not check access.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::audit::Span;
use super::event::{ConversationEvent, EventKind};
use super::ids::{AgentId, ConversationId, PhoneNumberId};
use crate::clock::Timestamp;

/// The longest time between duplicate answers, in microseconds: one minute.
pub const CLOSE_TOGETHER: i64 = 60_000_000;

const HOUR: i64 = 3_600_000_000;

/// The state of a conversation's latest turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The customer wrote last.
    Unanswered,
    /// First answered within the span.
    Answered { first: Timestamp, last: Timestamp, by: Option<AgentId>, duplicate: bool },
    /// Does not count: first answered outside the span, or the customer has not written.
    NotCounted,
}

/// The number of answered turns and of duplicates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DuplicateReplies {
    /// Answered turns.
    pub answered: u64,
    /// Turns with a duplicate answer.
    pub duplicates: u64,
    /// Duplicates by the hour of the turn's first answer and by phone number. Zeros are omitted.
    pub buckets: BTreeMap<(Timestamp, PhoneNumberId), u64>,
}

/// Folds the messages of the log into a [`DuplicateReplies`].
#[derive(Debug)]
pub struct Duplicates {
    span: Span,
    numbers: BTreeSet<PhoneNumberId>,
    turns: HashMap<ConversationId, Turn>,
    report: DuplicateReplies,
}

impl Duplicates {
    pub fn new(span: Span, numbers: BTreeSet<PhoneNumberId>) -> Self {
        Self { span, numbers, turns: HashMap::new(), report: DuplicateReplies::default() }
    }

    /// Applies the next event of the log, starting at the beginning of the span. Continue past its end: a turn
    /// that was first answered within the span may get its duplicate later.
    pub fn record(&mut self, actor: Option<AgentId>, event: &ConversationEvent) {
        let conversation = &event.after.conversation;
        if !self.numbers.contains(&conversation.phone_number_id) {
            return;
        }
        let before = match (self.turns.get(&conversation.id), &event.before) {
            (Some(turn), _) => *turn,
            (None, Some(before))
                if before.conversation.last_inbound == Some(before.conversation.message_count) =>
            {
                Turn::Unanswered
            }
            _ => Turn::NotCounted,
        };
        let turn = match event.kind {
            EventKind::Received => Turn::Unanswered,
            // The conversation's last activity is the time of the message.
            EventKind::Replied => {
                self.reply(before, conversation.phone_number_id, actor, conversation.last_activity_at)
            }
            EventKind::Assigned
            | EventKind::Unassigned
            | EventKind::Closed
            | EventKind::Reopened
            | EventKind::Acknowledged
            | EventKind::Read
            | EventKind::Unread => before,
        };
        self.turns.insert(conversation.id, turn);
    }

    pub fn finish(self) -> DuplicateReplies {
        self.report
    }

    fn reply(&mut self, before: Turn, number: PhoneNumberId, by: Option<AgentId>, at: Timestamp) -> Turn {
        match before {
            Turn::NotCounted => Turn::NotCounted,
            Turn::Unanswered if !self.span.contains(at) => Turn::NotCounted,
            Turn::Unanswered => {
                self.report.answered += 1;
                Turn::Answered { first: at, last: at, by, duplicate: false }
            }
            Turn::Answered { first, last, by: previous, duplicate } => {
                let close = Span { from: last, to: at }.micros() <= CLOSE_TOGETHER;
                let collides = by != previous && close;
                if collides && !duplicate {
                    self.report.duplicates += 1;
                    *self.report.buckets.entry((hour_of(first), number)).or_default() += 1;
                }
                Turn::Answered { first, last: at, by, duplicate: duplicate || collides }
            }
        }
    }
}

/// The start of the hour in UTC.
fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().div_euclid(HOUR).saturating_mul(HOUR))
}

#[cfg(test)]
mod tests;
