//! Who and what there is in a workspace: agents, contacts, numbers.

use std::collections::HashMap;

use futures_util::FutureExt;

use super::{Access, Answer, Services};
use crate::domain::input::E164;
use crate::domain::{
    Agent, AgentId, Contact, ContactId, ConversationId, PhoneNumber, PhoneNumberId, WorkspaceId, words,
};
use crate::store::{agents, contacts, lists, phone_numbers};

impl Services {
    /// The agents whose name or title has words that begin so, by name; with `assignable_to` only those who can
    /// own that conversation. `None` when that conversation is not found.
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
    ) -> Answer<Option<Vec<Agent>>> {
        access.viewer()?;
        let number = match assignable_to {
            None => None,
            Some(id) => match self.conversation(access, id).await? {
                None => return Ok(None),
                Some(seen) => Some(seen.conversation.phone_number_id),
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
        let sought = words::query_words(search.unwrap_or_default());
        let wordless = search.is_some_and(|search| !search.trim().is_empty()) && sought.is_empty();
        found.retain(|agent| {
            let mut of_agent = words::words(&agent.name);
            of_agent.extend(agent.title.as_deref().map(words::words).unwrap_or_default());
            !wordless
                && words::all_begin(&sought, &of_agent)
                && (agent.active || (include_inactive && number.is_none()))
                && number.is_none_or(|number| with_access.contains(&(agent.id, number)))
        });
        found.sort_by_cached_key(|agent| (words::folded(&agent.name), agent.id));
        Ok(Some(found))
    }

    /// Those of `ids` that exist.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn agents_by_ids(
        &self,
        workspace: WorkspaceId,
        ids: &[AgentId],
    ) -> Answer<HashMap<AgentId, Agent>> {
        let ids = ids.to_vec();
        let found = self
            .store
            .read(move |conn| async move { agents::by_ids(conn, workspace, &ids).await }.boxed())
            .await?;
        Ok(found.into_iter().map(|agent| (agent.id, agent)).collect())
    }

    /// Those of `ids` that exist.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contacts_by_ids(
        &self,
        workspace: WorkspaceId,
        ids: &[ContactId],
    ) -> Answer<HashMap<ContactId, Contact>> {
        let ids = ids.to_vec();
        let found = self
            .store
            .read(move |conn| async move { contacts::by_ids(conn, workspace, &ids).await }.boxed())
            .await?;
        Ok(found.into_iter().map(|contact| (contact.id, contact)).collect())
    }

    /// Those of `ids` that exist.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn phone_numbers_by_ids(
        &self,
        workspace: WorkspaceId,
        ids: &[PhoneNumberId],
    ) -> Answer<HashMap<PhoneNumberId, PhoneNumber>> {
        let ids = ids.to_vec();
        let found = self
            .store
            .read(move |conn| async move { phone_numbers::by_ids(conn, workspace, &ids).await }.boxed())
            .await?;
        Ok(found.into_iter().map(|number| (number.id, number)).collect())
    }

    /// The workspace that a number belongs to; `None` when it is nobody's here.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn workspace_of_number(&self, number: &E164) -> Answer<Option<WorkspaceId>> {
        let number = number.clone();
        let found = self
            .store
            .read(move |conn| async move { phone_numbers::by_number(conn, &number).await }.boxed())
            .await?;
        Ok(found.map(|number| number.workspace_id))
    }

    /// A contact who has a conversation on a number that the caller can access.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn contact(&self, access: &Access, id: ContactId) -> Answer<Option<Contact>> {
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
