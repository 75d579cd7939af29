//! Rebalance plans: a manager's plan to even out the workloads of agents.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, Result};

use super::agent::Agent;
use super::conversation::{Conversation, ConversationFields};
use crate::clock::Timestamp;
use crate::domain::{AgentId, rebalance_plan};
use crate::graphql::error;
use crate::graphql::ids;
use crate::graphql::loaders::Loaders;

/// The number of items that a list of unknown length counts as in the complexity of an operation.
pub const LIST_COST: usize = 25;

/// The state of a rebalance plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rebalance_plan::PlanState")]
pub enum RebalancePlanState {
    /// The plan has not been applied. Nothing has moved.
    Proposed,
    /// The plan was applied. All conversations have moved.
    Applied,
    /// The plan was applied and then undone. All conversations have moved back.
    Undone,
}

/// A plan and the loaders for its related entities.
pub struct RebalancePlan {
    plan: rebalance_plan::RebalancePlan,
    loaders: Arc<Loaders>,
}

impl RebalancePlan {
    pub fn new(plan: rebalance_plan::RebalancePlan, loaders: &Arc<Loaders>) -> Self {
        Self { plan, loaders: loaders.clone() }
    }

    fn loads(&self, count: impl Fn(&rebalance_plan::AgentLoad) -> usize) -> Vec<RebalanceLoad> {
        let load = |load: &rebalance_plan::AgentLoad| RebalanceLoad {
            agent_id: load.agent_id,
            open: count(load),
            loaders: self.loaders.clone(),
        };
        self.plan.loads.iter().map(load).collect()
    }
}

/// A plan to move conversations between agents. An agent's load is the number of conversations that the agent owns. The
/// plan makes the highest load as low as possible, with the fewest moves. Applying the plan makes all moves, or none if
/// the conversations have changed since the plan was made.
#[Object]
impl RebalancePlan {
    /// The rebalance plan's id.
    async fn id(&self) -> ID {
        ids::encode(self.plan.id)
    }

    /// The state of the plan.
    async fn state(&self) -> RebalancePlanState {
        self.plan.state.into()
    }

    /// The planned moves. Empty if the loads cannot be more even.
    #[graphql(complexity = "LIST_COST * child_complexity + 1")]
    async fn moves(&self) -> Vec<RebalanceMove> {
        let planned = self.plan.moves.iter();
        planned.map(|planned| RebalanceMove { planned: *planned, loaders: self.loaders.clone() }).collect()
    }

    /// The load of each agent when the plan was made.
    #[graphql(complexity = "LIST_COST * child_complexity + 1")]
    async fn before(&self) -> Vec<RebalanceLoad> {
        self.loads(|load| load.before)
    }

    /// The load of each agent after the plan is applied.
    #[graphql(complexity = "LIST_COST * child_complexity + 1")]
    async fn after(&self) -> Vec<RebalanceLoad> {
        self.loads(|load| load.after)
    }

    /// The time until which the plan can be applied. Once the plan is applied, the time until which it can be undone.
    async fn expires_at(&self) -> Timestamp {
        self.plan.expires_at
    }
}

/// A move of a plan and the loaders for its related entities.
pub struct RebalanceMove {
    planned: rebalance_plan::Move,
    loaders: Arc<Loaders>,
}

/// The move of one conversation to another agent.
#[Object]
impl RebalanceMove {
    /// The conversation in its current state. Null if you no longer have access to it.
    async fn conversation(&self) -> Result<Option<Conversation>> {
        let found = self.loaders.conversation(self.planned.conversation_id).await?;
        Ok(found.map(|visible| ConversationFields::object(visible, &self.loaders)))
    }

    /// The agent who owned the conversation when the plan was made.
    async fn from(&self) -> Result<Agent> {
        agent(&self.loaders, self.planned.from).await
    }

    /// The agent who owns the conversation once the plan is applied.
    async fn to(&self) -> Result<Agent> {
        agent(&self.loaders, self.planned.to).await
    }
}

/// An agent's load and the loaders for related entities.
pub struct RebalanceLoad {
    agent_id: AgentId,
    open: usize,
    loaders: Arc<Loaders>,
}

/// The number of conversations that one agent owns before or after a plan.
#[Object]
impl RebalanceLoad {
    /// The agent.
    async fn agent(&self) -> Result<Agent> {
        agent(&self.loaders, self.agent_id).await
    }

    /// The number of conversations that the agent owns and that have the `status` given to `planRebalance`. That is
    /// `OPEN` by default.
    async fn open(&self) -> i32 {
        i32::try_from(self.open).unwrap_or(i32::MAX)
    }
}

async fn agent(loaders: &Loaders, id: AgentId) -> Result<Agent> {
    loaders.agent(id).await?.map(Agent).ok_or_else(|| error::missing("an agent of a plan"))
}
