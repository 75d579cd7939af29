//! Tokens of services: issuing and revoking them.

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::service_token::{ServiceScope, ServiceScopes, ServiceToken};
use crate::domain::workspace_event::{Target, WorkspaceEventKind};
use crate::domain::{
    AccessChangeKind, AgentId, EventBody, InputField, Refusal, ServiceTokenId, WorkspaceId, input,
};
use crate::service::commands::administration::{AdminOutcome, ManagerTx};
use crate::service::context::WorkspaceTx;
use crate::service::{Error, ServiceResult, Services};
use crate::store::Conn;
use crate::store::log::{self, Draft, LogTx};
use crate::store::tables::service_tokens;
use crate::token::service::NewToken;
use crate::token::{Caller, SIGNED_SERVICES, ServiceGrant};

/// A service token to issue.
#[derive(Debug, Clone)]
pub struct NewServiceToken {
    pub name: String,
    pub scopes: ServiceScopes,
    pub expires_at: Option<Timestamp>,
}

/// A newly issued service token. `text` is shown only once.
#[derive(Clone)]
pub struct IssuedServiceToken {
    pub token: ServiceToken,
    pub text: String,
}

impl IssuedServiceToken {
    /// The event of the new token.
    fn act(&self) -> EventBody {
        let scopes: Vec<&str> = self.token.scopes.iter().map(ServiceScope::as_str).collect();
        let after = format!("{}: {}", self.token.name, scopes.join(", "));
        let target = Some(Target::ServiceToken(self.token.id));
        EventBody::act(WorkspaceEventKind::ServiceTokenIssued, target).with(None, Some(after))
    }
}

impl Services {
    /// Issues a token for a service.
    ///
    /// # Errors
    /// Not allowed for reps; an invalid name, no scope, or an expiry in the past.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn issue_service_token(
        &self,
        caller: Caller,
        new: NewServiceToken,
    ) -> ServiceResult<AdminOutcome<IssuedServiceToken>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let (clock, new) = (clock.clone(), new.clone());
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[]).await?;
                let issued = issue(&mut tx, by.workspace_id, new, manager_tx.workspace_tx.now).await?;
                let act = issued.act();
                manager_tx.commit(tx, issued, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Revokes a token of a service, and closes its sockets.
    ///
    /// # Errors
    /// Not allowed for reps; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revoke_service_token(
        &self,
        caller: Caller,
        id: ServiceTokenId,
    ) -> ServiceResult<AdminOutcome<ServiceToken>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[]).await?;
                let found = service_tokens::find(&mut tx, by.workspace_id, id).await?;
                let mut token = found.ok_or(Refusal::NotFound(InputField::ServiceTokenId))?;
                if token.revoked_at.is_some() {
                    return Ok(manager_tx.done(token, false));
                }
                let now = manager_tx.workspace_tx.now;
                service_tokens::revoke(&mut tx, by.workspace_id, id, now).await?;
                token.revoked_at = Some(now);
                let act = EventBody::access(subject(id), AccessChangeKind::ServiceTokenRevoked);
                let act = act.with(Some(token.name.clone()), None);
                manager_tx.commit(tx, token, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Issues a token for a service, as the operator.
    ///
    /// # Errors
    /// As [`Self::issue_service_token`], and not found.
    pub async fn enrol_service(
        &self,
        workspace: WorkspaceId,
        new: NewServiceToken,
    ) -> ServiceResult<IssuedServiceToken> {
        let clock = self.clock.clone();
        self.write(workspace, move |mut tx| {
            let (clock, new) = (clock.clone(), new.clone());
            async move {
                let workspace_tx = WorkspaceTx::open(&mut tx, &clock, workspace).await?;
                let issued = issue(&mut tx, workspace, new, workspace_tx.now).await?;
                log::append(tx, workspace, vec![Draft::act(issued.act(), workspace_tx.now, None)]).await?;
                Ok(issued)
            }
            .boxed()
        })
        .await
    }

    /// Revokes every service token of a workspace, stored and signed. Returns how many stored ones were valid.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_service_tokens_of(&self, workspace: WorkspaceId) -> ServiceResult<usize> {
        let clock = self.clock.clone();
        self.write(workspace, move |mut tx| {
            let clock = clock.clone();
            async move {
                let WorkspaceTx { now, .. } = WorkspaceTx::open(&mut tx, &clock, workspace).await?;
                let all = service_tokens::all(&mut tx, workspace).await?;
                let valid: Vec<_> = all.into_iter().filter(|token| token.revoked_at.is_none()).collect();
                for token in &valid {
                    service_tokens::revoke(&mut tx, workspace, token.id, now).await?;
                }
                service_tokens::revoke_signed(&mut tx, workspace, now).await?;
                let revoked = |id| EventBody::access(id, AccessChangeKind::ServiceTokenRevoked);
                let stored =
                    valid.iter().map(|token| revoked(subject(token.id)).with(Some(token.name.clone()), None));
                let acts = stored.chain([revoked(SIGNED_SERVICES)]);
                let drafts = acts.map(|act| Draft::act(act, now, None)).collect();
                log::append(tx, workspace, drafts).await?;
                Ok(valid.len())
            }
            .boxed()
        })
        .await
    }
}

/// The id under which the streams and sockets of a service token wait for its revocation.
fn subject(id: ServiceTokenId) -> AgentId {
    AgentId(id.0)
}

async fn issue(
    tx: &mut LogTx<'_>,
    workspace_id: WorkspaceId,
    new: NewServiceToken,
    now: Timestamp,
) -> ServiceResult<IssuedServiceToken> {
    if new.scopes.is_empty() {
        return Err(Refusal::invalid(InputField::Scopes, "Must contain at least one scope.").into());
    }
    if new.expires_at.is_some_and(|expiry| expiry <= now) {
        return Err(Refusal::invalid(InputField::ExpiresAt, "Must be in the future.").into());
    }
    let token = ServiceToken {
        id: ServiceTokenId(tx.new_id()),
        workspace_id,
        name: input::name(InputField::Name, &new.name)?,
        scopes: new.scopes,
        created_at: now,
        last_used_at: None,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    let NewToken { text, hash } = NewToken::generate(workspace_id, token.id);
    service_tokens::insert(tx, &token, hash).await?;
    Ok(IssuedServiceToken { token, text })
}

/// Checks that the service's token is still valid. A socket may have signed in before the token was revoked.
///
/// # Errors
/// [`Error::Unauthenticated`] if it is not.
pub(in crate::service) async fn require_valid(
    conn: &mut Conn,
    workspace: WorkspaceId,
    grant: ServiceGrant,
    now: Timestamp,
) -> ServiceResult<()> {
    let is_valid = match grant {
        ServiceGrant { id: None, issued_at: None, .. } => true,
        ServiceGrant { id, issued_at, .. } => {
            // A signed token has no row. The nil id finds none.
            let id = id.unwrap_or(ServiceTokenId(uuid::Uuid::nil()));
            let found = service_tokens::access(conn, workspace, id).await?;
            found.is_some_and(|found| match (issued_at, found.token) {
                (Some(issued_at), _) => found.signed_valid_after.is_none_or(|after| issued_at > after),
                (None, token) => token.is_some_and(|(token, _)| token.is_valid(now)),
            })
        }
    };
    if is_valid { Ok(()) } else { Err(Error::Unauthenticated) }
}
