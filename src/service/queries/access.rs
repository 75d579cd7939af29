//! Access: which phone numbers a caller can see, and whether the caller may sign in.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::service_token::{ServiceScope, ServiceToken};
use crate::domain::{
    Agent, AgentId, Filter, PhoneNumber, PhoneNumberId, ServiceTokenId, Viewer, Workspace, WorkspaceId, input,
};
use crate::service::{Error, ServiceResult, Services};
use crate::store::StoreResult;
use crate::store::tables::access;
use crate::store::tables::access::AgentAccess;
use crate::store::tables::service_tokens::ServiceAccess;
use crate::store::tables::{agents, phone_numbers, service_tokens};
use crate::token::service::PresentedToken;
use crate::token::{Caller, ServiceGrant};

/// The shortest time between two records of a token's use.
const USE_INTERVAL_MICROS: i64 = 60_000_000;

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
    /// [`Error::Forbidden`] for a service that may not read. A service that may read views as an agent who owns nothing.
    pub fn viewer(&self) -> ServiceResult<Viewer> {
        match self.caller {
            Caller::Service { .. } if !self.caller.has_scope(ServiceScope::Read) => {
                Err(Error::Forbidden("A service token needs the scope READ to do this."))
            }
            caller => Ok(Viewer { agent_id: caller.subject(), phone_number_ids: self.number_ids() }),
        }
    }

    /// The filter as it applies to the caller: nothing is unread for a service.
    pub fn own_filter(&self, mut filter: Filter) -> Filter {
        if self.agent_id().is_none() {
            if filter.unread == Some(true) {
                filter.phone_number_ids = Some(BTreeSet::new());
            }
            filter.unread = None;
        }
        filter
    }

    /// Whether the caller may see the reports: a manager, or a service that may read.
    pub fn sees_reports(&self) -> bool {
        self.caller.has_scope(ServiceScope::Read) || self.agent.as_ref().is_some_and(Agent::is_manager)
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
            Caller::Service { grant, .. } => {
                let (found, numbers) = self.read_service(workspace_id, grant.id).await?;
                found
                    .filter(|found| self.admits_service(grant, found))
                    .map(|found| (found.workspace, found.head, None, numbers))
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

    /// Signs a service in by its stored token: what it can see now, and when its token expires.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when there is no such token, or the token is revoked or has expired.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn sign_in_service(
        &self,
        presented: &PresentedToken,
    ) -> ServiceResult<(Access, Option<Timestamp>)> {
        let (found, phone_numbers) = self.read_service(presented.workspace_id, Some(presented.id)).await?;
        let mut found = found.ok_or(Error::Unauthenticated)?;
        let (token, hash) = found.token.take().ok_or(Error::Unauthenticated)?;
        let now = self.clock.now();
        if !presented.matches(&hash) || !token.is_valid(now) {
            return Err(Error::Unauthenticated);
        }
        let grant = ServiceGrant { id: Some(token.id), scopes: token.scopes, issued_at: None };
        self.record_use(&token, now);
        let access = Access {
            caller: Caller::Service { workspace_id: token.workspace_id, grant },
            workspace: found.workspace,
            agent: None,
            phone_numbers,
            as_of: found.head.seq,
            logged_at: found.head.at,
            floor: found.head.floor,
        };
        Ok((access, token.expires_at))
    }

    async fn read_service(
        &self,
        workspace: WorkspaceId,
        token: Option<ServiceTokenId>,
    ) -> StoreResult<(Option<ServiceAccess>, Arc<[PhoneNumber]>)> {
        // A signed token has no row. The nil id finds none.
        let id = token.unwrap_or(ServiceTokenId(uuid::Uuid::nil()));
        self.store
            .read(move |conn| {
                async move {
                    let found = service_tokens::access(conn, workspace, id).await?;
                    Ok((found, phone_numbers::all(conn, workspace).await?.into()))
                }
                .boxed()
            })
            .await
    }

    /// Whether a service that has signed in before may still act.
    fn admits_service(&self, grant: ServiceGrant, found: &ServiceAccess) -> bool {
        match (grant.id, &found.token) {
            (Some(_), token) => token.as_ref().is_some_and(|(token, _)| token.is_valid(self.clock.now())),
            (None, _) => {
                let revoked = |issued_at| found.signed_valid_after.is_some_and(|after| issued_at <= after);
                !grant.issued_at.is_some_and(revoked)
            }
        }
    }

    /// Records in the background that a token was used, at most once a minute.
    fn record_use(&self, token: &ServiceToken, now: Timestamp) {
        let is_recent = |last: Timestamp| now < last.plus_micros(USE_INTERVAL_MICROS);
        if token.last_used_at.is_some_and(is_recent) {
            return;
        }
        {
            // Of many requests at once, one records.
            let mut recorded = self.token_uses.lock().unwrap_or_else(PoisonError::into_inner);
            recorded.retain(|_, last| is_recent(*last));
            if recorded.insert(token.id, now).is_some() {
                return;
            }
        }
        let (store, workspace, id) = (self.store.clone(), token.workspace_id, token.id);
        tokio::spawn(async move {
            let recorded: StoreResult<()> =
                store.write(move |conn| service_tokens::record_use(conn, workspace, id, now).boxed()).await;
            if let Err(error) = recorded {
                tracing::warn!(%error, "the use of a service token was not recorded");
            }
        });
    }

    /// A service token of the caller's workspace.
    ///
    /// # Errors
    /// Forbidden for a service that may not read.
    pub async fn service_token(
        &self,
        access: &Access,
        id: ServiceTokenId,
    ) -> ServiceResult<Option<ServiceToken>> {
        access.viewer()?;
        let workspace = access.workspace.id;
        Ok(self.store.read(move |conn| service_tokens::find(conn, workspace, id).boxed()).await?)
    }

    /// All service tokens of the workspace, oldest first.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager.
    pub async fn service_tokens(&self, access: &Access) -> ServiceResult<Vec<ServiceToken>> {
        if !access.agent.as_ref().is_some_and(Agent::is_manager) {
            return Err(Error::Forbidden("Only managers may see service tokens."));
        }
        let workspace = access.workspace.id;
        Ok(self.store.read(move |conn| service_tokens::all(conn, workspace).boxed()).await?)
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
