//! The counters behind the badges, kept in the transaction that changes what they count.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use super::backend::{insert_all, on_backend, pipelined};
use super::schema::{read_counts, view_counts};
use super::{Conn, StoreError, StoreResult};
use crate::domain::counts::{Bucket, Counter, Deltas, Holder, ViewCounts};
use crate::domain::{AgentId, PhoneNumberId, Status, WorkspaceId};

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

/// Moves the counters. Part of the tail of a transaction: the workspace's row is locked.
pub async fn apply(conn: &mut Conn, workspace_id: WorkspaceId, deltas: &Deltas) -> StoreResult<()> {
    let mut views = Vec::new();
    let mut reads = Vec::new();
    for (counter, &n) in deltas {
        match *counter {
            Counter::Conversations { phone_number_id, holder, status, has_inbound } => {
                views.push(ViewCountRow { workspace_id, phone_number_id, holder, status, has_inbound, n });
            }
            Counter::Read { agent_id, phone_number_id, bucket } => {
                reads.push(ReadCountRow { workspace_id, agent_id, phone_number_id, bucket, n });
            }
        }
    }
    let ((), ()) = pipelined!(conn, |c| apply_views(c, &views), |c| apply_reads(c, &reads));
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

/// The badges of an agent over some numbers, in one statement.
pub async fn badges(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agent: AgentId,
    numbers: &BTreeSet<PhoneNumberId>,
) -> StoreResult<ViewCounts> {
    let holders = [Holder::Nobody, Holder::Everybody, Holder::Agent(agent)];
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
            _ => return Err(StoreError::Damaged(format!("a counter of {text}"))),
        };
        counts.add(agent, &counter, n);
    }
    Ok(counts)
}

/// How many conversations each number of a workspace holds.
pub async fn of_numbers(
    conn: &mut Conn,
    workspace: WorkspaceId,
) -> StoreResult<BTreeMap<PhoneNumberId, i64>> {
    let counts: Vec<(PhoneNumberId, i64)> = on_backend!(conn, |c| {
        view_counts::table
            .filter(view_counts::workspace_id.eq(workspace))
            .filter(view_counts::holder.eq(Holder::Everybody))
            .select((view_counts::phone_number_id, view_counts::n))
            .load(c)
            .await
    })?;
    let mut sums = BTreeMap::new();
    for (number, n) in counts {
        *sums.entry(number).or_default() += n;
    }
    Ok(sums)
}

/// Every counter of a workspace that is not zero.
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
    let views = views.into_iter().map(|row| {
        let ViewCountRow { phone_number_id, holder, status, has_inbound, n, .. } = row;
        (Counter::Conversations { phone_number_id, holder, status, has_inbound }, n)
    });
    let reads = reads.into_iter().map(|row| {
        let ReadCountRow { agent_id, phone_number_id, bucket, n, .. } = row;
        (Counter::Read { agent_id, phone_number_id, bucket }, n)
    });
    Ok(views.chain(reads).collect())
}
