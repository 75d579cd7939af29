//! Workspaces. The lock on a workspace's row puts the events of its log in order.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{AssignmentModel, Lease, Plan, QueueThresholds, Workspace, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::db::prepared::Prepare;
use crate::store::schema::{events, store_info, workspaces};
use crate::store::{Conn, Epoch, StoreResult};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = workspaces, treat_none_as_default_value = false)]
pub(in crate::store) struct WorkspaceRow {
    id: WorkspaceId,
    name: String,
    plan: Plan,
    assignment_model: AssignmentModel,
    event_seq: i64,
    event_floor: i64,
    last_event_at: Timestamp,
    created_at: Timestamp,
    max_unassigned: Option<i32>,
    max_wait_seconds: Option<i32>,
    lease_minutes: Option<i32>,
}

/// The head of a workspace's log.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// The sequence number of the last event.
    pub seq: i64,
    /// The sequence number of the last event that retention may have deleted.
    pub floor: i64,
    /// The time of the last event.
    pub at: Timestamp,
}

impl WorkspaceRow {
    pub(in crate::store) fn split(self) -> (Workspace, Head) {
        let workspace = Workspace {
            id: self.id,
            name: self.name,
            plan: self.plan,
            assignment_model: self.assignment_model,
            queue_thresholds: QueueThresholds {
                max_unassigned: self.max_unassigned,
                max_wait_seconds: self.max_wait_seconds,
            },
            // An invalid value counts as no lease. It should not occur: the column is only written from a `Lease`.
            lease: self.lease_minutes.and_then(|minutes| Lease::of_minutes(minutes).ok()),
        };
        (workspace, Head { seq: self.event_seq, floor: self.event_floor, at: self.last_event_at })
    }
}

/// The epoch of the log. The first call stores `fresh`.
pub async fn epoch(conn: &mut Conn, fresh: Epoch) -> StoreResult<Epoch> {
    on_backend!(conn, |c| {
        diesel::insert_into(store_info::table)
            .values((store_info::id.eq(1i16), store_info::epoch.eq(fresh)))
            .on_conflict_do_nothing()
            .execute(c)
            .await?;
        Ok(store_info::table.select(store_info::epoch).first(c).await?)
    })
}

/// Adds a workspace with an empty log.
pub async fn insert(conn: &mut Conn, workspace: &Workspace, at: Timestamp) -> StoreResult<()> {
    let row = WorkspaceRow {
        id: workspace.id,
        name: workspace.name.clone(),
        plan: workspace.plan,
        assignment_model: workspace.assignment_model,
        event_seq: 0,
        event_floor: 0,
        last_event_at: at,
        created_at: at,
        max_unassigned: workspace.queue_thresholds.max_unassigned,
        max_wait_seconds: workspace.queue_thresholds.max_wait_seconds,
        lease_minutes: workspace.lease.map(Lease::minutes),
    };
    on_backend!(conn, |c| diesel::insert_into(workspaces::table).values(row).execute(c).await)?;
    Ok(())
}

/// Reads a workspace and the head of its log.
pub async fn find(conn: &mut Conn, id: WorkspaceId) -> StoreResult<Option<(Workspace, Head)>> {
    let row = on_backend!(conn, |c| {
        workspaces::table.find(id).select(WorkspaceRow::as_select()).first(c).await.optional()
    })?;
    Ok(row.map(WorkspaceRow::split))
}

/// All workspaces, oldest first.
pub async fn all(conn: &mut Conn) -> StoreResult<Vec<(Workspace, Head)>> {
    let rows: Vec<WorkspaceRow> = on_backend!(conn, |c| {
        workspaces::table
            .order((workspaces::created_at, workspaces::id))
            .select(WorkspaceRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(WorkspaceRow::split).collect())
}

/// The sequence number of the last event of each workspace.
pub async fn heads(conn: &mut Conn, ids: &[WorkspaceId]) -> StoreResult<Vec<(WorkspaceId, i64)>> {
    Ok(on_backend!(conn, |c| {
        workspaces::table
            .filter(workspaces::id.eq_any(ids))
            .select((workspaces::id, workspaces::event_seq))
            .load(c)
            .await
    })?)
}

/// As [`heads`], with the epoch of the log. The epoch is `None` if none of the workspaces exists.
pub async fn epoch_and_heads(
    conn: &mut Conn,
    ids: &[WorkspaceId],
) -> StoreResult<(Option<Epoch>, Vec<(WorkspaceId, i64)>)> {
    let rows: Vec<(WorkspaceId, i64, Option<Epoch>)> = on_backend!(conn, |c| {
        let epoch = store_info::table.select(store_info::epoch).single_value();
        workspaces::table
            .filter(workspaces::id.eq_any(ids))
            .select((workspaces::id, workspaces::event_seq, epoch))
            .load(c)
            .await
    })?;
    let epoch = rows.iter().find_map(|(_, _, epoch)| *epoch);
    Ok((epoch, rows.into_iter().map(|(id, seq, _)| (id, seq)).collect()))
}

/// Up to `limit` workspaces whose oldest event above the floor is at `cutoff` or earlier, with ids after `after` and
/// ordered by id.
pub async fn behind(
    conn: &mut Conn,
    cutoff: Timestamp,
    after: Option<WorkspaceId>,
    limit: i64,
) -> StoreResult<Vec<WorkspaceId>> {
    let after = after.unwrap_or(WorkspaceId(uuid::Uuid::nil()));
    let oldest = events::workspace_id.eq(workspaces::id).and(events::seq.eq(workspaces::event_floor + 1));
    Ok(on_backend!(conn, |c| {
        workspaces::table
            .inner_join(events::table.on(oldest))
            .filter(workspaces::id.gt(after).and(events::at.le(cutoff)))
            .order(workspaces::id)
            .limit(limit)
            .select(workspaces::id)
            .load(c)
            .await
    })?)
}

/// Raises the floor of a log to sequence number `to`. Does nothing if the floor is already there or higher.
pub async fn raise_floor(conn: &mut Conn, id: WorkspaceId, to: i64) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(workspaces::table.find(id).filter(workspaces::event_floor.lt(to)))
            .set(workspaces::event_floor.eq(to))
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Begins the epoch `fresh`, which invalidates all older cursors.
pub async fn renew_epoch(conn: &mut Conn, fresh: Epoch) -> StoreResult<Epoch> {
    on_backend!(conn, |c| {
        diesel::insert_into(store_info::table)
            .values((store_info::id.eq(1i16), store_info::epoch.eq(fresh)))
            .on_conflict(store_info::id)
            .do_update()
            .set(store_info::epoch.eq(fresh))
            .execute(c)
            .await
    })?;
    Ok(fresh)
}

/// Takes the next `n` sequence numbers. Returns the last of them, and the timestamp for the events.
///
/// The workspace's row stays locked until the transaction ends, so sequence numbers are in commit order and without
/// gaps. Call this after taking every other lock, and do nothing slow after it.
pub async fn take_numbers(
    conn: &mut Conn,
    id: WorkspaceId,
    n: i64,
    now: Timestamp,
) -> StoreResult<(i64, Timestamp)> {
    Ok(on_backend!(conn, |c| {
        diesel::update(workspaces::table.find(id))
            .set((
                workspaces::event_seq.eq(workspaces::event_seq + n),
                workspaces::last_event_at.eq(case_when(
                    workspaces::last_event_at.gt(now),
                    workspaces::last_event_at,
                )
                .otherwise(now)),
            ))
            .returning((workspaces::event_seq, workspaces::last_event_at))
            .prepared()
            .get_result(c)
            .await
    })?)
}

pub async fn set_plan(conn: &mut Conn, id: WorkspaceId, plan: Plan) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(workspaces::table.find(id)).set(workspaces::plan.eq(plan)).execute(c).await
    })?;
    Ok(())
}

pub async fn set_model(conn: &mut Conn, id: WorkspaceId, model: AssignmentModel) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(workspaces::table.find(id))
            .set(workspaces::assignment_model.eq(model))
            .execute(c)
            .await
    })?;
    Ok(())
}

pub async fn set_thresholds(conn: &mut Conn, id: WorkspaceId, to: QueueThresholds) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(workspaces::table.find(id))
            .set((
                workspaces::max_unassigned.eq(to.max_unassigned),
                workspaces::max_wait_seconds.eq(to.max_wait_seconds),
            ))
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Sets how long an owner may leave a customer waiting.
pub async fn set_lease(conn: &mut Conn, id: WorkspaceId, lease: Option<Lease>) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(workspaces::table.find(id))
            .set(workspaces::lease_minutes.eq(lease.map(Lease::minutes)))
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Up to `limit` workspaces that have a lease, with ids after `after` and ordered by id.
pub async fn with_lease(
    conn: &mut Conn,
    after: Option<WorkspaceId>,
    limit: i64,
) -> StoreResult<Vec<(Workspace, Head)>> {
    let after = after.unwrap_or(WorkspaceId(uuid::Uuid::nil()));
    let rows: Vec<WorkspaceRow> = on_backend!(conn, |c| {
        workspaces::table
            .filter(workspaces::lease_minutes.is_not_null().and(workspaces::id.gt(after)))
            .order(workspaces::id)
            .limit(limit)
            .select(WorkspaceRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(WorkspaceRow::split).collect())
}
