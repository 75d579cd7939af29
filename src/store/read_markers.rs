//! How far each agent has read each conversation.
//!
//! A marker exists only where an agent has opened something. One that lies before the last inbound message
//! means the same as none.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::on_backend;
use super::schema::{conversations, read_markers};
use super::{Conn, StoreResult};
use crate::domain::{AgentId, Conversation, ConversationId, WorkspaceId};

/// The agents whose marker is on or past the last inbound message, sorted; nobody when there is none.
pub async fn readers(conn: &mut Conn, conversation: &Conversation) -> StoreResult<Vec<AgentId>> {
    let Some(last_inbound) = conversation.last_inbound else { return Ok(Vec::new()) };
    let mut found: Vec<AgentId> = on_backend!(conn, |c| {
        read_markers::table
            .filter(read_markers::workspace_id.eq(conversation.workspace_id))
            .filter(read_markers::conversation_id.eq(conversation.id))
            .filter(read_markers::read_through.ge(last_inbound))
            .select(read_markers::agent_id)
            .load(c)
            .await
    })?;
    found.sort_unstable();
    Ok(found)
}

/// As [`readers`], for all conversations with ids in `ids`; those without readers are missing.
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

/// Sets how far an agent has read.
pub async fn set(
    conn: &mut Conn,
    conversation: &Conversation,
    agent: AgentId,
    read_through: i32,
) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::insert_into(read_markers::table)
            .values((
                read_markers::workspace_id.eq(conversation.workspace_id),
                read_markers::conversation_id.eq(conversation.id),
                read_markers::agent_id.eq(agent),
                read_markers::read_through.eq(read_through),
            ))
            .on_conflict((read_markers::workspace_id, read_markers::conversation_id, read_markers::agent_id))
            .do_update()
            .set(read_markers::read_through.eq(read_through))
            .execute(c)
            .await
    })?;
    Ok(())
}
