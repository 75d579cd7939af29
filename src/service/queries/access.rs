//! Access: which phone numbers a caller can see, and whether the caller may sign in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::{Agent, AgentId, PhoneNumber, PhoneNumberId, Viewer, Workspace, WorkspaceId, input};
use crate::service::{Error, ServiceResult, Services};
use crate::store::StoreResult;
use crate::store::tables::access;
use crate::store::tables::access::AgentAccess;
use crate::store::tables::{agents, phone_numbers, workspaces};
use crate::token::Caller;

/// What a caller can see, read in one snapshot with the position of the log. Labels of numbers may be a minute older
/// (`phone_number_cache`).
///
/// Rows that are read later may be newer than `as_of`, but never older. A subscription that starts at `as_of` may
/// repeat changes and misses none.
#[derive(Debug, Clone)]
pub struct Access {
    pub caller: Caller,
    pub workspace: Workspace,
    /// `None` for a service.
    pub agent: Option<Agent>,
    /// The numbers that the agent can access, or all for a service; oldest first.
    pub phone_numbers: Arc<[PhoneNumber]>,
    /// The number of the last event when this was read.
    pub as_of: i64,
    /// Time of the last event. Time-based rules are never evaluated at an earlier time.
    pub logged_at: Timestamp,
    /// The number of the last event that retention may have deleted. A stream cannot resume before it.
    pub floor: i64,
}

impl Access {
    /// The caller as the viewer of views.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a service: views belong to agents.
    pub fn viewer(&self) -> ServiceResult<Viewer> {
        match self.caller {
            Caller::Agent { agent_id, .. } => Ok(Viewer { agent_id, phone_number_ids: self.number_ids() }),
            Caller::Service { .. } => Err(Error::Forbidden("A service token has no views.")),
        }
    }

    /// The agent; `None` for a service.
    pub fn agent_id(&self) -> Option<AgentId> {
        self.caller.agent_id()
    }

    /// Whether the caller can access the number.
    pub fn can_access(&self, number: PhoneNumberId) -> bool {
        self.phone_numbers.iter().any(|it| it.id == number)
    }

    /// The ids of the accessible numbers.
    pub fn number_ids(&self) -> BTreeSet<PhoneNumberId> {
        self.phone_numbers.iter().map(|number| number.id).collect()
    }
}

impl Services {
    /// Finds the agent of a workspace by e-mail address, as a caller.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when no agent has this address. [`Self::access`] checks whether the agent is active.
    pub async fn agent_by_email(&self, workspace_id: WorkspaceId, email: &str) -> ServiceResult<Caller> {
        let email = input::email(email).map_err(|_| Error::Unauthenticated)?;
        let found = self
            .store
            .read(move |conn| async move { agents::by_email(conn, workspace_id, &email).await }.boxed())
            .await?;
        let agent = found.ok_or(Error::Unauthenticated)?;
        Ok(Caller::agent(workspace_id, agent.id))
    }

    /// Reads what the caller can see now.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the agent or the workspace does not exist, the agent is deactivated, or the
    /// caller's token was revoked.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn access(&self, caller: Caller) -> ServiceResult<Access> {
        let workspace_id = caller.workspace_id();
        let read = match caller {
            Caller::Agent { agent_id, token, .. } => self
                .access_of_agent(workspace_id, agent_id)
                .await?
                .filter(|found| found.agent.admits(token.map(|token| token.issued_at)))
                .map(|found| (found.workspace, found.head, Some(found.agent), found.phone_numbers)),
            Caller::Service { .. } => {
                self.store
                    .read(move |conn| {
                        async move {
                            let Some((workspace, head)) = workspaces::find(conn, workspace_id).await? else {
                                return Ok(None);
                            };
                            let numbers = phone_numbers::all(conn, workspace_id).await?;
                            Ok(Some((workspace, head, None, numbers.into())))
                        }
                        .boxed()
                    })
                    .await?
            }
        };
        let (workspace, head, agent, phone_numbers) = read.ok_or(Error::Unauthenticated)?;
        Ok(Access {
            caller,
            workspace,
            agent,
            phone_numbers,
            as_of: head.seq,
            logged_at: head.at,
            floor: head.floor,
        })
    }

    async fn access_of_agent(
        &self,
        workspace: WorkspaceId,
        agent: AgentId,
    ) -> StoreResult<Option<AgentAccess>> {
        let Some(cache) = &self.phone_number_cache else {
            return self.store.read(move |conn| access::of_agent(conn, workspace, agent).boxed()).await;
        };
        let cached = cache.get((workspace, agent), Instant::now());
        let numbers = cached.clone();
        let found = self.store.read(move |conn| match numbers {
            Some(numbers) => access::of_known_agent(conn, workspace, agent, numbers).boxed(),
            None => access::of_agent(conn, workspace, agent).boxed(),
        });
        let found = found.await?;
        if let Some(found) = &found {
            cache.insert_read((workspace, agent), cached.as_ref(), &found.phone_numbers, Instant::now());
        }
        Ok(found)
    }
}
