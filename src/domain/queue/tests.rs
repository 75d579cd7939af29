//! Tests of flows, windows, trends and thresholds.

use super::*;
use crate::domain::conversation::{Candidate, Change, Expectations, NewConversation};
use crate::domain::{
    Agent, AgentId, AssignmentModel, ContactId, ConversationId, MessageId, PhoneNumberId, Plan, Policy, Role,
    WorkspaceId,
};
use uuid::Uuid;

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * MICROS)
}

fn message() -> MessageId {
    MessageId(Uuid::from_u128(9))
}

fn new_conversation() -> NewConversation {
    NewConversation {
        id: ConversationId(Uuid::from_u128(1)),
        workspace_id: WorkspaceId(Uuid::from_u128(2)),
        phone_number_id: PhoneNumberId(Uuid::from_u128(3)),
        contact_id: ContactId(Uuid::from_u128(4)),
    }
}

fn agent() -> Agent {
    Agent {
        id: AgentId(Uuid::from_u128(5)),
        workspace_id: WorkspaceId(Uuid::from_u128(2)),
        name: "Ravi".into(),
        title: None,
        email: "ravi@example.test".into(),
        role: Role::Manager,
        active: true,
        experienced: true,
        created_at: at(0),
        tokens_valid_after: None,
    }
}

fn of(change: &Change) -> Option<Flow> {
    flow(change.before.as_ref(), &change.after)
}

fn assigned(now: &Snapshot) -> Change {
    let (agent, policy) = (agent(), Policy { plan: Plan::Team, model: AssignmentModel::Open });
    let to = Candidate { agent: &agent, has_access: true };
    now.assign(&agent, to, policy, Expectations::default(), at(2)).unwrap().unwrap()
}

fn closed(now: &Snapshot) -> Change {
    now.close(agent().id, Expectations::default(), at(3)).unwrap().unwrap()
}

#[test]
fn each_way_into_and_out_of_the_queue_is_a_flow() {
    let begun = Snapshot::begun_by_customer(new_conversation(), message(), at(1));
    assert_eq!(of(&begun), Some(Flow::Arrived));
    assert_eq!(of(&Snapshot::begun_by_agent(new_conversation(), message(), at(1))), Some(Flow::Arrived));
    let claimed = assigned(&begun.after);
    assert_eq!(of(&claimed), Some(Flow::Claimed));
    let released = claimed.after.release("gone", at(4)).unwrap();
    assert_eq!(of(&released), Some(Flow::Returned));
    let done = closed(&released.after);
    assert_eq!(of(&done), None, "closing is not a claim");
    assert_eq!(of(&assigned(&done.after)), None, "a closed conversation is not in the queue");
    assert_eq!(of(&done.after.receive(message(), at(5), true)), Some(Flow::Arrived));
}

#[test]
fn a_conversation_that_stays_in_or_out_of_the_queue_is_not_a_flow() {
    let begun = Snapshot::begun_by_customer(new_conversation(), message(), at(1)).after;
    assert_eq!(of(&begun.receive(message(), at(2), true)), None);
    let owned = assigned(&begun).after;
    assert_eq!(of(&owned.reply(agent().id, message(), 1, at(3))), None);
    let done = closed(&owned);
    assert_eq!(of(&done), None);
    assert_eq!(of(&done.after.receive(message(), at(4), true)), None, "it returns to its owner");
    assert_eq!(
        of(&done.after.receive(message(), at(4), false)),
        Some(Flow::Arrived),
        "it arrives, since it was closed and not open when it lost its owner"
    );
}

#[test]
fn a_window_includes_its_end_and_excludes_its_start() {
    for seconds in [60, 61, 3_600, 604_800] {
        let window = Window::new(at(2_000_000), seconds);
        let (now, start) = (window.now(), window.start());
        assert_eq!(window.bucket(now), Some(TREND_BUCKETS - 1));
        assert_eq!(window.bucket(now.plus_micros(1)), None);
        assert_eq!(window.bucket(start), None);
        assert_eq!(window.bucket(start.plus_micros(1)), Some(0));
        let middle = start.plus_micros(window.micros());
        assert_eq!(window.bucket(middle), Some(INSTANTS - 1));
        assert_eq!(window.bucket(middle.plus_micros(1)), Some(INSTANTS));
    }
}

/// Flows with `arrived` and `claimed`.
fn flows(arrived: i64, claimed: i64) -> Flows {
    Flows { arrived, claimed, returned: 0 }
}

#[test]
fn a_trend_starts_beyond_the_band_and_ends_at_half_of_it() {
    use Trend::{Growing, Shrinking, Steady};
    // Few flows: the band is 2.
    assert_eq!(Steady.after(&flows(2, 0)), Steady);
    assert_eq!(Steady.after(&flows(3, 0)), Growing);
    assert_eq!(Growing.after(&flows(2, 0)), Growing, "inside the band, but above half of it");
    assert_eq!(Growing.after(&flows(1, 0)), Steady);
    assert_eq!(Steady.after(&flows(0, 3)), Shrinking);
    assert_eq!(Shrinking.after(&flows(0, 2)), Shrinking);
    assert_eq!(Shrinking.after(&flows(0, 1)), Steady);
    assert_eq!(Growing.after(&flows(0, 3)), Shrinking, "from growing to shrinking in one step");
    assert_eq!(Growing.after(&flows(0, 2)), Steady, "growing ends when the net change is negative");
    // 100 flows: the band is 20.
    assert_eq!(Steady.after(&flows(60, 40)), Steady);
    assert_eq!(Steady.after(&flows(61, 39)), Growing);
    assert_eq!(Growing.after(&flows(56, 44)), Growing);
    assert_eq!(Growing.after(&flows(55, 45)), Steady);
    assert_eq!(Steady.after(&Flows { arrived: 30, returned: 31, claimed: 39 }), Growing);
}

#[test]
fn a_change_at_the_edge_does_not_flap() {
    // The net change alternates between 2 and 3. Without hysteresis, the trend would change every time.
    let trends = (0..20).scan(Trend::Steady, |trend, n| {
        *trend = trend.after(&flows(2 + n % 2, 0));
        Some(*trend)
    });
    assert_eq!(trends.skip(1).collect::<Vec<_>>(), [Trend::Growing; 19]);
}

#[test]
fn the_trend_of_a_window_starts_from_steady() {
    let quiet = TrendBuckets::default();
    assert_eq!(trend(&quiet), Trend::Steady);
    let mut now = quiet;
    now.0[TREND_BUCKETS - 1] = flows(3, 0);
    assert_eq!((trend(&now), now.in_window()), (Trend::Growing, flows(3, 0)));
    // Three arrived, and one was claimed: the hysteresis keeps the trend.
    let mut easing = quiet;
    easing.0[INSTANTS + 2] = flows(3, 0);
    easing.0[TREND_BUCKETS - 1] = flows(0, 1);
    assert_eq!(trend(&easing), Trend::Growing);
    // The same flows in one bucket never exceed the band.
    let mut together = quiet;
    together.0[TREND_BUCKETS - 1] = flows(3, 1);
    assert_eq!(trend(&together), Trend::Steady);
    // Flows of the previous window do not count at the end of this one.
    let mut past = quiet;
    past.0[0] = flows(9, 0);
    past.0[INSTANTS - 1] = flows(9, 0);
    assert_eq!((trend(&past), past.in_window()), (Trend::Steady, Flows::default()));
}

#[test]
fn a_threshold_is_exceeded_by_more_than_its_value_and_never_if_unset() {
    let off = QueueThresholds::default();
    assert!(!off.unassigned_over(1_000_000));
    assert_eq!(off.wait_left(Some(at(0)), at(1_000_000)), None);
    let on = QueueThresholds { max_unassigned: Some(3), max_wait_seconds: Some(60) };
    assert!(!on.unassigned_over(3));
    assert!(on.unassigned_over(4));
    assert_eq!(on.wait_left(None, at(0)), None);
    assert_eq!(on.wait_left(Some(at(0)), at(60)), Some(1), "exactly a minute is allowed");
    assert_eq!(on.wait_left(Some(at(0)), at(61)), Some(0));
}
