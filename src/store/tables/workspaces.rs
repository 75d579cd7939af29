//! Workspaces, and the one row whose lock orders the log.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{AssignmentModel, Lease, Plan, QueueThresholds, Workspace, WorkspaceId};
use crate::store::db::backend::on_backend;
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

/// How far the log of a workspace has come.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// The number of the last event.
    pub seq: i64,
    /// The number of the last event that may be gone.
    pub floor: i64,
    /// When the last event was.
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
            // What cannot be a lease is none: the column has no other writer.
            lease: self.lease_minutes.and_then(|minutes| Lease::of_minutes(minutes).ok()),
        };
        (workspace, Head { seq: self.event_seq, floor: self.event_floor, at: self.last_event_at })
    }
}

/// The epoch of the log, made at the first call.
pub async fn epoch(conn: &mut Conn) -> StoreResult<Epoch> {
    let fresh = Epoch(uuid::Uuid::now_v7());
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

/// A workspace and the head of its log, read together.
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

/// The number of the last event of each of `ids`.
pub async fn heads(conn: &mut Conn, ids: &[WorkspaceId]) -> StoreResult<Vec<(WorkspaceId, i64)>> {
    Ok(on_backend!(conn, |c| {
        workspaces::table
            .filter(workspaces::id.eq_any(ids))
            .select((workspaces::id, workspaces::event_seq))
            .load(c)
            .await
    })?)
}

/// The same, with the epoch of the log: `None` when there is none of `ids`.
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

/// Up to `limit` workspaces, with ids after `after` and in order of their ids, whose oldest event above the floor
/// is no younger than `cutoff`.
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

/// Raises the floor of a log to event number `to`; a floor that is there already stays.
pub async fn raise_floor(conn: &mut Conn, id: WorkspaceId, to: i64) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(workspaces::table.find(id).filter(workspaces::event_floor.lt(to)))
            .set(workspaces::event_floor.eq(to))
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Begins a new epoch: cursors from before are void.
pub async fn renew_epoch(conn: &mut Conn) -> StoreResult<Epoch> {
    let fresh = Epoch(uuid::Uuid::now_v7());
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

/// Takes the next `n` event numbers; answers with the last of them and the instant of the events.
///
/// The row stays locked to the end of the transaction, so this comes after every other lock and nothing slow
/// may follow: numbers are handed out in order of commit, without gaps.
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

/// Up to `limit` workspaces that have a lease, with ids after `after`, in order of their ids.
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
