//! Assigning, claiming and giving back.

use crate::domain::conversation::Expectations;
use crate::domain::input;
use crate::domain::{AgentId, ConversationId, InputField, Refusal};
use crate::service::{CommandOutcome, Error, ServiceResult, Services};
use crate::token::Caller;

/// Give a conversation to an agent, whoever owns it now.
#[derive(Debug, Clone, Copy)]
pub struct Assign {
    pub conversation_id: ConversationId,
    pub agent_id: AgentId,
    pub expected: Expectations,
}

impl Services {
    /// Assigns or reassigns a conversation. Nothing changes when the agent owns it already.
    ///
    /// # Errors
    /// Not found; stale, with the conversation as it is; the plan or the model is against it; the agent is
    /// inactive or cannot access the number.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn assign(&self, caller: Caller, command: Assign) -> ServiceResult<CommandOutcome> {
        let Assign { conversation_id, agent_id, expected } = command;
        self.act(caller, conversation_id, Some(agent_id), move |conversation_tx| {
            let to = conversation_tx
                .locked_agents
                .candidate(agent_id)
                .ok_or(Refusal::NotFound(InputField::AgentId))?;
            let (policy, now) = (conversation_tx.workspace_tx.policy(), conversation_tx.workspace_tx.now);
            Ok(conversation_tx.snapshot.assign(conversation_tx.actor()?.agent, to, policy, expected, now)?)
        })
        .await
    }

    /// Takes an unowned conversation for the caller. Of any number who try at once, one wins.
    ///
    /// # Errors
    /// Already assigned, with the conversation as it is; otherwise as [`Self::assign`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn claim(&self, caller: Caller, id: ConversationId) -> ServiceResult<CommandOutcome> {
        self.act(caller, id, None, |conversation_tx| {
            Ok(conversation_tx.snapshot.claim(
                conversation_tx.actor()?,
                conversation_tx.workspace_tx.policy(),
                conversation_tx.workspace_tx.now,
            )?)
        })
        .await
    }

    /// Gives a conversation back to nobody. Nothing changes when nobody owns it.
    ///
    /// # Errors
    /// Not found; stale, with the conversation as it is; the plan or the model is against it.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn unassign(
        &self,
        caller: Caller,
        id: ConversationId,
        expected_version: Option<i32>,
    ) -> ServiceResult<CommandOutcome> {
        let expected = Expectations { version: expected_version, assignee: None };
        self.act(caller, id, None, move |conversation_tx| {
            let (policy, now) = (conversation_tx.workspace_tx.policy(), conversation_tx.workspace_tx.now);
            Ok(conversation_tx.snapshot.unassign(conversation_tx.actor()?.agent, policy, expected, now)?)
        })
        .await
    }

    /// Assigns each conversation in a transaction of its own; one outcome per id, in order.
    ///
    /// # Errors
    /// Only what ends all: too many ids, a caller who is no agent, or a database that fails.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn assign_all(
        &self,
        caller: Caller,
        ids: Vec<ConversationId>,
        agent_id: AgentId,
    ) -> ServiceResult<Vec<ServiceResult<CommandOutcome>>> {
        self.agent_of(caller)?;
        input::ids(InputField::ConversationIds, ids.len())?;
        let mut outcomes = Vec::with_capacity(ids.len());
        for conversation_id in ids {
            let command = Assign { conversation_id, agent_id, expected: Expectations::default() };
            outcomes.push(each(self.assign(caller, command).await)?);
        }
        Ok(outcomes)
    }
}

/// Keeps a refusal for its item, and lets a fault end the whole.
pub(in crate::service) fn each(
    outcome: ServiceResult<CommandOutcome>,
) -> ServiceResult<ServiceResult<CommandOutcome>> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(Error::Refused(refusal)) => Ok(Err(Error::Refused(refusal))),
        Err(fault) => Err(fault),
    }
}
