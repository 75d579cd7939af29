//! The workload of each agent.

use std::collections::HashMap;

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::domain::counts::Holder;
use crate::domain::{AgentId, Status, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::schema::{conversations, view_counts};
use crate::store::{Conn, StoreResult};

/// The number of open conversations that each agent owns, from the counters. Agents without one may be missing.
pub async fn open(conn: &mut Conn, workspace: WorkspaceId) -> StoreResult<HashMap<AgentId, i64>> {
    let rows: Vec<(Holder, i64)> = on_backend!(conn, |c| {
        view_counts::table
            .filter(view_counts::workspace_id.eq(workspace))
            .filter(view_counts::holder.ne(Holder::Unassigned))
            .filter(view_counts::holder.ne(Holder::All))
            .filter(view_counts::status.eq(Status::Open))
            .select((view_counts::holder, view_counts::n))
            .load(c)
            .await
    })?;
    let mut open = HashMap::new();
    for (holder, n) in rows {
        if let Holder::Agent(agent) = holder {
            *open.entry(agent).or_default() += n;
        }
    }
    Ok(open)
}

/// The number of each agent's conversations in which the customer is waiting for an answer.
///
/// Counts by an index that contains only these conversations. Agents without a waiting customer are missing.
pub async fn waiting(conn: &mut Conn, workspace: WorkspaceId) -> StoreResult<HashMap<AgentId, i64>> {
    let rows: Vec<(Option<AgentId>, i64)> = on_backend!(conn, |c| {
        conversations::table
            .filter(conversations::workspace_id.eq(workspace))
            .filter(conversations::waiting_since.is_not_null())
            .filter(conversations::assignee_id.is_not_null())
            .group_by(conversations::assignee_id)
            .select((conversations::assignee_id, count_star()))
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().filter_map(|(agent, n)| Some((agent?, n))).collect())
}
