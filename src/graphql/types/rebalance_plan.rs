//! A manager's plan to level what agents hold.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, Result};

use super::agent::Agent;
use super::conversation::{Conversation, ConversationFields};
use crate::clock::Timestamp;
use crate::domain::{AgentId, rebalance_plan};
use crate::graphql::error;
use crate::graphql::ids;
use crate::graphql::loaders::Loaders;

/// What a list whose length is not known beforehand counts for against the limit of complexity.
pub const LIST_COST: usize = 25;

/// How far a plan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rebalance_plan::PlanState")]
pub enum RebalancePlanState {
    /// Nothing has moved yet.
    Proposed,
    /// Everything has moved as planned.
    Applied,
    /// It was applied, and everything went back.
    Undone,
}

/// A plan, and what to look up its surroundings with.
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

/// Which conversations to move so that the highest load is as low as it can be, by the fewest moves. It holds
/// for the state it was made from: applying it moves all of them or none.
#[Object]
impl RebalancePlan {
    /// The plan's id.
    async fn id(&self) -> ID {
        ids::encode(self.plan.id)
    }

    /// How far it has come.
    async fn state(&self) -> RebalancePlanState {
        self.plan.state.into()
    }

    /// The moves; none when the loads cannot be made any more even.
    #[graphql(complexity = "LIST_COST * child_complexity + 1")]
    async fn moves(&self) -> Vec<RebalanceMove> {
        let planned = self.plan.moves.iter();
        planned.map(|planned| RebalanceMove { planned: *planned, loaders: self.loaders.clone() }).collect()
    }

    /// How many conversations each agent had when the plan was made.
    #[graphql(complexity = "LIST_COST * child_complexity + 1")]
    async fn before(&self) -> Vec<RebalanceLoad> {
        self.loads(|load| load.before)
    }

    /// How many conversations each agent has once it is applied.
    #[graphql(complexity = "LIST_COST * child_complexity + 1")]
    async fn after(&self) -> Vec<RebalanceLoad> {
        self.loads(|load| load.after)
    }

    /// Until when it can be applied or, once it is, undone.
    async fn expires_at(&self) -> Timestamp {
        self.plan.expires_at
    }
}

/// One conversation's way from one agent to another.
pub struct RebalanceMove {
    planned: rebalance_plan::Move,
    loaders: Arc<Loaders>,
}

/// A conversation that changes owners in a plan.
#[Object]
impl RebalanceMove {
    /// The conversation as it is now; null when you can no longer see it.
    async fn conversation(&self) -> Result<Option<Conversation>> {
        let found = self.loaders.conversation(self.planned.conversation_id).await?;
        Ok(found.map(|seen| ConversationFields::object(seen, &self.loaders)))
    }

    /// The agent who owns it when the plan is made.
    async fn from(&self) -> Result<Agent> {
        agent(&self.loaders, self.planned.from).await
    }

    /// The agent who owns it once the plan is applied.
    async fn to(&self) -> Result<Agent> {
        agent(&self.loaders, self.planned.to).await
    }
}

/// How many conversations an agent has.
pub struct RebalanceLoad {
    agent_id: AgentId,
    open: usize,
    loaders: Arc<Loaders>,
}

/// What one agent holds before or after a plan.
#[Object]
impl RebalanceLoad {
    /// The agent.
    async fn agent(&self) -> Result<Agent> {
        agent(&self.loaders, self.agent_id).await
    }

    /// How many conversations of the status in question the agent owns: open ones, unless you asked for others.
    async fn open(&self) -> i32 {
        i32::try_from(self.open).unwrap_or(i32::MAX)
    }
}

async fn agent(loaders: &Loaders, id: AgentId) -> Result<Agent> {
    loaders.agent(id).await?.map(Agent).ok_or_else(|| error::missing("an agent of a plan"))
}
