//! Queries of the audit: positions in the log by time, open conversations, and candidates for violations.
//!
//! An index finds the candidates, and [`crate::domain::audit::violation`] then checks each of them. A query here
//! may return conversations without a violation, but never misses one that has it.

use std::collections::HashMap;

use diesel::dsl::{exists, min, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::audit::ViolationKind;
use crate::domain::{
    Conversation, ConversationId, Event, EventBody, EventKind, PhoneNumberId, Snapshot, Status, WorkspaceId,
};
use crate::store::db::conn::on_backend;
use crate::store::log::events::EventRow;
use crate::store::schema::{agents, conversations, events, number_access};
use crate::store::tables::conversations::ConversationRow;
use crate::store::{Conn, StoreResult};

/// The keyset position of a row: an instant, then the id.
pub type ViolationKey = (Timestamp, ConversationId);

/// The sequence number of the last event before an instant, or 0 if there is no earlier event.
pub async fn last_before(conn: &mut Conn, workspace: WorkspaceId, at: Timestamp) -> StoreResult<i64> {
    let found: Option<i64> = on_backend!(conn, |c| {
        events::table
            .filter(events::workspace_id.eq(workspace).and(events::at.lt(at)))
            .order((events::at.desc(), events::seq.desc()))
            .select(events::seq)
            .first(c)
            .await
            .optional()
    })?;
    Ok(found.unwrap_or(0))
}

/// Up to `limit` open conversations of the phone numbers after a position, ordered by last activity.
///
/// Activity only moves a conversation to a later position, so reading all pages misses no conversation that stays open.
pub async fn open(
    conn: &mut Conn,
    workspace: WorkspaceId,
    numbers: &[PhoneNumberId],
    after: Option<ViolationKey>,
    limit: i64,
) -> StoreResult<Vec<Conversation>> {
    let rows: Vec<ConversationRow> = on_backend!(conn, |c| {
        let mut query = conversations::table
            .filter(conversations::workspace_id.eq(workspace))
            .filter(conversations::status.eq(Status::Open))
            .filter(conversations::phone_number_id.eq_any(numbers))
            .order((conversations::last_activity_at, conversations::id))
            .limit(limit)
            .select(ConversationRow::as_select())
            .into_boxed();
        if let Some((at, id)) = after {
            query = query.filter(conversations::last_activity_at.ge(at)).filter(
                conversations::last_activity_at
                    .gt(at)
                    .or(conversations::last_activity_at.eq(at).and(conversations::id.gt(id))),
            );
        }
        query.load(c).await
    })?;
    rows.into_iter().map(Conversation::try_from).collect()
}

/// The conversations to search for violations of one kind.
#[derive(Debug, Clone)]
pub struct Search {
    pub workspace_id: WorkspaceId,
    pub phone_number_ids: Vec<PhoneNumberId>,
    pub kind: ViolationKind,
    /// A conversation that has been unowned or unanswered since this instant, or longer, violates its limit.
    pub latest: Timestamp,
}

/// Reads one page of a boxed query, ordered by an instant and the id, ascending or descending, after a position.
macro_rules! page {
    ($conn:expr, $query:expr, $key:expr, $upwards:expr, $after:expr, $limit:expr) => {{
        let mut query = $query;
        if let Some((at, id)) = $after {
            query = if $upwards {
                let tie = $key.eq(at).and(conversations::id.gt(id));
                query.filter($key.ge(at)).filter($key.gt(at).or(tie))
            } else {
                let tie = $key.eq(at).and(conversations::id.lt(id));
                query.filter($key.le(at)).filter($key.lt(at).or(tie))
            };
        }
        let query = if $upwards {
            query.order(($key.asc(), conversations::id.asc()))
        } else {
            query.order(($key.desc(), conversations::id.desc()))
        };
        query.limit($limit).select(($key, conversations::id)).load::<(Option<Timestamp>, _)>($conn).await
    }};
}

/// Up to `limit` candidates after a position.
///
/// Unowned, unanswered and owned conversations are ordered by how long they have been so, longest first. Closed
/// conversations are ordered by when they were closed, latest first.
pub async fn candidates(
    conn: &mut Conn,
    search: &Search,
    after: Option<ViolationKey>,
    limit: i64,
) -> StoreResult<Vec<ViolationKey>> {
    use conversations as it;
    let rows: Vec<(Option<Timestamp>, ConversationId)> = on_backend!(conn, |c| {
        let all = it::table
            .filter(it::workspace_id.eq(search.workspace_id))
            .filter(it::phone_number_id.eq_any(&search.phone_number_ids))
            .into_boxed();
        match search.kind {
            ViolationKind::UnownedTooLong => {
                let query =
                    all.filter(it::status.eq(Status::Open)).filter(it::unassigned_since.le(search.latest));
                page!(c, query, it::unassigned_since, true, after, limit)
            }
            ViolationKind::UnansweredTooLong => {
                let query =
                    all.filter(it::assignee_id.is_not_null()).filter(it::waiting_since.le(search.latest));
                page!(c, query, it::waiting_since, true, after, limit)
            }
            ViolationKind::OwnedByInactive => {
                let active = agents::table
                    .inner_join(
                        number_access::table.on(number_access::workspace_id
                            .eq(agents::workspace_id)
                            .and(number_access::agent_id.eq(agents::id))),
                    )
                    .filter(agents::workspace_id.eq(it::workspace_id))
                    .filter(agents::id.nullable().eq(it::assignee_id))
                    .filter(agents::active.eq(true))
                    .filter(number_access::phone_number_id.eq(it::phone_number_id));
                let query = all
                    .filter(it::status.eq(Status::Open))
                    .filter(it::assignee_id.is_not_null())
                    .filter(not(exists(active)));
                page!(c, query, it::assigned_at, true, after, limit)
            }
            ViolationKind::ClosedUnanswered => {
                let query = all
                    .filter(it::closed_at.is_not_null())
                    .filter(it::last_inbound.eq(it::message_count.nullable()));
                page!(c, query, it::closed_at, false, after, limit)
            }
        }
    })?;
    Ok(rows.into_iter().filter_map(|(at, id)| Some((at?, id))).collect())
}

/// For the last close of each conversation, the version after it and the snapshot before it.
///
/// Conversations that were never closed are missing.
pub async fn last_closes(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> StoreResult<HashMap<ConversationId, (i32, Option<Snapshot>)>> {
    let later = diesel::alias!(events as later_closes);
    let rows: Vec<EventRow> = on_backend!(conn, |c| {
        let overtaken = later
            .filter(later.field(events::workspace_id).eq(workspace))
            .filter(later.field(events::conversation_id).eq(events::conversation_id))
            .filter(later.field(events::kind).eq(EventKind::Closed.as_str()))
            .filter(later.field(events::version).gt(events::version));
        events::table
            .filter(events::workspace_id.eq(workspace))
            .filter(events::conversation_id.eq_any(ids))
            .filter(events::kind.eq(EventKind::Closed.as_str()))
            .filter(events::version.is_not_null())
            .filter(not(exists(overtaken)))
            .select(EventRow::as_select())
            .load(c)
            .await
    })?;
    let mut closes = HashMap::new();
    for row in rows {
        if let EventBody::Conversation(body) = Event::try_from(row)?.body {
            closes.insert(body.conversation_id(), (body.after.conversation.version, body.before));
        }
    }
    Ok(closes)
}

/// When each conversation was first reopened after the close that produced the given version.
///
/// Conversations that are still closed are missing.
pub async fn reopenings(
    conn: &mut Conn,
    workspace: WorkspaceId,
    closes: &[(ConversationId, i32)],
) -> StoreResult<HashMap<ConversationId, Timestamp>> {
    if closes.is_empty() {
        return Ok(HashMap::new());
    }
    let reopen = [EventKind::Received.as_str(), EventKind::Reopened.as_str()];
    let rows: Vec<(Option<ConversationId>, Option<Timestamp>)> = on_backend!(conn, |c| {
        let mut query = events::table
            .group_by(events::conversation_id)
            .select((events::conversation_id, min(events::at)))
            .into_boxed();
        for (conversation, version) in closes {
            query = query.or_filter(
                events::workspace_id
                    .eq(workspace)
                    .and(events::conversation_id.eq(*conversation))
                    .and(events::version.gt(*version))
                    .and(events::kind.eq_any(reopen)),
            );
        }
        query.load(c).await
    })?;
    Ok(rows.into_iter().filter_map(|(id, at)| Some((id?, at?))).collect())
}
