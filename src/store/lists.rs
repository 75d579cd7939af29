//! Lists of conversations: what a view shows, by keyset pages.
//!
//! A page is read by walking an index from a position, never by counting rows off. Conversations without the
//! key that a list is ordered by come last in both directions, so a list is two walks, one after the other:
//! those with the key, and those without, by id.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::on_backend;
use super::conversations::ConversationRow;
use super::schema::{conversation_words, conversations, read_markers};
use super::{Conn, StoreResult};
use crate::clock::Timestamp;
use crate::domain::{AgentId, Conversation, ConversationId, PhoneNumberId, Status, View, WorkspaceId, words};

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderField {
    LastActivity,
    WaitingSince,
    UnassignedSince,
}

impl OrderField {
    /// Whether some conversations lack the key.
    fn is_nullable(self) -> bool {
        !matches!(self, Self::LastActivity)
    }
}

/// A place between two rows of a list: the key of the row there, if it has one, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub key: Option<Timestamp>,
    pub id: ConversationId,
}

/// Which conversations, in which order.
#[derive(Debug, Clone)]
pub struct List {
    pub workspace_id: WorkspaceId,
    /// The agent who looks.
    pub viewer: AgentId,
    /// The numbers to look at; those that the viewer cannot access are the caller's to leave out.
    pub phone_number_ids: Vec<PhoneNumberId>,
    pub view: View,
    pub status: Option<Status>,
    pub unread: Option<bool>,
    /// Folded words, each of which has to begin some word of the conversation.
    pub words: Vec<String>,
    pub field: OrderField,
    pub ascending: bool,
}

/// Which part of a list, and from which end.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub after: Option<Position>,
    pub before: Option<Position>,
    /// From the end of the list towards its beginning.
    pub backward: bool,
    pub limit: usize,
}

/// One of the two walks that make a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment {
    WithKey,
    WithoutKey,
}

/// True for conversations whose last inbound message the agent has opened.
macro_rules! is_read_by {
    ($agent:expr) => {
        exists(
            read_markers::table
                .filter(read_markers::workspace_id.eq(conversations::workspace_id))
                .filter(read_markers::conversation_id.eq(conversations::id))
                .filter(read_markers::agent_id.eq($agent))
                .filter(read_markers::read_through.nullable().ge(conversations::last_inbound)),
        )
    };
}

/// Narrows a boxed query to what a list shows.
///
/// The few conversations with a rare word are looked up by it; whether a conversation has a common one is asked
/// of each that is walked past.
macro_rules! narrowed {
    ($list:expr, $common:expr) => {{
        let list: &List = $list;
        let mut query =
            conversations::table.filter(conversations::workspace_id.eq(list.workspace_id)).into_boxed();
        query = query.filter(conversations::phone_number_id.eq_any(&list.phone_number_ids));
        query = match list.view {
            View::Inbox => query,
            View::AssignedToMe => query.filter(conversations::assignee_id.eq(list.viewer)),
            View::Unassigned => query.filter(conversations::assignee_id.is_null()),
        };
        if let Some(status) = list.status {
            query = query.filter(conversations::status.eq(status));
        }
        query = match list.unread {
            None => query,
            // An unread list walks open conversations only.
            Some(true) => query
                .filter(conversations::status.eq(Status::Open))
                .filter(conversations::last_inbound.is_not_null())
                .filter(not(is_read_by!(list.viewer))),
            Some(false) => query.filter(
                conversations::status
                    .ne(Status::Open)
                    .or(conversations::last_inbound.is_null())
                    .or(is_read_by!(list.viewer)),
            ),
        };
        for word in &list.words {
            let found = conversation_words::table
                .filter(conversation_words::workspace_id.eq(list.workspace_id))
                .filter(conversation_words::word.ge(word))
                .filter(conversation_words::word.lt(words::prefix_end(word)));
            query = if $common.contains(word) {
                query.filter(exists(found.filter(conversation_words::conversation_id.eq(conversations::id))))
            } else {
                query.filter(conversations::id.eq_any(found.select(conversation_words::conversation_id)))
            };
        }
        query
    }};
}

/// Bounds and orders a boxed query by a key column and the id.
macro_rules! walked {
    ($query:expr, $key:expr, $segment:expr, $list:expr, $window:expr) => {{
        let (mut query, window): (_, &Window) = ($query, $window);
        // The order of the walk; `after` bounds the list's beginning, whichever way it is walked.
        let ascending = $list.ascending != window.backward;
        let bounds = [(window.after, $list.ascending), (window.before, !$list.ascending)];
        for (position, upwards) in bounds {
            let Some(Position { key, id }) = position else { continue };
            query = match ($segment, key, upwards) {
                (Segment::WithKey, Some(key), true) => {
                    query.filter($key.ge(key)).filter($key.gt(key).or(conversations::id.gt(id)))
                }
                (Segment::WithKey, Some(key), false) => {
                    query.filter($key.le(key)).filter($key.lt(key).or(conversations::id.lt(id)))
                }
                (Segment::WithoutKey, None, true) => query.filter(conversations::id.gt(id)),
                (Segment::WithoutKey, None, false) => query.filter(conversations::id.lt(id)),
                // The position lies in the other walk, which leaves this one whole or out altogether.
                (Segment::WithKey, None, _) | (Segment::WithoutKey, Some(_), _) => query,
            };
        }
        match ($segment, ascending) {
            (Segment::WithKey, true) => query.order(($key.asc(), conversations::id.asc())),
            (Segment::WithKey, false) => query.order(($key.desc(), conversations::id.desc())),
            (Segment::WithoutKey, true) => query.order(conversations::id.asc()),
            (Segment::WithoutKey, false) => query.order(conversations::id.desc()),
        }
    }};
}

impl List {
    /// Where a conversation stands in this list.
    pub fn position(&self, conversation: &Conversation) -> Position {
        let key = match self.field {
            OrderField::LastActivity => Some(conversation.last_activity_at),
            OrderField::WaitingSince => conversation.waiting_since(),
            OrderField::UnassignedSince => conversation.unassigned_since(),
        };
        Position { key, id: conversation.id }
    }

    /// The walks that can reach into `window`, in the order of the walk.
    fn segments(&self, window: &Window) -> Vec<Segment> {
        let mut segments = vec![Segment::WithKey];
        if self.field.is_nullable() {
            segments.push(Segment::WithoutKey);
        }
        if window.after.is_some_and(|after| after.key.is_none()) {
            segments.retain(|segment| *segment == Segment::WithoutKey);
        }
        if window.before.is_some_and(|before| before.key.is_some()) {
            segments.retain(|segment| *segment == Segment::WithKey);
        }
        if window.backward {
            segments.reverse();
        }
        segments
    }
}

/// The conversations of a window, with whether the viewer has them unread, in the order of the walk.
pub async fn page(conn: &mut Conn, list: &List, window: &Window) -> StoreResult<Vec<(Conversation, bool)>> {
    let common = super::words::common(conn, list.workspace_id, &list.words).await?;
    let mut found = Vec::new();
    for segment in list.segments(window) {
        let left = window.limit.saturating_sub(found.len());
        if left == 0 {
            break;
        }
        for (row, is_read) in walk(conn, list, &common, window, segment, left).await? {
            let conversation = Conversation::try_from(row)?;
            let unread = conversation.counts_as_unread() && !is_read;
            found.push((conversation, unread));
        }
    }
    Ok(found)
}

async fn walk(
    conn: &mut Conn,
    list: &List,
    common: &[String],
    window: &Window,
    segment: Segment,
    limit: usize,
) -> StoreResult<Vec<(ConversationRow, bool)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(on_backend!(conn, |c| {
        let query = narrowed!(list, common);
        let query = match (list.field, segment) {
            (OrderField::LastActivity, _) => {
                walked!(query, conversations::last_activity_at, segment, list, window)
            }
            (OrderField::WaitingSince, Segment::WithKey) => {
                let query = query.filter(conversations::waiting_since.is_not_null());
                walked!(query, conversations::waiting_since, segment, list, window)
            }
            (OrderField::WaitingSince, Segment::WithoutKey) => {
                let query = query.filter(conversations::waiting_since.is_null());
                walked!(query, conversations::waiting_since, segment, list, window)
            }
            (OrderField::UnassignedSince, Segment::WithKey) => {
                let query = query.filter(conversations::unassigned_since.is_not_null());
                walked!(query, conversations::unassigned_since, segment, list, window)
            }
            (OrderField::UnassignedSince, Segment::WithoutKey) => {
                let query = query.filter(conversations::unassigned_since.is_null());
                walked!(query, conversations::unassigned_since, segment, list, window)
            }
        };
        query.limit(limit).select((ConversationRow::as_select(), is_read_by!(list.viewer))).load(c).await
    })?)
}

/// How many conversations the list has, counted up to `limit`.
pub async fn count_up_to(conn: &mut Conn, list: &List, limit: i64) -> StoreResult<usize> {
    let common = super::words::common(conn, list.workspace_id, &list.words).await?;
    let ids: Vec<ConversationId> =
        on_backend!(conn, |c| narrowed!(list, common).limit(limit).select(conversations::id).load(c).await)?;
    Ok(ids.len())
}

/// Those of `ids` that lie on one of the numbers, with whether the viewer has them unread.
pub async fn by_ids(
    conn: &mut Conn,
    workspace: WorkspaceId,
    viewer: AgentId,
    phone_number_ids: &[PhoneNumberId],
    ids: &[ConversationId],
) -> StoreResult<Vec<(Conversation, bool)>> {
    let rows: Vec<(ConversationRow, bool)> = on_backend!(conn, |c| {
        conversations::table
            .filter(conversations::workspace_id.eq(workspace).and(conversations::id.eq_any(ids)))
            .filter(conversations::phone_number_id.eq_any(phone_number_ids))
            .select((ConversationRow::as_select(), is_read_by!(viewer)))
            .load(c)
            .await
    })?;
    rows.into_iter()
        .map(|(row, is_read)| {
            let conversation = Conversation::try_from(row)?;
            let unread = conversation.counts_as_unread() && !is_read;
            Ok((conversation, unread))
        })
        .collect()
}

/// Whether some conversation of the contact lies on one of the numbers.
pub async fn has_contact(
    conn: &mut Conn,
    workspace: WorkspaceId,
    phone_number_ids: &[PhoneNumberId],
    contact: crate::domain::ContactId,
) -> StoreResult<bool> {
    let found: Option<ConversationId> = on_backend!(conn, |c| {
        conversations::table
            .filter(conversations::workspace_id.eq(workspace))
            .filter(conversations::phone_number_id.eq_any(phone_number_ids))
            .filter(conversations::contact_id.eq(contact))
            .select(conversations::id)
            .first(c)
            .await
            .optional()
    })?;
    Ok(found.is_some())
}
