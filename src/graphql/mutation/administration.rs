//! Administration by managers: the assignment model, agents, phone numbers and access to them.

use async_graphql::{Context, InputObject, MaybeUndefined, MergedObject, Object, Result, SimpleObject};

use crate::domain::input::E164;
use crate::domain::{AgentId, PhoneNumberId};
use crate::graphql::error;
use crate::graphql::ids::IdOf;
use crate::graphql::scalars::EventCursor;
use crate::graphql::scope::{Scope, payload};
use crate::graphql::types::agent::{Agent, AgentRole};
use crate::graphql::types::phone_number::PhoneNumber;
use crate::graphql::types::queue_change::cursor;
use crate::graphql::types::user_error::UserError;
use crate::graphql::types::workspace::{AssignmentModel, Workspace};
use crate::service::{AddPhoneNumber, AdminOutcome, AgentUpdate, NewAgent, ServiceResult};

/// Mutations for managers.
#[derive(Default)]
pub struct Administration;

/// The fields that every payload of these mutations has.
#[derive(SimpleObject)]
pub struct ManagerFields {
    /// Whether this call changed anything.
    changed: bool,
    /// The position in the event log that this payload reflects. Null if the call was refused.
    as_of: Option<EventCursor>,
    /// Why the call was refused. Empty if it succeeded, even if there was nothing to change.
    user_errors: Vec<UserError>,
}

/// The `agent` field of a payload.
#[derive(SimpleObject)]
pub struct AgentField {
    /// The agent after this call. Null if the call was refused.
    pub(super) agent: Option<Agent>,
}

/// The `phoneNumber` field of a payload.
#[derive(SimpleObject)]
pub struct PhoneNumberField {
    /// The phone number. Null if the call was refused.
    phone_number: Option<PhoneNumber>,
}

/// The `workspace` field of a payload.
#[derive(SimpleObject)]
pub struct WorkspaceField {
    /// The workspace after this call. Null if the call was refused.
    pub(super) workspace: Option<Workspace>,
}

/// The `returnedConversations` field of a payload.
#[derive(SimpleObject)]
pub struct ReturnedField {
    /// How many of the agent's open conversations became unassigned.
    returned_conversations: i32,
}

/// The input of `setAssignmentModel`.
#[derive(InputObject)]
pub struct SetAssignmentModelInput {
    /// The new assignment model.
    assignment_model: AssignmentModel,
}

/// The result of `setAssignmentModel`.
#[derive(MergedObject)]
pub struct SetAssignmentModelPayload(WorkspaceField, ManagerFields);

/// The input of `createAgent`.
#[derive(InputObject)]
pub struct CreateAgentInput {
    /// The agent's name, at most 200 characters.
    name: String,
    /// The agent's job title, at most 200 characters.
    title: Option<String>,
    /// The e-mail address that the agent signs in with. Must be unique in the workspace.
    email: String,
    /// The agent's role.
    #[graphql(default_with = "AgentRole::Rep")]
    role: AgentRole,
    /// Whether the agent may claim conversations under the `HYBRID` assignment model.
    #[graphql(default)]
    experienced: bool,
}

/// The result of `createAgent`.
#[derive(MergedObject)]
pub struct CreateAgentPayload(AgentField, ManagerFields);

/// The input of `updateAgent`. Omitted fields stay unchanged.
#[derive(InputObject)]
pub struct UpdateAgentInput {
    /// The agent's id.
    agent_id: IdOf<AgentId>,
    /// The agent's name, at most 200 characters.
    name: Option<String>,
    /// The agent's job title, at most 200 characters. Null removes it.
    title: MaybeUndefined<String>,
    /// The agent's role.
    role: Option<AgentRole>,
    /// Whether the agent may claim conversations under the `HYBRID` assignment model.
    experienced: Option<bool>,
}

/// The result of `updateAgent`.
#[derive(MergedObject)]
pub struct UpdateAgentPayload(AgentField, ManagerFields);

/// The input of `deactivateAgent`.
#[derive(InputObject)]
pub struct DeactivateAgentInput {
    /// The agent's id.
    agent_id: IdOf<AgentId>,
}

/// The result of `deactivateAgent`.
#[derive(MergedObject)]
pub struct DeactivateAgentPayload(AgentField, ReturnedField, ManagerFields);

/// The input of `reactivateAgent`.
#[derive(InputObject)]
pub struct ReactivateAgentInput {
    /// The agent's id.
    agent_id: IdOf<AgentId>,
}

/// The result of `reactivateAgent`.
#[derive(MergedObject)]
pub struct ReactivateAgentPayload(AgentField, ManagerFields);

/// The input of `addPhoneNumber`.
#[derive(InputObject)]
pub struct AddPhoneNumberInput {
    /// The number that customers text, in E.164 format.
    number: E164,
    /// The team's name for the number, at most 200 characters.
    label: String,
    /// Further agents who get access to the number (at most 100).
    agent_ids: Option<Vec<IdOf<AgentId>>>,
}

/// The result of `addPhoneNumber`.
#[derive(MergedObject)]
pub struct AddPhoneNumberPayload(PhoneNumberField, ManagerFields);

/// The input of `removePhoneNumber`.
#[derive(InputObject)]
pub struct RemovePhoneNumberInput {
    /// The phone number's id.
    phone_number_id: IdOf<PhoneNumberId>,
}

/// The result of `removePhoneNumber`.
#[derive(MergedObject)]
pub struct RemovePhoneNumberPayload(PhoneNumberField, ManagerFields);

/// The input of `grantNumberAccess`.
#[derive(InputObject)]
pub struct GrantNumberAccessInput {
    /// The agent's id.
    agent_id: IdOf<AgentId>,
    /// The phone number's id.
    phone_number_id: IdOf<PhoneNumberId>,
}

/// The result of `grantNumberAccess`.
#[derive(MergedObject)]
pub struct GrantNumberAccessPayload(AgentField, PhoneNumberField, ManagerFields);

/// The input of `revokeNumberAccess`.
#[derive(InputObject)]
pub struct RevokeNumberAccessInput {
    /// The agent's id.
    agent_id: IdOf<AgentId>,
    /// The phone number's id.
    phone_number_id: IdOf<PhoneNumberId>,
}

/// The result of `revokeNumberAccess`.
#[derive(MergedObject)]
pub struct RevokeNumberAccessPayload(AgentField, PhoneNumberField, ReturnedField, ManagerFields);

/// The parts of a payload for a manager's command. `value` is `None` if the command was refused.
pub(super) struct ManagerPayload<T> {
    pub(super) value: Option<T>,
    returned: ReturnedField,
    pub(super) fields: ManagerFields,
}

pub(super) fn manager_payload<T>(
    scope: &Scope,
    answer: ServiceResult<AdminOutcome<T>>,
) -> Result<ManagerPayload<T>> {
    Ok(match error::refused(answer)? {
        Ok(done) => ManagerPayload {
            value: Some(done.value),
            returned: ReturnedField {
                returned_conversations: i32::try_from(done.returned).unwrap_or(i32::MAX),
            },
            fields: ManagerFields {
                changed: done.changed,
                as_of: Some(cursor(scope.loaders(), done.as_of)),
                user_errors: Vec::new(),
            },
        },
        Err(refusal) => ManagerPayload {
            value: None,
            returned: ReturnedField { returned_conversations: 0 },
            fields: ManagerFields {
                changed: false,
                as_of: None,
                user_errors: vec![error::user_error(scope.loaders(), refusal)],
            },
        },
    })
}

impl<T> ManagerPayload<T> {
    /// A part of the value.
    pub(super) fn part<U>(&self, part: impl Fn(&T) -> U) -> Option<U> {
        self.value.as_ref().map(part)
    }
}

/// Mutations for managers.
#[Object]
impl Administration {
    /// Sets the workspace's assignment model. For managers only.
    async fn set_assignment_model(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new assignment model.")] input: SetAssignmentModelInput,
    ) -> Option<Result<SetAssignmentModelPayload>> {
        payload(ctx, |scope| async move {
            let answer =
                scope.services().set_assignment_model(scope.caller(), input.assignment_model.into()).await;
            let done = manager_payload(scope, answer)?;
            let workspace = done.value.map(Workspace);
            Ok(SetAssignmentModelPayload(WorkspaceField { workspace }, done.fields))
        })
        .await
    }

    /// Adds an agent to the workspace. The agent has no access to phone numbers until you grant it. For managers
    /// only.
    async fn create_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new agent.")] input: CreateAgentInput,
    ) -> Option<Result<CreateAgentPayload>> {
        payload(ctx, |scope| async move {
            let CreateAgentInput { name, title, email, role, experienced } = input;
            let new = NewAgent { name, title, email, role: role.into(), experienced };
            let done = manager_payload(scope, scope.services().create_agent(scope.caller(), new).await)?;
            Ok(CreateAgentPayload(AgentField { agent: done.value.map(Agent) }, done.fields))
        })
        .await
    }

    /// Changes an agent. A change of the role revokes the agent's tokens. Refused if it would leave the workspace without
    /// an active manager. For managers only.
    async fn update_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent and the fields to change.")] input: UpdateAgentInput,
    ) -> Option<Result<UpdateAgentPayload>> {
        payload(ctx, |scope| async move {
            let update = AgentUpdate {
                agent_id: input.agent_id.id(),
                name: input.name,
                title: input.title.into(),
                role: input.role.map(Into::into),
                experienced: input.experienced,
            };
            let done = manager_payload(scope, scope.services().update_agent(scope.caller(), update).await)?;
            Ok(UpdateAgentPayload(AgentField { agent: done.value.map(Agent) }, done.fields))
        })
        .await
    }

    /// Deactivates an agent. The agent's open conversations become unassigned, and the agent's tokens stop working
    /// immediately and for good. The last active manager cannot be deactivated. For managers only.
    async fn deactivate_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent to deactivate.")] input: DeactivateAgentInput,
    ) -> Option<Result<DeactivateAgentPayload>> {
        payload(ctx, |scope| async move {
            let id = input.agent_id.id();
            let done = manager_payload(scope, scope.services().deactivate_agent(scope.caller(), id).await)?;
            let agent = AgentField { agent: done.value.map(Agent) };
            Ok(DeactivateAgentPayload(agent, done.returned, done.fields))
        })
        .await
    }

    /// Reactivates a deactivated agent, who needs a new token to sign in. For managers only.
    async fn reactivate_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent to reactivate.")] input: ReactivateAgentInput,
    ) -> Option<Result<ReactivateAgentPayload>> {
        payload(ctx, |scope| async move {
            let id = input.agent_id.id();
            let done = manager_payload(scope, scope.services().reactivate_agent(scope.caller(), id).await)?;
            Ok(ReactivateAgentPayload(AgentField { agent: done.value.map(Agent) }, done.fields))
        })
        .await
    }

    /// Adds a shared phone number. You and the named agents get access to it. The number may be `PENDING` until the
    /// operator has verified that it belongs to the workspace. For managers only.
    async fn add_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new number.")] input: AddPhoneNumberInput,
    ) -> Option<Result<AddPhoneNumberPayload>> {
        payload(ctx, |scope| async move {
            let AddPhoneNumberInput { number, label, agent_ids } = input;
            let agent_ids = agent_ids.unwrap_or_default().iter().map(IdOf::id).collect();
            let command = AddPhoneNumber { number, label, agent_ids };
            let done =
                manager_payload(scope, scope.services().add_phone_number(scope.caller(), command).await)?;
            let phone_number = done.value.map(PhoneNumber);
            Ok(AddPhoneNumberPayload(PhoneNumberField { phone_number }, done.fields))
        })
        .await
    }

    /// Removes a phone number that has no conversations, with all access to it. Refused with `CONVERSATION_OPEN` while a
    /// conversation on it is open, and with `NOT_ALLOWED` if it has closed ones. For managers only.
    async fn remove_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number.")] input: RemovePhoneNumberInput,
    ) -> Option<Result<RemovePhoneNumberPayload>> {
        payload(ctx, |scope| async move {
            let id = input.phone_number_id.id();
            let done =
                manager_payload(scope, scope.services().remove_phone_number(scope.caller(), id).await)?;
            let phone_number = done.value.map(PhoneNumber);
            Ok(RemovePhoneNumberPayload(PhoneNumberField { phone_number }, done.fields))
        })
        .await
    }

    /// Grants an agent access to a phone number, so that the agent can see and answer its conversations. Managers
    /// need this access, too. For managers only.
    async fn grant_number_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent and the phone number.")] input: GrantNumberAccessInput,
    ) -> Option<Result<GrantNumberAccessPayload>> {
        payload(ctx, |scope| async move {
            let agent = input.agent_id.id();
            let number = input.phone_number_id.id();
            let done = manager_payload(
                scope,
                scope.services().grant_number_access(scope.caller(), agent, number).await,
            )?;
            let agent = AgentField { agent: done.part(|(agent, _)| Agent(agent.clone())) };
            let phone_number = done.part(|(_, number)| PhoneNumber(number.clone()));
            Ok(GrantNumberAccessPayload(agent, PhoneNumberField { phone_number }, done.fields))
        })
        .await
    }

    /// Revokes an agent's access to a phone number. The agent's open conversations on that number become
    /// unassigned. For managers only.
    async fn revoke_number_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent and the phone number.")] input: RevokeNumberAccessInput,
    ) -> Option<Result<RevokeNumberAccessPayload>> {
        payload(ctx, |scope| async move {
            let agent = input.agent_id.id();
            let number = input.phone_number_id.id();
            let done = manager_payload(
                scope,
                scope.services().revoke_number_access(scope.caller(), agent, number).await,
            )?;
            let agent = AgentField { agent: done.part(|(agent, _)| Agent(agent.clone())) };
            let number =
                PhoneNumberField { phone_number: done.part(|(_, number)| PhoneNumber(number.clone())) };
            Ok(RevokeNumberAccessPayload(agent, number, done.returned, done.fields))
        })
        .await
    }
}
