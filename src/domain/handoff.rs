//! Owner changes in bulk, at the end of a shift or by a rebalance, and when a lease expires.
//!
//! [`super::conversation`] assigns a single conversation; [`super::rebalance`] chooses the moves of a rebalance.

use super::agent::{Agent, Plan, Policy};
use super::conversation::{Candidate, Change, Ownership, Snapshot, State};
use super::event::{ConversationEvent, EventKind};
use super::ids::AgentId;
use super::input_field::InputField;
use super::refusal::Refusal;
use crate::clock::Timestamp;

/// The maximum number of conversations in one handoff.
pub const MAX_HANDED_OFF: usize = 1_000;
/// The longest lease in minutes: a week.
pub const MAX_LEASE_MINUTES: i32 = 10_080;

/// The assignment was part of a shift handoff. The new owner can acknowledge it.
pub const HANDED_OFF: &str = "HANDED_OFF";
/// The owner left the customer waiting for longer than the workspace's lease.
pub const LEASE_EXPIRED: &str = "LEASE_EXPIRED";
/// The assignment was a move of a rebalance plan.
pub const REBALANCED: &str = "REBALANCED";
/// The assignment undid a move of a rebalance plan.
pub const REBALANCE_UNDONE: &str = "REBALANCE_UNDONE";

const NOT_YOURS: &str = "Only a manager can hand off another agent's conversations.";

/// Checks that `actor` may hand off conversations of `from` to `to`.
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
    /// [`Refusal::Invalid`] unless `minutes` is from 1 to [`MAX_LEASE_MINUTES`].
    pub fn of_minutes(minutes: i32) -> Result<Self, Refusal> {
        if (1..=MAX_LEASE_MINUTES).contains(&minutes) {
            return Ok(Self(minutes));
        }
        Err(Refusal::invalid(InputField::Minutes, format!("Must be between 1 and {MAX_LEASE_MINUTES}.")))
    }

    /// The length in minutes.
    pub fn minutes(self) -> i32 {
        self.0
    }

    /// The time that is one lease before `now`. The lease has expired when the wait and the ownership both began
    /// at this time or earlier.
    pub fn cutoff(self, now: Timestamp) -> Timestamp {
        now.plus_micros(-i64::from(self.0) * 60_000_000)
    }
}

impl Snapshot {
    /// Assigns the conversation to `to` as part of a bulk change with the given `reason`. The caller has checked
    /// that `actor` may do this and that `to` is active.
    ///
    /// `None` when `to` owns the conversation already.
    ///
    /// # Errors
    /// [`Refusal::AgentLacksAccess`].
    pub fn hand_over(
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

    /// Records that the owner has acknowledged a handoff. `last` is the conversation's latest event of the kinds
    /// `Assigned` and `Acknowledged`.
    ///
    /// `None` when `actor` is not the owner, did not get the conversation by a handoff, or has acknowledged it.
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

    /// Returns the conversation to Unassigned when its owner has left the customer waiting for the whole lease.
    /// The lease starts when the wait began or when the owner got the conversation, whichever is later.
    ///
    /// `None` when the conversation is closed, answered or unassigned, or the lease has not expired.
    pub fn expire_lease(&self, lease: Lease, now: Timestamp) -> Option<Change> {
        let State::Open { waiting_since: Some(waiting) } = self.conversation.state else { return None };
        let Ownership::Agent { at: assigned, .. } = self.conversation.ownership else { return None };
        if waiting.max(assigned) > lease.cutoff(now) {
            return None;
        }
        self.release(LEASE_EXPIRED, now)
    }
}
