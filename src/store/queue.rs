//! The queue of open, unassigned conversations: what flowed through it, and its oldest.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use super::backend::on_backend;
use super::schema::{conversations, phone_numbers, queue_flows, view_counts};
use super::{Conn, StoreResult};
use crate::clock::Timestamp;
use crate::domain::counts::Holder;
use crate::domain::queue::{self, Flow, INSTANTS, Slots, Window};
use crate::domain::{Event, EventBody, PhoneNumberId, Status, WorkspaceId};

/// One event by which the queue gained or lost a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = queue_flows)]
pub struct FlowRow {
    workspace_id: WorkspaceId,
    /// The number of the event.
    pub seq: i64,
    phone_number_id: PhoneNumberId,
    at: Timestamp,
    flow: Flow,
}

impl FlowRow {
    /// What belongs beside `event`; `None` when it did nothing to the queue.
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

/// Writes what events did to the queue. Part of the tail of a transaction.
pub(super) async fn record(conn: &mut Conn, events: &[Event]) -> StoreResult<()> {
    let rows: Vec<FlowRow> = events.iter().filter_map(FlowRow::of).collect();
    match conn {
        // PostgreSQL takes at most 65,535 parameters a statement.
        Conn::Postgres(c) => {
            for chunk in rows.chunks(1_000) {
                diesel::insert_into(queue_flows::table).values(chunk).execute(&mut **c).await?;
            }
        }
        Conn::Sqlite(c) => {
            for row in &rows {
                diesel::insert_into(queue_flows::table).values(row).execute(c).await?;
            }
        }
    }
    Ok(())
}

/// What was written beside the events after number `after` up to number `through`, in order.
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

/// What flowed through the queue of some numbers in a window and in the one before it, in one statement.
pub async fn slots(
    conn: &mut Conn,
    workspace: WorkspaceId,
    numbers: &BTreeSet<PhoneNumberId>,
    window: Window,
) -> StoreResult<Slots> {
    let numbers: Vec<PhoneNumberId> = numbers.iter().copied().collect();
    let micros = match conn {
        Conn::Postgres(_) => "(extract(epoch FROM at) * 1000000)::bigint",
        Conn::Sqlite(_) => "at",
    };
    // What `Window::slot` computes. Written out as numbers, because PostgreSQL takes two parameters for two
    // expressions and would refuse to group by one and select the other.
    let (start, length) = (window.start().as_micros(), window.micros());
    let slot = format!("(({micros} - ({start})) * {INSTANTS} - 1) / {length}");
    let rows: Vec<(Flow, i64, i64)> = on_backend!(conn, |c| {
        queue_flows::table
            .filter(queue_flows::workspace_id.eq(workspace))
            .filter(queue_flows::phone_number_id.eq_any(&numbers))
            .filter(queue_flows::at.gt(window.start()).and(queue_flows::at.le(window.now())))
            .group_by((sql::<Text>("flow"), sql::<BigInt>(&slot)))
            .select((sql::<Text>("flow"), sql::<BigInt>(&slot), sql::<BigInt>("count(*)")))
            .load(c)
            .await
    })?;
    let mut slots = Slots::default();
    for (flow, slot, n) in rows {
        if let Some(flows) = usize::try_from(slot).ok().and_then(|slot| slots.0.get_mut(slot)) {
            flows.add(flow, n);
        }
    }
    Ok(slots)
}

/// How many open conversations of some numbers nobody owns, from the counters.
pub async fn unassigned(
    conn: &mut Conn,
    workspace: WorkspaceId,
    numbers: &BTreeSet<PhoneNumberId>,
) -> StoreResult<i64> {
    let numbers: Vec<PhoneNumberId> = numbers.iter().copied().collect();
    let counts: Vec<i64> = on_backend!(conn, |c| {
        view_counts::table
            .filter(view_counts::workspace_id.eq(workspace))
            .filter(view_counts::holder.eq(Holder::Nobody))
            .filter(view_counts::phone_number_id.eq_any(&numbers))
            .filter(view_counts::status.eq(Status::Open))
            .select(view_counts::n)
            .load(c)
            .await
    })?;
    Ok(counts.into_iter().sum())
}

/// Since when the longest unassigned and the longest waiting open conversation of some numbers have been so.
///
/// One statement, with a walk of one row for each number and each of the two.
pub async fn oldest(
    conn: &mut Conn,
    workspace: WorkspaceId,
    numbers: &BTreeSet<PhoneNumberId>,
) -> StoreResult<(Option<Timestamp>, Option<Timestamp>)> {
    let numbers: Vec<PhoneNumberId> = numbers.iter().copied().collect();
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
    let rows: Vec<(Option<Timestamp>, Option<Timestamp>)> = on_backend!(conn, |c| {
        phone_numbers::table
            .filter(phone_numbers::workspace_id.eq(workspace))
            .filter(phone_numbers::id.eq_any(&numbers))
            .select((unassigned, waiting))
            .load(c)
            .await
    })?;
    let unassigned = rows.iter().filter_map(|(unassigned, _)| *unassigned).min();
    let waiting = rows.iter().filter_map(|(_, waiting)| *waiting).min();
    Ok((unassigned, waiting))
}
