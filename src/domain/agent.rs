//! Agents, plans, and the rules of who may assign conversations.
//!
//! Assignment is accountability, not permission: it does not decide who may read or reply. Access to the phone
//! number decides that, and callers check it first.

use super::ids::{AgentId, WorkspaceId};
use super::refusal::Refusal;
use super::spelling::spelled;
use crate::clock::Timestamp;

/// An agent's role in the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Answers customers.
    Rep,
    /// Answers customers, assigns any conversation, and administers the workspace.
    Manager,
}
spelled!(Role { Rep = "REP", Manager = "MANAGER" });

/// The workspace's subscription plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plan {
    Starter,
    Team,
    Pro,
    ProPlus,
    Business,
}
spelled!(Plan {
    Starter = "STARTER",
    Team = "TEAM",
    Pro = "PRO",
    ProPlus = "PRO_PLUS",
    Business = "BUSINESS",
});

impl Plan {
    /// The lowest plan that includes assignment.
    pub const ASSIGNMENT: Self = Self::Team;

    /// Whether conversations can be assigned under this plan.
    pub fn includes_assignment(self) -> bool {
        self >= Self::ASSIGNMENT
    }
}

/// How the team distributes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssignmentModel {
    /// Every agent may claim and assign.
    Open,
    /// Only managers assign.
    ManagerAssigned,
    /// Reps claim; managers assign.
    SelfService,
    /// Experienced reps claim; managers assign.
    Hybrid,
}
spelled!(AssignmentModel {
    Open = "OPEN",
    ManagerAssigned = "MANAGER_ASSIGNED",
    SelfService = "SELF_SERVICE",
    Hybrid = "HYBRID",
});

/// A team member who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    pub id: AgentId,
    pub workspace_id: WorkspaceId,
    pub name: String,
    pub title: Option<String>,
    pub email: String,
    pub role: Role,
    pub active: bool,
    pub experienced: bool,
    pub created_at: Timestamp,
    /// The time of the last revocation of the agent's tokens. Tokens that were issued by then no longer sign in.
    pub tokens_valid_after: Option<Timestamp>,
}

impl Agent {
    /// Whether this agent administers the workspace.
    pub fn is_manager(&self) -> bool {
        self.role == Role::Manager
    }

    /// Whether the agent may act with a token that was issued at this time. The time is `None` if there is no token:
    /// the program itself acts for the agent.
    pub fn admits(&self, issued_at: Option<Timestamp>) -> bool {
        let is_revoked = |issued_at| self.tokens_valid_after.is_some_and(|after| issued_at <= after);
        self.active && !issued_at.is_some_and(is_revoked)
    }

    /// The time at which a new token counts as issued: after the last revocation, even if the clock of the process that
    /// revoked was ahead.
    pub fn issue_time(&self, now: Timestamp) -> Timestamp {
        self.tokens_valid_after.map_or(now, |after| now.max(after.plus_micros(1)))
    }
}

/// How an assignment changes the owner, from the point of view of the agent who requests it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerChange {
    /// The actor takes an unassigned conversation.
    Claim,
    /// The actor owns the conversation and assigns it to another agent or unassigns it.
    HandOff,
    /// Any other change: the actor does not own the conversation and does not claim it.
    Other,
}

impl OwnerChange {
    /// Classifies the change when `actor` moves a conversation from the owner `from` to the owner `to`.
    pub fn of(actor: AgentId, from: Option<AgentId>, to: Option<AgentId>) -> Self {
        if from == Some(actor) {
            Self::HandOff
        } else if from.is_none() && to == Some(actor) {
            Self::Claim
        } else {
            Self::Other
        }
    }
}

/// The settings that decide who may assign: the workspace's plan and its assignment model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub plan: Plan,
    pub model: AssignmentModel,
}

impl Policy {
    /// Checks that `actor` may make the change `change`.
    ///
    /// # Errors
    /// [`Refusal::PlanRequired`] when the plan does not include assignment, [`Refusal::NotAllowed`] when the
    /// model does not allow this actor to make the change.
    pub fn permit(self, actor: &Agent, change: OwnerChange) -> Result<(), Refusal> {
        if !self.plan.includes_assignment() {
            return Err(Refusal::PlanRequired(Plan::ASSIGNMENT));
        }
        let allowed = actor.is_manager()
            || match (change, self.model) {
                (OwnerChange::HandOff, _) | (_, AssignmentModel::Open) => true,
                (OwnerChange::Claim, AssignmentModel::SelfService) => true,
                (OwnerChange::Claim, AssignmentModel::Hybrid) => actor.experienced,
                (OwnerChange::Claim, AssignmentModel::ManagerAssigned) | (OwnerChange::Other, _) => false,
            };
        if allowed { Ok(()) } else { Err(Refusal::NotAllowed(self.explain(change))) }
    }

    /// The message for an agent whom the model does not allow to make the change `change`.
    fn explain(self, change: OwnerChange) -> &'static str {
        match (change, self.model) {
            (OwnerChange::Claim, AssignmentModel::Hybrid) => {
                "In this workspace, only managers and experienced reps can claim conversations."
            }
            (OwnerChange::Claim, _) => "In this workspace, only managers can assign conversations.",
            _ => "In this workspace, only managers can assign conversations that you do not own.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn agent(role: Role, experienced: bool) -> Agent {
        Agent {
            id: AgentId(Uuid::from_u128(1)),
            workspace_id: WorkspaceId(Uuid::nil()),
            name: "Ada".into(),
            title: None,
            email: "ada@example.test".into(),
            role,
            active: true,
            experienced,
            created_at: Timestamp::from_micros(0),
            tokens_valid_after: None,
        }
    }

    fn allowed(model: AssignmentModel, actor: &Agent, change: OwnerChange) -> bool {
        Policy { plan: Plan::Team, model }.permit(actor, change).is_ok()
    }

    #[test]
    fn each_model_says_who_claims_and_who_assigns() {
        use AssignmentModel::*;
        let (new, experienced) = (agent(Role::Rep, false), agent(Role::Rep, true));
        // (model, a new rep claims, an experienced rep claims, a rep assigns others' work)
        for (model, new_claims, experienced_claims, assigns) in [
            (Open, true, true, true),
            (ManagerAssigned, false, false, false),
            (SelfService, true, true, false),
            (Hybrid, false, true, false),
        ] {
            assert_eq!(allowed(model, &new, OwnerChange::Claim), new_claims, "{model}");
            assert_eq!(allowed(model, &experienced, OwnerChange::Claim), experienced_claims, "{model}");
            assert_eq!(allowed(model, &new, OwnerChange::Other), assigns, "{model}");
            assert_eq!(allowed(model, &experienced, OwnerChange::Other), assigns, "{model}");
        }
    }

    #[test]
    fn managers_always_may_and_everybody_may_hand_on_their_own() {
        for model in AssignmentModel::ALL {
            for change in [OwnerChange::Claim, OwnerChange::HandOff, OwnerChange::Other] {
                assert!(allowed(*model, &agent(Role::Manager, false), change));
            }
            assert!(allowed(*model, &agent(Role::Rep, false), OwnerChange::HandOff));
        }
    }

    #[test]
    fn only_starter_lacks_assignment() {
        for plan in Plan::ALL {
            let permitted = Policy { plan: *plan, model: AssignmentModel::Open }
                .permit(&agent(Role::Manager, true), OwnerChange::Claim);
            assert_eq!(permitted.is_ok(), *plan != Plan::Starter);
        }
    }

    #[test]
    fn taking_from_somebody_is_assigning_others_work() {
        let [me, you, other] = [1, 2, 3].map(|n| AgentId(Uuid::from_u128(n)));
        assert_eq!(OwnerChange::of(me, None, Some(me)), OwnerChange::Claim);
        assert_eq!(OwnerChange::of(me, None, Some(you)), OwnerChange::Other);
        assert_eq!(OwnerChange::of(me, Some(you), Some(me)), OwnerChange::Other);
        assert_eq!(OwnerChange::of(me, Some(you), None), OwnerChange::Other);
        assert_eq!(OwnerChange::of(me, Some(you), Some(other)), OwnerChange::Other);
        assert_eq!(OwnerChange::of(me, Some(me), Some(you)), OwnerChange::HandOff);
        assert_eq!(OwnerChange::of(me, Some(me), None), OwnerChange::HandOff);
    }
}
