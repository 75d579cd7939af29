//! The messages and events of conversations.
//!
//! Messages are numbered without gaps within their conversation, and so are the versions that events produce. A page of
//! either is therefore a range of numbers, and one statement reads many ranges.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::{
    AgentId, AuthoredMessage, ConversationId, Event, EventBody, Message, MessageId, WorkspaceId,
};
use crate::service::{Access, ServiceResult, Services};
use crate::store::log::events;
use crate::store::tables::messages;

pub use crate::store::tables::messages::MessageRange;

impl Services {
    /// The messages with these ids that exist, each with its author.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn messages_by_ids(
        &self,
        workspace: WorkspaceId,
        ids: &[MessageId],
    ) -> ServiceResult<HashMap<MessageId, AuthoredMessage>> {
        let ids = ids.to_vec();
        let found = self
            .store
            .read(move |conn| async move { messages::with_authors(conn, workspace, &ids).await }.boxed())
            .await?;
        Ok(found.into_iter().map(|it| (it.message.id, it)).collect())
    }

    /// The messages of each range, oldest first.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn message_runs(
        &self,
        workspace: WorkspaceId,
        runs: &[MessageRange],
    ) -> ServiceResult<HashMap<MessageRange, Vec<Message>>> {
        let runs = runs.to_vec();
        Ok(self
            .store
            .read(move |conn| async move { messages::runs(conn, workspace, &runs).await }.boxed())
            .await?)
    }

    /// The events of each range of versions, oldest first.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn history_runs(
        &self,
        workspace: WorkspaceId,
        runs: &[MessageRange],
    ) -> ServiceResult<HashMap<MessageRange, Vec<Arc<Event>>>> {
        let runs = runs.to_vec();
        Ok(self
            .store
            .read(move |conn| async move { events::runs(conn, workspace, &runs).await }.boxed())
            .await?)
    }

    /// An event of a conversation that the caller can access. Only its actor can see a personal event.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn event(&self, access: &Access, seq: i64) -> ServiceResult<Option<Arc<Event>>> {
        let workspace = access.workspace.id;
        let found = self.store.read(move |conn| events::find(conn, workspace, seq).boxed()).await?;
        Ok(found.filter(|event| match &event.body {
            EventBody::Access(_) | EventBody::Workspace(_) => false,
            EventBody::Conversation(body) => {
                access.can_access(body.after.conversation.phone_number_id)
                    && (!body.kind.is_personal() || event.actor == access.agent_id())
            }
        }))
    }

    /// A message of a conversation that the caller can access.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn message(&self, access: &Access, id: MessageId) -> ServiceResult<Option<Message>> {
        let workspace = access.workspace.id;
        let found = self.store.read(move |conn| messages::find(conn, workspace, id).boxed()).await?;
        let Some(message) = found else { return Ok(None) };
        let visible = self.conversation(access, message.conversation_id).await?.is_some();
        Ok(visible.then_some(message))
    }

    /// The owner of each conversation at each instant; `None` when it was unassigned or had not started yet.
    ///
    /// Uses one statement per distinct instant.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn assignees_at(
        &self,
        workspace: WorkspaceId,
        keys: &[(ConversationId, Timestamp)],
    ) -> ServiceResult<HashMap<(ConversationId, Timestamp), Option<AgentId>>> {
        let mut by_instant: HashMap<Timestamp, Vec<ConversationId>> = HashMap::new();
        for (id, at) in keys {
            by_instant.entry(*at).or_default().push(*id);
        }
        let mut assignees: HashMap<_, _> = keys.iter().map(|key| (*key, None)).collect();
        for (at, ids) in by_instant {
            let found = self
                .store
                .read(move |conn| {
                    async move { events::assignees_at(conn, workspace, &ids, at).await }.boxed()
                })
                .await?;
            assignees.extend(found.into_iter().map(|(id, assignee)| ((id, at), Some(assignee))));
        }
        Ok(assignees)
    }
}
