//! Presences: which agents are viewing which conversation. Changes of this table are not in the log.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{AgentId, ConversationId, Presence, PresenceState, WorkspaceId};
use crate::store::db::conn::on_backend;
use crate::store::db::prepared::Prepare;
use crate::store::schema::{agents, conversations, number_access, presences};
use crate::store::{Conn, StoreResult};

/// A conversation of a workspace.
pub type PresenceKey = (WorkspaceId, ConversationId);

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = presences)]
struct PresenceRow {
    workspace_id: WorkspaceId,
    conversation_id: ConversationId,
    agent_id: AgentId,
    state: PresenceState,
    since: Timestamp,
    expires_at: Timestamp,
}

impl From<PresenceRow> for Presence {
    fn from(row: PresenceRow) -> Self {
        let PresenceRow { agent_id, state, since, expires_at, .. } = row;
        Self { agent_id, state, since, expires_at }
    }
}

/// The last presence of an agent in a conversation, even if it has expired.
pub async fn find(
    conn: &mut Conn,
    (workspace, conversation): PresenceKey,
    agent: AgentId,
) -> StoreResult<Option<Presence>> {
    let row: Option<PresenceRow> = on_backend!(conn, |c| {
        presences::table
            .find((workspace, conversation, agent))
            .select(PresenceRow::as_select())
            .first(c)
            .await
            .optional()
    })?;
    Ok(row.map(Presence::from))
}

/// Stores the presence of an agent, and replaces the previous one.
pub async fn set(
    conn: &mut Conn,
    (workspace, conversation): PresenceKey,
    presence: &Presence,
) -> StoreResult<()> {
    let row = PresenceRow {
        workspace_id: workspace,
        conversation_id: conversation,
        agent_id: presence.agent_id,
        state: presence.state,
        since: presence.since,
        expires_at: presence.expires_at,
    };
    on_backend!(conn, |c| {
        diesel::insert_into(presences::table)
            .values(row)
            .on_conflict((presences::workspace_id, presences::conversation_id, presences::agent_id))
            .do_update()
            .set((
                presences::state.eq(presence.state),
                presences::since.eq(presence.since),
                presences::expires_at.eq(presence.expires_at),
            ))
            .prepared()
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Removes the presence of an agent.
pub async fn remove(
    conn: &mut Conn,
    (workspace, conversation): PresenceKey,
    agent: AgentId,
) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::delete(presences::table.find((workspace, conversation, agent))).execute(c).await
    })?;
    Ok(())
}

/// The presences in `keys` that have not expired, in one statement. Ordered by conversation, then by start.
///
/// Agents who are no longer active, or can no longer access the phone number, are left out.
pub async fn at(
    conn: &mut Conn,
    keys: &[PresenceKey],
    now: Timestamp,
) -> StoreResult<Vec<(PresenceKey, Presence)>> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = keys.iter().copied().unzip();
    let agent = agents::workspace_id.eq(presences::workspace_id).and(agents::id.eq(presences::agent_id));
    let conversation = conversations::workspace_id
        .eq(presences::workspace_id)
        .and(conversations::id.eq(presences::conversation_id));
    let access = number_access::workspace_id
        .eq(presences::workspace_id)
        .and(number_access::agent_id.eq(presences::agent_id))
        .and(number_access::phone_number_id.eq(conversations::phone_number_id));
    let rows: Vec<PresenceRow> = on_backend!(conn, |c| {
        presences::table
            .inner_join(agents::table.on(agent))
            .inner_join(conversations::table.on(conversation))
            .inner_join(number_access::table.on(access))
            .filter(presences::workspace_id.eq_any(&workspaces))
            .filter(presences::conversation_id.eq_any(&ids))
            .filter(presences::expires_at.gt(now).and(agents::active.eq(true)))
            .order((presences::conversation_id, presences::since, presences::agent_id))
            .select(PresenceRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(|row| ((row.workspace_id, row.conversation_id), row.into())).collect())
}

/// Deletes up to `limit` expired presences of a workspace.
pub async fn sweep(conn: &mut Conn, workspace: WorkspaceId, now: Timestamp, limit: i64) -> StoreResult<()> {
    let expired = presences::workspace_id.eq(workspace).and(presences::expires_at.le(now));
    let found: Vec<(ConversationId, AgentId)> = on_backend!(conn, |c| {
        presences::table
            .filter(expired)
            .order(presences::expires_at)
            .limit(limit)
            .select((presences::conversation_id, presences::agent_id))
            .load(c)
            .await
    })?;
    if found.is_empty() {
        return Ok(());
    }
    let (conversations, agents): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    // This deletes every combination of these conversations and agents, possibly more rows than were found. All of them
    // have expired.
    on_backend!(conn, |c| {
        diesel::delete(
            presences::table
                .filter(expired)
                .filter(presences::conversation_id.eq_any(&conversations))
                .filter(presences::agent_id.eq_any(&agents)),
        )
        .execute(c)
        .await
    })?;
    Ok(())
}
