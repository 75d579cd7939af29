use uuid::Uuid;

use super::*;
use crate::domain::conversation::NewConversation;
use crate::domain::{ContactId, MessageId, Snapshot, WorkspaceId};

const SECOND: i64 = 1_000_000;

fn agent(n: u128) -> AgentId {
    AgentId(Uuid::from_u128(n))
}

fn number() -> PhoneNumberId {
    PhoneNumberId(Uuid::from_u128(7))
}

/// Returns the report on one conversation for the seconds `from..to`. Each message is a pair of the second at which
/// it was sent and its author. Author 0 is the customer; any other number is an agent.
fn report(from: i64, to: i64, messages: &[(i64, u128)]) -> DuplicateReplies {
    let at = |second: i64| Timestamp::from_micros(second * SECOND);
    let span = Span { from: at(from), to: at(to) };
    let message = MessageId(Uuid::from_u128(99));
    let mut duplicates = Duplicates::new(span, BTreeSet::from([number()]));
    let mut now: Option<Snapshot> = None;
    for (second, by) in messages {
        let new = NewConversation {
            id: ConversationId(Uuid::from_u128(1)),
            workspace_id: WorkspaceId(Uuid::nil()),
            phone_number_id: number(),
            contact_id: ContactId(Uuid::from_u128(1)),
        };
        let change = match (&now, by) {
            (None, 0) => Snapshot::begun_by_customer(new, message, at(*second)),
            (None, _) => Snapshot::begun_by_agent(new, message, at(*second)),
            (Some(now), 0) => now.receive(message, at(*second), true),
            (Some(now), n) => now.reply(agent(*n), message, now.conversation.message_count, at(*second)),
        };
        now = Some(change.after.clone());
        if *second >= from {
            let event = ConversationEvent {
                kind: change.kind,
                before: change.before,
                after: change.after,
                message_id: Some(message),
                reason: None,
                note: None,
            };
            duplicates.record((*by > 0).then(|| agent(*by)), &event);
        }
    }
    duplicates.finish()
}

/// Returns the number of answered turns and the number of duplicates.
fn counts(from: i64, to: i64, messages: &[(i64, u128)]) -> (u64, u64) {
    let report = report(from, to, messages);
    assert_eq!(report.buckets.values().sum::<u64>(), report.duplicates, "the buckets add up to the total");
    (report.answered, report.duplicates)
}

#[test]
fn two_agents_within_a_minute_are_a_duplicate() {
    assert_eq!(counts(0, 1_000, &[(1, 0), (10, 1), (70, 2)]), (1, 1));
    assert_eq!(counts(0, 1_000, &[(1, 0), (10, 1), (71, 2)]), (1, 0), "a second too late");
    assert_eq!(counts(0, 1_000, &[(1, 0), (10, 1), (20, 1)]), (1, 0), "one agent in two messages");
    assert_eq!(counts(0, 1_000, &[(1, 0), (10, 1), (15, 0), (20, 2)]), (2, 0), "two turns");
    assert_eq!(counts(0, 1_000, &[(1, 0), (2, 0), (3, 0)]), (0, 0), "no agent answered");
}

#[test]
fn a_turn_counts_once() {
    assert_eq!(counts(0, 1_000, &[(1, 0), (10, 1), (20, 2), (30, 1), (40, 3)]), (1, 1));
    assert_eq!(counts(0, 1_000, &[(1, 0), (10, 1), (20, 2), (30, 0), (40, 1), (50, 2)]), (2, 2));
}

#[test]
fn later_answers_of_a_turn_collide_too() {
    assert_eq!(counts(0, 9_000, &[(1, 0), (10, 1), (500, 1), (530, 2)]), (1, 1));
}

#[test]
fn a_message_before_the_customers_first_is_not_an_answer() {
    assert_eq!(counts(0, 1_000, &[(1, 1), (10, 2)]), (0, 0));
    assert_eq!(counts(0, 1_000, &[(1, 1), (10, 2), (20, 0), (30, 1)]), (1, 0));
}

#[test]
fn a_turn_counts_where_its_first_answer_lies() {
    let messages = [(1, 0), (100, 1), (110, 2), (200, 0), (300, 2), (310, 1)];
    assert_eq!(counts(0, 100, &messages), (0, 0));
    assert_eq!(counts(0, 101, &messages), (1, 1), "an answer after the end of the span belongs to its turn");
    assert_eq!(counts(100, 300, &messages), (1, 1));
    assert_eq!(counts(105, 300, &messages), (0, 0), "first answered before the span");
    assert_eq!(counts(105, 301, &messages), (1, 1));
}

#[test]
fn buckets_are_hours_of_the_first_answer() {
    let report = report(0, 100_000, &[(1, 0), (3_599, 1), (3_601, 2), (7_000, 0), (7_300, 1), (7_310, 2)]);
    let hour = |n: i64| (Timestamp::from_micros(n * HOUR), number());
    assert_eq!(report.buckets, BTreeMap::from([(hour(0), 1), (hour(2), 1)]));
    assert_eq!((report.answered, report.duplicates), (2, 2));
}
