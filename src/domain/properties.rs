//! Property tests of the rules over random histories. After every command, the domain's state must equal the state
//! that a naive model computes from the whole history.
//!
//! [`world`] generates and plays the histories; [`ledger`] is the naive model. [`permissions`] tests permissions,
//! [`lists`] tests views and badges, and this module tests conversations.

mod ledger;
mod lists;
mod permissions;
mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use self::permissions::name;
use self::world::{AGENTS, Action, Cause, NUMBERS, Outcome, agent_id, histories, number_id, play};
use super::conversation::{ASSIGNEE_UNAVAILABLE, Ownership};
use super::view::change;
use super::*;

const CASES: u32 = 64;
/// The minimum number of times that all histories together must reach each kind of event and refusal.
const OFTEN: usize = 5;

/// Proptest's defaults with another number of histories.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, ..ProptestConfig::default() }
}

/// The snapshots on both sides of a change to a conversation that existed before.
fn sides(outcome: &Outcome) -> Option<(&Snapshot, &Snapshot)> {
    let change = outcome.change()?;
    Some((change.before.as_ref()?, &change.after))
}

proptest! {
    #![proptest_config(cases(CASES))]

    #[test]
    fn every_change_but_reading_raises_the_version_by_one(history in histories()) {
        let mut events: BTreeMap<usize, i32> = BTreeMap::new();
        play(&history, |world, outcomes| {
            for outcome in outcomes {
                let Some(change) = outcome.change() else { continue };
                prop_assert_eq!(&change.before, &outcome.before);
                prop_assert_eq!(change.kind.is_personal(), matches!(change.kind, EventKind::Read | EventKind::Unread));
                if !change.kind.is_personal() {
                    *events.entry(outcome.contact).or_default() += 1;
                }
            }
            for (contact, it) in world.begun() {
                prop_assert_eq!(it.conversation.version, events.get(&contact).copied().unwrap_or(0));
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_command_changes_nothing_exactly_when_its_goal_is_already_met(history in histories()) {
        play(&history, |world, outcomes| {
            for outcome in outcomes {
                let (Some(before), Ok(answer)) = (&outcome.before, &outcome.answer) else { continue };
                let owner = before.conversation.assignee();
                let open = before.conversation.is_open();
                let already_so = match outcome.cause {
                    Cause::Text => false,
                    Cause::Release => !open,
                    Cause::Action { by, action } => match action {
                        Action::Reply { .. } => false,
                        Action::Assign { to, .. } => owner == Some(agent_id(to)),
                        Action::Claim => owner == Some(agent_id(by)),
                        Action::Unassign { .. } => owner.is_none(),
                        Action::Close { .. } => !open,
                        Action::Reopen => open,
                        Action::Read { .. } | Action::Unread => {
                            before.is_reader(agent_id(by)) == world.ledgers[outcome.contact].has_opened(by)
                        }
                    },
                };
                prop_assert_eq!(answer.is_none(), already_so);
                if let Some(change) = answer {
                    let mut after = change.after.clone();
                    after.conversation.version = before.conversation.version;
                    prop_assert_ne!(&after, before, "{} changed nothing", change.kind);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn activity_moves_only_with_messages_and_never_backwards(history in histories()) {
        play(&history, |world, outcomes| {
            for outcome in outcomes {
                let Some((before, after)) = sides(outcome) else { continue };
                let (was, is) = (before.conversation.last_activity_at, after.conversation.last_activity_at);
                prop_assert!(is >= was);
                let message = matches!(outcome.change().unwrap().kind, EventKind::Received | EventKind::Replied);
                prop_assert!(message || is == was);
            }
            for (contact, it) in world.begun() {
                let ledger = &world.ledgers[contact];
                prop_assert_eq!(Some(it.conversation.last_activity_at), ledger.last_activity_at());
                prop_assert_eq!(it.conversation.message_count, ledger.message_count());
                prop_assert_eq!(it.conversation.last_inbound, ledger.last_inbound());
            }
            Ok(())
        })?;
    }

    #[test]
    fn waiting_since_is_the_oldest_text_after_the_later_of_the_last_reply_and_the_last_close(
        history in histories(),
    ) {
        play(&history, |world, _| {
            for (contact, it) in world.begun() {
                prop_assert_eq!(it.conversation.is_open(), world.ledgers[contact].is_open());
                prop_assert_eq!(it.conversation.waiting_since(), world.ledgers[contact].waiting_since());
            }
            Ok(())
        })?;
    }

    #[test]
    fn unread_is_an_open_conversation_whose_last_text_this_agent_has_not_opened(history in histories()) {
        play(&history, |world, _| {
            for (contact, it) in world.begun() {
                for agent in 0..AGENTS {
                    let naive = world.ledgers[contact].is_unread_for(agent);
                    prop_assert_eq!(it.unread_for(agent_id(agent)), naive, "for agent {}", agent);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn readers_are_sorted_and_empty_before_the_first_text(history in histories()) {
        play(&history, |world, _| {
            for (contact, it) in world.begun() {
                prop_assert!(it.readers.is_sorted_by(|a, b| a < b), "{:?}", it.readers);
                prop_assert!(it.conversation.last_inbound.is_some() || it.readers.is_empty());
                let naive = (0..AGENTS).filter(|agent| world.ledgers[contact].has_opened(*agent));
                prop_assert_eq!(&it.readers, &naive.map(agent_id).collect::<Vec<_>>());
            }
            Ok(())
        })?;
    }

    #[test]
    fn reading_concerns_only_the_reader(history in histories()) {
        play(&history, |_, outcomes| {
            for outcome in outcomes {
                let (Some(event), Some((before, after))) = (outcome.event(), sides(outcome)) else { continue };
                if !event.kind.is_personal() {
                    continue;
                }
                prop_assert_eq!(&before.conversation, &after.conversation);
                for other in (0..AGENTS).map(agent_id).filter(|id| Some(*id) != outcome.actor()) {
                    prop_assert_eq!(before.is_reader(other), after.is_reader(other));
                    let viewer = Viewer { agent_id: other, phone_number_ids: (0..NUMBERS).map(number_id).collect() };
                    let change = change(View::Inbox, &Filter::default(), &viewer, outcome.actor(), &event);
                    prop_assert_eq!(change, None);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn assigning_adds_an_owner_and_nothing_else(history in histories()) {
        play(&history, |_, outcomes| {
            for outcome in outcomes {
                let Some((before, after)) = sides(outcome) else { continue };
                let assigning = match outcome.cause {
                    Cause::Release => true,
                    Cause::Text => false,
                    Cause::Action { action, .. } => {
                        matches!(action, Action::Assign { .. } | Action::Claim | Action::Unassign { .. })
                    }
                };
                if assigning {
                    prop_assert_ne!(before.conversation.assignee(), after.conversation.assignee());
                    let mut but_the_owner = after.clone();
                    but_the_owner.conversation.ownership = before.conversation.ownership;
                    but_the_owner.conversation.version = before.conversation.version;
                    prop_assert_eq!(&but_the_owner, before);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn only_assigning_and_an_owner_who_cannot_work_change_the_owner(history in histories()) {
        play(&history, |world, outcomes| {
            for outcome in outcomes {
                let Some((before, after)) = sides(outcome) else { continue };
                let change = outcome.change().unwrap();
                let reopened = !before.conversation.is_open() && after.conversation.is_open();
                match change.kind {
                    EventKind::Assigned => {
                        let to = match outcome.cause {
                            Cause::Action { action: Action::Assign { to, .. }, .. } => Some(agent_id(to)),
                            _ => outcome.actor(),
                        };
                        let (by, at) = (outcome.actor(), world.now);
                        let owned = to.map(|id| Ownership::Agent { id, by, at });
                        prop_assert_eq!(Some(after.conversation.ownership), owned);
                    }
                    EventKind::Unassigned => {
                        prop_assert_eq!(after.conversation.unassigned_since(), Some(world.now));
                    }
                    EventKind::Received | EventKind::Reopened
                        if reopened && !world.assignee_can_work(before, outcome.contact) =>
                    {
                        prop_assert_eq!(after.conversation.assignee(), None);
                        prop_assert_eq!(change.reason, Some(ASSIGNEE_UNAVAILABLE));
                    }
                    _ => {
                        prop_assert_eq!(after.conversation.ownership, before.conversation.ownership);
                        prop_assert_eq!(change.reason, None);
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_open_conversation_is_never_owned_by_somebody_who_cannot_work_it(history in histories()) {
        play(&history, |world, _| {
            for (contact, it) in world.begun() {
                prop_assert!(!it.conversation.is_open() || world.assignee_can_work(it, contact));
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_text_reopens_and_a_reply_does_not(history in histories()) {
        play(&history, |_, outcomes| {
            for outcome in outcomes {
                let Some((before, after)) = sides(outcome) else { continue };
                match outcome.change().unwrap().kind {
                    EventKind::Received => prop_assert!(after.conversation.is_open()),
                    EventKind::Replied => {
                        prop_assert_eq!(after.conversation.status(), before.conversation.status());
                    }
                    _ => {}
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn snapshots_survive_being_stored_as_json(history in histories()) {
        play(&history, |_, outcomes| {
            for change in outcomes.iter().filter_map(Outcome::change) {
                let stored = serde_json::to_string(&change.after).unwrap();
                let read: Snapshot = serde_json::from_str(&stored).unwrap();
                prop_assert_eq!(&read, &change.after, "{}", stored);
            }
            Ok(())
        })?;
    }
}

/// The tests above prove nothing about a case that the histories do not reach, so every case must occur often.
#[test]
fn histories_reach_every_kind_of_event_and_every_refusal_many_times() {
    let mut runner = TestRunner::deterministic();
    let mut reached: BTreeMap<&'static str, usize> = BTreeMap::new();
    for _ in 0..CASES {
        let history = histories().new_tree(&mut runner).unwrap().current();
        play(&history, |_, outcomes| {
            for outcome in outcomes {
                match &outcome.answer {
                    Ok(Some(change)) => {
                        *reached.entry(change.kind.as_str()).or_default() += 1;
                        let how = match (change.kind, change.reason) {
                            (EventKind::Received, Some(ASSIGNEE_UNAVAILABLE)) => "unassigned by a message",
                            (_, reason) => reason.unwrap_or("without a reason"),
                        };
                        *reached.entry(how).or_default() += 1;
                    }
                    Ok(None) => {}
                    Err(refusal) => *reached.entry(name(refusal)).or_default() += 1,
                }
            }
            Ok(())
        })
        .unwrap();
    }
    let refusals =
        ["agent inactive", "agent lacks access", "already assigned", "not allowed", "plan required", "stale"];
    let reasons = ["unassigned by a message", ASSIGNEE_UNAVAILABLE, "ACCESS_REVOKED", "AGENT_DEACTIVATED"];
    // These histories contain no handoffs, so no handoff can be acknowledged.
    let kinds = EventKind::ALL.iter().filter(|kind| **kind != EventKind::Acknowledged);
    for what in kinds.map(|kind| kind.as_str()).chain(refusals).chain(reasons) {
        let times = reached.get(what).copied().unwrap_or_default();
        assert!(times >= OFTEN, "{what}: {times} times in {CASES} histories");
    }
}
