//! What a caller may see, and who is allowed to ask at all.

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

/// What a caller may see, read in one snapshot together with the position of the log; what the numbers are called may
/// be a minute older (`numbers`).
///
/// Rows read later than this may be newer than `as_of`, never older: a subscription started there sees some
/// changes twice and misses none.
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
    /// When the last event was. What is judged by the time is judged no earlier than this.
    pub logged_at: Timestamp,
    /// The number of the last event that may be gone from the log.
    pub floor: i64,
}

impl Access {
    /// Whoever looks at views.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a service: views belong to agents.
    pub fn viewer(&self) -> ServiceResult<Viewer> {
        match self.caller {
            Caller::Agent { agent_id, .. } => Ok(Viewer { agent_id, phone_number_ids: self.number_ids() }),
            Caller::Service { .. } => Err(Error::Forbidden("Only agents have views.")),
        }
    }

    /// The agent; `None` for a service.
    pub fn agent_id(&self) -> Option<AgentId> {
        self.caller.agent_id()
    }

    /// Whether the caller can access the number.
    pub fn sees(&self, number: PhoneNumberId) -> bool {
        self.phone_numbers.iter().any(|known| known.id == number)
    }

    /// The ids of the accessible numbers.
    pub fn number_ids(&self) -> BTreeSet<PhoneNumberId> {
        self.phone_numbers.iter().map(|number| number.id).collect()
    }
}

impl Services {
    /// The agent of a workspace with an e-mail address, as a caller.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when there is none; [`Self::access`] judges the rest.
    pub async fn agent_with(&self, workspace_id: WorkspaceId, email: &str) -> ServiceResult<Caller> {
        let email = input::email(email).map_err(|_| Error::Unauthenticated)?;
        let found = self
            .store
            .read(move |conn| async move { agents::by_email(conn, workspace_id, &email).await }.boxed())
            .await?;
        let agent = found.ok_or(Error::Unauthenticated)?;
        Ok(Caller::Agent { workspace_id, agent_id: agent.id })
    }

    /// What the caller may see now.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the agent, or the workspace, is gone or the agent is deactivated.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn access(&self, caller: Caller) -> ServiceResult<Access> {
        let workspace_id = caller.workspace_id();
        let read = match caller {
            Caller::Agent { agent_id, .. } => self
                .access_of_agent(workspace_id, agent_id)
                .await?
                .filter(|found| found.agent.active)
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
        let Some(numbers) = &self.numbers else {
            return self.store.read(move |conn| access::of_agent(conn, workspace, agent).boxed()).await;
        };
        let known = numbers.of((workspace, agent), Instant::now());
        let asked = known.clone();
        let found = self.store.read(move |conn| match asked {
            Some(known) => access::of_known_agent(conn, workspace, agent, known).boxed(),
            None => access::of_agent(conn, workspace, agent).boxed(),
        });
        let found = found.await?;
        if let Some(found) = &found {
            numbers.keep((workspace, agent), known.as_ref(), &found.phone_numbers, Instant::now());
        }
        Ok(found)
    }
}
