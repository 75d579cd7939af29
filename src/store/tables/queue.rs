//! The queue of open, unassigned conversations: its flows, and its oldest conversations.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::counts::Holder;
use crate::domain::queue::{self, Flow, INSTANTS, Queue, Window};
use crate::domain::{Event, EventBody, PhoneNumberId, Status, WorkspaceId};
use crate::store::db::conn::{insert_all, on_backend, pipelined};
use crate::store::db::prepared::Prepare;
use crate::store::schema::{conversations, phone_numbers, queue_flows, view_counts, workspaces};
use crate::store::sql_types::Id;
use crate::store::{Conn, StoreResult};

/// An event that added a conversation to the queue or removed one.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = queue_flows)]
pub struct FlowRow {
    workspace_id: WorkspaceId,
    /// The sequence number of the event.
    pub seq: i64,
    phone_number_id: PhoneNumberId,
    at: Timestamp,
    flow: Flow,
}

impl FlowRow {
    /// The flow of `event`, or `None` if the event did not change the queue.
    pub fn of(event: &Event) -> Option<Self> {
        let EventBody::Conversation(body) = &event.body else { return None };
        Some(Self {
            workspace_id: event.workspace_id,
            seq: event.seq,
            phone_number_id: body.after.conversation.phone_number_id,
            at: event.at,
            flow: queue::flow(body.before.as_ref(), &body.after)?,
        })
    }
}

/// Writes the queue flows of events. Runs at the end of a transaction.
pub(in crate::store) async fn record(conn: &mut Conn, events: &[Event]) -> StoreResult<()> {
    let rows: Vec<FlowRow> = events.iter().filter_map(FlowRow::of).collect();
    // PostgreSQL accepts at most 65,535 parameters in a statement.
    for chunk in rows.chunks(1_000) {
        insert_all!(conn, chunk, |rows| diesel::insert_into(queue_flows::table).values(rows));
    }
    Ok(())
}

/// As [`record`], for one event with the workspace's newest sequence number and timestamp.
pub(in crate::store) async fn record_next(conn: &mut Conn, event: &Event) -> StoreResult<()> {
    let Some(row) = FlowRow::of(event) else { return Ok(()) };
    on_backend!(conn, |c| {
        workspaces::table
            .find(row.workspace_id)
            .select((
                workspaces::id,
                workspaces::event_seq,
                row.phone_number_id.into_sql::<Id>(),
                workspaces::last_event_at,
                row.flow.into_sql::<Text>(),
            ))
            .insert_into(queue_flows::table)
            .into_columns(queue_flows::all_columns)
            .prepared()
            .execute(c)
            .await
    })?;
    Ok(())
}

/// The flows of the events with sequence numbers after `after` and up to `through`, in order.
pub async fn between(
    conn: &mut Conn,
    workspace: WorkspaceId,
    after: i64,
    through: i64,
) -> StoreResult<Vec<FlowRow>> {
    Ok(on_backend!(conn, |c| {
        queue_flows::table
            .filter(queue_flows::workspace_id.eq(workspace))
            .filter(queue_flows::seq.gt(after).and(queue_flows::seq.le(through)))
            .order(queue_flows::seq)
            .select(FlowRow::as_select())
            .load(c)
            .await
    })?)
}

/// The queue of each phone number, with its flows in a window and in the window before.
///
/// Takes three statements, regardless of the number of phone numbers.
pub async fn of_numbers(
    conn: &mut Conn,
    workspace: WorkspaceId,
    numbers: &BTreeSet<PhoneNumberId>,
    window: Window,
) -> StoreResult<BTreeMap<PhoneNumberId, Queue>> {
    let ids: Vec<PhoneNumberId> = numbers.iter().copied().collect();
    let mut queues: BTreeMap<_, _> = ids.iter().map(|id| (*id, Queue::default())).collect();
    let (unassigned, (oldest, flows)) = pipelined!(conn;
        |c| unassigned(c, workspace, &ids),
        |c| oldest(c, workspace, &ids),
        |c| flows(c, workspace, &ids, window),
    );
    for (id, n) in unassigned {
        queues.entry(id).or_default().unassigned = n;
    }
    for (id, unassigned_since, waiting_since) in oldest {
        let queue = queues.entry(id).or_default();
        (queue.oldest_unassigned_since, queue.oldest_waiting_since) = (unassigned_since, waiting_since);
    }
    for (id, flow, bucket, n) in flows {
        let buckets = &mut queues.entry(id).or_default().buckets.0;
        if let Some(flows) = usize::try_from(bucket).ok().and_then(|bucket| buckets.get_mut(bucket)) {
            flows.add(flow, n);
        }
    }
    Ok(queues)
}

/// How often each flow happened, by phone number and bucket of the windows.
async fn flows(
    conn: &mut Conn,
    workspace: WorkspaceId,
    numbers: &[PhoneNumberId],
    window: Window,
) -> StoreResult<Vec<(PhoneNumberId, Flow, i64, i64)>> {
    let micros = match conn {
        Conn::Postgres(_) => "(extract(epoch FROM at) * 1000000)::bigint",
        Conn::Sqlite(_) => "at",
    };
    // The same computation as `Window::bucket`, with literals. With parameters, PostgreSQL would treat the selected
    // expression and the one in GROUP BY as different, and reject the query.
    let (start, length) = (window.start().as_micros(), window.micros());
    let bucket = format!("(({micros} - ({start})) * {INSTANTS} - 1) / {length}");
    let by_bucket = (sql::<Id>("phone_number_id"), sql::<Text>("flow"), sql::<BigInt>(&bucket));
    Ok(on_backend!(conn, |c| {
        queue_flows::table
            .filter(queue_flows::workspace_id.eq(workspace))
            .filter(queue_flows::phone_number_id.eq_any(numbers))
            .filter(queue_flows::at.gt(window.start()).and(queue_flows::at.le(window.now())))
            .group_by(by_bucket.clone())
            .select((
                by_bucket.0.clone(),
                by_bucket.1.clone(),
                by_bucket.2.clone(),
                sql::<BigInt>("count(*)"),
            ))
            .load(c)
            .await
    })?)
}

/// How many open conversations of each phone number have no owner, from the counters.
async fn unassigned(
    conn: &mut Conn,
    workspace: WorkspaceId,
    numbers: &[PhoneNumberId],
) -> StoreResult<Vec<(PhoneNumberId, i64)>> {
    let counts: Vec<(PhoneNumberId, i64)> = on_backend!(conn, |c| {
        view_counts::table
            .filter(view_counts::workspace_id.eq(workspace))
            .filter(view_counts::holder.eq(Holder::Unassigned))
            .filter(view_counts::phone_number_id.eq_any(numbers))
            .filter(view_counts::status.eq(Status::Open))
            .select((view_counts::phone_number_id, view_counts::n))
            .load(c)
            .await
    })?;
    // Conversations with and without an inbound message have separate counters.
    let mut sums = BTreeMap::new();
    for (number, n) in counts {
        *sums.entry(number).or_default() += n;
    }
    Ok(sums.into_iter().collect())
}

/// For each phone number, since when the longest unassigned conversation has been unassigned, and since when the
/// longest waiting customer has been waiting.
///
/// Takes one statement, which reads two index rows per phone number.
async fn oldest(
    conn: &mut Conn,
    workspace: WorkspaceId,
    numbers: &[PhoneNumberId],
) -> StoreResult<Vec<(PhoneNumberId, Option<Timestamp>, Option<Timestamp>)>> {
    let of_number = conversations::workspace_id
        .eq(phone_numbers::workspace_id)
        .and(conversations::phone_number_id.eq(phone_numbers::id));
    let unassigned = conversations::table
        .filter(of_number)
        .filter(conversations::status.eq(Status::Open))
        .filter(conversations::unassigned_since.is_not_null())
        .order(conversations::unassigned_since)
        .select(conversations::unassigned_since)
        .single_value();
    let waiting = conversations::table
        .filter(of_number)
        .filter(conversations::waiting_since.is_not_null())
        .order(conversations::waiting_since)
        .select(conversations::waiting_since)
        .single_value();
    Ok(on_backend!(conn, |c| {
        phone_numbers::table
            .filter(phone_numbers::workspace_id.eq(workspace))
            .filter(phone_numbers::id.eq_any(numbers))
            .select((phone_numbers::id, unassigned, waiting))
            .load(c)
            .await
    })?)
}
