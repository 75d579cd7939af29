//! The history of a workspace: who administered what, and when.

use std::sync::Arc;

use futures_util::FutureExt;

use crate::domain::{Agent, Event, PhoneNumber, PhoneNumberId, WorkspaceId};
use crate::service::{Access, Error, ServiceResult, Services};
use crate::store::log::events;
use crate::store::tables::phone_numbers;

impl Services {
    /// Up to `limit` administrative events before sequence number `before`, newest first.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn workspace_history(
        &self,
        access: &Access,
        before: Option<i64>,
        limit: usize,
    ) -> ServiceResult<Vec<Arc<Event>>> {
        if !access.agent.as_ref().is_some_and(Agent::is_manager) {
            return Err(Error::Forbidden("Only managers may see the history of the workspace."));
        }
        self.administrative_events(access.workspace.id, before, limit).await
    }

    /// As [`Self::workspace_history`], for the operator.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn administrative_events(
        &self,
        workspace: WorkspaceId,
        before: Option<i64>,
        limit: usize,
    ) -> ServiceResult<Vec<Arc<Event>>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found =
            self.store.read(move |conn| events::administrative(conn, workspace, before, limit).boxed());
        Ok(found.await?)
    }

    /// A phone number of the workspace, for a manager, whatever their access.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn number_of_workspace(
        &self,
        access: &Access,
        id: PhoneNumberId,
    ) -> ServiceResult<Option<PhoneNumber>> {
        let workspace = access.workspace.id;
        let found = self
            .store
            .read(move |conn| async move { phone_numbers::by_ids(conn, workspace, &[id]).await }.boxed());
        Ok(found.await?.pop())
    }
}
