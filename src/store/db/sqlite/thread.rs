//! What each thread of a database file has: its connection, and a part of the load.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::store::db::conn::Conn;
use crate::store::db::error::{StoreError, StoreResult};

/// The work of the threads.
#[derive(Default)]
pub(in crate::store::db) struct Load {
    pub(in crate::store::db) waiting_reads: AtomicUsize,
    pub(in crate::store::db) waiting_writes: AtomicUsize,
    pub(in crate::store::db) busy: AtomicUsize,
}

/// Increments a counter, and decrements it on drop.
pub(in crate::store::db) struct Counted {
    load: Arc<Load>,
    counter: fn(&Load) -> &AtomicUsize,
}

impl Counted {
    pub(in crate::store::db) fn new(load: &Arc<Load>, counter: fn(&Load) -> &AtomicUsize) -> Self {
        counter(load).fetch_add(1, Ordering::Relaxed);
        Self { load: load.clone(), counter }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.counter)(&self.load).fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connection of one thread. After a panic it is opened again, which rolls an open transaction back.
pub(in crate::store::db) struct OwnConn {
    conn: Conn,
    is_usable: bool,
    reopen: Box<dyn Fn() -> StoreResult<Conn> + Send>,
}

impl OwnConn {
    pub(in crate::store::db) fn open(
        open: impl Fn() -> StoreResult<Conn> + Send + 'static,
    ) -> StoreResult<Self> {
        Ok(Self { conn: open()?, is_usable: true, reopen: Box::new(open) })
    }

    /// Runs `work` on the connection.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if `work` panicked, or if the connection could not be opened again.
    pub(in crate::store::db) fn run<T>(&mut self, work: impl FnOnce(&mut Conn) -> T) -> StoreResult<T> {
        if !self.is_usable {
            self.conn = (self.reopen)()?;
            self.is_usable = true;
        }
        catch_unwind(AssertUnwindSafe(|| work(&mut self.conn))).map_err(|_| {
            self.discard();
            StoreError::Unavailable("a store operation panicked; its connection is reopened".into())
        })
    }

    /// Marks the connection so that it is opened again before the next use.
    pub(in crate::store::db) fn discard(&mut self) {
        self.is_usable = false;
    }
}

/// The output of a future that must be ready: this thread has no runtime that could wake it.
pub(in crate::store::db) fn ready<T, E: From<StoreError>>(
    future: BoxFuture<'_, Result<T, E>>,
) -> Result<T, E> {
    future.now_or_never().unwrap_or_else(|| {
        Err(StoreError::Damaged("a store operation awaited something other than the database".into()).into())
    })
}
