//! Statements that stay prepared.
//!
//! Diesel keeps a statement prepared on its connection only if the statement cannot have many different SQL texts. It
//! does not cache updates, upserts, insertions of several rows and literal SQL, and prepares them at each execution. On
//! PostgreSQL that costs two round trips and a new plan for each statement at the end of a write: 0.6 ms of an
//! assignment, by PostgreSQL's log.
//!
//! The statements here have few texts, and are cached by their text. A connection never removes a statement from its
//! cache. So a statement whose text depends on the length of a list must not be marked as prepared.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// The greatest number of rows with which an insertion stays prepared. Each number of rows is a different statement.
pub(in crate::store) const MAX_ROWS: usize = 32;

/// A statement that stays prepared if `stays` is set.
pub(in crate::store) struct Prepared<S> {
    statement: S,
    stays: bool,
}

/// Statements that can stay prepared.
pub(in crate::store) trait Prepare: Sized {
    /// Keeps the statement prepared. Its SQL text must be one of few.
    fn prepared(self) -> Prepared<Self> {
        Prepared { statement: self, stays: true }
    }

    /// Keeps the statement prepared if its SQL text is one of few.
    fn prepared_if(self, is_one_of_few: bool) -> Prepared<Self> {
        Prepared { statement: self, stays: is_one_of_few }
    }

    /// Keeps an insertion of `rows` rows prepared, up to [`MAX_ROWS`].
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

    /// Runs an update and an upsert three times, and returns how many statements the connection keeps.
    async fn kept(stays: bool) -> u32 {
        let mut conn = SyncConnectionWrapper::<SqliteConnection>::establish(":memory:").await.expect("opens");
        conn.batch_execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
            .await
            .expect("creates the table");
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
    async fn an_update_and_an_upsert_stay_prepared_if_asked() {
        assert_eq!(kept(true).await, 2);
        assert_eq!(kept(false).await, 0);
    }
}
