//! Messages, numbered from 1 within their conversation.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::clock::Timestamp;
use crate::domain::{
    Agent, AgentId, AuthoredMessage, ConversationId, DeliveryStatus, Direction, Message, MessageId,
    WorkspaceId,
};
use crate::store::db::conn::on_backend;
use crate::store::schema::{agents, messages};
use crate::store::tables::agents::AgentRow;
use crate::store::{Conn, StoreError, StoreResult};

/// Consecutive messages or events of one conversation, from the first number to the last, inclusive.
pub type MessageRange = (ConversationId, i32, i32);

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
struct MessageRow {
    workspace_id: WorkspaceId,
    conversation_id: ConversationId,
    number: i32,
    id: MessageId,
    direction: Direction,
    body: String,
    media_urls: String,
    author_id: Option<AgentId>,
    sent_at: Timestamp,
    delivery_status: Option<DeliveryStatus>,
    provider_message_id: Option<String>,
}

impl TryFrom<MessageRow> for Message {
    type Error = StoreError;

    fn try_from(row: MessageRow) -> StoreResult<Self> {
        Ok(Self {
            id: row.id,
            workspace_id: row.workspace_id,
            conversation_id: row.conversation_id,
            number: row.number,
            direction: row.direction,
            body: row.body,
            media_urls: serde_json::from_str(&row.media_urls)
                .map_err(|error| StoreError::Damaged(format!("media of message {}: {error}", row.id)))?,
            author_id: row.author_id,
            sent_at: row.sent_at,
            delivery_status: row.delivery_status,
        })
    }
}

/// Adds a message.
///
/// If another message already has the provider's id, this fails with a unique violation, which is transient.
pub async fn insert(
    conn: &mut Conn,
    message: &Message,
    provider_message_id: Option<&str>,
) -> StoreResult<()> {
    let row = MessageRow {
        workspace_id: message.workspace_id,
        conversation_id: message.conversation_id,
        number: message.number,
        id: message.id,
        direction: message.direction,
        body: message.body.clone(),
        media_urls: serde_json::Value::from(message.media_urls.as_slice()).to_string(),
        author_id: message.author_id,
        sent_at: message.sent_at,
        delivery_status: message.delivery_status,
        provider_message_id: provider_message_id.map(str::to_owned),
    };
    on_backend!(conn, |c| diesel::insert_into(messages::table).values(row).execute(c).await)?;
    Ok(())
}

pub async fn find(conn: &mut Conn, workspace: WorkspaceId, id: MessageId) -> StoreResult<Option<Message>> {
    Ok(by_ids(conn, workspace, &[id]).await?.pop())
}

/// The messages with these ids, in no particular order. Unknown ids are left out.
pub async fn by_ids(conn: &mut Conn, workspace: WorkspaceId, ids: &[MessageId]) -> StoreResult<Vec<Message>> {
    let rows: Vec<MessageRow> = on_backend!(conn, |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace).and(messages::id.eq_any(ids)))
            .select(MessageRow::as_select())
            .load(c)
            .await
    })?;
    rows.into_iter().map(Message::try_from).collect()
}

/// As [`with_authors`], but without reading the authors: every author is `None`.
pub async fn without_authors(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[MessageId],
) -> StoreResult<Vec<AuthoredMessage>> {
    Ok(by_ids(conn, workspace, ids)
        .await?
        .into_iter()
        .map(|message| AuthoredMessage { message, author: None })
        .collect())
}

/// As [`by_ids`], each with the agent who wrote the message.
pub async fn with_authors(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[MessageId],
) -> StoreResult<Vec<AuthoredMessage>> {
    let author =
        agents::workspace_id.eq(messages::workspace_id).and(agents::id.nullable().eq(messages::author_id));
    let rows: Vec<(MessageRow, Option<AgentRow>)> = on_backend!(conn, |c| {
        messages::table
            .left_join(agents::table.on(author))
            .filter(messages::workspace_id.eq(workspace).and(messages::id.eq_any(ids)))
            .select((MessageRow::as_select(), Option::<AgentRow>::as_select()))
            .load(c)
            .await
    })?;
    rows.into_iter()
        .map(|(message, author)| {
            Ok(AuthoredMessage { message: Message::try_from(message)?, author: author.map(Agent::from) })
        })
        .collect()
}

/// The message with this id of the SMS provider.
pub async fn by_provider_id(
    conn: &mut Conn,
    workspace: WorkspaceId,
    provider_message_id: &str,
) -> StoreResult<Option<Message>> {
    let row: Option<MessageRow> = on_backend!(conn, |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::provider_message_id.eq(provider_message_id))
            .select(MessageRow::as_select())
            .first(c)
            .await
            .optional()
    })?;
    row.map(Message::try_from).transpose()
}

/// Up to `limit` messages after number `after` that agents other than `author` wrote, oldest first.
pub async fn replies_by_others(
    conn: &mut Conn,
    workspace: WorkspaceId,
    conversation: ConversationId,
    author: AgentId,
    after: i32,
    limit: i64,
) -> StoreResult<Vec<Message>> {
    let rows: Vec<MessageRow> = on_backend!(conn, |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::conversation_id.eq(conversation))
            .filter(messages::number.gt(after))
            .filter(messages::direction.eq(Direction::Outbound))
            .filter(messages::author_id.ne(author))
            .order(messages::number)
            .limit(limit)
            .select(MessageRow::as_select())
            .load(c)
            .await
    })?;
    rows.into_iter().map(Message::try_from).collect()
}

/// The messages of each range of numbers, in order, in one statement.
pub async fn runs(
    conn: &mut Conn,
    workspace: WorkspaceId,
    runs: &[MessageRange],
) -> StoreResult<HashMap<MessageRange, Vec<Message>>> {
    let rows: Vec<MessageRow> = on_backend!(conn, |c| {
        let mut query = messages::table.select(MessageRow::as_select()).into_boxed();
        for (conversation, from, to) in runs {
            query = query.or_filter(
                messages::workspace_id
                    .eq(workspace)
                    .and(messages::conversation_id.eq(*conversation))
                    .and(messages::number.between(*from, *to)),
            );
        }
        if runs.is_empty() { Ok(Vec::new()) } else { query.order(messages::number).load(c).await }
    })?;
    let mut found: HashMap<MessageRange, Vec<Message>> = runs.iter().map(|run| (*run, Vec::new())).collect();
    for row in rows {
        let message = Message::try_from(row)?;
        for ((conversation, from, to), run) in &mut found {
            if *conversation == message.conversation_id && (*from..=*to).contains(&message.number) {
                run.push(message.clone());
            }
        }
    }
    Ok(found)
}

/// How many messages each conversation has, and the greatest message number.
pub async fn tallies(
    conn: &mut Conn,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> StoreResult<HashMap<ConversationId, (i64, Option<i32>)>> {
    use diesel::dsl::{count_star, max};
    let rows: Vec<(ConversationId, i64, Option<i32>)> = on_backend!(conn, |c| {
        messages::table
            .filter(messages::workspace_id.eq(workspace))
            .filter(messages::conversation_id.eq_any(ids))
            .group_by(messages::conversation_id)
            .select((messages::conversation_id, count_star(), max(messages::number)))
            .load(c)
            .await
    })?;
    Ok(rows.into_iter().map(|(id, n, last)| (id, (n, last))).collect())
}
