//! Statements that a connection prepares once and then caches.
//!
//! Diesel never caches updates, upserts, insertions of several rows and literal SQL, because their SQL text may vary.
//! It prepares them at each execution. On PostgreSQL this takes two more round trips and a new query plan for each
//! statement at the end of a write: 0.6 ms of an assignment, by PostgreSQL's log.
//!
//! [`Prepare`] makes Diesel cache such a statement by its text. A connection never removes a statement from its cache,
//! so do not use this trait for a statement whose text depends on the length of a list.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// The maximum number of rows in an insertion that is cached. Each number of rows has an SQL text of its own.
pub(in crate::store) const MAX_ROWS: usize = 32;

/// A statement that the connection caches if `is_cached`.
pub(in crate::store) struct Prepared<S> {
    statement: S,
    is_cached: bool,
}

/// Statements that a connection can cache.
pub(in crate::store) trait Prepare: Sized {
    /// Caches the prepared statement. It may have only a few different SQL texts.
    fn prepared(self) -> Prepared<Self> {
        Prepared { statement: self, is_cached: true }
    }

    /// Caches the prepared statement if `is_cached`.
    fn prepared_if(self, is_cached: bool) -> Prepared<Self> {
        Prepared { statement: self, is_cached }
    }

    /// Caches a prepared insertion of `rows` rows if there are at most [`MAX_ROWS`].
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
        if self.is_cached { Ok(true) } else { self.statement.is_safe_to_cache_prepared(backend) }
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

    /// Runs an update and an upsert three times, and returns the number of statements in the connection's cache.
    async fn cached(is_cached: bool) -> u32 {
        let mut conn = SyncConnectionWrapper::<SqliteConnection>::establish(":memory:").await.expect("opens");
        conn.batch_execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
            .await
            .expect("creates the table");
        let cached = Arc::<AtomicU32>::default();
        let counted = cached.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { .. } = event {
                counted.fetch_add(1, Relaxed);
            }
        });
        for id in 0..3 {
            let update = diesel::update(things::table.find(id)).set(things::name.eq("later"));
            update.prepared_if(is_cached).execute(&mut conn).await.expect("updates");
            let upsert = diesel::insert_into(things::table)
                .values(Thing { id, name: None })
                .on_conflict(things::id)
                .do_update()
                .set(things::name.eq("again"));
            upsert.prepared_if(is_cached).execute(&mut conn).await.expect("inserts");
        }
        AtomicU32::load(&cached, Relaxed)
    }

    #[tokio::test]
    async fn an_update_and_an_upsert_are_cached_on_request() {
        assert_eq!(cached(true).await, 2);
        assert_eq!(cached(false).await, 0);
    }
}
