//! SQLite: one writer thread and a few reader threads, each with its own connection.
//!
//! A thread runs a whole closure. So an operation changes threads once, regardless of its number of statements, and
//! cannot be cancelled halfway. The futures of a closure are ready at their first poll, because `connection::Inline` executes
//! each statement on the current thread. Writes that wait for the writer are committed together; see `writer`.

pub mod connection;
#[cfg(test)]
mod tests;
mod thread;
mod writer;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use diesel_async::AsyncConnection;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::metrics::Pool;
use crate::store::db::conn::Conn;
use crate::store::db::counting::counting;
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::private_file;
use crate::store::db::retry::Retry;
use crate::store::db::sqlite::connection::SqliteConn;
use crate::store::db::sqlite::thread::{Counted, Load, OwnConn, ready};
use crate::store::db::sqlite::writer::Write;

/// The number of reader threads. In WAL mode readers never wait for the writer.
const READERS: usize = 4;

/// The settings of a connection.
///
/// With WAL, readers do not wait for the writer. With FULL, an acknowledged commit survives a power failure. The page
/// cache of up to 32 MiB per connection holds the recent part of a large database.
const SETUP: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;";

type Read = Box<dyn FnOnce(&mut Conn) + Send>;

/// The threads of one database file. They end when the last clone is dropped and their work is done.
#[derive(Clone)]
pub struct SqliteThreads {
    readers: Sender<Read>,
    writer: Sender<Box<dyn Write>>,
    load: Arc<Load>,
}

impl SqliteThreads {
    /// Opens the file, creates it if it does not exist, and starts the threads.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be opened.
    pub fn open(path: &str, statements: &Arc<AtomicU64>) -> StoreResult<Self> {
        private_file::create(path)?;
        private_file::warn_if_shared(path);
        let open = {
            let (path, statements) = (path.to_owned(), statements.clone());
            move |read_only: bool| {
                let (path, statements) = (path.clone(), statements.clone());
                OwnConn::open(move || connect(&path, read_only, &statements))
            }
        };
        let load = Arc::<Load>::default();
        let (writer, writes) = mpsc::channel();
        let (own, busy) = (open(false)?, load.clone());
        start("sqlite-writer", move || writer::serve(own, &writes, &busy))?;
        let (readers, reads) = mpsc::channel();
        let reads = Arc::new(Mutex::new(reads));
        for _ in 0..READERS {
            let (own, reads) = (open(true)?, reads.clone());
            start("sqlite-reader", move || serve_reads(own, &reads))?;
        }
        Ok(Self { readers, writer, load })
    }

    /// The state of the threads.
    pub fn status(&self) -> Pool {
        let threads = READERS + 1;
        let waiting = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        Pool {
            max: threads,
            open: threads,
            idle: threads.saturating_sub(self.load.busy.load(Ordering::Relaxed)),
            waiting: vec![
                ("reader", waiting(&self.load.waiting_reads)),
                ("writer", waiting(&self.load.waiting_writes)),
            ],
            statements: 0,
        }
    }

    /// See [`crate::store::Store::read`]. A read whose caller is gone before it begins does not run.
    pub async fn read<R, F>(&self, work: F) -> StoreResult<R>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, StoreResult<R>> + Send + 'static,
    {
        let (caller, answered) = oneshot::channel();
        let load = self.load.clone();
        let waiting = Counted::new(&load, |load| &load.waiting_reads);
        let read: Read = Box::new(move |conn| {
            drop(waiting);
            let _busy = Counted::new(&load, |load| &load.busy);
            if !caller.is_closed() {
                let _ = caller.send(ready(work(conn)));
            }
        });
        self.readers.send(read).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// See [`crate::store::Store::write`]. The write runs even if its caller is gone.
    pub async fn write<R, E, F>(&self, work: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Retry + Send + 'static,
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>> + Send + Sync + 'static,
    {
        let waiting = Counted::new(&self.load, |load| &load.waiting_writes);
        let (request, answered) = writer::Request::new(work, waiting);
        self.writer.send(Box::new(request)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the database thread is gone".into())
}

fn connect(path: &str, read_only: bool, statements: &Arc<AtomicU64>) -> StoreResult<Conn> {
    let unavailable = |error: &dyn std::fmt::Display| StoreError::Unavailable(error.to_string());
    let mut conn = SqliteConnection::establish(path).map_err(|error| unavailable(&error))?;
    conn.batch_execute(SETUP).map_err(|error| unavailable(&error))?;
    if read_only {
        conn.batch_execute("PRAGMA query_only = ON").map_err(|error| unavailable(&error))?;
    }
    let mut conn = SqliteConn::new(conn);
    conn.set_instrumentation(counting(statements));
    Ok(Conn::Sqlite(conn))
}

/// Runs reads until all senders are dropped.
fn serve_reads(mut own: OwnConn, reads: &Mutex<Receiver<Read>>) {
    let next = || reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(read) = next() {
        // A failed read drops the channel on which its caller waits, so the caller gets an error.
        if let Err(error) = own.run(read) {
            tracing::error!(%error, "a read failed");
        }
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> StoreResult<()> {
    Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}
