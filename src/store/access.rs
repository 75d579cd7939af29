//! What an agent may see, in one statement and so in one snapshot.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::agents::AgentRow;
use super::backend::on_backend;
use super::phone_numbers::PhoneNumberRow;
use super::schema::{agents, number_access, phone_numbers, workspaces};
use super::workspaces::{Head, WorkspaceRow};
use super::{Conn, StoreResult};
use crate::domain::{Agent, AgentId, PhoneNumber, Workspace, WorkspaceId};

/// An agent, their workspace, how far its log had come, and the numbers that they can access, oldest first.
pub struct AgentAccess {
    pub workspace: Workspace,
    pub head: Head,
    pub agent: Agent,
    pub phone_numbers: Vec<PhoneNumber>,
}

/// `None` when there is no such agent.
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
