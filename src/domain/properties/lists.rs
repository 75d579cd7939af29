//! Views and badges: lists and counters that are updated by events must equal a walk over every conversation.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::world::{AGENTS, NUMBERS, Outcome, World, agent_id, histories, number_id, number_of, play};
use super::{CASES, cases};
use crate::domain::counts::{Deltas, StatusCounts, ViewCounts, contribute, delta};
use crate::domain::view::{QueueChange, change};
use crate::domain::*;

/// Fewer cases, because each case compares hundreds of lists.
const FOLDING_CASES: u32 = 24;

proptest! {
    #![proptest_config(cases(CASES))]

    #[test]
    fn counters_moved_change_by_change_equal_a_recount(history in histories()) {
        let mut moved = Deltas::new();
        play(&history, |world, outcomes| {
            for change in outcomes.iter().filter_map(Outcome::change) {
                delta(change.before.as_ref(), &change.after, &mut moved);
            }
            let mut recounted = Deltas::new();
            world.begun().for_each(|(_, it)| contribute(it, 1, &mut recounted));
            prop_assert_eq!(&moved, &recounted);
            prop_assert!(moved.values().all(|n| *n > 0), "{:?}", moved);
            Ok(())
        })?;
    }

    #[test]
    fn badges_equal_counting_the_lists(history in histories()) {
        let mut moved = Deltas::new();
        play(&history, |world, outcomes| {
            for change in outcomes.iter().filter_map(Outcome::change) {
                delta(change.before.as_ref(), &change.after, &mut moved);
            }
            for agent in 0..AGENTS {
                let mut badges = ViewCounts::default();
                moved.iter().for_each(|(counter, n)| badges.add(agent_id(agent), counter, *n));
                prop_assert_eq!(badges, counted(world, agent), "for agent {}", agent);
            }
            Ok(())
        })?;
    }
}

/// The badges, computed by a walk over every conversation.
fn counted(world: &World, agent: usize) -> ViewCounts {
    let mut badges = ViewCounts::default();
    for (contact, it) in world.begun() {
        let ledger = &world.ledgers[contact];
        let count = |badge: &mut StatusCounts| {
            badge.total += 1;
            if ledger.is_open() {
                badge.open += 1;
            } else {
                badge.closed += 1;
            }
            badge.unread += i64::from(ledger.is_unread_for(agent));
        };
        count(&mut badges.inbox);
        match it.conversation.assignee() {
            None => count(&mut badges.unassigned),
            Some(owner) if owner == agent_id(agent) => count(&mut badges.assigned_to_me),
            Some(_) => {}
        }
    }
    badges
}

/// A viewer's list: a view with a filter, and the rows that a client has.
struct List {
    view: View,
    filter: Filter,
    viewer: Viewer,
    agent: usize,
    rows: BTreeMap<ConversationId, Row>,
}

/// A row of a list: the conversation, and whether it is unread for the viewer.
type Row = (Conversation, bool);

impl List {
    /// Every view × filter × viewer.
    fn all() -> Vec<Self> {
        let numbers = |range: std::ops::Range<usize>| range.map(number_id).collect::<BTreeSet<_>>();
        let mut lists = Vec::new();
        for (agent, accessible) in (0..AGENTS).flat_map(|agent| [(agent, 0..NUMBERS), (agent, 1..NUMBERS)]) {
            for view in [View::Inbox, View::AssignedToMe, View::Unassigned] {
                for status in [None, Some(Status::Open), Some(Status::Closed)] {
                    for unread in [None, Some(true), Some(false)] {
                        for phone_number_ids in [None, Some(numbers(0..1))] {
                            let filter = Filter { status, unread, phone_number_ids };
                            let viewer = Viewer {
                                agent_id: agent_id(agent),
                                phone_number_ids: numbers(accessible.clone()),
                            };
                            lists.push(Self { view, filter, viewer, agent, rows: BTreeMap::new() });
                        }
                    }
                }
            }
        }
        lists
    }

    /// The rows of the list, computed by a walk over the histories.
    fn walked(&self, world: &World) -> BTreeMap<ConversationId, Row> {
        let mut rows = BTreeMap::new();
        for (contact, it) in world.begun() {
            let ledger = &world.ledgers[contact];
            let number = number_id(number_of(contact));
            let unread = ledger.is_unread_for(self.agent);
            let owner = it.conversation.assignee();
            let in_view = match self.view {
                View::Inbox => true,
                View::AssignedToMe => owner == Some(agent_id(self.agent)),
                View::Unassigned => owner.is_none(),
            };
            let shown = in_view
                && self.viewer.phone_number_ids.contains(&number)
                && self.filter.phone_number_ids.as_ref().is_none_or(|ids| ids.contains(&number))
                && self.filter.status.is_none_or(|status| (status == Status::Open) == ledger.is_open())
                && self.filter.unread.is_none_or(|wanted| wanted == unread);
            if shown {
                rows.insert(it.conversation.id, (it.conversation.clone(), unread));
            }
        }
        rows
    }

    /// Applies an event as a client does.
    fn fold(&mut self, actor: Option<AgentId>, event: &ConversationEvent) -> TestCaseResult {
        let id = event.conversation_id();
        let row = || (event.after.conversation.clone(), event.after.unread_for(self.viewer.agent_id));
        match change(self.view, &self.filter, &self.viewer, actor, event) {
            None => {}
            Some(QueueChange::Entered) => {
                prop_assert!(self.rows.insert(id, row()).is_none(), "a member entered again");
            }
            Some(QueueChange::Updated) => {
                prop_assert!(
                    self.rows.insert(id, row()).is_some(),
                    "a conversation outside the list was updated"
                );
            }
            Some(QueueChange::Left) => {
                prop_assert!(self.rows.remove(&id).is_some(), "a conversation outside the list left");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(cases(FOLDING_CASES))]

    #[test]
    fn folding_changes_over_a_list_from_any_point_equals_the_list_at_the_end(
        history in histories(),
        start in any::<prop::sample::Index>(),
    ) {
        let start = start.index(history.commands.len());
        let mut lists = List::all();
        let mut played = 0;
        play(&history, |world, outcomes| {
            if played > start {
                for (outcome, event) in outcomes.iter().filter_map(|it| Some((it, it.event()?))) {
                    lists.iter_mut().try_for_each(|list| list.fold(outcome.actor(), &event))?;
                }
            }
            played += 1;
            for list in &mut lists {
                if played == start + 1 {
                    list.rows = list.walked(world);
                } else if played == history.commands.len() {
                    prop_assert_eq!(&list.rows, &list.walked(world), "{:?} {:?} {:?}", list.view, list.filter, list.viewer);
                }
            }
            Ok(())
        })?;
    }
}
