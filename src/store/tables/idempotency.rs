//! The idempotency keys of the messages that agents sent.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{AgentId, MessageId, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::schema::idempotency_keys;
use crate::store::{Conn, StoreResult};

/// The message that a key was used for.
pub struct Use {
    /// Equal for equal inputs, different for different inputs.
    pub fingerprint: String,
    pub message_id: MessageId,
}

/// The message for which the agent used `key`, if any.
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

/// Stores the use of a key.
///
/// If another transaction has used the key meanwhile, this fails with a unique violation. That error is transient: when
/// the transaction runs again, it finds the other use.
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
