//! The counters of the badges. A transaction that changes conversations updates their counters too.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use crate::domain::counts::{Bucket, Counter, Deltas, Holder, UnreadBucket, ViewCounts};
use crate::domain::{AgentId, PhoneNumberId, Status, WorkspaceId};
use crate::store::db::conn::{insert_all, on_backend, pipelined};
use crate::store::schema::{read_counts, slot_counts, view_counts};
use crate::store::{Conn, StoreError, StoreResult};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = view_counts)]
struct ViewCountRow {
    workspace_id: WorkspaceId,
    phone_number_id: PhoneNumberId,
    holder: Holder,
    status: Status,
    has_inbound: bool,
    n: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = read_counts)]
struct ReadCountRow {
    workspace_id: WorkspaceId,
    agent_id: AgentId,
    phone_number_id: PhoneNumberId,
    bucket: Bucket,
    n: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = slot_counts)]
struct BucketCountRow {
    workspace_id: WorkspaceId,
    /// [`ALL_READERS`], or the agent whose read conversations are counted.
    reader_id: AgentId,
    phone_number_id: PhoneNumberId,
    slot: i16,
    n: i64,
}

/// The reader id under which a bucket's open conversations are counted, whether read or unread.
const ALL_READERS: AgentId = AgentId(uuid::Uuid::nil());

/// Adds the deltas to the counters. Runs at the end of a transaction, while the workspace's row is locked.
pub async fn apply(conn: &mut Conn, workspace_id: WorkspaceId, deltas: &Deltas) -> StoreResult<()> {
    let mut views = Vec::new();
    let mut reads = Vec::new();
    let mut buckets = Vec::new();
    for (counter, &n) in deltas {
        match *counter {
            Counter::Conversations { phone_number_id, holder, status, has_inbound } => {
                views.push(ViewCountRow { workspace_id, phone_number_id, holder, status, has_inbound, n });
            }
            Counter::Read { agent_id, phone_number_id, bucket } => {
                reads.push(ReadCountRow { workspace_id, agent_id, phone_number_id, bucket, n });
            }
            Counter::UnreadBucket { reader, phone_number_id, unread_bucket: UnreadBucket(slot) } => {
                let reader_id = reader.unwrap_or(ALL_READERS);
                buckets.push(BucketCountRow { workspace_id, reader_id, phone_number_id, slot, n });
            }
        }
    }
    let ((), ((), ())) = pipelined!(conn;
        |c| apply_views(c, &views),
        |c| apply_reads(c, &reads),
        |c| apply_buckets(c, &buckets),
    );
    Ok(())
}

async fn apply_views(conn: &mut Conn, rows: &[ViewCountRow]) -> StoreResult<()> {
    insert_all!(conn, rows, |rows| {
        diesel::insert_into(view_counts::table)
            .values(rows)
            .on_conflict((
                view_counts::workspace_id,
                view_counts::holder,
                view_counts::phone_number_id,
                view_counts::status,
                view_counts::has_inbound,
            ))
            .do_update()
            .set(view_counts::n.eq(view_counts::n + excluded(view_counts::n)))
    });
    Ok(())
}

async fn apply_reads(conn: &mut Conn, rows: &[ReadCountRow]) -> StoreResult<()> {
    insert_all!(conn, rows, |rows| {
        diesel::insert_into(read_counts::table)
            .values(rows)
            .on_conflict((
                read_counts::workspace_id,
                read_counts::agent_id,
                read_counts::phone_number_id,
                read_counts::bucket,
            ))
            .do_update()
            .set(read_counts::n.eq(read_counts::n + excluded(read_counts::n)))
    });
    Ok(())
}

async fn apply_buckets(conn: &mut Conn, rows: &[BucketCountRow]) -> StoreResult<()> {
    insert_all!(conn, rows, |rows| {
        diesel::insert_into(slot_counts::table)
            .values(rows)
            .on_conflict((
                slot_counts::workspace_id,
                slot_counts::reader_id,
                slot_counts::phone_number_id,
                slot_counts::slot,
            ))
            .do_update()
            .set(slot_counts::n.eq(slot_counts::n + excluded(slot_counts::n)))
    });
    Ok(())
}

/// The buckets of each phone number that contain an unread conversation of the agent.
pub async fn buckets_with_unread(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    numbers: &[PhoneNumberId],
) -> StoreResult<BTreeMap<PhoneNumberId, Vec<UnreadBucket>>> {
    let read = diesel::alias!(slot_counts as read_slots);
    let same_bucket = read
        .field(slot_counts::workspace_id)
        .eq(slot_counts::workspace_id)
        .and(read.field(slot_counts::reader_id).eq(agent))
        .and(read.field(slot_counts::phone_number_id).eq(slot_counts::phone_number_id))
        .and(read.field(slot_counts::slot).eq(slot_counts::slot));
    let n_read = read.field(slot_counts::n).nullable();
    let rows: Vec<(PhoneNumberId, i16)> = on_backend!(conn, |c| {
        slot_counts::table
            .left_join(read.on(same_bucket))
            .filter(slot_counts::workspace_id.eq(workspace))
            .filter(slot_counts::reader_id.eq(ALL_READERS))
            .filter(slot_counts::phone_number_id.eq_any(numbers))
            .filter(slot_counts::n.gt(0))
            .filter(n_read.is_null().or(n_read.lt(slot_counts::n.nullable())))
            .select((slot_counts::phone_number_id, slot_counts::slot))
            .load(c)
            .await
    })?;
    let mut buckets: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, bucket) in rows {
        buckets.entry(number).or_default().push(UnreadBucket(bucket));
    }
    Ok(buckets)
}

/// The number of unread conversations of an agent on each phone number, regardless of their owner.
///
/// Phone numbers without an unread conversation are missing.
pub async fn unread_of_numbers(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    numbers: &[PhoneNumberId],
) -> StoreResult<BTreeMap<PhoneNumberId, i64>> {
    let rows: Vec<(PhoneNumberId, Holder, i64)> = on_backend!(conn, |c| {
        view_counts::table
            .filter(view_counts::workspace_id.eq(workspace))
            .filter(view_counts::holder.eq(Holder::All))
            .filter(view_counts::phone_number_id.eq_any(numbers))
            .filter(view_counts::status.eq(Status::Open).and(view_counts::has_inbound.eq(true)))
            .select((view_counts::phone_number_id, view_counts::holder, view_counts::n))
            .union_all(
                read_counts::table
                    .filter(read_counts::workspace_id.eq(workspace))
                    .filter(read_counts::agent_id.eq(agent))
                    .filter(read_counts::phone_number_id.eq_any(numbers))
                    .select((read_counts::phone_number_id, read_counts::agent_id, read_counts::n)),
            )
            .load(c)
            .await
    })?;
    let mut unread = BTreeMap::new();
    for (number, holder, n) in rows {
        *unread.entry(number).or_default() += if holder == Holder::All { n } else { -n };
    }
    unread.retain(|_, n| *n > 0);
    Ok(unread)
}

/// The badges of an agent for some phone numbers, in one statement.
pub async fn badges(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    numbers: &BTreeSet<PhoneNumberId>,
) -> StoreResult<ViewCounts> {
    let holders = [Holder::Unassigned, Holder::All, Holder::Agent(agent)];
    let numbers: Vec<PhoneNumberId> = numbers.iter().copied().collect();
    let rows: Vec<(PhoneNumberId, Holder, String, bool, i64)> = on_backend!(conn, |c| {
        view_counts::table
            .filter(view_counts::workspace_id.eq(workspace))
            .filter(view_counts::holder.eq_any(holders))
            .filter(view_counts::phone_number_id.eq_any(&numbers))
            .select((
                view_counts::phone_number_id,
                view_counts::holder,
                view_counts::status,
                view_counts::has_inbound,
                view_counts::n,
            ))
            .union_all(
                read_counts::table
                    .filter(read_counts::workspace_id.eq(workspace))
                    .filter(read_counts::agent_id.eq(agent))
                    .filter(read_counts::phone_number_id.eq_any(&numbers))
                    .select((
                        read_counts::phone_number_id,
                        read_counts::agent_id,
                        read_counts::bucket,
                        true.into_sql::<Bool>(),
                        read_counts::n,
                    )),
            )
            .load(c)
            .await
    })?;
    let mut counts = ViewCounts::default();
    for (phone_number_id, holder, text, has_inbound, n) in rows {
        let counter = match (text.parse::<Status>(), text.parse::<Bucket>()) {
            (Ok(status), _) => Counter::Conversations { phone_number_id, holder, status, has_inbound },
            (_, Ok(bucket)) => Counter::Read { agent_id: agent, phone_number_id, bucket },
            _ => return Err(StoreError::Damaged(format!("unknown counter {text}"))),
        };
        counts.add(agent, &counter, n);
    }
    Ok(counts)
}

/// The number of conversations on a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConversationTotals {
    pub all: i64,
    pub open: i64,
}

/// The number of conversations on each phone number of a workspace.
pub async fn of_numbers(
    conn: &mut Conn,
    workspace: WorkspaceId,
) -> StoreResult<BTreeMap<PhoneNumberId, ConversationTotals>> {
    let counts: Vec<(PhoneNumberId, Status, i64)> = on_backend!(conn, |c| {
        view_counts::table
            .filter(view_counts::workspace_id.eq(workspace))
            .filter(view_counts::holder.eq(Holder::All))
            .select((view_counts::phone_number_id, view_counts::status, view_counts::n))
            .load(c)
            .await
    })?;
    let mut sums: BTreeMap<_, ConversationTotals> = BTreeMap::new();
    for (number, status, n) in counts {
        let totals = sums.entry(number).or_default();
        totals.all += n;
        if status == Status::Open {
            totals.open += n;
        }
    }
    Ok(sums)
}

/// All counters of a workspace that are not zero.
pub async fn all(conn: &mut Conn, workspace: WorkspaceId) -> StoreResult<Deltas> {
    let views: Vec<ViewCountRow> = on_backend!(conn, |c| {
        view_counts::table
            .filter(view_counts::workspace_id.eq(workspace).and(view_counts::n.ne(0)))
            .select(ViewCountRow::as_select())
            .load(c)
            .await
    })?;
    let reads: Vec<ReadCountRow> = on_backend!(conn, |c| {
        read_counts::table
            .filter(read_counts::workspace_id.eq(workspace).and(read_counts::n.ne(0)))
            .select(ReadCountRow::as_select())
            .load(c)
            .await
    })?;
    let buckets: Vec<BucketCountRow> = on_backend!(conn, |c| {
        slot_counts::table
            .filter(slot_counts::workspace_id.eq(workspace).and(slot_counts::n.ne(0)))
            .select(BucketCountRow::as_select())
            .load(c)
            .await
    })?;
    let buckets = buckets.into_iter().map(|row| {
        let BucketCountRow { phone_number_id, slot, n, .. } = row;
        let reader = Some(row.reader_id).filter(|reader| *reader != ALL_READERS);
        (Counter::UnreadBucket { reader, phone_number_id, unread_bucket: UnreadBucket(slot) }, n)
    });
    let views = views.into_iter().map(|row| {
        let ViewCountRow { phone_number_id, holder, status, has_inbound, n, .. } = row;
        (Counter::Conversations { phone_number_id, holder, status, has_inbound }, n)
    });
    let reads = reads.into_iter().map(|row| {
        let ReadCountRow { agent_id, phone_number_id, bucket, n, .. } = row;
        (Counter::Read { agent_id, phone_number_id, bucket }, n)
    });
    Ok(views.chain(reads).chain(buckets).collect())
}
