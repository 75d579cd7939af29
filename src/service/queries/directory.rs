//! Queries of a workspace's agents, contacts and phone numbers.

use std::collections::HashMap;

use futures_util::FutureExt;

use crate::domain::input::E164;
use crate::domain::{
    Agent, AgentId, Contact, ContactId, ConversationId, PhoneNumber, PhoneNumberId, WorkspaceId, words,
};
use crate::service::{Access, ServiceResult, Services};
use crate::store::lists;
use crate::store::tables::{agents, contacts, phone_numbers};

impl Services {
    /// The agents whose names or titles match `search` by word prefixes, ordered by name. With `assignable_to`, only
    /// agents who can own that conversation; `None` when that conversation is not found.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn agents(
        &self,
        access: &Access,
        search: Option<&str>,
        assignable_to: Option<ConversationId>,
        include_inactive: bool,
    ) -> ServiceResult<Option<Vec<Agent>>> {
        access.viewer()?;
        let number = match assignable_to {
            None => None,
            Some(id) => match self.conversation(access, id).await? {
                None => return Ok(None),
                Some(visible) => Some(visible.conversation.phone_number_id),
            },
        };
        let workspace = access.workspace.id;
        let (mut found, with_access) = self
            .store
            .read(move |conn| {
                async move {
                    let found = agents::all(conn, workspace).await?;
                    let with_access = match number {
                        None => Default::default(),
                        Some(_) => agents::all_access(conn, workspace).await?,
                    };
                    Ok((found, with_access))
                }
                .boxed()
            })
            .await?;
        let query = words::query_words(search.unwrap_or_default());
        let wordless = search.is_some_and(|search| !search.trim().is_empty()) && query.is_empty();
        found.retain(|agent| {
            let mut of_agent = words::words(&agent.name);
            of_agent.extend(agent.title.as_deref().map(words::words).unwrap_or_default());
            !wordless
                && words::all_begin(&query, &of_agent)
                && (agent.active || (include_inactive && number.is_none()))
                && number.is_none_or(|number| with_access.contains(&(agent.id, number)))
        });
        found.sort_by_cached_key(|agent| (words::folded(&agent.name), agent.id));
        Ok(Some(found))
    }

    /// The agents with these ids that exist.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn agents_by_ids(
        &self,
        workspace: WorkspaceId,
        ids: &[AgentId],
    ) -> ServiceResult<HashMap<AgentId, Agent>> {
        let ids = ids.to_vec();
        let found = self
            .store
            .read(move |conn| async move { agents::by_ids(conn, workspace, &ids).await }.boxed())
            .await?;
        Ok(found.into_iter().map(|agent| (agent.id, agent)).collect())
    }

    /// The contacts with these ids that exist.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contacts_by_ids(
        &self,
        workspace: WorkspaceId,
        ids: &[ContactId],
    ) -> ServiceResult<HashMap<ContactId, Contact>> {
        let ids = ids.to_vec();
        let found = self
            .store
            .read(move |conn| async move { contacts::by_ids(conn, workspace, &ids).await }.boxed())
            .await?;
        Ok(found.into_iter().map(|contact| (contact.id, contact)).collect())
    }

    /// The phone numbers with these ids that exist.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn phone_numbers_by_ids(
        &self,
        workspace: WorkspaceId,
        ids: &[PhoneNumberId],
    ) -> ServiceResult<HashMap<PhoneNumberId, PhoneNumber>> {
        let ids = ids.to_vec();
        let found = self
            .store
            .read(move |conn| async move { phone_numbers::by_ids(conn, workspace, &ids).await }.boxed())
            .await?;
        Ok(found.into_iter().map(|number| (number.id, number)).collect())
    }

    /// The workspace that owns a number; `None` when no workspace of this server does.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn workspace_of_number(&self, number: &E164) -> ServiceResult<Option<WorkspaceId>> {
        let number = number.clone();
        let found = self
            .store
            .read(move |conn| async move { phone_numbers::by_number(conn, &number).await }.boxed())
            .await?;
        Ok(found.map(|number| number.workspace_id))
    }

    /// A contact, if the contact has a conversation on a number that the caller can access.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact(&self, access: &Access, id: ContactId) -> ServiceResult<Option<Contact>> {
        access.viewer()?;
        let (workspace, numbers): (_, Vec<_>) =
            (access.workspace.id, access.number_ids().into_iter().collect());
        let found = self
            .store
            .read(move |conn| {
                async move {
                    if lists::has_contact(conn, workspace, &numbers, id).await? {
                        Ok(contacts::by_ids(conn, workspace, &[id]).await?.pop())
                    } else {
                        Ok(None)
                    }
                }
                .boxed()
            })
            .await?;
        Ok(found)
    }
}
