//! One connection to PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::store::db::error::StoreResult;
use crate::store::db::prepared::Prepare;

/// A connection that returns to its pool.
pub type PgObject = Object<AsyncPgConnection>;

/// A connection on which several statements may run at once. They are sent in the order in which their futures are
/// first polled, and answered in that order.
pub struct PgConn(Arc<Checkout>);

struct Checkout {
    object: PgObject,
    /// Whether COMMIT was sent for the current transaction, or for the last one.
    committed: AtomicBool,
}

impl PgConn {
    pub(in crate::store::db) fn new(object: PgObject) -> Self {
        Self(Arc::new(Checkout { object, committed: AtomicBool::new(false) }))
    }

    /// The connection, for sending statements.
    pub fn shared(&self) -> &AsyncPgConnection {
        &self.0.object
    }

    /// Commits after the statements that were sent before. If one of them failed, the transaction is rolled back.
    pub fn commit(&self) -> BoxFuture<'_, StoreResult<()>> {
        self.0.committed.store(true, Ordering::Relaxed);
        // A prepared statement is sent after the earlier statements that still have to be prepared. A batch would
        // overtake them.
        let commit = async { diesel::sql_query("COMMIT").prepared().execute(&mut self.shared()).await };
        commit.map(|done| Ok(done.map(drop)?)).boxed()
    }

    pub(in crate::store::db) fn is_committed(&self) -> bool {
        AtomicBool::load(&self.0.committed, Ordering::Relaxed)
    }

    pub(in crate::store::db) fn begin(&self) -> BoxFuture<'_, StoreResult<()>> {
        self.0.committed.store(false, Ordering::Relaxed);
        self.control("BEGIN")
    }

    pub(in crate::store::db) fn roll_back(&self) -> BoxFuture<'_, StoreResult<()>> {
        self.control("ROLLBACK")
    }

    // Boxed for the same reason as `PgPool::acquire`.
    fn control(&self, statement: &'static str) -> BoxFuture<'_, StoreResult<()>> {
        async move { Ok(self.shared().batch_execute(statement).await?) }.boxed()
    }

    /// A second handle to this connection.
    pub fn pipeline_handle(&self) -> Self {
        Self(self.0.clone())
    }

    /// Removes the connection from the pool, because a statement may still run on it.
    pub fn discard(self) {
        match Arc::try_unwrap(self.0) {
            Ok(checkout) => drop(PgObject::take(checkout.object)),
            Err(_) => tracing::warn!("a discarded connection is still in use"),
        }
    }
}
