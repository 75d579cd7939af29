//! Rebalance plans, one row each. The moves and loads of a plan are stored as JSON.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::rebalance_plan::{AgentLoad, Move, PlanState, RebalancePlan};
use crate::domain::{AgentId, RebalancePlanId, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::schema::rebalance_plans;
use crate::store::{Conn, StoreError, StoreResult};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = rebalance_plans, treat_none_as_default_value = false)]
struct PlanRow {
    workspace_id: WorkspaceId,
    id: RebalancePlanId,
    state: PlanState,
    created_by_id: AgentId,
    created_at: Timestamp,
    expires_at: Timestamp,
    applied_at: Option<Timestamp>,
    body: String,
}

#[derive(Serialize, Deserialize)]
struct Body {
    moves: Vec<Move>,
    loads: Vec<AgentLoad>,
}

fn damaged(error: serde_json::Error) -> StoreError {
    StoreError::Damaged(format!("a rebalance plan: {error}"))
}

impl TryFrom<PlanRow> for RebalancePlan {
    type Error = StoreError;

    fn try_from(row: PlanRow) -> StoreResult<Self> {
        let Body { moves, loads } = serde_json::from_str(&row.body).map_err(damaged)?;
        Ok(Self {
            id: row.id,
            workspace_id: row.workspace_id,
            state: row.state,
            created_by: row.created_by_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
            applied_at: row.applied_at,
            moves,
            loads,
        })
    }
}

/// Adds a plan.
pub async fn insert(conn: &mut Conn, plan: &RebalancePlan) -> StoreResult<()> {
    let body = Body { moves: plan.moves.clone(), loads: plan.loads.clone() };
    let row = PlanRow {
        workspace_id: plan.workspace_id,
        id: plan.id,
        state: plan.state,
        created_by_id: plan.created_by,
        created_at: plan.created_at,
        expires_at: plan.expires_at,
        applied_at: plan.applied_at,
        body: serde_json::to_string(&body).map_err(damaged)?,
    };
    on_backend!(conn, |c| diesel::insert_into(rebalance_plans::table).values(row).execute(c).await)?;
    Ok(())
}

/// Locks a plan until the transaction ends. Must be called before every other lock.
pub async fn lock(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: RebalancePlanId,
) -> StoreResult<Option<RebalancePlan>> {
    let query = rebalance_plans::table.find((workspace, id));
    let row: QueryResult<PlanRow> = match conn {
        Conn::Postgres(c) => query.select(PlanRow::as_select()).for_update().first(&mut c.shared()).await,
        Conn::Sqlite(c) => query.select(PlanRow::as_select()).first(c).await,
    };
    row.optional()?.map(RebalancePlan::try_from).transpose()
}

/// Stores the state of a plan, with its times.
pub async fn set_state(conn: &mut Conn, plan: &RebalancePlan) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(rebalance_plans::table.find((plan.workspace_id, plan.id)))
            .set((
                rebalance_plans::state.eq(plan.state),
                rebalance_plans::expires_at.eq(plan.expires_at),
                rebalance_plans::applied_at.eq(plan.applied_at),
            ))
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Removes the plans that expired before `before`.
pub async fn remove_expired(conn: &mut Conn, workspace: WorkspaceId, before: Timestamp) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::delete(
            rebalance_plans::table
                .filter(rebalance_plans::workspace_id.eq(workspace))
                .filter(rebalance_plans::expires_at.lt(before)),
        )
        .execute(c)
        .await
    })?;
    Ok(())
}
