//! Workloads of agents.

use async_graphql::SimpleObject;

use super::agent::Agent;
use crate::service;

/// The workload of an active agent, over all phone numbers of the workspace.
#[derive(Debug, Clone, SimpleObject)]
pub struct Workload {
    /// The agent.
    agent: Agent,
    /// The number of open conversations that the agent owns.
    open: i32,
    /// The number of open conversations that the agent owns and in which the customer is waiting for an answer.
    waiting: i32,
}

impl From<service::Workload> for Workload {
    fn from(workload: service::Workload) -> Self {
        let fit = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
        let service::Workload { agent, open, waiting } = workload;
        Self { agent: Agent(agent), open: fit(open), waiting: fit(waiting) }
    }
}
