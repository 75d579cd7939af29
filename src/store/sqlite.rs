//! SQLite: one writer and a few readers, each a thread that owns its connection.
//!
//! A closure that is handed to a thread runs there as a whole, so an operation costs one hop however many
//! statements it has, and nothing can cancel it half-way. Its futures are ready at their first poll, because
//! [`Inline`] runs each statement where it is asked for.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager as _};
use diesel::{Connection, QueryResult, SqliteConnection};
use diesel_async::AsyncConnection;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::backend::{Conn, MAX_ATTEMPTS, Retry, counting, pause};
use super::error::{StoreError, StoreResult};
use crate::metrics::Pool;

/// Threads that read. Readers never wait for the writer in WAL mode.
const READERS: usize = 4;

/// WAL lets readers go on beside the writer; FULL makes an acknowledged commit survive a power cut.
const SETUP: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;";

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

type Job = Box<dyn FnOnce(&mut Conn) + Send>;

/// The threads of one database file. They end when the last clone is gone and their work is done.
#[derive(Clone)]
pub struct SqliteThreads {
    readers: Sender<Job>,
    writer: Sender<Job>,
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
            Arc::new(move |read_only: bool| connect(&path, read_only, &statements))
        };
        let (writer, jobs) = mpsc::channel();
        start("sqlite-writer", Arc::new(Mutex::new(jobs)), open(false)?, {
            let open = open.clone();
            move || open(false)
        })?;
        let (readers, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..READERS {
            let reopen = open.clone();
            start("sqlite-reader", jobs.clone(), open(true)?, move || reopen(true))?;
        }
        Ok(Self { readers, writer, load: Arc::default() })
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

    /// See [`super::Store::read`].
    pub async fn read<R, F>(&self, work: F) -> StoreResult<R>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, StoreResult<R>> + Send + 'static,
    {
        self.run(true, move |conn| now(work(conn))).await?
    }

    /// See [`super::Store::write`].
    pub async fn write<R, E, F>(&self, work: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Retry + Send + 'static,
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>> + Send + Sync + 'static,
    {
        self.run(false, move |conn| {
            let mut attempt = 1;
            loop {
                match transaction(conn, &work) {
                    Err(error) if error.is_transient() && attempt < MAX_ATTEMPTS => {
                        thread::sleep(pause(attempt));
                        attempt += 1;
                    }
                    answer => return answer,
                }
            }
        })
        .await?
    }

    /// Hands work to a thread. A read that nobody waits for when its turn comes is not begun.
    async fn run<R: Send + 'static>(
        &self,
        reads: bool,
        work: impl FnOnce(&mut Conn) -> R + Send + 'static,
    ) -> StoreResult<R> {
        let (answer, answered) = oneshot::channel();
        let load = self.load.clone();
        let of: fn(&Load) -> &AtomicUsize =
            if reads { |load| &load.waiting_reads } else { |load| &load.waiting_writes };
        let waiting = Counted::new(&load, of);
        let job: Job = Box::new(move |conn| {
            drop(waiting);
            let _busy = Counted::new(&load, |load| &load.busy);
            // A read whose caller has gone is not worth a reader's time; a write that was asked for is made.
            if reads && answer.is_closed() {
                return;
            }
            let _ = answer.send(work(conn));
        });
        let gone = || StoreError::Unavailable("the database thread is gone".into());
        let thread = if reads { &self.readers } else { &self.writer };
        thread.send(job).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }
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

/// Starts a thread that takes jobs until nobody can send any more. After a panic its connection is made
/// anew: whatever was open on it is rolled back.
fn start(
    name: &str,
    jobs: Arc<Mutex<Receiver<Job>>>,
    mut conn: Conn,
    reopen: impl Fn() -> StoreResult<Conn> + Send + 'static,
) -> StoreResult<()> {
    let next = move || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let run = move || {
        let mut is_fit = true;
        while let Ok(job) = next() {
            if !is_fit {
                match reopen() {
                    Ok(fresh) => (conn, is_fit) = (fresh, true),
                    // The job is dropped, and with it the channel on which its caller waits.
                    Err(error) => {
                        tracing::error!(%error, "the connection could not be made anew");
                        continue;
                    }
                }
            }
            if catch_unwind(AssertUnwindSafe(|| job(&mut conn))).is_err() {
                tracing::error!("a store operation panicked; its connection is made anew");
                is_fit = false;
            }
        }
    };
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

/// BEGIN IMMEDIATE: a transaction that starts by reading could not become a writer later while another is.
fn transaction<R, E, F>(conn: &mut Conn, work: &F) -> Result<R, E>
where
    E: From<StoreError>,
    F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>>,
{
    control(conn, |c| AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"))?;
    match now(work(conn)) {
        Ok(value) => match control(conn, AnsiTransactionManager::commit_transaction) {
            Ok(()) => Ok(value),
            Err(error) => {
                // A commit that failed may have left the transaction open.
                let _ = control(conn, AnsiTransactionManager::rollback_transaction);
                Err(error.into())
            }
        },
        Err(error) => {
            // SQLite rolls back by itself when the disk is full, and then there is nothing left to roll back.
            if let Err(rollback) = control(conn, AnsiTransactionManager::rollback_transaction) {
                tracing::debug!(%rollback, "a transaction was not there to be rolled back");
            }
            Err(error)
        }
    }
}

fn control(conn: &mut Conn, statement: fn(&mut SqliteConnection) -> QueryResult<()>) -> StoreResult<()> {
    let Conn::Sqlite(conn) = conn else {
        return Err(StoreError::Damaged("a SQLite thread holds another connection".into()));
    };
    now(conn.spawn_blocking(statement).map(|done| done.map_err(StoreError::from)).boxed())
}
