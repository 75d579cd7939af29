use uuid::Uuid;

use super::*;
use crate::domain::conversation::NewConversation;
use crate::domain::{ContactId, EventKind, MessageId, Ownership, Snapshot, WorkspaceId};

const MINUTE: i64 = 60_000_000;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_micros(minute * MINUTE)
}

fn agent(n: u128) -> AgentId {
    AgentId(Uuid::from_u128(n))
}

fn number(n: u128) -> PhoneNumberId {
    PhoneNumberId(Uuid::from_u128(n))
}

fn message() -> MessageId {
    MessageId(Uuid::from_u128(99))
}

/// The events of a conversation that began with a customer's message at minute 10, with their minutes.
struct Thread(Vec<(i64, ConversationEvent)>);

impl Thread {
    fn begun(on: u128) -> Self {
        let new = NewConversation {
            id: ConversationId(Uuid::from_u128(on)),
            workspace_id: WorkspaceId(Uuid::nil()),
            phone_number_id: number(on),
            contact_id: ContactId(Uuid::from_u128(on)),
        };
        let change = Snapshot::begun_by_customer(new, message(), at(10));
        Self(vec![(10, logged(change.kind, None, change.after))])
    }

    fn now(&self) -> Snapshot {
        self.0.last().unwrap().1.after.clone()
    }

    fn then(mut self, minute: i64, next: impl FnOnce(&mut Snapshot)) -> Self {
        let before = self.now();
        let mut after = before.clone();
        after.conversation.version += 1;
        next(&mut after);
        self.0.push((minute, logged(EventKind::Assigned, Some(before), after)));
        self
    }

    fn owned_by(self, minute: i64, owner: Option<u128>) -> Self {
        self.then(minute, |next| {
            next.conversation.ownership = match owner {
                Some(n) => Ownership::Agent { id: agent(n), by: None, at: at(minute) },
                None => Ownership::Unassigned { since: at(minute) },
            }
        })
    }

    fn closed(self, minute: i64) -> Self {
        self.then(minute, |next| next.conversation.state = State::Closed { at: at(minute), by: None })
    }

    fn open(self, minute: i64, waiting: Option<i64>) -> Self {
        self.then(minute, |next| next.conversation.state = State::Open { waiting_since: waiting.map(at) })
    }

    /// The totals from a ledger that gets the current state and all events since the start of the span.
    fn tally(&self, from: i64, to: i64) -> Tally {
        let span = Span { from: at(from), to: at(to) };
        let n = self.now().conversation.phone_number_id;
        let mut ledger = Ledger::new(span, BTreeSet::from([n]));
        ledger.add_current(&self.now().conversation);
        for (minute, event) in self.0.iter().filter(|(minute, _)| *minute >= from) {
            ledger.record(at(*minute), event);
        }
        ledger.finish()[&n]
    }
}

fn logged(kind: EventKind, before: Option<Snapshot>, after: Snapshot) -> ConversationEvent {
    ConversationEvent { kind, before, after, message_id: None, reason: None, note: None }
}

/// A tally of unowned minutes, waiting minutes, hand-overs and conversations.
fn tally(unowned: i64, waiting: i64, hand_overs: u64, conversations: u64) -> Tally {
    Tally { unowned: unowned * MINUTE, waiting: waiting * MINUTE, hand_overs, conversations }
}

/// Begins at 10, claimed at 20, answered at 25, handed over at 30, closed at 40, reopened by a message at 70.
fn day() -> Thread {
    Thread::begun(1).owned_by(20, Some(1)).open(25, None).owned_by(30, Some(2)).closed(40).open(70, Some(70))
}

#[test]
fn a_span_counts_what_lies_within_it() {
    assert_eq!(day().tally(0, 100), tally(10, 15 + 30, 1, 1));
    assert_eq!(day().tally(15, 35), tally(5, 10, 1, 1));
    assert_eq!(day().tally(27, 29), tally(0, 0, 0, 1));
    assert_eq!(day().tally(30, 31), tally(0, 0, 1, 1), "the span includes an event at its start");
    assert_eq!(day().tally(29, 30), tally(0, 0, 0, 1), "the span excludes an event at its end");
    assert_eq!(day().tally(45, 60), tally(0, 0, 0, 0), "closed throughout the span");
    assert_eq!(day().tally(0, 10), tally(0, 0, 0, 0), "the conversation has not begun");
    assert_eq!(day().tally(80, 90), tally(0, 10, 0, 1), "without an event, the current state applies");
}

#[test]
fn adjoining_spans_add_up() {
    let whole = day().tally(0, 100);
    for cut in 1..100 {
        let (mut left, right) = (day().tally(0, cut), day().tally(cut, 100));
        left += right;
        left.conversations = whole.conversations;
        assert_eq!(left, whole, "cut at {cut}");
    }
}

#[test]
fn unassigning_is_not_a_hand_over() {
    let thread = Thread::begun(1).owned_by(20, Some(1)).owned_by(30, None).owned_by(40, Some(2));
    assert_eq!(thread.tally(0, 50), tally(20, 40, 0, 1));
}

#[test]
fn time_without_an_owner_counts_only_while_open() {
    let thread = Thread::begun(1).closed(20).open(50, None);
    assert_eq!(thread.tally(0, 60), tally(10 + 10, 10, 0, 1));
}

#[test]
fn other_numbers_are_left_out() {
    let mut ledger = Ledger::new(Span { from: at(0), to: at(100) }, BTreeSet::from([number(2)]));
    ledger.add_current(&day().now().conversation);
    for (minute, event) in &day().0 {
        ledger.record(at(*minute), event);
    }
    assert_eq!(ledger.finish(), BTreeMap::from([(number(2), Tally::default())]));
}

fn breach(kind: ViolationKind, thread: &Thread, known: ViolationContext, latest: i64) -> Option<i64> {
    let since = violation(kind, &thread.now().conversation, known, at(latest));
    since.map(|since| since.as_micros() / MINUTE)
}

#[test]
fn unowned_counts_from_the_later_of_unassigned_and_reopened() {
    use ViolationKind::UnownedTooLong as Kind;
    let nothing = ViolationContext::default();
    let fresh = Thread::begun(1);
    assert_eq!(breach(Kind, &fresh, nothing, 10), Some(10));
    assert_eq!(breach(Kind, &fresh, nothing, 9), None);
    let reopened = Thread::begun(1).closed(20).open(50, None);
    let known = ViolationContext { reopened_at: Some(at(50)), ..nothing };
    assert_eq!(breach(Kind, &reopened, known, 49), None);
    assert_eq!(breach(Kind, &reopened, known, 50), Some(50));
    assert_eq!(breach(Kind, &Thread::begun(1).closed(20), nothing, 99), None);
    assert_eq!(breach(Kind, &Thread::begun(1).owned_by(20, Some(1)), nothing, 99), None);
}

#[test]
fn unanswered_needs_an_owner_and_a_customer_who_waits() {
    use ViolationKind::UnansweredTooLong as Kind;
    let nothing = ViolationContext::default();
    let owned = || Thread::begun(1).owned_by(20, Some(1));
    assert_eq!(breach(Kind, &owned(), nothing, 10), Some(10));
    assert_eq!(breach(Kind, &owned(), nothing, 9), None);
    assert_eq!(breach(Kind, &Thread::begun(1), nothing, 99), None);
    assert_eq!(breach(Kind, &owned().open(25, None), nothing, 99), None);
    assert_eq!(breach(Kind, &owned().closed(25), nothing, 99), None);
}

#[test]
fn closed_counts_when_the_customer_waited_and_nobody_answered_since() {
    use ViolationKind::ClosedUnanswered as Kind;
    let waited = ViolationContext { closed_waiting: true, ..ViolationContext::default() };
    let closed = Thread::begun(1).closed(20);
    assert_eq!(breach(Kind, &closed, waited, 0), Some(20));
    assert_eq!(breach(Kind, &closed, ViolationContext::default(), 0), None);
    let answered = closed.then(30, |next| next.conversation.message_count += 1);
    assert_eq!(breach(Kind, &answered, waited, 0), None);
    assert_eq!(breach(Kind, &Thread::begun(1), waited, 0), None);
}

#[test]
fn an_owner_who_cannot_work_counts_while_it_is_open() {
    use ViolationKind::OwnedByInactive as Kind;
    let unable = ViolationContext { owner_unable: true, ..ViolationContext::default() };
    let owned = Thread::begun(1).owned_by(20, Some(1));
    assert_eq!(breach(Kind, &owned, unable, 0), Some(20));
    assert_eq!(breach(Kind, &owned, ViolationContext::default(), 0), None);
    assert_eq!(breach(Kind, &owned.closed(30), unable, 0), None);
}
