//! Agents, and the phone numbers that they can access.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{Agent, AgentId, ConversationId, PhoneNumberId, Role, WorkspaceId};
use crate::store::db::conn::{load_locked, on_backend};
use crate::store::schema::{agents, conversations, number_access};
use crate::store::{Conn, StoreResult};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = agents, treat_none_as_default_value = false)]
pub(in crate::store) struct AgentRow {
    workspace_id: WorkspaceId,
    id: AgentId,
    name: String,
    title: Option<String>,
    email: String,
    role: Role,
    active: bool,
    experienced: bool,
    created_at: Timestamp,
    tokens_valid_after: Option<Timestamp>,
}

impl From<AgentRow> for Agent {
    fn from(row: AgentRow) -> Self {
        Self {
            id: row.id,
            workspace_id: row.workspace_id,
            name: row.name,
            title: row.title,
            email: row.email,
            role: row.role,
            active: row.active,
            experienced: row.experienced,
            created_at: row.created_at,
            tokens_valid_after: row.tokens_valid_after,
        }
    }
}

impl From<&Agent> for AgentRow {
    fn from(agent: &Agent) -> Self {
        Self {
            workspace_id: agent.workspace_id,
            id: agent.id,
            name: agent.name.clone(),
            title: agent.title.clone(),
            email: agent.email.clone(),
            role: agent.role,
            active: agent.active,
            experienced: agent.experienced,
            created_at: agent.created_at,
            tokens_valid_after: agent.tokens_valid_after,
        }
    }
}

/// Adds an agent. Returns false if the workspace already has an agent with that e-mail address.
pub async fn insert(conn: &mut Conn, agent: &Agent) -> StoreResult<bool> {
    let row = AgentRow::from(agent);
    let n = on_backend!(conn, |c| {
        diesel::insert_into(agents::table).values(row).on_conflict_do_nothing().execute(c).await
    })?;
    Ok(n == 1)
}

/// Stores the name, title, role, activity and experience of an existing agent, and the last revocation of their tokens.
pub async fn replace(conn: &mut Conn, agent: &Agent) -> StoreResult<()> {
    on_backend!(conn, |c| {
        diesel::update(agents::table.find((agent.workspace_id, agent.id)))
            .set((
                agents::name.eq(&agent.name),
                agents::title.eq(&agent.title),
                agents::role.eq(agent.role),
                agents::active.eq(agent.active),
                agents::experienced.eq(agent.experienced),
                agents::tokens_valid_after.eq(agent.tokens_valid_after),
            ))
            .execute(c)
            .await
    })?;
    Ok(())
}

pub async fn find(conn: &mut Conn, workspace: WorkspaceId, id: AgentId) -> StoreResult<Option<Agent>> {
    Ok(by_ids(conn, workspace, &[id]).await?.pop())
}

/// The agents with these ids, in no particular order. Unknown ids are left out.
pub async fn by_ids(conn: &mut Conn, workspace: WorkspaceId, ids: &[AgentId]) -> StoreResult<Vec<Agent>> {
    let rows: Vec<AgentRow> = on_backend!(conn, |c| {
        agents::table
            .filter(agents::workspace_id.eq(workspace).and(agents::id.eq_any(ids)))
            .select(AgentRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(Agent::from).collect())
}

/// The agent with this e-mail address, normalised by [`crate::domain::input::email`].
pub async fn by_email(conn: &mut Conn, workspace: WorkspaceId, email: &str) -> StoreResult<Option<Agent>> {
    let row: Option<AgentRow> = on_backend!(conn, |c| {
        agents::table
            .filter(agents::workspace_id.eq(workspace).and(agents::email.eq(email)))
            .select(AgentRow::as_select())
            .first(c)
            .await
            .optional()
    })?;
    Ok(row.map(Agent::from))
}

/// All agents of a workspace, oldest first.
pub async fn all(conn: &mut Conn, workspace: WorkspaceId) -> StoreResult<Vec<Agent>> {
    let rows: Vec<AgentRow> = on_backend!(conn, |c| {
        agents::table
            .filter(agents::workspace_id.eq(workspace))
            .order(agents::id)
            .select(AgentRow::as_select())
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(Agent::from).collect())
}

/// As [`by_ids`]. No other transaction can change these rows before this one ends.
pub async fn by_ids_shared(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[AgentId],
) -> StoreResult<Vec<Agent>> {
    let wanted = agents::workspace_id.eq(workspace).and(agents::id.eq_any(ids));
    let rows: Vec<AgentRow> = load_locked!(
        conn,
        for_share,
        agents::table.filter(wanted).order(agents::id).select(AgentRow::as_select())
    )?;
    Ok(rows.into_iter().map(Agent::from).collect())
}

/// The owner of a conversation, as a scalar subquery: null if it has no owner.
macro_rules! owner {
    ($workspace:expr, $conversation:expr) => {
        conversations::table
            .filter(conversations::workspace_id.eq($workspace).and(conversations::id.eq($conversation)))
            .select(conversations::assignee_id)
            .single_value()
    };
}

/// The agents with these ids, and the owner of the conversation.
///
/// No other transaction can change these rows before this one ends.
pub async fn for_conversation_shared(
    conn: &mut Conn,
    workspace: WorkspaceId,
    conversation: ConversationId,
    ids: &[AgentId],
) -> StoreResult<Vec<Agent>> {
    let owner = owner!(workspace, conversation);
    let wanted = agents::workspace_id
        .eq(workspace)
        .and(agents::id.eq_any(ids).or(agents::id.nullable().eq(owner).assume_not_null()));
    let rows: Vec<AgentRow> = load_locked!(
        conn,
        for_share,
        agents::table.filter(wanted).order(agents::id).select(AgentRow::as_select())
    )?;
    Ok(rows.into_iter().map(Agent::from).collect())
}

/// The agents among `ids`, and the owner of the conversation, who can access its phone number.
///
/// On PostgreSQL, no other transaction can change the rows that it finds before this one ends.
// The phone number of a conversation never changes.
pub async fn with_access_to_conversation_shared(
    conn: &mut Conn,
    workspace: WorkspaceId,
    conversation: ConversationId,
    ids: &[AgentId],
) -> StoreResult<BTreeSet<AgentId>> {
    let number = conversations::table
        .filter(conversations::workspace_id.eq(workspace).and(conversations::id.eq(conversation)))
        .select(conversations::phone_number_id)
        .single_value();
    let owner = owner!(workspace, conversation);
    let wanted = number_access::workspace_id
        .eq(workspace)
        .and(number_access::phone_number_id.nullable().eq(number).assume_not_null())
        .and(
            number_access::agent_id
                .eq_any(ids)
                .or(number_access::agent_id.nullable().eq(owner).assume_not_null()),
        );
    let agent = number_access::agent_id;
    let found: Vec<AgentId> =
        load_locked!(conn, for_share, number_access::table.filter(wanted).order(agent).select(agent))?;
    Ok(found.into_iter().collect())
}

/// Locks the agents with these ids and all active managers for an update.
///
/// The managers are locked too, so that two of them cannot remove each other at the same time.
pub async fn with_managers_locked(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[AgentId],
) -> StoreResult<Vec<Agent>> {
    let wanted = agents::workspace_id
        .eq(workspace)
        .and(agents::id.eq_any(ids).or(agents::role.eq(Role::Manager).and(agents::active.eq(true))));
    let rows: Vec<AgentRow> = load_locked!(
        conn,
        for_update,
        agents::table.filter(wanted).order(agents::id).select(AgentRow::as_select())
    )?;
    Ok(rows.into_iter().map(Agent::from).collect())
}

/// The agents among `ids` who can access the phone number.
///
/// On PostgreSQL, no other transaction can change the rows that it finds before this one ends.
pub async fn with_access_shared(
    conn: &mut Conn,
    workspace: WorkspaceId,
    number: PhoneNumberId,
    ids: &[AgentId],
) -> StoreResult<BTreeSet<AgentId>> {
    let wanted = number_access::workspace_id
        .eq(workspace)
        .and(number_access::phone_number_id.eq(number))
        .and(number_access::agent_id.eq_any(ids));
    let agent = number_access::agent_id;
    let found: Vec<AgentId> =
        load_locked!(conn, for_share, number_access::table.filter(wanted).order(agent).select(agent))?;
    Ok(found.into_iter().collect())
}

/// Every (agent, phone number) pair of the workspace with access.
pub async fn all_access(
    conn: &mut Conn,
    workspace: WorkspaceId,
) -> StoreResult<BTreeSet<(AgentId, PhoneNumberId)>> {
    let found: Vec<(AgentId, PhoneNumberId)> = on_backend!(conn, |c| {
        number_access::table
            .filter(number_access::workspace_id.eq(workspace))
            .select((number_access::agent_id, number_access::phone_number_id))
            .load(c)
            .await
    })?;
    Ok(found.into_iter().collect())
}

/// Gives an agent access to a phone number. Returns false if the agent already had it.
pub async fn grant(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    number: PhoneNumberId,
    at: Timestamp,
) -> StoreResult<bool> {
    let row = (
        number_access::workspace_id.eq(workspace),
        number_access::agent_id.eq(agent),
        number_access::phone_number_id.eq(number),
        number_access::granted_at.eq(at),
    );
    let n = on_backend!(conn, |c| {
        diesel::insert_into(number_access::table).values(row).on_conflict_do_nothing().execute(c).await
    })?;
    Ok(n == 1)
}

/// Takes an agent's access to a phone number away. Returns false if the agent did not have it.
pub async fn revoke(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    number: PhoneNumberId,
) -> StoreResult<bool> {
    let n = on_backend!(conn, |c| {
        diesel::delete(number_access::table.find((workspace, agent, number))).execute(c).await
    })?;
    Ok(n == 1)
}
