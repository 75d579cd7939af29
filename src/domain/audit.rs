//! Measures from the log how well a team kept its promises: that every conversation has an owner, and that no
//! customer waits.
//!
//! An audit replays the events of conversations in order and adds up the time that they spent in each state.
//! [`violation`] decides whether a conversation breaks a promise now. All times are the times of events. This
//! module does not read the log or the clock, and does not check access.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::conversation::{Conversation, State};
use super::event::ConversationEvent;
use super::ids::{AgentId, ConversationId, PhoneNumberId};
use crate::clock::Timestamp;

/// A span of time, from `from` (inclusive) to `to` (exclusive).
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

    /// Length in microseconds.
    pub fn micros(&self) -> i64 {
        self.to.as_micros().saturating_sub(self.from.as_micros())
    }
}

/// The part of a conversation that an audit evaluates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnershipState {
    pub owner: Option<AgentId>,
    pub open: bool,
    /// Whether the customer waits for an answer. Always false while the conversation is closed.
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

/// The totals of conversations within a span. Times are in microseconds, and count only while a conversation is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Time without an owner.
    pub unowned: i64,
    /// Time in which the customer waited.
    pub waiting: i64,
    /// Changes from one owner to another.
    pub hand_overs: u64,
    /// Conversations that were open at any time in the span.
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

/// One conversation's state and totals while a span is replayed.
///
/// Takes the conversation's events from the start of the span, in order. Events after the end of the span are
/// allowed and ignored.
#[derive(Debug, Clone)]
pub struct Timeline {
    span: Span,
    /// `None` while the conversation has not begun.
    state: Option<OwnershipState>,
    /// The time up to which `tally` is complete.
    since: Timestamp,
    /// Whether the conversation has been open at any time in the span.
    was_open: bool,
    tally: Tally,
}

impl Timeline {
    /// Starts from the conversation's state at the beginning of the span; `None` if the conversation began later.
    pub fn new(span: Span, state: Option<OwnershipState>) -> Self {
        Self { span, state, since: span.from, was_open: false, tally: Tally::default() }
    }

    /// Applies the conversation's next event.
    pub fn step(&mut self, at: Timestamp, event: &ConversationEvent) {
        self.advance(at);
        let after = OwnershipState::from(&event.after.conversation);
        let owners = (self.state.and_then(|before| before.owner), after.owner);
        let handed_over = matches!(owners, (Some(before), Some(now)) if before != now);
        if handed_over && self.span.contains(at) {
            self.tally.hand_overs += 1;
        }
        self.state = Some(after);
    }

    /// Returns the conversation's totals at the end of the span.
    pub fn finish(mut self) -> Tally {
        self.advance(self.span.to);
        self.tally.conversations = u64::from(self.was_open);
        self.tally
    }

    /// Adds the time since the last event to the totals, until `at` or the end of the span.
    fn advance(&mut self, at: Timestamp) {
        let until = at.clamp(self.since, self.span.to.max(self.since));
        let lasted = Span { from: self.since, to: until }.micros();
        self.since = until;
        let Some(state) = self.state.filter(|state| state.open && lasted > 0) else { return };
        self.was_open = true;
        if state.owner.is_none() {
            self.tally.unowned = self.tally.unowned.saturating_add(lasted);
        }
        if state.waiting {
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
    /// The state of conversations without a recorded event.
    unchanged: HashMap<ConversationId, (PhoneNumberId, OwnershipState)>,
}

impl Ledger {
    pub fn new(span: Span, numbers: BTreeSet<PhoneNumberId>) -> Self {
        Self { span, numbers, timelines: HashMap::new(), unchanged: HashMap::new() }
    }

    /// Adds a conversation in its current state. Call this before [`Self::record`]. If no event of the conversation is
    /// recorded, the conversation had this state throughout the span.
    pub fn add_current(&mut self, conversation: &Conversation) {
        if self.numbers.contains(&conversation.phone_number_id) {
            let state = OwnershipState::from(conversation);
            self.unchanged.insert(conversation.id, (conversation.phone_number_id, state));
        }
    }

    /// Applies the next event of the log. Start with the first event of the span and continue to the end of the log.
    /// The first event of a conversation contains its state before the span.
    pub fn record(&mut self, at: Timestamp, event: &ConversationEvent) {
        let conversation = &event.after.conversation;
        if event.kind.is_personal() || !self.numbers.contains(&conversation.phone_number_id) {
            return;
        }
        self.unchanged.remove(&conversation.id);
        let (_, timeline) = self.timelines.entry(conversation.id).or_insert_with(|| {
            let before = event.before.as_ref().map(|before| OwnershipState::from(&before.conversation));
            (conversation.phone_number_id, Timeline::new(self.span, before))
        });
        timeline.step(at, event);
    }

    /// Returns the totals of each number's conversations.
    pub fn finish(self) -> BTreeMap<PhoneNumberId, Tally> {
        let mut tallies: BTreeMap<_, _> =
            self.numbers.into_iter().map(|number| (number, Tally::default())).collect();
        let unchanged = self.unchanged.into_values();
        let unchanged = unchanged.map(|(number, state)| (number, Timeline::new(self.span, Some(state))));
        for (number, timeline) in self.timelines.into_values().chain(unchanged) {
            *tallies.entry(number).or_default() += timeline.finish();
        }
        tallies
    }
}

/// A promise that a conversation breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ViolationKind {
    /// Open and unassigned.
    UnownedTooLong,
    /// Assigned, and the customer waits for an answer.
    UnansweredTooLong,
    /// Open, and the owner is deactivated or lacks access. The rules prevent this; the check shows that they work.
    OwnedByInactive,
    /// Closed while the customer waited, and never answered since.
    ClosedUnanswered,
}

impl ViolationKind {
    /// Every kind, in the order of the API's list.
    pub const ALL: [Self; 4] =
        [Self::UnownedTooLong, Self::UnansweredTooLong, Self::OwnedByInactive, Self::ClosedUnanswered];
}

/// Facts about a conversation that its row does not contain.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViolationContext {
    /// When the conversation was last reopened; `None` if never.
    pub reopened_at: Option<Timestamp>,
    /// Whether the customer was waiting when the conversation was last closed.
    pub closed_waiting: bool,
    /// Whether the owner is deactivated or lacks access to the phone number.
    pub owner_unable: bool,
}

/// Returns the time since which the conversation breaks the promise; `None` when it keeps the promise.
///
/// `latest` is for the kinds that allow some time: a conversation breaks the promise if it has been unowned or
/// unanswered since `latest` or earlier.
pub fn violation(
    kind: ViolationKind,
    conversation: &Conversation,
    known: ViolationContext,
    latest: Timestamp,
) -> Option<Timestamp> {
    match (kind, conversation.state) {
        (ViolationKind::UnownedTooLong, State::Open { .. }) => {
            // A closed conversation needs no owner, so the time counts from the reopening.
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
            super::Ownership::Agent { .. } | super::Ownership::Unassigned { .. } => None,
        },
        (ViolationKind::ClosedUnanswered, State::Closed { at, .. }) => {
            let unanswered = conversation.last_inbound == Some(conversation.message_count);
            (known.closed_waiting && unanswered).then_some(at)
        }
        (
            ViolationKind::UnownedTooLong | ViolationKind::UnansweredTooLong | ViolationKind::OwnedByInactive,
            State::Closed { .. },
        )
        | (ViolationKind::ClosedUnanswered, State::Open { .. }) => None,
    }
}

#[cfg(test)]
mod tests;
