//! The customer account.

use async_graphql::{Enum, ID, Object, SimpleObject};

use crate::domain;
use crate::graphql::ids;

/// What the workspace pays for. Each plan includes what the ones before it include.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Plan")]
pub enum Plan {
    /// Everything but assignment.
    Starter,
    /// The least plan with assignment.
    Team,
    /// Above Team.
    Pro,
    /// Above Pro.
    ProPlus,
    /// The highest plan.
    Business,
}

/// How the team has agreed to hand out work. Managers may always assign, and an assignee may always hand
/// their own conversation on or give it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::AssignmentModel")]
pub enum AssignmentModel {
    /// Anybody claims, and anybody assigns.
    Open,
    /// Managers assign; reps neither claim nor assign.
    ManagerAssigned,
    /// Reps claim from Unassigned; managers assign.
    SelfService,
    /// Experienced reps claim from Unassigned; managers assign.
    Hybrid,
}

/// From when on the queue is past what the team tolerates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
pub struct QueueThresholds {
    /// How many open conversations may be unassigned; null when that is not watched.
    max_unassigned: Option<i32>,
    /// For how many seconds a customer may wait for an answer; null when that is not watched.
    max_wait_seconds: Option<i32>,
}

/// The workspace of the caller.
#[derive(Debug, Clone)]
pub struct Workspace(pub domain::Workspace);

/// The customer account that everything belongs to.
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

    /// What the workspace pays for.
    async fn plan(&self) -> Plan {
        self.0.plan.into()
    }

    /// How the team hands out work.
    async fn assignment_model(&self) -> AssignmentModel {
        self.0.assignment_model.into()
    }

    /// From when on `queueHealth` says that a threshold is passed.
    async fn queue_thresholds(&self) -> QueueThresholds {
        let domain::QueueThresholds { max_unassigned, max_wait_seconds } = self.0.queue_thresholds;
        QueueThresholds { max_unassigned, max_wait_seconds }
    }

    /// For how many minutes an owner may leave a customer waiting before the open conversation goes back to
    /// Unassigned; null when owners keep what they have.
    async fn ownership_lease(&self) -> Option<i32> {
        self.0.lease.map(domain::Lease::minutes)
    }
}
