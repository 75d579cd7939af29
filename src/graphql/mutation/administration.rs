//! What managers do: the assignment model, agents, phone numbers, and who has access to which.

use std::ops::RangeInclusive;
use std::time::Duration;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, MergedObject, Object, Result, SimpleObject};

use crate::clock::Timestamp;
use crate::domain::input::E164;
use crate::domain::{InputField, Refusal};
use crate::graphql::error;
use crate::graphql::ids;
use crate::graphql::scalars::EventCursor;
use crate::graphql::scope::{Scope, payload};
use crate::graphql::types::agent::{Agent, AgentRole};
use crate::graphql::types::phone_number::PhoneNumber;
use crate::graphql::types::queue_change::cursor;
use crate::graphql::types::user_error::UserError;
use crate::graphql::types::workspace::{AssignmentModel, Workspace};
use crate::service::{self, Administered, AgentUpdate, NewAgent, ServiceResult};

/// For how many seconds a token may hold: a minute to thirty days.
const TOKEN_TTL_SECONDS: RangeInclusive<u64> = 60..=2_592_000;

/// Mutations for managers.
#[derive(Default)]
pub struct Administration;

/// What every payload for managers has.
#[derive(SimpleObject)]
pub struct Decision {
    /// Whether anything was written. False when it already was as asked, and when it was refused.
    changed: bool,
    /// The position at which things are as shown; null when nothing was done.
    as_of: Option<EventCursor>,
    /// Why it was not done; empty when it was, or already had been.
    user_errors: Vec<UserError>,
}

/// The agent of a payload.
#[derive(SimpleObject)]
pub struct AgentPart {
    /// The agent as they are now; null when it was refused.
    agent: Option<Agent>,
}

/// The phone number of a payload.
#[derive(SimpleObject)]
pub struct PhoneNumberPart {
    /// The phone number; null when it was refused.
    phone_number: Option<PhoneNumber>,
}

/// The workspace of a payload.
#[derive(SimpleObject)]
pub struct WorkspacePart {
    /// The workspace as it is now; null when it was refused.
    pub(super) workspace: Option<Workspace>,
}

/// The conversations that a decision has set free.
#[derive(SimpleObject)]
pub struct ReturnedPart {
    /// How many open conversations of the agent went back to Unassigned.
    returned_conversations: i32,
}

/// The token of a payload.
#[derive(SimpleObject)]
pub struct TokenPart {
    /// The bearer token, shown this once; null when it was refused.
    token: Option<String>,
    /// Until when the token holds.
    expires_at: Option<Timestamp>,
}

/// How the team is to hand out work.
#[derive(InputObject)]
pub struct SetAssignmentModelInput {
    /// The assignment model.
    assignment_model: AssignmentModel,
}

/// What became of setting the assignment model.
#[derive(MergedObject)]
pub struct SetAssignmentModelPayload(WorkspacePart, Decision);

/// A new team member.
#[derive(InputObject)]
pub struct CreateAgentInput {
    /// The agent's name, at most 200 characters.
    name: String,
    /// What the agent does in the team, at most 200 characters.
    title: Option<String>,
    /// The address that the agent signs in with. Nobody else in the workspace may have it.
    email: String,
    /// What the agent may do.
    #[graphql(default_with = "AgentRole::Rep")]
    role: AgentRole,
    /// Whether the agent may claim where that is left to experienced reps.
    #[graphql(default)]
    experienced: bool,
}

/// What became of the new agent.
#[derive(MergedObject)]
pub struct CreateAgentPayload(AgentPart, Decision);

/// What is to change about an agent. What is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateAgentInput {
    /// The agent.
    agent_id: ID,
    /// The agent's name, at most 200 characters.
    name: Option<String>,
    /// What the agent does in the team, at most 200 characters. Null removes it.
    title: MaybeUndefined<String>,
    /// What the agent may do.
    role: Option<AgentRole>,
    /// Whether the agent may claim where that is left to experienced reps.
    experienced: Option<bool>,
}

/// What became of changing the agent.
#[derive(MergedObject)]
pub struct UpdateAgentPayload(AgentPart, Decision);

/// Who is to leave.
#[derive(InputObject)]
pub struct DeactivateAgentInput {
    /// The agent.
    agent_id: ID,
}

/// What became of deactivating the agent.
#[derive(MergedObject)]
pub struct DeactivateAgentPayload(AgentPart, ReturnedPart, Decision);

/// Who is to come back.
#[derive(InputObject)]
pub struct ReactivateAgentInput {
    /// The agent.
    agent_id: ID,
}

/// What became of reactivating the agent.
#[derive(MergedObject)]
pub struct ReactivateAgentPayload(AgentPart, Decision);

/// Who is to sign in.
#[derive(InputObject)]
pub struct IssueAgentTokenInput {
    /// The agent.
    agent_id: ID,
    /// For how many seconds the token holds: from 60 to 2592000, which is thirty days.
    #[graphql(default = 43_200)]
    ttl_seconds: i32,
}

/// What became of the token.
#[derive(MergedObject)]
pub struct IssueAgentTokenPayload(TokenPart, AgentPart, Decision);

/// A new shared number.
#[derive(InputObject)]
pub struct AddPhoneNumberInput {
    /// The number that customers text.
    number: E164,
    /// What the team calls it, at most 200 characters.
    label: String,
}

/// What became of the new number.
#[derive(MergedObject)]
pub struct AddPhoneNumberPayload(PhoneNumberPart, Decision);

/// Who is to see which number.
#[derive(InputObject)]
pub struct GrantNumberAccessInput {
    /// The agent.
    agent_id: ID,
    /// The phone number.
    phone_number_id: ID,
}

/// What became of granting access.
#[derive(MergedObject)]
pub struct GrantNumberAccessPayload(AgentPart, PhoneNumberPart, Decision);

/// Who is no longer to see which number.
#[derive(InputObject)]
pub struct RevokeNumberAccessInput {
    /// The agent.
    agent_id: ID,
    /// The phone number.
    phone_number_id: ID,
}

/// What became of revoking access.
#[derive(MergedObject)]
pub struct RevokeNumberAccessPayload(AgentPart, PhoneNumberPart, ReturnedPart, Decision);

/// What became of a manager's command: its value unless it was refused.
pub(super) struct Decided<T> {
    pub(super) value: Option<T>,
    returned: ReturnedPart,
    pub(super) decision: Decision,
}

pub(super) fn decide<T>(scope: &Scope, answer: ServiceResult<Administered<T>>) -> Result<Decided<T>> {
    Ok(match error::refused(answer)? {
        Ok(done) => Decided {
            value: Some(done.value),
            returned: ReturnedPart {
                returned_conversations: i32::try_from(done.returned).unwrap_or(i32::MAX),
            },
            decision: Decision {
                changed: done.changed,
                as_of: Some(cursor(scope.loaders(), done.as_of)),
                user_errors: Vec::new(),
            },
        },
        Err(refusal) => Decided {
            value: None,
            returned: ReturnedPart { returned_conversations: 0 },
            decision: Decision {
                changed: false,
                as_of: None,
                user_errors: vec![error::user_error(scope.loaders(), refusal)],
            },
        },
    })
}

impl<T> Decided<T> {
    /// One part of the value.
    fn part<U>(&self, part: impl Fn(&T) -> U) -> Option<U> {
        self.value.as_ref().map(part)
    }
}

/// Mutations for managers.
#[Object]
impl Administration {
    /// Sets how the team hands out work; for managers.
    async fn set_assignment_model(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How to hand out work.")] input: SetAssignmentModelInput,
    ) -> Option<Result<SetAssignmentModelPayload>> {
        payload(ctx, |scope| async move {
            let answer =
                scope.services().set_assignment_model(scope.caller(), input.assignment_model.into()).await;
            let done = decide(scope, answer)?;
            let workspace = done.value.map(Workspace);
            Ok(SetAssignmentModelPayload(WorkspacePart { workspace }, done.decision))
        })
        .await
    }

    /// Adds an agent, who has access to no phone number yet; for managers.
    async fn create_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new agent.")] input: CreateAgentInput,
    ) -> Option<Result<CreateAgentPayload>> {
        payload(ctx, |scope| async move {
            let CreateAgentInput { name, title, email, role, experienced } = input;
            let new = NewAgent { name, title, email, role: role.into(), experienced };
            let done = decide(scope, scope.services().create_agent(scope.caller(), new).await)?;
            Ok(CreateAgentPayload(AgentPart { agent: done.value.map(Agent) }, done.decision))
        })
        .await
    }

    /// Changes an agent; for managers. The last active manager stays one.
    async fn update_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateAgentInput,
    ) -> Option<Result<UpdateAgentPayload>> {
        payload(ctx, |scope| async move {
            let update = AgentUpdate {
                agent_id: ids::decode_or_nil(&input.agent_id),
                name: input.name,
                title: input.title.into(),
                role: input.role.map(Into::into),
                experienced: input.experienced,
            };
            let done = decide(scope, scope.services().update_agent(scope.caller(), update).await)?;
            Ok(UpdateAgentPayload(AgentPart { agent: done.value.map(Agent) }, done.decision))
        })
        .await
    }

    /// Takes an agent off the team; for managers. Their open conversations go back to Unassigned, and their
    /// tokens stop working at once. The last active manager cannot be removed.
    async fn deactivate_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to leave.")] input: DeactivateAgentInput,
    ) -> Option<Result<DeactivateAgentPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.agent_id);
            let done = decide(scope, scope.services().deactivate_agent(scope.caller(), id).await)?;
            let agent = AgentPart { agent: done.value.map(Agent) };
            Ok(DeactivateAgentPayload(agent, done.returned, done.decision))
        })
        .await
    }

    /// Brings an agent back; for managers.
    async fn reactivate_agent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to come back.")] input: ReactivateAgentInput,
    ) -> Option<Result<ReactivateAgentPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.agent_id);
            let done = decide(scope, scope.services().reactivate_agent(scope.caller(), id).await)?;
            Ok(ReactivateAgentPayload(AgentPart { agent: done.value.map(Agent) }, done.decision))
        })
        .await
    }

    /// Makes a token that an agent can sign in with; for managers.
    async fn issue_agent_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to sign in.")] input: IssueAgentTokenInput,
    ) -> Option<Result<IssueAgentTokenPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.agent_id);
            let answer = match token_ttl(input.ttl_seconds) {
                Ok(ttl) => scope.services().issue_agent_token(scope.caller(), id, ttl).await,
                Err(refusal) => Err(service::Error::Refused(refusal)),
            };
            let done = decide(scope, answer)?;
            let token = TokenPart {
                token: done.part(|issued| issued.token.clone()),
                expires_at: done.part(|issued| issued.expires_at),
            };
            let agent = AgentPart { agent: done.part(|issued| Agent(issued.agent.clone())) };
            Ok(IssueAgentTokenPayload(token, agent, done.decision))
        })
        .await
    }

    /// Adds a shared number, which nobody has access to yet; for managers.
    async fn add_phone_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new number.")] input: AddPhoneNumberInput,
    ) -> Option<Result<AddPhoneNumberPayload>> {
        payload(ctx, |scope| async move {
            let AddPhoneNumberInput { number, label } = input;
            let done = decide(scope, scope.services().add_phone_number(scope.caller(), number, label).await)?;
            let phone_number = done.value.map(PhoneNumber);
            Ok(AddPhoneNumberPayload(PhoneNumberPart { phone_number }, done.decision))
        })
        .await
    }

    /// Lets an agent see and answer a number's conversations; for managers, who need access themselves too.
    async fn grant_number_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is to see which number.")] input: GrantNumberAccessInput,
    ) -> Option<Result<GrantNumberAccessPayload>> {
        payload(ctx, |scope| async move {
            let agent = ids::decode_or_nil(&input.agent_id);
            let number = ids::decode_or_nil(&input.phone_number_id);
            let done =
                decide(scope, scope.services().grant_number_access(scope.caller(), agent, number).await)?;
            let agent = AgentPart { agent: done.part(|(agent, _)| Agent(agent.clone())) };
            let phone_number = done.part(|(_, number)| PhoneNumber(number.clone()));
            Ok(GrantNumberAccessPayload(agent, PhoneNumberPart { phone_number }, done.decision))
        })
        .await
    }

    /// Takes a number's conversations from an agent's sight; for managers. The agent's open conversations
    /// there go back to Unassigned.
    async fn revoke_number_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is no longer to see which number.")] input: RevokeNumberAccessInput,
    ) -> Option<Result<RevokeNumberAccessPayload>> {
        payload(ctx, |scope| async move {
            let agent = ids::decode_or_nil(&input.agent_id);
            let number = ids::decode_or_nil(&input.phone_number_id);
            let done =
                decide(scope, scope.services().revoke_number_access(scope.caller(), agent, number).await)?;
            let agent = AgentPart { agent: done.part(|(agent, _)| Agent(agent.clone())) };
            let number =
                PhoneNumberPart { phone_number: done.part(|(_, number)| PhoneNumber(number.clone())) };
            Ok(RevokeNumberAccessPayload(agent, number, done.returned, done.decision))
        })
        .await
    }
}

fn token_ttl(seconds: i32) -> std::result::Result<Duration, Refusal> {
    match u64::try_from(seconds) {
        Ok(seconds) if TOKEN_TTL_SECONDS.contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => {
            let (least, most) = (TOKEN_TTL_SECONDS.start(), TOKEN_TTL_SECONDS.end());
            Err(Refusal::invalid(
                InputField::TtlSeconds,
                format!("A token holds from {least} to {most} seconds."),
            ))
        }
    }
}
