//! How conversations change owners many at a time or by themselves: at the end of a shift, by a manager's
//! rebalance, and when a lease runs out.
//!
//! Pure, as all of the domain. Assigning one conversation is in [`super::conversation`]; which conversations a
//! rebalance moves is in [`super::rebalance`].

use super::agent::{Agent, Plan, Policy};
use super::conversation::{Candidate, Change, Ownership, Snapshot, State};
use super::event::{ConversationEvent, EventKind};
use super::ids::AgentId;
use super::input_field::InputField;
use super::refusal::Refusal;
use crate::clock::Timestamp;

/// The most conversations that one handoff moves.
pub const MAX_HANDED_OFF: usize = 1_000;
/// The longest lease, in minutes: a week.
pub const MAX_LEASE_MINUTES: i32 = 10_080;

/// The assignment was one of a shift handoff. The new owner can acknowledge it.
pub const HANDED_OFF: &str = "HANDED_OFF";
/// The owner left a customer waiting for longer than the workspace's lease.
pub const LEASE_EXPIRED: &str = "LEASE_EXPIRED";
/// The assignment was a move of a rebalance plan.
pub const REBALANCED: &str = "REBALANCED";
/// The assignment took a move of a rebalance plan back.
pub const REBALANCE_UNDONE: &str = "REBALANCE_UNDONE";

const NOT_YOURS: &str = "Only a manager may hand off another agent's conversations.";

/// Whether `actor` may hand `from`'s conversations to `to`, whichever they are.
///
/// # Errors
/// [`Refusal::NotAllowed`], [`Refusal::PlanRequired`], [`Refusal::AgentInactive`].
pub fn permit_hand_off(actor: &Agent, from: AgentId, to: &Agent, policy: Policy) -> Result<(), Refusal> {
    if !policy.plan.includes_assignment() {
        return Err(Refusal::PlanRequired(Plan::ASSIGNMENT));
    }
    if actor.id != from && !actor.is_manager() {
        return Err(Refusal::NotAllowed(NOT_YOURS));
    }
    if to.active { Ok(()) } else { Err(Refusal::AgentInactive) }
}

/// How long an owner may leave a customer waiting, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease(i32);

impl Lease {
    /// # Errors
    /// [`Refusal::Invalid`] unless it is a minute to a week.
    pub fn of_minutes(minutes: i32) -> Result<Self, Refusal> {
        if (1..=MAX_LEASE_MINUTES).contains(&minutes) {
            return Ok(Self(minutes));
        }
        Err(Refusal::invalid(
            InputField::Minutes,
            format!("A lease holds from 1 to {MAX_LEASE_MINUTES} minutes."),
        ))
    }

    /// Its length in minutes.
    pub fn minutes(self) -> i32 {
        self.0
    }

    /// Who has waited since this instant, under an owner who had it by then, has waited too long at `now`.
    pub fn cutoff(self, now: Timestamp) -> Timestamp {
        now.plus_micros(-i64::from(self.0) * 60_000_000)
    }
}

impl Snapshot {
    /// Gives the conversation to `to` as one of many: `reason` says of which kind. The caller has judged who
    /// may, and that the agent is active.
    ///
    /// `None` when it is theirs already.
    ///
    /// # Errors
    /// [`Refusal::AgentLacksAccess`].
    pub fn pass_on(
        &self,
        actor: AgentId,
        to: Candidate<'_>,
        reason: &'static str,
        at: Timestamp,
    ) -> Result<Option<Change>, Refusal> {
        if self.conversation.assignee() == Some(to.agent.id) {
            return Ok(None);
        }
        if !to.has_access {
            return Err(Refusal::AgentLacksAccess);
        }
        let mut next = self.next();
        next.conversation.ownership = Ownership::Agent { id: to.agent.id, by: Some(actor), at };
        Ok(Some(self.change(EventKind::Assigned, next, Some(reason))))
    }

    /// The owner confirms that they have taken the conversation over. `last` is the latest of its events that
    /// assigned it or acknowledged that.
    ///
    /// `None` when `actor` does not own it, or it did not come to them by a handoff, or they confirmed before.
    pub fn acknowledge(&self, actor: AgentId, last: Option<&ConversationEvent>) -> Option<Change> {
        let handed_off = last.is_some_and(|event| {
            event.kind == EventKind::Assigned
                && event.reason.as_deref() == Some(HANDED_OFF)
                && event.assignee() == Some(actor)
        });
        if self.conversation.assignee() != Some(actor) || !handed_off {
            return None;
        }
        Some(self.change(EventKind::Acknowledged, self.next(), None))
    }

    /// Returns the conversation to Unassigned when its owner has left the customer waiting for the whole
    /// lease, counted from the later of when the wait began and when they got it.
    ///
    /// `None` when it is closed, answered or nobody's, or there is time left.
    pub fn expire_lease(&self, lease: Lease, now: Timestamp) -> Option<Change> {
        let State::Open { waiting_since: Some(waiting) } = self.conversation.state else { return None };
        let Ownership::Agent { at: assigned, .. } = self.conversation.ownership else { return None };
        if waiting.max(assigned) > lease.cutoff(now) {
            return None;
        }
        self.release(LEASE_EXPIRED, now)
    }
}
