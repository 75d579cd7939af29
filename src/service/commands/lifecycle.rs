//! Commands that close and reopen conversations, and mark them as read or unread.

use futures_util::FutureExt;

use crate::domain::conversation::Expectations;
use crate::domain::input;
use crate::domain::{ConversationId, InputField, MessageId, Refusal};
use crate::service::commands::assignment::item_outcome;
use crate::service::context::ConversationTx;
use crate::service::{CommandOutcome, ServiceResult, Services};
use crate::store::tables::messages;
use crate::token::Caller;

impl Services {
    /// Closes a conversation and keeps its assignee. Changes nothing when it is closed already.
    ///
    /// # Errors
    /// Not found; stale, with the current conversation, when it has changed since `expected_version`.
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

    /// Reopens a conversation. Unassigns it if its assignee is inactive or can no longer access its number. Changes
    /// nothing when it is open already.
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

    /// Marks a conversation as read for the caller, up to a message or up to the last one. Later messages stay unread.
    ///
    /// # Errors
    /// Not found, also when the message belongs to another conversation.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn mark_read(
        &self,
        caller: Caller,
        id: ConversationId,
        through: Option<MessageId>,
    ) -> ServiceResult<CommandOutcome> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let conversation_tx = ConversationTx::open(&mut tx, &clock, by, id, &[]).await?;
                let through = match through {
                    None => conversation_tx.snapshot.conversation.message_count,
                    Some(message) => messages::find(&mut tx, by.workspace_id, message)
                        .await?
                        .filter(|message| message.conversation_id == id)
                        .map(|message| message.number)
                        .ok_or(Refusal::NotFound(InputField::ThroughMessageId))?,
                };
                let change = conversation_tx.snapshot.read(by.agent_id, through);
                conversation_tx.commit(tx, change).await
            }
            .boxed()
        })
        .await
    }

    /// Marks a conversation as unread for the caller. Changes nothing when it is unread already.
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

    /// Closes several conversations, each in its own transaction. Returns one outcome per id, in order.
    ///
    /// # Errors
    /// Too many ids; forbidden for a service; when the database fails. Refusals are outcomes of their conversations.
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
            outcomes.push(item_outcome(self.close(caller, id, None).await)?);
        }
        Ok(outcomes)
    }
}
