//! Lists of conversations, read in keyset pages.
//!
//! A page is read by scanning an index from a position, never with an OFFSET. `index_scans` decides which indexes a
//! list scans, and `merged` combines the scans into one query. This file has the queries, and the cases in which
//! conversations are looked up by id instead.

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
use crate::store::db::conn::on_backend;
use crate::store::db::prepared::Prepare;
use crate::store::tables::conversations::ConversationRow;
use crate::store::tables::counts;
use crate::store::tables::words::Lookup;

diesel::postfix_operator!(IsTrue, " IS TRUE", diesel::sql_types::Bool);

diesel::define_sql_function! {
    /// The first value, or the second if the first is null.
    fn coalesce(value: Nullable<Integer>, otherwise: Integer) -> Integer;
}

/// The read marker of an agent on a conversation.
macro_rules! marker {
    ($agent:expr) => {
        read_markers::table
            .filter(read_markers::workspace_id.eq(conversations::workspace_id))
            .filter(read_markers::conversation_id.eq(conversations::id))
            .filter(read_markers::agent_id.eq($agent))
    };
}

/// Whether the agent has read the last inbound message of a conversation.
macro_rules! is_read_by {
    ($agent:expr) => {
        exists(marker!($agent).filter(read_markers::read_through.nullable().ge(conversations::last_inbound)))
    };
}

/// The number of the last message that an agent has read in a conversation.
///
/// A scalar subquery instead of a join, because with a join the planner may stop reading in the order of the list.
macro_rules! read_through {
    ($agent:expr) => {
        coalesce(marker!($agent).select(read_markers::read_through).single_value(), 0).nullable()
    };
}

/// A boxed query for the conversations of one index scan of a list, with all filters of the list.
///
/// Common words are checked for each scanned conversation, with a scalar subquery instead of a join, as above.
macro_rules! filtered {
    ($list:expr, $scan:expr, $lookup:expr) => {{
        // Without `..`: a new condition does not compile until it is part of the query.
        let List {
            workspace_id,
            viewer,
            phone_number_ids,
            view,
            unread,
            // Part of the scan.
            status: _,
            // Part of the look-up.
            words: _,
            // These decide how to read the list, and not which conversations it has.
            per_number_scans: _,
            use_unread_buckets: _,
            row_estimate: _,
            field: _,
            ascending: _,
        } = $list;
        let (scan, lookup): (IndexScan, &Lookup) = ($scan, $lookup);
        let mut query =
            conversations::table.filter(conversations::workspace_id.eq(*workspace_id)).into_boxed();
        query = match scan.number {
            Some(number) => query.filter(conversations::phone_number_id.eq(number)),
            // `IS TRUE` keeps the planner from using an index for this filter. With several phone numbers it would read
            // all matching rows and sort them.
            None => query.filter(IsTrue::new(conversations::phone_number_id.eq_any(phone_number_ids))),
        };
        query = match view {
            View::Inbox => query,
            View::AssignedToMe => query.filter(conversations::assignee_id.eq(*viewer)),
            View::Unassigned => query.filter(conversations::assignee_id.is_null()),
        };
        if let Some(status) = scan.status {
            query = query.filter(conversations::status.eq(status));
        }
        query = match *unread {
            None => query,
            Some(true) => query.filter(read_through!(*viewer).lt(conversations::last_inbound)),
            Some(false) => query.filter(
                conversations::status
                    .ne(Status::Open)
                    .or(conversations::last_inbound.is_null())
                    .or(read_through!(*viewer).ge(conversations::last_inbound)),
            ),
        };
        if let Some(ids) = &lookup.ids {
            query = query.filter(conversations::id.eq_any(ids));
        }
        for word in &lookup.common_words {
            let beginning = conversation_words::table
                .filter(conversation_words::workspace_id.eq(*workspace_id))
                .filter(conversation_words::conversation_id.eq(conversations::id))
                .filter(conversation_words::word.ge(word))
                .filter(conversation_words::word.lt(words::prefix_end(word)))
                .select(conversation_words::word);
            query = query.filter(beginning.single_value().is_not_null());
        }
        query
    }};
}

/// The number of conversations in an unread list, from the counters of the badges.
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

/// Limits a boxed query to the rows of a window, by a key column and the id.
macro_rules! bounded {
    ($query:expr, $key:expr, $segment:expr, $list:expr, $window:expr) => {{
        let (mut query, window): (_, &Window) = ($query, $window);
        // `after` is the bound at the beginning of the list, in both scan directions.
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
                // The position is in the other segment, so this segment has no bound.
                (Segment::WithKey, None, _) | (Segment::WithoutKey, Some(_), _) => query,
            };
        }
        query
    }};
}

impl List {
    /// Looks up the rare words of the list, for a page of `wanted` conversations.
    async fn look_up(&self, conn: &mut Conn, wanted: usize) -> StoreResult<Lookup> {
        let limit = crate::store::tables::words::rare_limit(wanted, self.row_estimate);
        crate::store::tables::words::look_up(conn, self.workspace_id, &self.words, limit).await
    }
}

/// The conversations of a window in scan order, each with whether the viewer has it unread.
///
/// If `unread` is false, all conversations count as read: PostgreSQL needs as long to find that out as to find them.
pub async fn page(
    conn: &mut Conn,
    list: &List,
    window: &Window,
    unread: bool,
) -> StoreResult<Vec<(Conversation, bool)>> {
    let lookup = match few_unread(conn, list).await? {
        Some(few) => Lookup { ids: Some(few), common_words: Vec::new() },
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

/// If the viewer has more unread conversations than this, a page of them is read by an index scan.
const FEW_UNREAD: i64 = 50;

/// The ids of the conversations that the viewer has not read, found by the unread buckets, regardless of their owner.
///
/// `None` if the list does not use the unread buckets, or if there are too many.
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
    let buckets = counts::buckets_with_unread(conn, workspace, viewer, &numbers).await?;
    let few: Vec<ConversationId> = if buckets.is_empty() {
        Vec::new()
    } else {
        let is_array = conn.postgres().is_some();
        on_backend!(conn, |c| {
            let of_numbers = buckets.iter().map(|(number, buckets)| {
                conversations::table
                    .filter(conversations::workspace_id.eq(workspace))
                    .filter(conversations::phone_number_id.eq(number))
                    .filter(conversations::slot.eq_any(buckets.iter().map(|bucket| bucket.0)))
                    // These two conditions are the predicate of the partial index.
                    .filter(conversations::closed_at.is_null())
                    .filter(conversations::last_inbound.is_not_null())
                    .filter(read_through!(viewer).lt(conversations::last_inbound))
                    .select(conversations::id)
            });
            All(of_numbers.collect()).prepared_if(is_array).load(c).await
        })?
    };
    // The two differ if messages were read or received meanwhile, or if an old process without buckets has written.
    let is_complete = i64::try_from(few.len()).is_ok_and(|found| found == total);
    Ok(is_complete.then_some(few))
}

/// The usual limits of a statement. A page reads as many rows as the next of these, so that there are few statements.
///
/// The limit is a literal in the statement, because the plan depends on it. With a parameter, PostgreSQL would plan the
/// statement at each execution.
const LIMITS: [usize; 3] = [26, 51, 101];

async fn read(
    conn: &mut Conn,
    list: &List,
    lookup: &Lookup,
    window: &Window,
    segment: Segment,
    wanted: usize,
    unread: bool,
) -> StoreResult<Vec<(ConversationRow, bool)>> {
    let limit = LIMITS.into_iter().find(|limit| wanted <= *limit).unwrap_or(wanted);
    // Conversations with known ids need only one scan for all phone numbers.
    let index_scans = match lookup.ids {
        Some(_) => vec![IndexScan { number: None, status: list.scanned_status() }],
        None => list.index_scans(segment),
    };
    let order = list.order(segment, window);
    // On a later page the number of remaining conversations is not known.
    let is_counted = list.unread == Some(true) && window.after.is_none() && window.before.is_none();
    // SQLite has no arrays: its SQL text is different for each length of an `eq_any` list.
    let is_array = conn.postgres().is_some();
    let mut rows: Vec<(ConversationRow, bool)> = on_backend!(conn, |c| {
        let index_scans = index_scans.into_iter().map(|scan| {
            let query = filtered!(list, scan, lookup);
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
                OrTrue { wanted: unread, value: is_read_by!(list.viewer) },
            ))
        });
        let max_rows = is_counted.then(|| unread_badge!(list));
        Merged { index_scans: index_scans.collect(), order, limit, max_rows, fenced: lookup.ids.is_some() }
            .prepared_if(is_array)
            .load(c)
            .await
    })?;
    rows.truncate(wanted);
    Ok(rows)
}

/// The number of conversations in the list, counted up to `limit`.
pub async fn count_up_to(conn: &mut Conn, list: &List, limit: i64) -> StoreResult<usize> {
    let lookup = list.look_up(conn, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    let scan = IndexScan { number: None, status: list.scanned_status() };
    let ids: Vec<ConversationId> = on_backend!(conn, |c| {
        let mut query = filtered!(list, scan, &lookup);
        if lookup.ids.is_none() {
            // Without an order PostgreSQL may scan the table from its beginning.
            query = query.order((conversations::last_activity_at.desc(), conversations::id.desc()));
        }
        query.limit(limit).select(conversations::id).load(c).await
    })?;
    Ok(ids.len())
}

/// The conversations with these ids on one of the phone numbers, each with whether the viewer has it unread.
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

/// Whether the contact has a conversation on one of the phone numbers.
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
