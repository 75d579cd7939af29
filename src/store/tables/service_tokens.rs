//! Tokens of services. The table holds a hash of each token, never the token.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::service_token::{ServiceScope, ServiceToken};
use crate::domain::{ServiceTokenId, Workspace, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::schema::{service_tokens, workspaces};
use crate::store::tables::workspaces::{Head, WorkspaceRow};
use crate::store::{Conn, StoreResult};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = service_tokens, treat_none_as_default_value = false)]
struct TokenRow {
    workspace_id: WorkspaceId,
    id: ServiceTokenId,
    name: String,
    scopes: String,
    hash: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl From<TokenRow> for ServiceToken {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            workspace_id: row.workspace_id,
            name: row.name,
            // A scope of a later release is ignored: this release does not know what it allows.
            scopes: row.scopes.split(' ').filter_map(|name| name.parse().ok()).collect(),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// What a service token signs in with: the workspace, and the stored token.
pub struct ServiceAccess {
    pub workspace: Workspace,
    pub head: Head,
    /// Signed service tokens that were issued by this time are no longer valid.
    pub signed_valid_after: Option<Timestamp>,
    /// The stored token and its hash; `None` if no such token exists.
    pub token: Option<(ServiceToken, String)>,
}

/// Adds a token with its hash.
pub async fn insert(conn: &mut Conn, token: &ServiceToken, hash: String) -> StoreResult<()> {
    let names: Vec<&str> = token.scopes.iter().map(ServiceScope::as_str).collect();
    let row = TokenRow {
        workspace_id: token.workspace_id,
        id: token.id,
        name: token.name.clone(),
        scopes: names.join(" "),
        hash,
        created_at: token.created_at,
        last_used_at: token.last_used_at,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
    };
    on_backend!(conn, |c| diesel::insert_into(service_tokens::table).values(row).execute(c).await)?;
    Ok(())
}

/// Reads a workspace with one of its service tokens, in one statement. `None` if the workspace does not exist.
pub async fn access(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ServiceTokenId,
) -> StoreResult<Option<ServiceAccess>> {
    let token = service_tokens::workspace_id.eq(workspaces::id).and(service_tokens::id.eq(id));
    let found: Option<(WorkspaceRow, Option<Timestamp>, Option<TokenRow>)> = on_backend!(conn, |c| {
        workspaces::table
            .left_join(service_tokens::table.on(token))
            .filter(workspaces::id.eq(workspace))
            .select((
                WorkspaceRow::as_select(),
                workspaces::service_tokens_valid_after,
                Option::<TokenRow>::as_select(),
            ))
            .first(c)
            .await
            .optional()
    })?;
    Ok(found.map(|(row, signed_valid_after, token)| {
        let (workspace, head) = row.split();
        let token = token.map(|row| {
            let hash = row.hash.clone();
            (row.into(), hash)
        });
        ServiceAccess { workspace, head, signed_valid_after, token }
    }))
}

/// The token with this id.
pub async fn find(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ServiceTokenId,
) -> StoreResult<Option<ServiceToken>> {
    let row: Option<TokenRow> = on_backend!(conn, |c| {
        service_tokens::table.find((workspace, id)).select(TokenRow::as_select()).first(c).await.optional()
    })?;
    Ok(row.map(ServiceToken::from))
}

/// All tokens of a workspace, oldest first.
pub async fn all(conn: &mut Conn, workspace: WorkspaceId) -> StoreResult<Vec<ServiceToken>> {
    let rows: Vec<TokenRow> = on_backend!(conn, |c| {
        service_tokens::table
            .filter(service_tokens::workspace_id.eq(workspace))
            .order(service_tokens::id)
            .select(TokenRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(ServiceToken::from).collect())
}

/// Revokes a token.
pub async fn revoke(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ServiceTokenId,
    at: Timestamp,
) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(service_tokens::table.find((workspace, id)))
            .set(service_tokens::revoked_at.eq(at))
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Revokes the signed service tokens of a workspace that were issued by this time.
pub async fn revoke_signed(conn: &mut Conn, workspace: WorkspaceId, at: Timestamp) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(workspaces::table.find(workspace))
            .set(workspaces::service_tokens_valid_after.eq(at))
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Records a use of the token.
pub async fn record_use(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ServiceTokenId,
    at: Timestamp,
) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(service_tokens::table.find((workspace, id)))
            .set(service_tokens::last_used_at.eq(at))
            .execute(c)
            .await
    })?;
    Ok(())
}
