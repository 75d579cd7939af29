//! Tokens of agents: issuing and revoking them.

use std::ops::RangeInclusive;
use std::time::Duration;

use async_graphql::{Context, InputObject, MergedObject, Object, Result, SimpleObject};

use super::administration::{AgentField, ManagerFields, manager_payload};
use crate::clock::Timestamp;
use crate::domain::{AgentId, InputField, Refusal};
use crate::graphql::ids::IdOf;
use crate::graphql::scope::payload;
use crate::graphql::types::agent::Agent;
use crate::service;

/// The lifetimes that a token may have, in seconds: one minute to thirty days.
const TOKEN_TTL_SECONDS: RangeInclusive<u64> = 60..=2_592_000;

/// Mutations about tokens.
#[derive(Default)]
pub struct Tokens;

/// The token fields of a payload.
#[derive(SimpleObject)]
pub struct TokenFields {
    /// The bearer token. It is shown only once. Null if the call was refused.
    token: Option<String>,
    /// When the token expires. Null if the call was refused.
    expires_at: Option<Timestamp>,
}

/// The input of `issueAgentToken`.
#[derive(InputObject)]
pub struct IssueAgentTokenInput {
    /// The agent's id.
    agent_id: IdOf<AgentId>,
    /// The lifetime of the token in seconds: from 60 to 2,592,000 (thirty days).
    #[graphql(default = 43_200)]
    ttl_seconds: i32,
}

/// The result of `issueAgentToken`.
#[derive(MergedObject)]
pub struct IssueAgentTokenPayload(TokenFields, AgentField, ManagerFields);

/// The input of `revokeAgentTokens`.
#[derive(InputObject)]
pub struct RevokeAgentTokensInput {
    /// The agent's id.
    agent_id: IdOf<AgentId>,
}

/// The result of `revokeAgentTokens`.
#[derive(MergedObject)]
pub struct RevokeAgentTokensPayload(AgentField, ManagerFields);

/// Mutations about tokens.
#[Object]
impl Tokens {
    /// Issues a token with which an agent can sign in. The token expires no later than the caller's own token. A manager
    /// cannot issue a token for another manager. For managers only.
    async fn issue_agent_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent and the lifetime of the token.")] input: IssueAgentTokenInput,
    ) -> Option<Result<IssueAgentTokenPayload>> {
        payload(ctx, |scope| async move {
            let id = input.agent_id.id();
            let answer = match token_ttl(input.ttl_seconds) {
                Ok(ttl) => scope.services().issue_agent_token(scope.caller(), id, ttl).await,
                Err(refusal) => Err(service::Error::Refused(refusal)),
            };
            let done = manager_payload(scope, answer)?;
            let token = TokenFields {
                token: done.part(|issued| issued.token.clone()),
                expires_at: done.part(|issued| issued.expires_at),
            };
            let agent = AgentField { agent: done.part(|issued| Agent(issued.agent.clone())) };
            Ok(IssueAgentTokenPayload(token, agent, done.fields))
        })
        .await
    }

    /// Revokes every token of an agent that was issued until now, for example because one was stolen. The agent's sockets
    /// are closed with 4403. Agents may revoke their own tokens, including the token of this call. Managers may revoke
    /// the tokens of every agent.
    async fn revoke_agent_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agent.")] input: RevokeAgentTokensInput,
    ) -> Option<Result<RevokeAgentTokensPayload>> {
        payload(ctx, |scope| async move {
            let id = input.agent_id.id();
            let done =
                manager_payload(scope, scope.services().revoke_agent_tokens(scope.caller(), id).await)?;
            Ok(RevokeAgentTokensPayload(AgentField { agent: done.value.map(Agent) }, done.fields))
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
                format!("Must be between {least} and {most} seconds."),
            ))
        }
    }
}
