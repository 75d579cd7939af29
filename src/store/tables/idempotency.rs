//! The keys that agents' messages were sent under.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{AgentId, MessageId, WorkspaceId};
use crate::store::db::backend::on_backend;
use crate::store::schema::idempotency_keys;
use crate::store::{Conn, StoreResult};

/// What a key was used for.
pub struct Use {
    /// Says the same for the same input, and something else for any other.
    pub fingerprint: String,
    pub message_id: MessageId,
}

/// What the agent used `key` for, if they did.
pub async fn find(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    key: &str,
) -> StoreResult<Option<Use>> {
    let found: Option<(String, MessageId)> = on_backend!(conn, |c| {
        idempotency_keys::table
            .filter(idempotency_keys::workspace_id.eq(workspace))
            .filter(idempotency_keys::agent_id.eq(agent))
            .filter(idempotency_keys::key.eq(key))
            .select((idempotency_keys::fingerprint, idempotency_keys::message_id))
            .first(c)
            .await
            .optional()
    })?;
    Ok(found.map(|(fingerprint, message_id)| Use { fingerprint, message_id }))
}

/// Remembers a use. A key that another transaction has taken meanwhile fails as a unique violation, which is
/// transient: run again, the transaction finds that use.
pub async fn insert(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    key: &str,
    used: &Use,
    at: Timestamp,
) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::insert_into(idempotency_keys::table)
            .values((
                idempotency_keys::workspace_id.eq(workspace),
                idempotency_keys::agent_id.eq(agent),
                idempotency_keys::key.eq(key),
                idempotency_keys::fingerprint.eq(&used.fingerprint),
                idempotency_keys::message_id.eq(used.message_id),
                idempotency_keys::created_at.eq(at),
            ))
            .execute(c)
            .await
    })?;
    Ok(())
}
