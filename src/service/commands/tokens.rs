//! Tokens of agents: issuing and revoking them.

use std::time::Duration;

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::workspace_event::{Target, WorkspaceEventKind};
use crate::domain::{AccessChangeKind, Agent, AgentId, EventBody, Refusal};
use crate::service::commands::administration::{AdminOutcome, ManagerTx};
use crate::service::{Error, ServiceResult, Services};
use crate::store::tables::agents;
use crate::token::{Caller, TokenError};

/// A newly signed bearer token.
#[derive(Clone)]
pub struct IssuedToken {
    pub agent: Agent,
    pub token: String,
    pub expires_at: Timestamp,
}

const EXTERNAL_TOKENS: &str = "Tokens are issued by your identity provider, not by this server.";
const OTHER_MANAGER: &str = "A manager cannot issue a token for another manager.";

impl Services {
    /// Issues a token for an active agent. The token expires with the caller's own token, or earlier, so that a stolen
    /// token cannot be renewed.
    ///
    /// # Errors
    /// Not allowed for reps, for another manager, or when an identity provider issues the tokens; not found; the agent
    /// is inactive.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn issue_agent_token(
        &self,
        caller: Caller,
        id: AgentId,
        ttl: Duration,
    ) -> ServiceResult<AdminOutcome<IssuedToken>> {
        let by = self.agent_of(caller)?;
        let (clock, keys) = (self.clock.clone(), self.keys.clone());
        self.write(by.workspace_id, move |mut tx| {
            let (clock, keys) = (clock.clone(), keys.clone());
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[id]).await?;
                let agent = manager_tx.agent(id)?.clone();
                if !agent.active {
                    return Err(Refusal::AgentInactive.into());
                }
                if agent.is_manager() && id != by.agent_id {
                    return Err(Refusal::NotAllowed(OTHER_MANAGER).into());
                }
                let now = agent.issue_time(clock.now());
                let left = by.token.map(|token| token.expires_at.as_micros() - now.as_micros());
                let left = left.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
                let ttl = left.map_or(ttl, |left| ttl.min(left));
                let caller = Caller::agent(by.workspace_id, id);
                let token = keys.sign(caller, now, ttl).map_err(|error| match error {
                    TokenError::NoSecret => Refusal::NotAllowed(EXTERNAL_TOKENS).into(),
                    error => Error::BadInput(error.to_string()),
                })?;
                let lifetime = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
                let issued = IssuedToken { agent, token, expires_at: now.plus_micros(lifetime) };
                let act = EventBody::act(WorkspaceEventKind::TokenIssued, Some(Target::Agent(id)))
                    .with(None, Some(format!("valid until {}", issued.expires_at)));
                manager_tx.commit(tx, issued, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Revokes every token of an agent that was issued until now. Agents may revoke their own; managers, everybody's.
    ///
    /// # Errors
    /// Not allowed for reps, except for their own tokens; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revoke_agent_tokens(
        &self,
        caller: Caller,
        id: AgentId,
    ) -> ServiceResult<AdminOutcome<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let is_allowed = |agent: &Agent| agent.id == id || agent.is_manager();
                let manager_tx = ManagerTx::open_if(&mut tx, &clock, by, &[id], is_allowed).await?;
                let mut agent = manager_tx.agent(id)?.clone();
                agent.tokens_valid_after = Some(manager_tx.workspace_tx.now);
                agents::replace(&mut tx, &agent).await?;
                let act = EventBody::access(id, AccessChangeKind::TokensRevoked);
                manager_tx.commit(tx, agent, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }
}
