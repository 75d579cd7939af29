//! Lists of conversations: what a view shows, by keyset pages.
//!
//! A page is read by walking an index from a position, never by counting rows off; which walks make a list is in
//! `index_scans`, and how they are read as one in `merged`. Here are the queries, and what is looked up instead of walked.

mod index_scans;
mod merged;

use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable};
use diesel_async::RunQueryDsl;

use self::index_scans::{IndexScan, Segment};
pub use self::index_scans::{List, OrderField, Position, Window};
use self::merged::{All, Difference, Merged, OrTrue};
use super::schema::{conversation_words, conversations, read_counts, read_markers, view_counts};
use super::{Conn, StoreResult};
use crate::domain::{AgentId, Conversation, ConversationId, PhoneNumberId, Status, View, WorkspaceId, words};
use crate::store::db::backend::on_backend;
use crate::store::db::prepared::Prepare;
use crate::store::tables::conversations::ConversationRow;
use crate::store::tables::counts;
use crate::store::tables::words::Lookup;

diesel::postfix_operator!(IsTrue, " IS TRUE", diesel::sql_types::Bool);

diesel::define_sql_function! {
    /// The first, or the second when that is null.
    fn coalesce(value: Nullable<Integer>, otherwise: Integer) -> Integer;
}

/// An agent's marker on a conversation.
macro_rules! marker {
    ($agent:expr) => {
        read_markers::table
            .filter(read_markers::workspace_id.eq(conversations::workspace_id))
            .filter(read_markers::conversation_id.eq(conversations::id))
            .filter(read_markers::agent_id.eq($agent))
    };
}

/// True for conversations whose last inbound message the agent has opened.
macro_rules! is_read_by {
    ($agent:expr) => {
        exists(marker!($agent).filter(read_markers::read_through.nullable().ge(conversations::last_inbound)))
    };
}

/// How far an agent has read a conversation.
///
/// A value and no join, so that no planner takes it for a reason to leave the order of the list.
macro_rules! read_through {
    ($agent:expr) => {
        coalesce(marker!($agent).select(read_markers::read_through).single_value(), 0).nullable()
    };
}

/// Narrows a boxed query to what one walk of a list shows.
///
/// Whether a conversation has a common word is asked of each that is walked past: as a value and no join, as above.
macro_rules! narrowed {
    ($list:expr, $walk:expr, $found:expr) => {{
        let (list, walk, found): (&List, IndexScan, &Lookup) = ($list, $walk, $found);
        let mut query =
            conversations::table.filter(conversations::workspace_id.eq(list.workspace_id)).into_boxed();
        query = match walk.number {
            Some(number) => query.filter(conversations::phone_number_id.eq(number)),
            // As a value, which no index knows: by several numbers one would find everything, to be sorted.
            None => query.filter(IsTrue::new(conversations::phone_number_id.eq_any(&list.phone_number_ids))),
        };
        query = match list.view {
            View::Inbox => query,
            View::AssignedToMe => query.filter(conversations::assignee_id.eq(list.viewer)),
            View::Unassigned => query.filter(conversations::assignee_id.is_null()),
        };
        if let Some(status) = walk.status {
            query = query.filter(conversations::status.eq(status));
        }
        query = match list.unread {
            None => query,
            Some(true) => query.filter(read_through!(list.viewer).lt(conversations::last_inbound)),
            Some(false) => query.filter(
                conversations::status
                    .ne(Status::Open)
                    .or(conversations::last_inbound.is_null())
                    .or(read_through!(list.viewer).ge(conversations::last_inbound)),
            ),
        };
        if let Some(ids) = &found.among {
            query = query.filter(conversations::id.eq_any(ids));
        }
        for word in &found.common {
            let beginning = conversation_words::table
                .filter(conversation_words::workspace_id.eq(list.workspace_id))
                .filter(conversation_words::conversation_id.eq(conversations::id))
                .filter(conversation_words::word.ge(word))
                .filter(conversation_words::word.lt(words::prefix_end(word)))
                .select(conversation_words::word);
            query = query.filter(beginning.single_value().is_not_null());
        }
        query
    }};
}

/// How many conversations an unread list has, by the badges.
macro_rules! unread_badge {
    ($list:expr) => {{
        let list: &List = $list;
        let (holder, buckets) = list.counters();
        let sum = || sql::<BigInt>("CAST(coalesce(sum(n), 0) AS bigint)");
        Difference(
            view_counts::table
                .filter(view_counts::workspace_id.eq(list.workspace_id))
                .filter(view_counts::holder.eq(holder))
                .filter(view_counts::phone_number_id.eq_any(&list.phone_number_ids))
                .filter(view_counts::status.eq(Status::Open))
                .filter(view_counts::has_inbound.eq(true))
                .select(sum()),
            read_counts::table
                .filter(read_counts::workspace_id.eq(list.workspace_id))
                .filter(read_counts::agent_id.eq(list.viewer))
                .filter(read_counts::phone_number_id.eq_any(&list.phone_number_ids))
                .filter(read_counts::bucket.eq_any(buckets))
                .select(sum()),
        )
    }};
}

/// Bounds a boxed query by a key column and the id.
macro_rules! bounded {
    ($query:expr, $key:expr, $segment:expr, $list:expr, $window:expr) => {{
        let (mut query, window): (_, &Window) = ($query, $window);
        // `after` bounds the list's beginning, whichever way it is walked.
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
        query
    }};
}

impl List {
    /// Where to look for `wanted` conversations with the words of the list.
    async fn look_up(&self, conn: &mut Conn, wanted: usize) -> StoreResult<Lookup> {
        let rare = crate::store::tables::words::rare(wanted, self.row_estimate);
        crate::store::tables::words::look_up(conn, self.workspace_id, &self.words, rare).await
    }
}

/// The conversations of a window, with whether the viewer has them unread, in the order of the walk.
///
/// Unless `unread` is asked for, all count as read: whether they are takes PostgreSQL as long as finding them.
pub async fn page(
    conn: &mut Conn,
    list: &List,
    window: &Window,
    unread: bool,
) -> StoreResult<Vec<(Conversation, bool)>> {
    let lookup = match few_unread(conn, list).await? {
        Some(few) => Lookup { among: Some(few), common: Vec::new() },
        None => list.look_up(conn, window.limit).await?,
    };
    let mut found = Vec::new();
    for segment in list.segments(window) {
        let left = window.limit.saturating_sub(found.len());
        if left == 0 {
            break;
        }
        for (row, is_read) in read(conn, list, &lookup, window, segment, left, unread).await? {
            let conversation = Conversation::try_from(row)?;
            let is_unread = unread && conversation.counts_as_unread() && !is_read;
            found.push((conversation, is_unread));
        }
    }
    Ok(found)
}

/// A viewer with more unread conversations than this finds a page of them by walking.
const FEW_UNREAD: i64 = 50;

/// The conversations that the viewer has not read, whoever owns them; `None` when that is not asked for, or when they
/// are many.
async fn few_unread(conn: &mut Conn, list: &List) -> StoreResult<Option<Vec<ConversationId>>> {
    if !list.use_unread_buckets || list.unread != Some(true) {
        return Ok(None);
    }
    let (workspace, viewer) = (list.workspace_id, list.viewer);
    let unread = counts::unread_of_numbers(conn, workspace, viewer, &list.phone_number_ids).await?;
    let total: i64 = unread.values().sum();
    if total > FEW_UNREAD {
        return Ok(None);
    }
    let numbers = Vec::from_iter(unread.into_keys());
    let slots = counts::slots_with_unread(conn, workspace, viewer, &numbers).await?;
    let few: Vec<ConversationId> = if slots.is_empty() {
        Vec::new()
    } else {
        let is_array = conn.postgres().is_some();
        on_backend!(conn, |c| {
            let of_numbers = slots.iter().map(|(number, slots)| {
                conversations::table
                    .filter(conversations::workspace_id.eq(workspace))
                    .filter(conversations::phone_number_id.eq(number))
                    .filter(conversations::slot.eq_any(slots.iter().map(|slot| slot.0)))
                    // These two as the index has them.
                    .filter(conversations::closed_at.is_null())
                    .filter(conversations::last_inbound.is_not_null())
                    .filter(read_through!(viewer).lt(conversations::last_inbound))
                    .select(conversations::id)
            });
            All(of_numbers.collect()).prepared_if(is_array).load(c).await
        })?
    };
    // Otherwise something was read or came in meanwhile, or a process that knows no slots has written.
    let is_whole = i64::try_from(few.len()).is_ok_and(|found| found == total);
    Ok(is_whole.then_some(few))
}

/// How many rows are read: as many as wanted, or a few more, so that there are few statements. A limit is written
/// out in its statement, because PostgreSQL values a plan by it, and makes a plan anew each time when it is not.
const STEPS: [usize; 3] = [26, 51, 101];

async fn read(
    conn: &mut Conn,
    list: &List,
    lookup: &Lookup,
    window: &Window,
    segment: Segment,
    wanted: usize,
    unread: bool,
) -> StoreResult<Vec<(ConversationRow, bool)>> {
    let limit = STEPS.into_iter().find(|step| wanted <= *step).unwrap_or(wanted);
    // What was looked up needs no walk of its own for each number.
    let index_scans = match lookup.among {
        Some(_) => vec![IndexScan { number: None, status: list.walked_status() }],
        None => list.index_scans(segment),
    };
    let order = list.order(segment, window);
    // On a later page it is not known how many are left.
    let is_counted = list.unread == Some(true) && window.after.is_none() && window.before.is_none();
    // SQLite has no arrays, and a text for each number of things that something is one of.
    let is_array = conn.postgres().is_some();
    let mut rows: Vec<(ConversationRow, bool)> = on_backend!(conn, |c| {
        let index_scans = index_scans.into_iter().map(|walk| {
            let query = narrowed!(list, walk, lookup);
            let query = match (list.field, segment) {
                (OrderField::LastActivity, _) => {
                    bounded!(query, conversations::last_activity_at, segment, list, window)
                }
                (OrderField::WaitingSince, Segment::WithKey) => {
                    let query = query.filter(conversations::waiting_since.is_not_null());
                    bounded!(query, conversations::waiting_since, segment, list, window)
                }
                (OrderField::WaitingSince, Segment::WithoutKey) => {
                    let query = query.filter(conversations::waiting_since.is_null());
                    bounded!(query, conversations::waiting_since, segment, list, window)
                }
                (OrderField::UnassignedSince, Segment::WithKey) => {
                    let query = query.filter(conversations::unassigned_since.is_not_null());
                    bounded!(query, conversations::unassigned_since, segment, list, window)
                }
                (OrderField::UnassignedSince, Segment::WithoutKey) => {
                    let query = query.filter(conversations::unassigned_since.is_null());
                    bounded!(query, conversations::unassigned_since, segment, list, window)
                }
            };
            query.select((
                ConversationRow::as_select(),
                OrTrue { asked: unread, value: is_read_by!(list.viewer) },
            ))
        });
        let known = is_counted.then(|| unread_badge!(list));
        Merged { index_scans: index_scans.collect(), order, limit, known, fenced: lookup.among.is_some() }
            .prepared_if(is_array)
            .load(c)
            .await
    })?;
    rows.truncate(wanted);
    Ok(rows)
}

/// How many conversations the list has, counted up to `limit`.
pub async fn count_up_to(conn: &mut Conn, list: &List, limit: i64) -> StoreResult<usize> {
    let lookup = list.look_up(conn, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    let walk = IndexScan { number: None, status: list.walked_status() };
    let ids: Vec<ConversationId> = on_backend!(conn, |c| {
        let mut query = narrowed!(list, walk, &lookup);
        if lookup.among.is_none() {
            // Without an order PostgreSQL may count from the beginning of the table.
            query = query.order((conversations::last_activity_at.desc(), conversations::id.desc()));
        }
        query.limit(limit).select(conversations::id).load(c).await
    })?;
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
