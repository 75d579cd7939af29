//! Read markers: how far each agent has read each conversation.
//!
//! A marker exists only if the agent has opened the conversation. A marker before the last inbound message means the
//! same as no marker.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use crate::domain::{AgentId, Conversation, ConversationId, WorkspaceId};
use crate::store::db::conn::{insert_all, on_backend};
use crate::store::schema::{conversations, read_markers};
use crate::store::{Conn, StoreResult};

/// The agents who have read the last inbound message, sorted. Empty if the conversation has no inbound message.
pub async fn readers(conn: &mut Conn, conversation: &Conversation) -> StoreResult<Vec<AgentId>> {
    let markers = of(conn, conversation.workspace_id, conversation.id).await?;
    Ok(markers.readers(conversation.last_inbound))
}

/// The read markers of a conversation.
pub(in crate::store) struct Markers(Vec<(AgentId, i32)>);

impl Markers {
    /// The agents who have read the last inbound message, sorted.
    pub fn readers(self, last_inbound: Option<i32>) -> Vec<AgentId> {
        let Some(last_inbound) = last_inbound else { return Vec::new() };
        let read = self.0.into_iter().filter(|(_, through)| *through >= last_inbound);
        let mut readers: Vec<_> = read.map(|(agent, _)| agent).collect();
        readers.sort_unstable();
        readers
    }
}

/// All markers of a conversation.
///
/// Reads the markers before the last inbound message too, because they are few. A join that leaves them out would be
/// planned at each execution, which takes PostgreSQL longer than locking the conversation.
pub(in crate::store) async fn of(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: ConversationId,
) -> StoreResult<Markers> {
    Ok(Markers(on_backend!(conn, |c| {
        read_markers::table
            .filter(read_markers::workspace_id.eq(workspace))
            .filter(read_markers::conversation_id.eq(id))
            .select((read_markers::agent_id, read_markers::read_through))
            .load(c)
            .await
    })?))
}

/// As [`readers`], for all conversations with these ids. Conversations without readers are missing.
pub async fn readers_of(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> StoreResult<HashMap<ConversationId, Vec<AgentId>>> {
    let conversation = conversations::workspace_id
        .eq(read_markers::workspace_id)
        .and(conversations::id.eq(read_markers::conversation_id));
    let rows: Vec<(ConversationId, AgentId)> = on_backend!(conn, |c| {
        read_markers::table
            .inner_join(conversations::table.on(conversation))
            .filter(read_markers::workspace_id.eq(workspace))
            .filter(read_markers::conversation_id.eq_any(ids))
            .filter(read_markers::read_through.nullable().ge(conversations::last_inbound))
            .order((read_markers::conversation_id, read_markers::agent_id))
            .select((read_markers::conversation_id, read_markers::agent_id))
            .load(c)
            .await
    })?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for (conversation, agent) in rows {
        found.entry(conversation).or_default().push(agent);
    }
    Ok(found)
}

/// Sets the read markers of some agents.
pub async fn set(conn: &mut Conn, conversation: &Conversation, read: &[(AgentId, i32)]) -> StoreResult<()> {
    let row = |&(agent, through): &(AgentId, i32)| {
        (
            read_markers::workspace_id.eq(conversation.workspace_id),
            read_markers::conversation_id.eq(conversation.id),
            read_markers::agent_id.eq(agent),
            read_markers::read_through.eq(through),
        )
    };
    let rows: Vec<_> = read.iter().map(row).collect();
    insert_all!(conn, rows, |rows| {
        diesel::insert_into(read_markers::table)
            .values(rows)
            .on_conflict((read_markers::workspace_id, read_markers::conversation_id, read_markers::agent_id))
            .do_update()
            .set(read_markers::read_through.eq(excluded(read_markers::read_through)))
    });
    Ok(())
}
