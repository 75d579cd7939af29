//! Who is looking at which conversation. The one table that the log knows nothing of.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{AgentId, ConversationId, Presence, PresenceState, WorkspaceId};
use crate::store::db::backend::on_backend;
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

/// What an agent last said of a conversation, expired or not.
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

/// Stores what an agent says, over what they said before.
pub async fn set(
    conn: &mut Conn,
    (workspace, conversation): PresenceKey,
    said: &Presence,
) -> StoreResult<()> {
    let row = PresenceRow {
        workspace_id: workspace,
        conversation_id: conversation,
        agent_id: said.agent_id,
        state: said.state,
        since: said.since,
        expires_at: said.expires_at,
    };
    on_backend!(conn, |c| {
        diesel::insert_into(presences::table)
            .values(row)
            .on_conflict((presences::workspace_id, presences::conversation_id, presences::agent_id))
            .do_update()
            .set((
                presences::state.eq(said.state),
                presences::since.eq(said.since),
                presences::expires_at.eq(said.expires_at),
            ))
            .prepared()
            .execute(c)
            .await
    })?;
    Ok(())
}

/// Forgets that an agent is there.
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

/// Who is at any of `places` now, in one statement; by place, then the longest there first.
///
/// Whoever is no longer active, or has no access to the number any more, is not there.
pub async fn at(
    conn: &mut Conn,
    places: &[PresenceKey],
    now: Timestamp,
) -> StoreResult<Vec<(PresenceKey, Presence)>> {
    let (workspaces, ids): (Vec<_>, Vec<_>) = places.iter().copied().unzip();
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

/// Deletes up to `limit` presences of a workspace that have expired.
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
    // Every conversation with every agent: some pairs more than were found, all of them expired.
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
