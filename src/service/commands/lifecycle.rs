//! Closing, reopening, reading.

use futures_util::FutureExt;

use crate::domain::conversation::Expectations;
use crate::domain::input;
use crate::domain::{ConversationId, InputField, MessageId, Refusal};
use crate::service::commands::assignment::each;
use crate::service::context::ConversationTx;
use crate::service::{CommandOutcome, ServiceResult, Services};
use crate::store::tables::messages;
use crate::token::Caller;

impl Services {
    /// Closes a conversation and keeps its assignee. Nothing changes when it is closed.
    ///
    /// # Errors
    /// Not found; stale, with the conversation as it is, when something came in since `expected_version`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn close(
        &self,
        caller: Caller,
        id: ConversationId,
        expected_version: Option<i32>,
    ) -> ServiceResult<CommandOutcome> {
        let expected = Expectations { version: expected_version, assignee: None };
        self.act(caller, id, None, move |conversation_tx| {
            Ok(conversation_tx.snapshot.close(
                conversation_tx.actor()?.agent.id,
                expected,
                conversation_tx.workspace_tx.now,
            )?)
        })
        .await
    }

    /// Reopens a conversation, without its assignee if they can no longer work it. Nothing changes when it is
    /// open.
    ///
    /// # Errors
    /// Not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn reopen(&self, caller: Caller, id: ConversationId) -> ServiceResult<CommandOutcome> {
        self.act(caller, id, None, |conversation_tx| {
            if conversation_tx.snapshot.conversation.is_open() {
                return Ok(None);
            }
            Ok(conversation_tx
                .snapshot
                .reopen(conversation_tx.assignee_can_work()?, conversation_tx.workspace_tx.now))
        })
        .await
    }

    /// The caller has opened the conversation up to a message, or all there is. A text that arrived later stays
    /// unread.
    ///
    /// # Errors
    /// Not found, also when the message is not of this conversation.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn mark_read(
        &self,
        caller: Caller,
        id: ConversationId,
        through: Option<MessageId>,
    ) -> ServiceResult<CommandOutcome> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let conversation_tx = ConversationTx::open(conn, &clock, by, id, &[]).await?;
                let through = match through {
                    None => conversation_tx.snapshot.conversation.message_count,
                    Some(message) => messages::find(conn, by.0, message)
                        .await?
                        .filter(|message| message.conversation_id == id)
                        .map(|message| message.number)
                        .ok_or(Refusal::NotFound(InputField::ThroughMessageId))?,
                };
                let change = conversation_tx.snapshot.read(by.1, through);
                conversation_tx.commit(conn, change).await
            }
            .boxed()
        })
        .await
    }

    /// The caller wants to come back to the conversation. Nothing changes when it is unread.
    ///
    /// # Errors
    /// Not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn mark_unread(&self, caller: Caller, id: ConversationId) -> ServiceResult<CommandOutcome> {
        self.act(caller, id, None, |conversation_tx| {
            Ok(conversation_tx.snapshot.unread(conversation_tx.actor()?.agent.id))
        })
        .await
    }

    /// Closes each conversation in a transaction of its own; one outcome per id, in order.
    ///
    /// # Errors
    /// Only what ends all: too many ids, a caller who is no agent, or a database that fails.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn close_all(
        &self,
        caller: Caller,
        ids: Vec<ConversationId>,
    ) -> ServiceResult<Vec<ServiceResult<CommandOutcome>>> {
        self.agent_of(caller)?;
        input::ids(InputField::ConversationIds, ids.len())?;
        let mut outcomes = Vec::with_capacity(ids.len());
        for id in ids {
            outcomes.push(each(self.close(caller, id, None).await)?);
        }
        Ok(outcomes)
    }
}
