//! Workspaces.

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::domain;
use crate::graphql::ids;

/// The pricing plan of a workspace. From lowest to highest: `STARTER`, `TEAM`, `PRO`, `PRO_PLUS`, `BUSINESS`. Each plan
/// includes the features of all lower plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Plan")]
pub enum Plan {
    /// The lowest plan. It includes everything except assignment.
    Starter,
    /// The lowest plan that includes assignment.
    Team,
    /// The plan above `TEAM`.
    Pro,
    /// The plan above `PRO`.
    ProPlus,
    /// The highest plan.
    Business,
}

/// The rules for who may claim and assign conversations. To claim is to assign an unassigned conversation to yourself.
/// Under every model, managers may assign any conversation, and assignees may reassign or unassign their own ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::AssignmentModel")]
pub enum AssignmentModel {
    /// All agents may claim and assign any conversation.
    Open,
    /// Only managers may claim and assign conversations.
    ManagerAssigned,
    /// All agents may claim unassigned conversations. Only managers may make other assignments.
    SelfService,
    /// Managers and experienced reps may claim unassigned conversations. Only managers may make other assignments.
    Hybrid,
}

/// The thresholds that `queueHealth` checks the queue against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
pub struct QueueThresholds {
    /// The highest acceptable number of open, unassigned conversations. Null if the threshold is off.
    max_unassigned: Option<i32>,
    /// The longest acceptable wait of a customer for an answer, in seconds. Null if the threshold is off.
    max_wait_seconds: Option<i32>,
}

/// The GraphQL type `Workspace`.
#[derive(Debug, Clone)]
pub struct Workspace(pub domain::Workspace);

/// The account of a team. All other objects belong to a workspace.
#[Object]
impl Workspace {
    /// The workspace's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.0.id)
    }

    /// The workspace's name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The workspace's pricing plan.
    async fn plan(&self) -> Plan {
        self.0.plan.into()
    }

    /// The rules for who may claim and assign conversations.
    async fn assignment_model(&self) -> AssignmentModel {
        self.0.assignment_model.into()
    }

    /// The thresholds that `queueHealth` checks the queue against.
    async fn queue_thresholds(&self) -> QueueThresholds {
        let domain::QueueThresholds { max_unassigned, max_wait_seconds } = self.0.queue_thresholds;
        QueueThresholds { max_unassigned, max_wait_seconds }
    }

    /// The ownership lease: how long, in minutes, an assignee may leave a customer waiting before the open conversation
    /// becomes unassigned. Null if the lease is off.
    async fn ownership_lease(&self) -> Option<i32> {
        self.0.lease.map(domain::Lease::minutes)
    }
}
