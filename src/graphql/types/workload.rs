//! How much an agent holds.

use async_graphql::SimpleObject;

use super::agent::Agent;
use crate::service;

/// What an active agent holds, over all phone numbers of the workspace.
#[derive(Debug, Clone, SimpleObject)]
pub struct Workload {
    /// The agent.
    agent: Agent,
    /// How many open conversations the agent owns.
    open: i32,
    /// In how many of them the customer waits for an answer.
    waiting: i32,
}

impl From<service::Workload> for Workload {
    fn from(workload: service::Workload) -> Self {
        let fit = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
        let service::Workload { agent, open, waiting } = workload;
        Self { agent: Agent(agent), open: fit(open), waiting: fit(waiting) }
    }
}
