//! The log: one row per event, with the conversation before and after the event.
//!
//! This file has the row and the queries. [`super::append`] writes to the log.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{
    AgentId, ConversationEvent, ConversationId, Event, EventBody, EventKind, MessageId, Snapshot, WorkspaceId,
};
use crate::store::db::conn::{insert_all, on_backend};
use crate::store::db::prepared::Prepare;
use crate::store::log::images;
use crate::store::schema::{events, workspaces};
use crate::store::sql_types::Id;
use crate::store::tables::messages::MessageRange;
use crate::store::{Conn, StoreError, StoreResult};

/// The stored kind of an event about access or administration.
const ACCESS: &str = "ACCESS";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub(in crate::store) struct EventRow {
    workspace_id: WorkspaceId,
    seq: i64,
    at: Timestamp,
    actor_id: Option<AgentId>,
    kind: String,
    conversation_id: Option<ConversationId>,
    version: Option<i32>,
    assignee_id: Option<AgentId>,
    message_id: Option<MessageId>,
    reason: Option<String>,
    note: Option<String>,
    before_image: Option<String>,
    after_image: String,
}

impl TryFrom<&Event> for EventRow {
    type Error = StoreError;

    fn try_from(event: &Event) -> StoreResult<Self> {
        let image = |value: Result<String, serde_json::Error>| {
            value.map_err(|error| StoreError::Damaged(format!("an event cannot be serialised: {error}")))
        };
        let mut row = Self {
            workspace_id: event.workspace_id,
            seq: event.seq,
            at: event.at,
            actor_id: event.actor,
            kind: ACCESS.to_owned(),
            conversation_id: None,
            version: None,
            assignee_id: None,
            message_id: None,
            reason: None,
            note: None,
            before_image: None,
            after_image: String::new(),
        };
        match &event.body {
            EventBody::Access(change) => row.after_image = image(images::write_access(change))?,
            EventBody::Workspace(change) => row.after_image = image(images::write_workspace(change))?,
            EventBody::Conversation(body) => {
                row.kind = body.kind.to_string();
                row.conversation_id = Some(body.conversation_id());
                row.version = (!body.kind.is_personal()).then_some(body.after.conversation.version);
                row.assignee_id = body.assignee();
                row.message_id = body.message_id;
                row.reason.clone_from(&body.reason);
                row.note.clone_from(&body.note);
                row.before_image = body.before.as_ref().map(serde_json::to_string).map(image).transpose()?;
                row.after_image = image(serde_json::to_string(&body.after))?;
            }
        }
        Ok(row)
    }
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow) -> StoreResult<Self> {
        let damaged = |what: String| StoreError::Damaged(format!("event {}: {what}", row.seq));
        let body = if row.kind == ACCESS {
            images::read(&row.after_image).map_err(|error| damaged(error.to_string()))?
        } else {
            let kind: EventKind = row.kind.parse().map_err(|_| damaged(format!("kind {}", row.kind)))?;
            let snapshot = |image: &str| {
                serde_json::from_str::<Snapshot>(image).map_err(|error| damaged(error.to_string()))
            };
            EventBody::Conversation(Box::new(ConversationEvent {
                kind,
                before: row.before_image.as_deref().map(snapshot).transpose()?,
                after: snapshot(&row.after_image)?,
                message_id: row.message_id,
                reason: row.reason,
                note: row.note,
            }))
        };
        Ok(Self { workspace_id: row.workspace_id, seq: row.seq, at: row.at, actor: row.actor_id, body })
    }
}

fn read(rows: Vec<EventRow>) -> StoreResult<Vec<Arc<Event>>> {
    rows.into_iter().map(|row| Event::try_from(row).map(Arc::new)).collect()
}

/// Adds events with the sequence numbers that the caller has just taken.
pub(in crate::store) async fn insert(conn: &mut Conn, new: &[Event]) -> StoreResult<()> {
    let rows: Vec<EventRow> = new.iter().map(EventRow::try_from).collect::<StoreResult<_>>()?;
    // PostgreSQL accepts at most 65,535 parameters in a statement.
    for chunk in rows.chunks(1_000) {
        insert_all!(conn, chunk, |rows| diesel::insert_into(events::table).values(rows));
    }
    Ok(())
}

/// Adds an event with the workspace's newest sequence number and timestamp, which this transaction has just set.
pub(in crate::store) async fn insert_next(conn: &mut Conn, row: EventRow) -> StoreResult<()> {
    on_backend!(conn, |c| {
        workspaces::table
            .find(row.workspace_id)
            .select((
                workspaces::id,
                workspaces::event_seq,
                workspaces::last_event_at,
                row.actor_id.into_sql::<Nullable<Id>>(),
                row.kind.into_sql::<Text>(),
                row.conversation_id.into_sql::<Nullable<Id>>(),
                row.version.into_sql::<Nullable<Integer>>(),
                row.assignee_id.into_sql::<Nullable<Id>>(),
                row.message_id.into_sql::<Nullable<Id>>(),
                row.reason.into_sql::<Nullable<Text>>(),
                row.note.into_sql::<Nullable<Text>>(),
                row.before_image.into_sql::<Nullable<Text>>(),
                row.after_image.into_sql::<Text>(),
            ))
            .insert_into(events::table)
            .into_columns(events::all_columns)
            .prepared()
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Up to `limit` events after sequence number `seq`, in order.
pub async fn after(
    conn: &mut Conn,
    workspace: WorkspaceId,
    seq: i64,
    limit: i64,
) -> StoreResult<Vec<Arc<Event>>> {
    let rows: Vec<EventRow> = on_backend!(conn, |c| {
        events::table
            .filter(events::workspace_id.eq(workspace).and(events::seq.gt(seq)))
            .order(events::seq)
            .limit(limit)
            .select(EventRow::as_select())
            .load(c)
            .await
    })?;
    read(rows)
}

/// Up to `limit` events about access and administration before sequence number `before`, newest first.
pub async fn administrative(
    conn: &mut Conn,
    workspace: WorkspaceId,
    before: Option<i64>,
    limit: i64,
) -> StoreResult<Vec<Arc<Event>>> {
    // A literal, because the condition of the partial index must be implied by the text of the statement.
    let is_administrative = diesel::dsl::sql::<diesel::sql_types::Bool>("kind = 'ACCESS'");
    let rows: Vec<EventRow> = on_backend!(conn, |c| {
        events::table
            .filter(events::workspace_id.eq(workspace).and(events::seq.lt(before.unwrap_or(i64::MAX))))
            .filter(is_administrative)
            .order(events::seq.desc())
            .limit(limit)
            .select(EventRow::as_select())
            .load(c)
            .await
    })?;
    read(rows)
}

/// The event with sequence number `seq`.
pub async fn find(conn: &mut Conn, workspace: WorkspaceId, seq: i64) -> StoreResult<Option<Arc<Event>>> {
    let row: Option<EventRow> = on_backend!(conn, |c| {
        events::table.find((workspace, seq)).select(EventRow::as_select()).first(c).await.optional()
    })?;
    row.map(|row| Event::try_from(row).map(Arc::new)).transpose()
}

/// The events of each range of versions, in order, in one statement.
pub async fn runs(
    conn: &mut Conn,
    workspace: WorkspaceId,
    runs: &[MessageRange],
) -> StoreResult<HashMap<MessageRange, Vec<Arc<Event>>>> {
    let rows: Vec<EventRow> = on_backend!(conn, |c| {
        let mut query = events::table.select(EventRow::as_select()).into_boxed();
        for (conversation, from, to) in runs {
            query = query.or_filter(
                events::workspace_id
                    .eq(workspace)
                    .and(events::conversation_id.eq(*conversation))
                    .and(events::version.between(*from, *to)),
            );
        }
        if runs.is_empty() { Ok(Vec::new()) } else { query.order(events::seq).load(c).await }
    })?;
    let mut found: HashMap<MessageRange, Vec<Arc<Event>>> =
        runs.iter().map(|run| (*run, Vec::new())).collect();
    for event in read(rows)? {
        let EventBody::Conversation(body) = &event.body else { continue };
        for ((conversation, from, to), run) in &mut found {
            let version = body.after.conversation.version;
            if *conversation == body.conversation_id() && (*from..=*to).contains(&version) {
                run.push(event.clone());
            }
        }
    }
    Ok(found)
}

/// The owner of each conversation at an instant: the assignee after its last event up to that instant.
///
/// Conversations that had no owner then, or did not exist yet, are missing.
pub async fn assignees_at(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[ConversationId],
    at: Timestamp,
) -> StoreResult<HashMap<ConversationId, AgentId>> {
    let later = diesel::alias!(events as later_events);
    let rows: Vec<(Option<ConversationId>, Option<AgentId>)> = on_backend!(conn, |c| {
        let overtaken = later
            .filter(later.field(events::workspace_id).eq(workspace))
            .filter(later.field(events::conversation_id).eq(events::conversation_id))
            .filter(later.field(events::version).gt(events::version))
            .filter(later.field(events::at).le(at));
        events::table
            .filter(events::workspace_id.eq(workspace))
            .filter(events::conversation_id.eq_any(ids))
            .filter(events::version.is_not_null())
            .filter(events::at.le(at))
            .filter(diesel::dsl::not(diesel::dsl::exists(overtaken)))
            .select((events::conversation_id, events::assignee_id))
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().filter_map(|(id, assignee)| Some((id?, assignee?))).collect())
}

/// The count of the events with a sequence number above `floor`, and the greatest sequence number.
pub async fn tally(conn: &mut Conn, workspace: WorkspaceId, floor: i64) -> StoreResult<(i64, Option<i64>)> {
    use diesel::dsl::{count_star, max};
    Ok(on_backend!(conn, |c| {
        events::table
            .filter(events::workspace_id.eq(workspace).and(events::seq.gt(floor)))
            .select((count_star(), max(events::seq)))
            .first(c)
            .await
    })?)
}

/// Of the `limit` events after sequence number `floor`, the last one up to the time `cutoff`.
///
/// Returns its sequence number.
pub async fn last_until(
    conn: &mut Conn,
    workspace: WorkspaceId,
    floor: i64,
    limit: i64,
    cutoff: Timestamp,
) -> StoreResult<Option<i64>> {
    Ok(on_backend!(conn, |c| {
        events::table
            .filter(events::workspace_id.eq(workspace).and(events::at.le(cutoff)))
            .filter(events::seq.gt(floor).and(events::seq.le(floor + limit)))
            .select(diesel::dsl::max(events::seq))
            .first(c)
            .await
    })?)
}

/// Deletes the events that only mark conversations read or unread for one agent, with sequence numbers after `floor`
/// and up to `through`. Returns how many were deleted.
pub async fn delete_personal(
    conn: &mut Conn,
    workspace: WorkspaceId,
    floor: i64,
    through: i64,
) -> StoreResult<usize> {
    let personal: Vec<String> =
        EventKind::ALL.iter().filter(|kind| kind.is_personal()).map(|kind| kind.to_string()).collect();
    Ok(on_backend!(conn, |c| {
        diesel::delete(
            events::table
                .filter(events::workspace_id.eq(workspace).and(events::kind.eq_any(&personal)))
                .filter(events::seq.gt(floor).and(events::seq.le(through))),
        )
        .execute(c)
        .await
    })?)
}
