//! Permissions: who may assign, claim and close, and in which order the domain checks a command.

use proptest::prelude::*;

use super::world::{Action, Cause, Expected, Outcome, World, agent_id, histories, number_of, play};
use super::{CASES, cases};
use crate::domain::conversation::Ownership;
use crate::domain::*;

/// The agent and their action, if an agent caused the outcome.
fn action(outcome: &Outcome) -> Option<(usize, Action)> {
    match outcome.cause {
        Cause::Action { by, action } => Some((by, action)),
        Cause::Text | Cause::Release => None,
    }
}

proptest! {
    #![proptest_config(cases(CASES))]

    #[test]
    fn assigning_checks_the_owner_then_the_expectations_then_the_rules(history in histories()) {
        play(&history, |world, outcomes| {
            for outcome in outcomes {
                let (Some(before), Some((by, action))) = (&outcome.before, action(outcome)) else { continue };
                let expected = match action {
                    Action::Assign { to, expected } => expected_result(world, outcome.contact, before, by, Some(to), expected),
                    Action::Unassign { expected } => expected_result(world, outcome.contact, before, by, None, expected),
                    _ => continue,
                };
                match (&outcome.answer, expected) {
                    (Ok(answer), Ok(changed)) => prop_assert_eq!(answer.is_some(), changed),
                    (Err(refusal), Err(expected)) => prop_assert_eq!(name(refusal), expected),
                    (answer, expected) => prop_assert!(false, "{answer:?}, but expected {expected:?}"),
                }
                if let Err(Refusal::Stale(now)) = &outcome.answer {
                    prop_assert_eq!(now.as_ref(), before);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn closing_checks_the_status_then_the_expectations(history in histories()) {
        play(&history, |_, outcomes| {
            for outcome in outcomes {
                let (Some(before), Some((by, Action::Close { expected }))) = (&outcome.before, action(outcome)) else {
                    continue;
                };
                match &outcome.answer {
                    Ok(None) => prop_assert!(!before.conversation.is_open()),
                    Ok(Some(change)) => {
                        prop_assert!(before.conversation.is_open() && expected.holds(before));
                        let closed = matches!(change.after.conversation.state, State::Closed { by: Some(who), .. } if who == agent_id(by));
                        prop_assert!(closed);
                    }
                    Err(Refusal::Stale(now)) => {
                        prop_assert!(before.conversation.is_open() && !expected.holds(before));
                        prop_assert_eq!(now.as_ref(), before);
                    }
                    Err(other) => prop_assert!(false, "{other:?}"),
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_refused_claim_contains_the_owner(history in histories()) {
        play(&history, |world, outcomes| {
            for outcome in outcomes {
                let (Some(before), Some((by, Action::Claim))) = (&outcome.before, action(outcome)) else { continue };
                match before.conversation.ownership {
                    Ownership::Agent { id, .. } if id == agent_id(by) => prop_assert_eq!(&outcome.answer, &Ok(None)),
                    Ownership::Agent { .. } => {
                        let refused = Err(Refusal::AlreadyAssigned(Box::new(before.clone())));
                        prop_assert_eq!(&outcome.answer, &refused);
                    }
                    Ownership::Unassigned { .. } => {
                        let permitted = world.policy.plan != Plan::Starter && may_assign(world, by, None, Some(by));
                        prop_assert_eq!(outcome.answer.is_ok(), permitted);
                        let owner = outcome.change().and_then(|change| change.after.conversation.assignee());
                        prop_assert_eq!(owner, permitted.then(|| agent_id(by)));
                    }
                }
            }
            Ok(())
        })?;
    }
}

/// Whether the assignment model allows `by` to make the change.
fn may_assign(world: &World, by: usize, from: Option<AgentId>, to: Option<usize>) -> bool {
    let actor = &world.agents[by];
    let claim = from.is_none() && to == Some(by);
    match world.policy.model {
        _ if actor.role == Role::Manager || from == Some(actor.id) => true,
        AssignmentModel::Open => true,
        AssignmentModel::ManagerAssigned => false,
        AssignmentModel::SelfService => claim,
        AssignmentModel::Hybrid => claim && actor.experienced,
    }
}

/// The expected result of an assignment: whether it changes the conversation, or the name of the refusal.
fn expected_result(
    world: &World,
    contact: usize,
    before: &Snapshot,
    by: usize,
    to: Option<usize>,
    expected: Expected,
) -> Result<bool, &'static str> {
    let from = before.conversation.assignee();
    if from == to.map(agent_id) {
        return Ok(false);
    }
    if !expected.holds(before) {
        return Err("stale");
    }
    if world.policy.plan == Plan::Starter {
        return Err("plan required");
    }
    if !may_assign(world, by, from, to) {
        return Err("not allowed");
    }
    match to {
        Some(to) if !world.agents[to].active => Err("agent inactive"),
        Some(to) if !world.has_access(to, number_of(contact)) => Err("agent lacks access"),
        _ => Ok(true),
    }
}

/// The name of a refusal.
pub(super) fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Stale(_) => "stale",
        Refusal::PlanRequired(Plan::Team) => "plan required",
        Refusal::NotAllowed(_) => "not allowed",
        Refusal::AgentInactive => "agent inactive",
        Refusal::AgentLacksAccess => "agent lacks access",
        Refusal::AlreadyAssigned(_) => "already assigned",
        _ => "another",
    }
}
