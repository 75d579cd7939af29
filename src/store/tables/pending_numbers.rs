//! Phone numbers that workspaces have asked for and the operator has not verified. They receive and send nothing.
//!
//! They have a table of their own, so that everything that reads phone numbers, also in older processes, finds verified
//! ones only.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::input::E164;
use crate::domain::{AgentId, NumberStatus, PhoneNumber, PhoneNumberId, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::schema::pending_numbers;
use crate::store::{Conn, StoreError, StoreResult};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = pending_numbers)]
struct PendingRow {
    workspace_id: WorkspaceId,
    id: PhoneNumberId,
    number: E164,
    label: String,
    agent_ids: String,
    created_at: Timestamp,
}

/// A pending number, and the agents who get access to it when it is verified.
#[derive(Debug, Clone)]
pub struct PendingNumber {
    pub number: PhoneNumber,
    pub agent_ids: Vec<AgentId>,
}

impl TryFrom<PendingRow> for PendingNumber {
    type Error = StoreError;

    fn try_from(row: PendingRow) -> StoreResult<Self> {
        let agent_ids = serde_json::from_str(&row.agent_ids)
            .map_err(|error| StoreError::Damaged(format!("the agents of a pending number: {error}")))?;
        let number = PhoneNumber {
            id: row.id,
            workspace_id: row.workspace_id,
            number: row.number,
            label: row.label,
            status: NumberStatus::Pending,
            created_at: row.created_at,
        };
        Ok(Self { number, agent_ids })
    }
}

fn read(rows: Vec<PendingRow>) -> StoreResult<Vec<PendingNumber>> {
    rows.into_iter().map(PendingNumber::try_from).collect()
}

/// Adds a pending number. Returns false if the workspace has asked for it already.
pub async fn insert(conn: &mut Conn, pending: &PendingNumber) -> StoreResult<bool> {
    let PendingNumber { number, agent_ids } = pending;
    let row = PendingRow {
        workspace_id: number.workspace_id,
        id: number.id,
        number: number.number.clone(),
        label: number.label.clone(),
        agent_ids: serde_json::to_string(agent_ids)
            .map_err(|error| StoreError::Damaged(error.to_string()))?,
        created_at: number.created_at,
    };
    let n = on_backend!(conn, |c| {
        diesel::insert_into(pending_numbers::table).values(row).on_conflict_do_nothing().execute(c).await
    })?;
    Ok(n == 1)
}

/// The pending numbers of a workspace, oldest first.
pub async fn all(conn: &mut Conn, workspace: WorkspaceId) -> StoreResult<Vec<PendingNumber>> {
    let rows: Vec<PendingRow> = on_backend!(conn, |c| {
        pending_numbers::table
            .filter(pending_numbers::workspace_id.eq(workspace))
            .order((pending_numbers::created_at, pending_numbers::id))
            .select(PendingRow::as_select())
            .load(c)
            .await
    })?;
    read(rows)
}

/// The pending number of a workspace with these digits.
pub async fn by_number(
    conn: &mut Conn,
    workspace: WorkspaceId,
    number: &E164,
) -> StoreResult<Option<PendingNumber>> {
    let rows: Vec<PendingRow> = on_backend!(conn, |c| {
        pending_numbers::table
            .filter(pending_numbers::workspace_id.eq(workspace).and(pending_numbers::number.eq(number)))
            .select(PendingRow::as_select())
            .load(c)
            .await
    })?;
    Ok(read(rows)?.pop())
}

/// Removes a pending number. Returns false if it does not exist.
pub async fn remove(conn: &mut Conn, workspace: WorkspaceId, id: PhoneNumberId) -> StoreResult<bool> {
    let n = on_backend!(conn, |c| {
        diesel::delete(pending_numbers::table.find((workspace, id))).execute(c).await
    })?;
    Ok(n == 1)
}
