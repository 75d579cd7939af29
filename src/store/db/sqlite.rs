//! SQLite: one writer and a few readers, each a thread that owns its connection.
//!
//! A closure that is handed to a thread runs there as a whole, so an operation costs one hop however many
//! statements it has, and nothing can cancel it half-way. Its futures are ready at their first poll, because
//! [`Inline`] runs each statement where it is asked for. What waits for the writer is committed together: see
//! `writer`.

#[cfg(test)]
mod tests;
mod writer;

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use diesel_async::AsyncConnection;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::metrics::Pool;
use crate::store::db::backend::{Conn, Retry, counting};
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::sqlite::writer::Write;

/// Threads that read. Readers never wait for the writer in WAL mode.
const READERS: usize = 4;

/// WAL lets readers go on beside the writer; FULL makes an acknowledged commit survive a power cut. 32 MiB of pages for
/// each connection, once it has read as many, hold what a team of today looks at in a store of years.
const SETUP: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;";

/// Runs each statement at once, on the thread that asks.
pub struct Inline;

impl SpawnBlocking for Inline {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync + 'static>>>
    where
        R: Send + 'static,
    {
        std::future::ready(Ok(task())).boxed()
    }

    fn get_runtime() -> Self {
        Self
    }
}

/// A SQLite connection that the asynchronous queries of both databases run on.
pub type SqliteConn = SyncConnectionWrapper<SqliteConnection, Inline>;

type Read = Box<dyn FnOnce(&mut Conn) + Send>;

/// The threads of one database file. They end when the last clone is gone and their work is done.
#[derive(Clone)]
pub struct SqliteThreads {
    readers: Sender<Read>,
    writer: Sender<Box<dyn Write>>,
    load: Arc<Load>,
}

/// What the threads have to do.
#[derive(Default)]
struct Load {
    waiting_reads: AtomicUsize,
    waiting_writes: AtomicUsize,
    busy: AtomicUsize,
}

/// Counts one of these until it is dropped, however that comes.
struct Counted {
    load: Arc<Load>,
    of: fn(&Load) -> &AtomicUsize,
}

impl Counted {
    fn new(load: &Arc<Load>, of: fn(&Load) -> &AtomicUsize) -> Self {
        of(load).fetch_add(1, Ordering::Relaxed);
        Self { load: load.clone(), of }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.of)(&self.load).fetch_sub(1, Ordering::Relaxed);
    }
}

impl SqliteThreads {
    /// Opens the file, making it if need be, and starts the threads.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be opened.
    pub fn open(path: &str, statements: &Arc<AtomicU64>) -> StoreResult<Self> {
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

    /// How busy they are.
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

    /// See [`super::Store::read`]. A read that nobody waits for when its turn comes is not begun.
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
                let _ = caller.send(now(work(conn)));
            }
        });
        self.readers.send(read).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// See [`super::Store::write`]. What was asked for is written, also when nobody waits for it any more.
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

/// The connection of one thread. After a panic it is made anew: whatever was open on it is rolled back.
struct OwnConn {
    conn: Conn,
    is_fit: bool,
    reopen: Box<dyn Fn() -> StoreResult<Conn> + Send>,
}

impl OwnConn {
    fn open(open: impl Fn() -> StoreResult<Conn> + Send + 'static) -> StoreResult<Self> {
        Ok(Self { conn: open()?, is_fit: true, reopen: Box::new(open) })
    }

    /// Runs `work` on it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when `work` panicked, and when the connection could not be made anew.
    fn run<T>(&mut self, work: impl FnOnce(&mut Conn) -> T) -> StoreResult<T> {
        if !self.is_fit {
            self.conn = (self.reopen)()?;
            self.is_fit = true;
        }
        catch_unwind(AssertUnwindSafe(|| work(&mut self.conn))).map_err(|_| {
            self.give_up();
            StoreError::Unavailable("a store operation panicked; its connection is made anew".into())
        })
    }

    /// Has the connection made anew before it is used again.
    fn give_up(&mut self) {
        self.is_fit = false;
    }
}

/// Reads until nobody can ask any more.
fn serve_reads(mut own: OwnConn, reads: &Mutex<Receiver<Read>>) {
    let next = || reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(read) = next() {
        // With the read, the channel on which its caller waits is dropped.
        if let Err(error) = own.run(read) {
            tracing::error!(%error, "a read failed");
        }
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> StoreResult<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// The answer of a future that has to be ready: there is nothing on this thread that would wake it.
fn now<T, E: From<StoreError>>(future: BoxFuture<'_, Result<T, E>>) -> Result<T, E> {
    future.now_or_never().unwrap_or_else(|| {
        Err(StoreError::Damaged("a store operation waited for something else than the database".into())
            .into())
    })
}
