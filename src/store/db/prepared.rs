//! Statements that stay prepared.
//!
//! Diesel keeps a statement prepared on its connection unless it may be one of too many: so it takes all updates, all
//! upserts, insertions of several rows and SQL that is written out. Those it prepares anew each time, which on
//! PostgreSQL is two more round trips and a new plan for each of the statements that make up the tail of a write:
//! 0.6 ms of an assignment by PostgreSQL's own log. Ours have few texts, and are known by them. Nothing ever leaves a
//! connection's cache, so what has a text for each length of a list does not belong here.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// Of how many rows an insertion may be to stay prepared: each number is a statement of its own.
pub(in crate::store) const MAX_ROWS: usize = 32;

/// A statement that stays prepared if `stays`, which only one of few texts may.
pub(in crate::store) struct Prepared<S> {
    statement: S,
    stays: bool,
}

/// Statements that can stay prepared.
pub(in crate::store) trait Prepare: Sized {
    /// The statement, whose text is always the same or one of few.
    fn prepared(self) -> Prepared<Self> {
        Prepared { statement: self, stays: true }
    }

    /// The statement, whose text is one of few if `is_one_of_few`.
    fn prepared_if(self, is_one_of_few: bool) -> Prepared<Self> {
        Prepared { statement: self, stays: is_one_of_few }
    }

    /// The insertion of `rows` rows.
    fn prepared_for(self, rows: usize) -> Prepared<Self> {
        self.prepared_if(rows <= MAX_ROWS)
    }
}

impl<S> Prepare for S {}

impl<S, DB> QueryFragment<DB> for Prepared<S>
where
    DB: Backend,
    S: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.statement.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &DB) -> QueryResult<bool> {
        if self.stays { Ok(true) } else { self.statement.is_safe_to_cache_prepared(backend) }
    }
}

impl<S> QueryId for Prepared<S> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<S: Query> Query for Prepared<S> {
    type SqlType = S::SqlType;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use diesel::connection::InstrumentationEvent;
    use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
    use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

    use crate::store::db::prepared::*;

    diesel::table! {
        things (id) {
            id -> Integer,
            name -> Nullable<Text>,
        }
    }

    #[derive(Insertable)]
    #[diesel(table_name = things, treat_none_as_default_value = false)]
    struct Thing {
        id: i32,
        name: Option<&'static str>,
    }

    /// How many statements a connection keeps after running an update and an upsert thrice.
    async fn kept(stays: bool) -> u32 {
        let mut conn = SyncConnectionWrapper::<SqliteConnection>::establish(":memory:").await.expect("opens");
        conn.batch_execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
            .await
            .expect("makes it");
        let kept = Arc::<AtomicU32>::default();
        let counted = kept.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { .. } = event {
                counted.fetch_add(1, Relaxed);
            }
        });
        for id in 0..3 {
            let update = diesel::update(things::table.find(id)).set(things::name.eq("later"));
            update.prepared_if(stays).execute(&mut conn).await.expect("updates");
            let upsert = diesel::insert_into(things::table)
                .values(Thing { id, name: None })
                .on_conflict(things::id)
                .do_update()
                .set(things::name.eq("again"));
            upsert.prepared_if(stays).execute(&mut conn).await.expect("inserts");
        }
        AtomicU32::load(&kept, Relaxed)
    }

    #[tokio::test]
    async fn an_update_and_an_upsert_stay_prepared_if_they_are_to() {
        assert_eq!(kept(true).await, 2);
        assert_eq!(kept(false).await, 0);
    }
}
