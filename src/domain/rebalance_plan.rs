//! Rebalance plans: their moves, and when a plan can be applied and undone.
//!
//! A plan can be applied only while each of its conversations has the same owner and version as when the plan was
//! made. [`super::rebalance`] chooses the moves.

use serde::{Deserialize, Serialize};

use super::conversation::{Ownership, Snapshot};
use super::ids::{AgentId, ConversationId, RebalancePlanId, WorkspaceId};
use super::refusal::Refusal;
use crate::clock::Timestamp;

/// How many minutes after its creation a plan can be applied.
pub const PROPOSAL_MINUTES: i64 = 10;
/// How many minutes after it was applied a plan can be undone.
pub const UNDO_MINUTES: i64 = 10;
/// The maximum number of conversations that one plan moves.
pub const MAX_MOVES: usize = 1_000;
/// How many days an expired plan can still be queried.
pub const KEPT_DAYS: i64 = 1;

const NOT_APPLIED: &str = "The plan has not been applied.";

/// The state of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanState {
    Proposed,
    Applied,
    /// Applied, then undone.
    Undone,
}
super::spelling::spelled!(PlanState { Proposed = "PROPOSED", Applied = "APPLIED", Undone = "UNDONE" });

/// The move of a conversation from one agent to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub conversation_id: ConversationId,
    pub from: AgentId,
    pub to: AgentId,
    /// The conversation's version when the plan was made.
    pub version: i32,
}

/// The number of conversations that an agent owns before and after the plan is applied.
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
    /// When a proposed plan can no longer be applied, and an applied plan can no longer be undone.
    pub expires_at: Timestamp,
    pub applied_at: Option<Timestamp>,
    /// Ordered by conversation id.
    pub moves: Vec<Move>,
    /// In the order of the requested agents.
    pub loads: Vec<AgentLoad>,
}

impl RebalancePlan {
    /// Whether the plan can be applied; `false` when it is applied already.
    ///
    /// # Errors
    /// [`Refusal::PlanStale`] when the plan has expired or was undone.
    pub fn can_apply(&self, now: Timestamp) -> Result<bool, Refusal> {
        match self.state {
            PlanState::Applied => Ok(false),
            PlanState::Proposed if now < self.expires_at => Ok(true),
            PlanState::Proposed | PlanState::Undone => Err(Refusal::PlanStale(Vec::new())),
        }
    }

    /// Whether the plan can be undone; `false` when it is undone already.
    ///
    /// # Errors
    /// [`Refusal::PlanStale`] when the plan has expired, [`Refusal::NotAllowed`] when it was never applied.
    pub fn can_undo(&self, now: Timestamp) -> Result<bool, Refusal> {
        match self.state {
            PlanState::Undone => Ok(false),
            PlanState::Applied if now < self.expires_at => Ok(true),
            PlanState::Applied => Err(Refusal::PlanStale(Vec::new())),
            PlanState::Proposed => Err(Refusal::NotAllowed(NOT_APPLIED)),
        }
    }

    /// The plan after it was applied at `now`.
    pub fn applied(mut self, now: Timestamp) -> Self {
        self.state = PlanState::Applied;
        self.applied_at = Some(now);
        self.expires_at = now.plus_micros(UNDO_MINUTES * 60_000_000);
        self
    }

    /// The plan after it was undone.
    pub fn undone(mut self) -> Self {
        self.state = PlanState::Undone;
        self
    }

    /// The ids of the conversations that the plan moves.
    pub fn conversation_ids(&self) -> Vec<ConversationId> {
        self.moves.iter().map(|planned| planned.conversation_id).collect()
    }
}

impl Move {
    /// Whether the conversation has the same owner and version as when the plan was made.
    pub fn is_as_planned(&self, now: &Snapshot) -> bool {
        now.conversation.assignee() == Some(self.from) && now.conversation.version == self.version
    }

    /// Whether the conversation still has the owner to whom the plan, applied at `at`, assigned it. Messages since
    /// then do not matter.
    pub fn is_where_put(&self, now: &Snapshot, at: Option<Timestamp>) -> bool {
        matches!(now.conversation.ownership, Ownership::Agent { id, at: since, .. }
            if id == self.to && Some(since) == at)
    }
}
