//! Finds and locks many conversations of the same owner.
//!
//! The queries that only find ids take no lock. The owner may change before [`lock_all`], so a caller must check the
//! conversations that it returns.

use std::collections::{BTreeSet, HashSet};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{
    AgentId, Conversation, ConversationId, Event, EventKind, PhoneNumberId, Snapshot, Status, WorkspaceId,
};
use crate::store::db::conn::{load_locked, on_backend};
use crate::store::log::events::EventRow;
use crate::store::schema::{conversations, events, messages, number_access};
use crate::store::tables::conversations::ConversationRow;
use crate::store::tables::read_markers;
use crate::store::{Conn, StoreResult};

/// The ids of up to `limit` conversations that an agent owns on `numbers`, in ascending order.
///
/// Finds open and closed conversations if `status` is `None`.
pub async fn owned_by(
    conn: &mut Conn,
    workspace: WorkspaceId,
    owner: AgentId,
    status: Option<Status>,
    numbers: &[PhoneNumberId],
    limit: i64,
) -> StoreResult<Vec<ConversationId>> {
    Ok(on_backend!(conn, |c| {
        let mut query = conversations::table
            .filter(conversations::workspace_id.eq(workspace))
            .filter(conversations::assignee_id.eq(owner))
            .filter(conversations::phone_number_id.eq_any(numbers))
            .order(conversations::id)
            .limit(limit)
            .select(conversations::id)
            .into_boxed();
        if let Some(status) = status {
            query = query.filter(conversations::status.eq(status));
        }
        query.load(c).await
    })?)
}

/// The phone numbers of the conversations with these ids.
pub async fn numbers_of(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> StoreResult<Vec<PhoneNumberId>> {
    Ok(on_backend!(conn, |c| {
        conversations::table
            .filter(conversations::workspace_id.eq(workspace).and(conversations::id.eq_any(ids)))
            .select(conversations::phone_number_id)
            .distinct()
            .load(c)
            .await
    })?)
}

/// Up to `limit` conversations that `owners` own, on any phone number, ordered by id.
pub async fn of_owners(
    conn: &mut Conn,
    workspace: WorkspaceId,
    owners: &[AgentId],
    status: Option<Status>,
    limit: i64,
) -> StoreResult<Vec<Conversation>> {
    let rows: Vec<ConversationRow> = on_backend!(conn, |c| {
        let mut query = conversations::table
            .filter(conversations::workspace_id.eq(workspace))
            .filter(conversations::assignee_id.eq_any(owners))
            .order(conversations::id)
            .limit(limit)
            .select(ConversationRow::as_select())
            .into_boxed();
        if let Some(status) = status {
            query = query.filter(conversations::status.eq(status));
        }
        query.load(c).await
    })?;
    rows.into_iter().map(Conversation::try_from).collect()
}

/// The conversations among `ids` in which the current owner has written a message.
pub async fn answered_by_owner(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> StoreResult<HashSet<ConversationId>> {
    let owned = conversations::workspace_id
        .eq(messages::workspace_id)
        .and(conversations::id.eq(messages::conversation_id));
    let found: Vec<ConversationId> = on_backend!(conn, |c| {
        messages::table
            .inner_join(conversations::table.on(owned))
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::conversation_id.eq_any(ids))
            .filter(messages::author_id.eq(conversations::assignee_id))
            .select(messages::conversation_id)
            .distinct()
            .load(c)
            .await
    })?;
    Ok(found.into_iter().collect())
}

/// The ids of up to `limit` conversations whose customer has been waiting since `cutoff` or longer, and whose owner has
/// owned them since then or longer. The longest waiting come first.
pub async fn overdue(
    conn: &mut Conn,
    workspace: WorkspaceId,
    cutoff: Timestamp,
    limit: i64,
) -> StoreResult<Vec<ConversationId>> {
    Ok(on_backend!(conn, |c| {
        conversations::table
            .filter(conversations::workspace_id.eq(workspace))
            .filter(conversations::waiting_since.is_not_null().and(conversations::assignee_id.is_not_null()))
            .filter(conversations::waiting_since.le(cutoff))
            .filter(conversations::assigned_at.le(cutoff))
            .order((conversations::waiting_since, conversations::id))
            .limit(limit)
            .select(conversations::id)
            .load(c)
            .await
    })?)
}

/// Locks the conversations with these ids until the transaction ends, and reads them with their readers, ordered by id.
///
/// Unknown ids are left out.
pub async fn lock_all(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> StoreResult<Vec<Snapshot>> {
    let wanted = conversations::workspace_id.eq(workspace).and(conversations::id.eq_any(ids));
    let rows: Vec<ConversationRow> = load_locked!(
        conn,
        for_update,
        conversations::table.filter(wanted).order(conversations::id).select(ConversationRow::as_select())
    )?;
    let mut readers = read_markers::readers_of(conn, workspace, ids).await?;
    let snapshots = rows.into_iter().map(|row| {
        let conversation = Conversation::try_from(row)?;
        let readers = readers.remove(&conversation.id).unwrap_or_default();
        Ok(Snapshot { conversation, readers })
    });
    snapshots.collect()
}

/// Every (agent, phone number) pair of `agents` with access.
///
/// On PostgreSQL, no other transaction can change the rows that it finds before this one ends.
pub async fn access_shared(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agents: &[AgentId],
) -> StoreResult<BTreeSet<(AgentId, PhoneNumberId)>> {
    let wanted = number_access::workspace_id.eq(workspace).and(number_access::agent_id.eq_any(agents));
    let pair = (number_access::agent_id, number_access::phone_number_id);
    let query = number_access::table.filter(wanted).order(pair).select(pair);
    let found: Vec<(AgentId, PhoneNumberId)> = load_locked!(conn, for_share, query)?;
    Ok(found.into_iter().collect())
}

/// The last event of a conversation with one of `kinds`.
pub async fn last_event(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ConversationId,
    kinds: &[EventKind],
) -> StoreResult<Option<Event>> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let row: Option<EventRow> = on_backend!(conn, |c| {
        events::table
            .filter(events::workspace_id.eq(workspace).and(events::conversation_id.eq(id)))
            .filter(events::version.is_not_null().and(events::kind.eq_any(&kinds)))
            .order(events::version.desc())
            .select(EventRow::as_select())
            .first(c)
            .await
            .optional()
    })?;
    row.map(Event::try_from).transpose()
}
