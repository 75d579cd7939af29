//! Closing, reopening, reading.

use futures_util::FutureExt;

use super::assignment::each;
use super::scene::Scene;
use super::{Answer, Done, Services};
use crate::domain::conversation::Expectations;
use crate::domain::input;
use crate::domain::{ConversationId, MessageId, Refusal};
use crate::store::messages;
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
    ) -> Answer<Done> {
        let expected = Expectations { version: expected_version, assignee: None };
        self.act(caller, id, None, move |scene| {
            Ok(scene.snapshot.close(scene.actor()?.agent.id, expected, scene.stage.now)?)
        })
        .await
    }

    /// Reopens a conversation, without its assignee if they can no longer work it. Nothing changes when it is
    /// open.
    ///
    /// # Errors
    /// Not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn reopen(&self, caller: Caller, id: ConversationId) -> Answer<Done> {
        self.act(caller, id, None, |scene| {
            if scene.snapshot.conversation.is_open() {
                return Ok(None);
            }
            Ok(scene.snapshot.reopen(scene.assignee_can_work()?, scene.stage.now))
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
    ) -> Answer<Done> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let scene = Scene::open(conn, &clock, by, id, &[]).await?;
                let through = match through {
                    None => scene.snapshot.conversation.message_count,
                    Some(message) => messages::find(conn, by.0, message)
                        .await?
                        .filter(|message| message.conversation_id == id)
                        .map(|message| message.number)
                        .ok_or(Refusal::NotFound("throughMessageId"))?,
                };
                let change = scene.snapshot.read(by.1, through);
                scene.conclude(conn, change).await
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
    pub async fn mark_unread(&self, caller: Caller, id: ConversationId) -> Answer<Done> {
        self.act(caller, id, None, |scene| Ok(scene.snapshot.unread(scene.actor()?.agent.id))).await
    }

    /// Closes each conversation in a transaction of its own; one outcome per id, in order.
    ///
    /// # Errors
    /// Only what ends all: too many ids, a caller who is no agent, or a database that fails.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn close_all(&self, caller: Caller, ids: Vec<ConversationId>) -> Answer<Vec<Answer<Done>>> {
        self.agent_of(caller)?;
        input::ids("conversationIds", ids.len())?;
        let mut outcomes = Vec::with_capacity(ids.len());
        for id in ids {
            outcomes.push(each(self.close(caller, id, None).await)?);
        }
        Ok(outcomes)
    }
}
