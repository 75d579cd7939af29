//! Administrative acts: who changed what in a workspace.
//!
//! Each is an event of the log, in the transaction of the change. Together with the changes of access they are the
//! history of the workspace.

use serde::{Deserialize, Serialize};

use super::ids::{AgentId, PhoneNumberId, ServiceTokenId};
use super::spelling::spelled;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkspaceEventKind {
    AccessGranted,
    AccessRevoked,
    AgentCreated,
    AgentUpdated,
    AgentDeactivated,
    AgentReactivated,
    RoleChanged,
    TokenIssued,
    TokensRevoked,
    ServiceTokenIssued,
    ServiceTokenRevoked,
    PhoneNumberAdded,
    PhoneNumberVerified,
    PhoneNumberRemoved,
    PhoneNumberMoved,
    AssignmentModelChanged,
    QueueThresholdsChanged,
    OwnershipLeaseChanged,
    PlanChanged,
}
spelled!(WorkspaceEventKind {
    AccessGranted = "ACCESS_GRANTED",
    AccessRevoked = "ACCESS_REVOKED",
    AgentCreated = "AGENT_CREATED",
    AgentUpdated = "AGENT_UPDATED",
    AgentDeactivated = "AGENT_DEACTIVATED",
    AgentReactivated = "AGENT_REACTIVATED",
    RoleChanged = "ROLE_CHANGED",
    TokenIssued = "TOKEN_ISSUED",
    TokensRevoked = "TOKENS_REVOKED",
    ServiceTokenIssued = "SERVICE_TOKEN_ISSUED",
    ServiceTokenRevoked = "SERVICE_TOKEN_REVOKED",
    PhoneNumberAdded = "PHONE_NUMBER_ADDED",
    PhoneNumberVerified = "PHONE_NUMBER_VERIFIED",
    PhoneNumberRemoved = "PHONE_NUMBER_REMOVED",
    PhoneNumberMoved = "PHONE_NUMBER_MOVED",
    AssignmentModelChanged = "ASSIGNMENT_MODEL_CHANGED",
    QueueThresholdsChanged = "QUEUE_THRESHOLDS_CHANGED",
    OwnershipLeaseChanged = "OWNERSHIP_LEASE_CHANGED",
    PlanChanged = "PLAN_CHANGED",
});

impl WorkspaceEventKind {
    /// Whether the act changes which phone numbers the workspace has.
    pub fn changes_numbers(self) -> bool {
        matches!(
            self,
            Self::PhoneNumberAdded
                | Self::PhoneNumberVerified
                | Self::PhoneNumberRemoved
                | Self::PhoneNumberMoved
        )
    }
}

/// What an act was done to. `None` stands for the workspace itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Target {
    Agent(AgentId),
    PhoneNumber(PhoneNumberId),
    ServiceToken(ServiceTokenId),
}

/// An administrative act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceChange {
    pub kind: WorkspaceEventKind,
    pub target: Option<Target>,
    /// What was changed, before the act.
    pub before: Option<String>,
    /// What was changed, after the act.
    pub after: Option<String>,
}

impl WorkspaceChange {
    pub fn new(kind: WorkspaceEventKind, target: Option<Target>) -> Self {
        Self { kind, target, before: None, after: None }
    }

    /// Adds what was changed.
    pub fn with(mut self, before: Option<String>, after: Option<String>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }
}
