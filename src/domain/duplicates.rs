//! How often two agents answered the same customer: the race that ownership is there to end.
//!
//! A turn is a run of messages from the customer. What agents write before the customer writes again answers
//! it. A turn is a duplicate when two of its answers, one after the other, come from different agents
//! within [`CLOSE_TOGETHER`]. A turn counts where its first answer lies, with all that follows it. Nothing
//! here reads the log or knows who may ask.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::audit::Span;
use super::event::{ConversationEvent, EventKind};
use super::ids::{AgentId, ConversationId, PhoneNumberId};
use crate::clock::Timestamp;

/// Answers of two agents that are no further apart are duplicates. In microseconds: one minute.
pub const CLOSE_TOGETHER: i64 = 60_000_000;

const HOUR: i64 = 3_600_000_000;

/// What a conversation's messages have come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The customer has spoken last.
    Asked,
    /// Answered within the span.
    Answered { first: Timestamp, last: Timestamp, by: Option<AgentId>, duplicate: bool },
    /// Nothing that counts: answered outside the span, or no customer has written.
    Elsewhere,
}

/// What was answered, and what was answered twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DuplicateReplies {
    /// How many turns were answered.
    pub answered: u64,
    /// How many of them were answered twice.
    pub duplicates: u64,
    /// The duplicates by the hour in which their turn was first answered, and the number. Never zero.
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

    /// Takes the next event of the log, from the beginning of the span on and past its end: what was first
    /// answered in time may be answered again later.
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
                Turn::Asked
            }
            _ => Turn::Elsewhere,
        };
        let turn = match event.kind {
            EventKind::Received => Turn::Asked,
            // A message's time is the conversation's last activity.
            EventKind::Replied => {
                self.reply(before, conversation.phone_number_id, actor, conversation.last_activity_at)
            }
            _ => before,
        };
        self.turns.insert(conversation.id, turn);
    }

    pub fn finish(self) -> DuplicateReplies {
        self.report
    }

    fn reply(&mut self, before: Turn, number: PhoneNumberId, by: Option<AgentId>, at: Timestamp) -> Turn {
        match before {
            Turn::Elsewhere => Turn::Elsewhere,
            Turn::Asked if !self.span.contains(at) => Turn::Elsewhere,
            Turn::Asked => {
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

/// The beginning of the hour, in UTC.
fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().div_euclid(HOUR).saturating_mul(HOUR))
}

#[cfg(test)]
mod tests;
