//! Reads what an agent may see in one statement, and so from one snapshot.

use std::sync::Arc;

use diesel::dsl::array;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::domain::{Agent, AgentId, PhoneNumber, PhoneNumberId, Workspace, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::schema::{agents, number_access, phone_numbers, workspaces};
use crate::store::sql_types::Id;
use crate::store::tables::agents::AgentRow;
use crate::store::tables::phone_numbers::PhoneNumberRow;
use crate::store::tables::workspaces::{Head, WorkspaceRow};
use crate::store::{Conn, StoreResult};

/// An agent, with their workspace and the phone numbers that they can access.
pub struct AgentAccess {
    pub workspace: Workspace,
    /// The head of the workspace's log when the rest was read.
    pub head: Head,
    pub agent: Agent,
    /// Oldest first.
    pub phone_numbers: Arc<[PhoneNumber]>,
}

/// Reads the access of an agent. Returns `None` if the agent does not exist.
pub async fn of_agent(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
) -> StoreResult<Option<AgentAccess>> {
    let access =
        number_access::workspace_id.eq(agents::workspace_id).and(number_access::agent_id.eq(agents::id));
    let number = phone_numbers::workspace_id
        .eq(number_access::workspace_id)
        .and(phone_numbers::id.eq(number_access::phone_number_id));
    let rows: Vec<(WorkspaceRow, AgentRow, Option<PhoneNumberRow>)> = on_backend!(conn, |c| {
        workspaces::table
            .inner_join(agents::table.on(agents::workspace_id.eq(workspaces::id)))
            .left_join(number_access::table.on(access))
            .left_join(phone_numbers::table.on(number))
            .filter(workspaces::id.eq(workspace))
            .filter(agents::workspace_id.eq(workspace).and(agents::id.eq(agent)))
            .order((phone_numbers::created_at, phone_numbers::id))
            .select((WorkspaceRow::as_select(), AgentRow::as_select(), Option::<PhoneNumberRow>::as_select()))
            .load(c)
            .await
    })?;
    let mut rows = rows.into_iter();
    let Some((workspace, agent, first)) = rows.next() else { return Ok(None) };
    let (workspace, head) = workspace.split();
    let phone_numbers =
        first.into_iter().chain(rows.filter_map(|(_, _, number)| number)).map(PhoneNumber::from).collect();
    Ok(Some(AgentAccess { workspace, head, agent: agent.into(), phone_numbers }))
}

/// As [`of_agent`], for an agent whose phone numbers, oldest first, are `known` from an earlier read.
///
/// On PostgreSQL this reads only the ids of the agent's numbers, as one row. That takes 0.10 ms instead of 0.16 ms for
/// 3 numbers. If the ids differ from the known ones, it reads everything again.
pub async fn of_known_agent(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    known: Arc<[PhoneNumber]>,
) -> StoreResult<Option<AgentAccess>> {
    // SQLite has no arrays and no round trips to save.
    let Some(mut c) = conn.postgres() else { return of_agent(conn, workspace, agent).await };
    let granted = number_access::table
        .filter(number_access::workspace_id.eq(workspace).and(number_access::agent_id.eq(agent)))
        .select(number_access::phone_number_id);
    let found: Option<(WorkspaceRow, AgentRow, Vec<PhoneNumberId>)> = workspaces::table
        .inner_join(agents::table.on(agents::workspace_id.eq(workspaces::id)))
        .filter(workspaces::id.eq(workspace))
        .filter(agents::workspace_id.eq(workspace).and(agents::id.eq(agent)))
        .select((WorkspaceRow::as_select(), AgentRow::as_select(), array::<Id, _>(granted)))
        .first(&mut c)
        .await
        .optional()?;
    let Some((workspace_row, agent_row, mut granted)) = found else { return Ok(None) };
    granted.sort_unstable();
    let is_granted = |number: &PhoneNumber| granted.binary_search(&number.id).is_ok();
    if granted.len() != known.len() || !known.iter().all(is_granted) {
        return of_agent(conn, workspace, agent).await;
    }
    let (workspace, head) = workspace_row.split();
    Ok(Some(AgentAccess { workspace, head, agent: agent_row.into(), phone_numbers: known }))
}
