//! Commands that assign, claim and unassign conversations.

use crate::domain::conversation::Expectations;
use crate::domain::input;
use crate::domain::{AgentId, ConversationId, InputField, Refusal};
use crate::service::{CommandOutcome, Error, ServiceResult, Services};
use crate::token::Caller;

/// Assigns a conversation to an agent, regardless of its current owner.
#[derive(Debug, Clone, Copy)]
pub struct Assign {
    pub conversation_id: ConversationId,
    pub agent_id: AgentId,
    pub expected: Expectations,
}

impl Services {
    /// Assigns or reassigns a conversation. Changes nothing when the agent already owns it.
    ///
    /// # Errors
    /// Not found; stale, with the current conversation; the plan or the model does not allow it; the agent is
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

    /// Assigns an unassigned conversation to the caller. Of several concurrent calls, exactly one succeeds.
    ///
    /// # Errors
    /// Already assigned, with the current conversation; otherwise as [`Self::assign`].
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

    /// Makes a conversation unassigned. Changes nothing when it is unassigned already.
    ///
    /// # Errors
    /// Not found; stale, with the current conversation; the plan or the model does not allow it.
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

    /// Assigns several conversations, each in its own transaction. Returns one outcome per id, in order.
    ///
    /// # Errors
    /// Too many ids; forbidden for a service; when the database fails. Refusals are outcomes of their conversations.
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
            outcomes.push(item_outcome(self.assign(caller, command).await)?);
        }
        Ok(outcomes)
    }
}

/// Returns a refusal as the outcome of its item, and any other error as an error of the whole command.
pub(in crate::service) fn item_outcome(
    result: ServiceResult<CommandOutcome>,
) -> ServiceResult<ServiceResult<CommandOutcome>> {
    match result {
        Ok(outcome) => Ok(Ok(outcome)),
        Err(Error::Refused(refusal)) => Ok(Err(Error::Refused(refusal))),
        Err(error) => Err(error),
    }
}
