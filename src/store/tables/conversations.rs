//! Conversations, one row each.
//!
//! A row is flat and may hold an invalid state; a [`Conversation`] may not. Only the two conversions below turn one
//! into the other. Lists of conversations are in [`crate::store::lists`].

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{
    AgentId, ContactId, Conversation, ConversationId, MessageId, Ownership, PhoneNumberId, Snapshot, State,
    Status, WorkspaceId,
};
use crate::store::db::conn::{on_backend, pipelined};
use crate::store::db::prepared::Prepare;
use crate::store::schema::{conversations, number_access};
use crate::store::tables::read_markers;
use crate::store::{Conn, StoreError, StoreResult};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = conversations, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(in crate::store) struct ConversationRow {
    workspace_id: WorkspaceId,
    id: ConversationId,
    phone_number_id: PhoneNumberId,
    contact_id: ContactId,
    version: i32,
    status: Status,
    waiting_since: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    closed_by_id: Option<AgentId>,
    assignee_id: Option<AgentId>,
    assigned_by_id: Option<AgentId>,
    assigned_at: Option<Timestamp>,
    unassigned_since: Option<Timestamp>,
    message_count: i32,
    last_message_id: MessageId,
    last_inbound: Option<i32>,
    last_activity_at: Timestamp,
    created_at: Timestamp,
}

impl TryFrom<ConversationRow> for Conversation {
    type Error = StoreError;

    fn try_from(row: ConversationRow) -> StoreResult<Self> {
        let damaged = |what: &str| StoreError::Damaged(format!("conversation {}: {what}", row.id));
        let state = match row.status {
            Status::Open => State::Open { waiting_since: row.waiting_since },
            Status::Closed => {
                let at = row.closed_at.ok_or_else(|| damaged("closed without a time"))?;
                State::Closed { at, by: row.closed_by_id }
            }
        };
        let ownership = match row.assignee_id {
            Some(id) => {
                let at = row.assigned_at.ok_or_else(|| damaged("assigned without a time"))?;
                Ownership::Agent { id, by: row.assigned_by_id, at }
            }
            None => {
                let since = row.unassigned_since.ok_or_else(|| damaged("unassigned without a time"))?;
                Ownership::Unassigned { since }
            }
        };
        Ok(Self {
            id: row.id,
            workspace_id: row.workspace_id,
            phone_number_id: row.phone_number_id,
            contact_id: row.contact_id,
            version: row.version,
            state,
            ownership,
            message_count: row.message_count,
            last_message_id: row.last_message_id,
            last_inbound: row.last_inbound,
            last_activity_at: row.last_activity_at,
            created_at: row.created_at,
        })
    }
}

impl From<&Conversation> for ConversationRow {
    fn from(conversation: &Conversation) -> Self {
        let (closed_at, closed_by_id) = match conversation.state {
            State::Open { .. } => (None, None),
            State::Closed { at, by } => (Some(at), by),
        };
        let (assigned_by_id, assigned_at) = match conversation.ownership {
            Ownership::Unassigned { .. } => (None, None),
            Ownership::Agent { by, at, .. } => (by, Some(at)),
        };
        Self {
            workspace_id: conversation.workspace_id,
            id: conversation.id,
            phone_number_id: conversation.phone_number_id,
            contact_id: conversation.contact_id,
            version: conversation.version,
            status: conversation.status(),
            waiting_since: conversation.waiting_since(),
            closed_at,
            closed_by_id,
            assignee_id: conversation.assignee(),
            assigned_by_id,
            assigned_at,
            unassigned_since: conversation.unassigned_since(),
            message_count: conversation.message_count,
            last_message_id: conversation.last_message_id,
            last_inbound: conversation.last_inbound,
            last_activity_at: conversation.last_activity_at,
            created_at: conversation.created_at,
        }
    }
}

/// Reads a conversation without a lock.
pub async fn find(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ConversationId,
) -> StoreResult<Option<Conversation>> {
    let row: Option<ConversationRow> = on_backend!(conn, |c| {
        conversations::table
            .find((workspace, id))
            .select(ConversationRow::as_select())
            .first(c)
            .await
            .optional()
    })?;
    row.map(Conversation::try_from).transpose()
}

/// Reads the conversation of a contact on a phone number, without a lock.
pub async fn find_between(
    conn: &mut Conn,
    workspace: WorkspaceId,
    number: PhoneNumberId,
    contact: ContactId,
) -> StoreResult<Option<Conversation>> {
    let row: Option<ConversationRow> = on_backend!(conn, |c| {
        conversations::table
            .filter(conversations::workspace_id.eq(workspace))
            .filter(conversations::phone_number_id.eq(number))
            .filter(conversations::contact_id.eq(contact))
            .select(ConversationRow::as_select())
            .first(c)
            .await
            .optional()
    })?;
    row.map(Conversation::try_from).transpose()
}

/// Locks a conversation until the transaction ends, and reads it with its readers.
///
/// On PostgreSQL, if `actor` cannot access the phone number of the conversation, nothing is locked and the result is
/// `None`. So an agent without access cannot make other transactions wait.
pub async fn lock(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ConversationId,
    actor: Option<AgentId>,
) -> StoreResult<Option<Snapshot>> {
    let (row, markers) = pipelined!(conn;
        |c| row_locked(c, workspace, id, actor),
        // On PostgreSQL this statement begins once the lock is held, and sees what was committed before that.
        |c| read_markers::of(c, workspace, id),
    );
    let Some(row) = row else { return Ok(None) };
    let conversation = Conversation::try_from(row)?;
    let readers = markers.readers(conversation.last_inbound);
    Ok(Some(Snapshot { conversation, readers }))
}

async fn row_locked(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ConversationId,
    actor: Option<AgentId>,
) -> StoreResult<Option<ConversationRow>> {
    let query = conversations::table.find((workspace, id));
    let row: QueryResult<ConversationRow> = match (conn, actor) {
        (Conn::Postgres(c), Some(actor)) => {
            let access = number_access::table
                .filter(number_access::workspace_id.eq(conversations::workspace_id))
                .filter(number_access::agent_id.eq(actor))
                .filter(number_access::phone_number_id.eq(conversations::phone_number_id));
            let query = query.filter(exists(access)).select(ConversationRow::as_select());
            query.for_update().first(&mut c.shared()).await
        }
        (Conn::Postgres(c), None) => {
            query.select(ConversationRow::as_select()).for_update().first(&mut c.shared()).await
        }
        (Conn::Sqlite(c), _) => query.select(ConversationRow::as_select()).first(c).await,
    };
    Ok(row.optional()?)
}

/// Locks the open conversations that an agent owns, on one phone number or on all, in the order of their ids.
pub async fn lock_open_of(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    number: Option<PhoneNumberId>,
) -> StoreResult<Vec<Snapshot>> {
    let ids: Vec<ConversationId> = on_backend!(conn, |c| {
        let mut query = conversations::table
            .filter(conversations::workspace_id.eq(workspace))
            .filter(conversations::assignee_id.eq(agent))
            .filter(conversations::status.eq(Status::Open))
            .order(conversations::id)
            .select(conversations::id)
            .into_boxed();
        if let Some(number) = number {
            query = query.filter(conversations::phone_number_id.eq(number));
        }
        query.load(c).await
    })?;
    let mut locked = Vec::with_capacity(ids.len());
    for id in ids {
        locked.extend(lock(conn, workspace, id, None).await?);
    }
    // A conversation may have been closed or reassigned before it was locked.
    locked.retain(|it| it.conversation.is_open() && it.conversation.assignee() == Some(agent));
    Ok(locked)
}

/// Adds a conversation. Returns false if the contact already has a conversation on that phone number.
///
/// On PostgreSQL this waits for another transaction that is adding the same conversation.
pub async fn insert(conn: &mut Conn, conversation: &Conversation) -> StoreResult<bool> {
    let row = ConversationRow::from(conversation);
    let n = on_backend!(conn, |c| {
        diesel::insert_into(conversations::table).values(row).on_conflict_do_nothing().execute(c).await
    })?;
    Ok(n == 1)
}

/// Replaces version `expected_version` of a conversation, which the caller has locked, with `next`.
///
/// # Errors
/// [`StoreError::Changed`] if the stored version is a different one, which means that the lock was not held.
pub async fn replace(conn: &mut Conn, next: &Conversation, expected_version: i32) -> StoreResult<()> {
    let row = ConversationRow::from(next);
    let n = on_backend!(conn, |c| {
        diesel::update(conversations::table.find((next.workspace_id, next.id)))
            .filter(conversations::version.eq(expected_version))
            .set(row)
            .prepared()
            .execute(c)
            .await
    })?;
    if n == 1 { Ok(()) } else { Err(StoreError::Changed) }
}

/// Up to `limit` conversations with ids after `after`, ordered by id. For reading a whole workspace in batches.
pub async fn batch(
    conn: &mut Conn,
    workspace: WorkspaceId,
    after: Option<ConversationId>,
    limit: i64,
) -> StoreResult<Vec<Conversation>> {
    let after = after.unwrap_or(ConversationId(uuid::Uuid::nil()));
    let rows: Vec<ConversationRow> = on_backend!(conn, |c| {
        conversations::table
            .filter(conversations::workspace_id.eq(workspace).and(conversations::id.gt(after)))
            .order(conversations::id)
            .limit(limit)
            .select(ConversationRow::as_select())
            .load(c)
            .await
    })?;
    rows.into_iter().map(Conversation::try_from).collect()
}
