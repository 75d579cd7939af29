//! A proposed rebalance: what it would move, made from what, and whether it may still be carried out.
//!
//! A plan holds good for the state it was made from and no other: each conversation with the same owner at the
//! same version. How the moves are chosen is in [`super::rebalance`].

use serde::{Deserialize, Serialize};

use super::conversation::{Ownership, Snapshot};
use super::ids::{AgentId, ConversationId, RebalancePlanId, WorkspaceId};
use super::refusal::Refusal;
use crate::clock::Timestamp;

/// How long a plan can be applied after it was made, in minutes.
pub const PROPOSAL_MINUTES: i64 = 10;
/// How long it can be undone after it was applied, in minutes.
pub const UNDO_MINUTES: i64 = 10;
/// The most conversations that one plan moves.
pub const MAX_MOVES: usize = 1_000;
/// For how many days an expired plan can still be asked for.
pub const KEPT_DAYS: i64 = 1;

const NOT_APPLIED: &str = "This plan has not been applied.";

/// How far a plan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanState {
    Proposed,
    Applied,
    /// Applied, and taken back.
    Undone,
}
super::spelling::spelled!(PlanState { Proposed = "PROPOSED", Applied = "APPLIED", Undone = "UNDONE" });

/// One conversation's way from one agent to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub conversation_id: ConversationId,
    pub from: AgentId,
    pub to: AgentId,
    /// The conversation's version when the plan was made.
    pub version: i32,
}

/// How many conversations an agent owns, before the plan and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLoad {
    pub agent_id: AgentId,
    pub before: usize,
    pub after: usize,
}

/// A plan to move conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebalancePlan {
    pub id: RebalancePlanId,
    pub workspace_id: WorkspaceId,
    pub state: PlanState,
    pub created_by: AgentId,
    pub created_at: Timestamp,
    /// Until when it can be applied or, once it is, undone.
    pub expires_at: Timestamp,
    pub applied_at: Option<Timestamp>,
    /// In order of the conversations' ids.
    pub moves: Vec<Move>,
    /// In the order in which the agents were asked for.
    pub loads: Vec<AgentLoad>,
}

impl RebalancePlan {
    /// Whether there is something to apply; `false` when it is applied already.
    ///
    /// # Errors
    /// [`Refusal::PlanStale`] when it is too late.
    pub fn can_apply(&self, now: Timestamp) -> Result<bool, Refusal> {
        match self.state {
            PlanState::Applied => Ok(false),
            PlanState::Proposed if now < self.expires_at => Ok(true),
            PlanState::Proposed | PlanState::Undone => Err(Refusal::PlanStale(Vec::new())),
        }
    }

    /// Whether there is something to undo; `false` when it is undone already.
    ///
    /// # Errors
    /// [`Refusal::PlanStale`] when it is too late, [`Refusal::NotAllowed`] when it was never applied.
    pub fn can_undo(&self, now: Timestamp) -> Result<bool, Refusal> {
        match self.state {
            PlanState::Undone => Ok(false),
            PlanState::Applied if now < self.expires_at => Ok(true),
            PlanState::Applied => Err(Refusal::PlanStale(Vec::new())),
            PlanState::Proposed => Err(Refusal::NotAllowed(NOT_APPLIED)),
        }
    }

    /// The plan once it is applied.
    pub fn applied(mut self, now: Timestamp) -> Self {
        self.state = PlanState::Applied;
        self.applied_at = Some(now);
        self.expires_at = now.plus_micros(UNDO_MINUTES * 60_000_000);
        self
    }

    /// The plan once it is undone.
    pub fn undone(mut self) -> Self {
        self.state = PlanState::Undone;
        self
    }

    /// The ids of the conversations that it moves.
    pub fn conversation_ids(&self) -> Vec<ConversationId> {
        self.moves.iter().map(|planned| planned.conversation_id).collect()
    }
}

impl Move {
    /// Whether the conversation is as it was when the plan was made.
    pub fn is_as_planned(&self, now: &Snapshot) -> bool {
        now.conversation.assignee() == Some(self.from) && now.conversation.version == self.version
    }

    /// Whether the conversation is still where the plan, applied at `at`, has put it. What was said in it
    /// meanwhile does not matter.
    pub fn is_where_put(&self, now: &Snapshot, at: Option<Timestamp>) -> bool {
        matches!(now.conversation.ownership, Ownership::Agent { id, at: since, .. }
            if id == self.to && Some(since) == at)
    }
}
