//! What the log says of how a team kept its promises: nothing is left without an owner, nobody waits.
//!
//! An audit folds the events of conversations, in order, into stretches of time in which nothing about them
//! changed, and adds those up. What stands in breach of a promise now is judged by [`violation`] alone.
//! Everything is measured at the instants of events; nothing here reads the log or knows who may ask.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::conversation::{Conversation, State};
use super::event::ConversationEvent;
use super::ids::{AgentId, ConversationId, PhoneNumberId};
use crate::clock::Timestamp;

/// A stretch of time: from the first instant up to, but without, the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    /// Not earlier than `from`.
    pub to: Timestamp,
}

impl Span {
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }

    /// How long it is, in microseconds.
    pub fn micros(&self) -> i64 {
        self.to.as_micros().saturating_sub(self.from.as_micros())
    }
}

/// What an audit looks at in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnershipState {
    pub owner: Option<AgentId>,
    pub open: bool,
    /// Whether the customer waits for an answer; never while closed.
    pub waiting: bool,
}

impl From<&Conversation> for OwnershipState {
    fn from(conversation: &Conversation) -> Self {
        Self {
            owner: conversation.assignee(),
            open: conversation.is_open(),
            waiting: conversation.waiting_since().is_some(),
        }
    }
}

/// What conversations add up to within a span. Times are in microseconds, summed over open conversations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How long they had no owner.
    pub unowned: i64,
    /// How long a customer waited in them.
    pub waiting: i64,
    /// How often they went from one owner to another.
    pub hand_overs: u64,
    /// How many were open for any time at all.
    pub conversations: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.unowned = self.unowned.saturating_add(other.unowned);
        self.waiting = self.waiting.saturating_add(other.waiting);
        self.hand_overs += other.hand_overs;
        self.conversations += other.conversations;
    }
}

/// One conversation through a span: its standing so far, and what it has added up to.
///
/// It is fed the conversation's events from the beginning of the span, in order. Those after its end may
/// follow and change nothing.
#[derive(Debug, Clone)]
pub struct Timeline {
    span: Span,
    /// `None` while the conversation has not begun.
    standing: Option<OwnershipState>,
    since: Timestamp,
    was_open: bool,
    tally: Tally,
}

impl Timeline {
    /// A conversation that stood so when the span began; `None` when it had not begun.
    pub fn new(span: Span, standing: Option<OwnershipState>) -> Self {
        Self { span, standing, since: span.from, was_open: false, tally: Tally::default() }
    }

    /// Takes the conversation's next event.
    pub fn step(&mut self, at: Timestamp, event: &ConversationEvent) {
        self.advance(at);
        let after = OwnershipState::from(&event.after.conversation);
        let owners = (self.standing.and_then(|before| before.owner), after.owner);
        let handed_over = matches!(owners, (Some(before), Some(now)) if before != now);
        if handed_over && self.span.contains(at) {
            self.tally.hand_overs += 1;
        }
        self.standing = Some(after);
    }

    /// What the conversation adds up to when nothing more happens within the span.
    pub fn finish(mut self) -> Tally {
        self.advance(self.span.to);
        self.tally.conversations = u64::from(self.was_open);
        self.tally
    }

    /// Lets the standing last until `at`, as far as that lies within the span.
    fn advance(&mut self, at: Timestamp) {
        let until = at.clamp(self.since, self.span.to.max(self.since));
        let lasted = Span { from: self.since, to: until }.micros();
        self.since = until;
        let Some(standing) = self.standing.filter(|standing| standing.open && lasted > 0) else { return };
        self.was_open = true;
        if standing.owner.is_none() {
            self.tally.unowned = self.tally.unowned.saturating_add(lasted);
        }
        if standing.waiting {
            self.tally.waiting = self.tally.waiting.saturating_add(lasted);
        }
    }
}

/// The timelines of all conversations of some phone numbers through one span.
#[derive(Debug)]
pub struct Ledger {
    span: Span,
    numbers: BTreeSet<PhoneNumberId>,
    timelines: HashMap<ConversationId, (PhoneNumberId, Timeline)>,
    /// How those stand now of which no event was recorded.
    still: HashMap<ConversationId, (PhoneNumberId, OwnershipState)>,
}

impl Ledger {
    pub fn new(span: Span, numbers: BTreeSet<PhoneNumberId>) -> Self {
        Self { span, numbers, timelines: HashMap::new(), still: HashMap::new() }
    }

    /// Takes a conversation as it stands now, before any event is recorded. It has stood so throughout,
    /// unless an event tells otherwise.
    pub fn stand(&mut self, conversation: &Conversation) {
        if self.numbers.contains(&conversation.phone_number_id) {
            let standing = OwnershipState::from(conversation);
            self.still.insert(conversation.id, (conversation.phone_number_id, standing));
        }
    }

    /// Takes the next event of the log, from the beginning of the span on. How a conversation stood before
    /// is told by the first event about it.
    pub fn record(&mut self, at: Timestamp, event: &ConversationEvent) {
        let conversation = &event.after.conversation;
        if event.kind.is_personal() || !self.numbers.contains(&conversation.phone_number_id) {
            return;
        }
        self.still.remove(&conversation.id);
        let (_, timeline) = self.timelines.entry(conversation.id).or_insert_with(|| {
            let before = event.before.as_ref().map(|before| OwnershipState::from(&before.conversation));
            (conversation.phone_number_id, Timeline::new(self.span, before))
        });
        timeline.step(at, event);
    }

    /// What the conversations of each number add up to.
    pub fn finish(self) -> BTreeMap<PhoneNumberId, Tally> {
        let mut tallies: BTreeMap<_, _> =
            self.numbers.into_iter().map(|number| (number, Tally::default())).collect();
        let still = self.still.into_values();
        let still = still.map(|(number, standing)| (number, Timeline::new(self.span, Some(standing))));
        for (number, timeline) in self.timelines.into_values().chain(still) {
            *tallies.entry(number).or_default() += timeline.finish();
        }
        tallies
    }
}

/// A promise that a conversation stands in breach of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ViolationKind {
    /// Open, and nobody owns it.
    UnownedTooLong,
    /// Somebody owns it, and the customer waits for an answer.
    UnansweredTooLong,
    /// Open, and its owner cannot work it. The rules leave none; this shows that they hold.
    OwnedByInactive,
    /// Closed while the customer waited, and never answered since.
    ClosedUnanswered,
}

impl ViolationKind {
    /// Every kind, in the order of the list.
    pub const ALL: [Self; 4] =
        [Self::UnownedTooLong, Self::UnansweredTooLong, Self::OwnedByInactive, Self::ClosedUnanswered];
}

/// What is known of a conversation beside its row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances {
    /// When it was last reopened; `None` when it never was.
    pub reopened_at: Option<Timestamp>,
    /// Whether the customer waited when it was last closed.
    pub closed_waiting: bool,
    /// Whether its owner is deactivated or has no access to its number.
    pub owner_unable: bool,
}

/// Since when the conversation breaches a promise; `None` when it does not.
///
/// `latest` is the latest instant since which being unowned or unanswered is too long.
pub fn violation(
    kind: ViolationKind,
    conversation: &Conversation,
    known: Circumstances,
    latest: Timestamp,
) -> Option<Timestamp> {
    match (kind, conversation.state) {
        (ViolationKind::UnownedTooLong, State::Open { .. }) => {
            // Nobody is missed while there is no work: time without an owner counts from the reopening.
            let unassigned = conversation.unassigned_since()?;
            let since = known.reopened_at.map_or(unassigned, |reopened| unassigned.max(reopened));
            (since <= latest).then_some(since)
        }
        (ViolationKind::UnansweredTooLong, State::Open { waiting_since }) => {
            conversation.assignee()?;
            waiting_since.filter(|since| *since <= latest)
        }
        (ViolationKind::OwnedByInactive, State::Open { .. }) => match conversation.ownership {
            super::Ownership::Agent { at, .. } if known.owner_unable => Some(at),
            _ => None,
        },
        (ViolationKind::ClosedUnanswered, State::Closed { at, .. }) => {
            let unanswered = conversation.last_inbound == Some(conversation.message_count);
            (known.closed_waiting && unanswered).then_some(at)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
