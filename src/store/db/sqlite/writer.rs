//! The writer of a file, and its group commit.
//!
//! A commit waits for the disk. The writes that arrive meanwhile run in one transaction, each in a savepoint, and wait
//! for the disk once. Each write sees the writes before it as if they were already committed. No write is answered
//! before the commit.
//!
//! If the application refuses a write, only its savepoint is rolled back. If the database fails or a write panics, the
//! whole group is rolled back, and its writes run again one by one, each in its own transaction. So a failed write does
//! not affect the others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use diesel::connection::{AnsiTransactionManager as Manager, TransactionManager as _};
use diesel::{QueryResult, SqliteConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::store::db::conn::Conn;
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::retry::{MAX_ATTEMPTS, Retry, pause};
use crate::store::db::sqlite::thread::{Counted, Load, OwnConn, ready};

/// The greatest number of writes in one commit. The first of them has to wait for the last.
const GROUP: usize = 64;

/// A write, with the channel to its caller.
pub trait Write: Send {
    /// Runs the write in the open transaction, and keeps its result.
    fn run(&mut self, conn: &mut Conn) -> RunOutcome;
    /// Replaces the result with an error, because the write was not committed.
    fn fail(&mut self, error: StoreError);
    /// Sends the result to the caller.
    fn answer(self: Box<Self>);
}

/// The outcome of a write before the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    Done,
    /// The application refused the write. It must be rolled back.
    Refused,
    /// The database failed.
    Failed {
        retry: bool,
    },
}

/// A closure to run in a transaction.
pub struct Request<R, E, F> {
    work: F,
    waiting: Option<Counted>,
    result: Option<Result<R, E>>,
    caller: oneshot::Sender<Result<R, E>>,
}

impl<R, E, F> Request<R, E, F> {
    /// The request, and the channel on which to wait for its result.
    pub(in crate::store) fn new(work: F, waiting: Counted) -> (Self, oneshot::Receiver<Result<R, E>>) {
        let (caller, answered) = oneshot::channel();
        (Self { work, waiting: Some(waiting), result: None, caller }, answered)
    }
}

impl<R, E, F> Write for Request<R, E, F>
where
    R: Send,
    E: From<StoreError> + Retry + Send,
    F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>> + Send,
{
    fn run(&mut self, conn: &mut Conn) -> RunOutcome {
        self.waiting = None;
        // If this run panics, the result of an earlier run must not remain.
        self.result = None;
        let result = ready((self.work)(conn));
        let outcome = match &result {
            Ok(_) => RunOutcome::Done,
            Err(error) if error.is_fault() => RunOutcome::Failed { retry: error.is_transient() },
            Err(_) => RunOutcome::Refused,
        };
        self.result = Some(result);
        outcome
    }

    fn fail(&mut self, error: StoreError) {
        self.result = Some(Err(error.into()));
    }

    fn answer(self: Box<Self>) {
        let Self { work, result, caller, .. } = *self;
        // Dropping the closure may notify subscribers. That must happen before the caller continues.
        drop(work);
        if let Some(result) = result {
            let _ = caller.send(result);
        }
    }
}

/// Runs writes until all senders are dropped.
pub fn serve(mut own: OwnConn, writes: &Receiver<Box<dyn Write>>, load: &Arc<Load>) {
    while let Ok(first) = writes.recv() {
        let _busy = Counted::new(load, |load| &load.busy);
        let mut group = vec![first];
        group.extend(writes.try_iter().take(GROUP - 1));
        if !run_group(&mut own, &mut group) {
            group.iter_mut().for_each(|write| run_single(&mut own, write.as_mut()));
        }
        for write in group {
            // If one write panics here, the others must still be answered.
            if catch_unwind(AssertUnwindSafe(|| write.answer())).is_err() {
                tracing::error!("a write panicked after its commit");
            }
        }
    }
}

/// Runs a group in one transaction. Returns false if nothing was written.
fn run_group(own: &mut OwnConn, group: &mut [Box<dyn Write>]) -> bool {
    // A single write needs no savepoint.
    if group.len() < 2 {
        return false;
    }
    in_transaction(own, |conn| {
        for write in group {
            control(conn, Manager::begin_transaction)?;
            match write.run(conn) {
                RunOutcome::Done => control(conn, Manager::commit_transaction)?,
                RunOutcome::Refused => control(conn, Manager::rollback_transaction)?,
                RunOutcome::Failed { .. } => return Ok(false),
            }
        }
        Ok(true)
    })
    .unwrap_or_else(|error| {
        tracing::debug!(%error, "a group of writes failed and runs one by one");
        false
    })
}

/// Runs one write in its own transaction. After a transient failure the write runs again.
fn run_single(own: &mut OwnConn, write: &mut dyn Write) {
    for attempt in 1..=MAX_ATTEMPTS {
        let mut retry = false;
        let ended = in_transaction(own, |conn| {
            let outcome = write.run(conn);
            retry = outcome == RunOutcome::Failed { retry: true };
            Ok(outcome == RunOutcome::Done)
        });
        if let Err(error) = ended {
            retry = error.is_transient();
            write.fail(error);
        }
        if !retry || attempt == MAX_ATTEMPTS {
            return;
        }
        thread::sleep(pause(attempt));
    }
}

/// Runs `work` in a transaction, commits if `work` returns true, and returns that value.
///
/// Uses BEGIN IMMEDIATE: a transaction that begins with a read cannot become a writer while another one writes.
fn in_transaction(own: &mut OwnConn, work: impl FnOnce(&mut Conn) -> StoreResult<bool>) -> StoreResult<bool> {
    let (ended, is_clean) = own.run(|conn| {
        let ended = control(conn, |c| Manager::begin_transaction_sql(c, "BEGIN IMMEDIATE"))
            .and_then(|()| work(conn))
            .and_then(|is_done| match is_done {
                true => control(conn, Manager::commit_transaction).map(|()| true),
                false => Ok(false),
            });
        // A transaction is still open if, for example, its commit failed.
        let rolled_back = control(conn, roll_back);
        (ended, rolled_back.is_ok())
    })?;
    if !is_clean {
        // When the disk is full, SQLite rolls back automatically, and the rollback here fails.
        own.discard();
    }
    ended
}

/// Rolls back a transaction and all its savepoints. Does nothing if no transaction is open.
fn roll_back(conn: &mut SqliteConnection) -> QueryResult<()> {
    while Manager::transaction_manager_status_mut(conn).transaction_depth()?.is_some() {
        Manager::rollback_transaction(conn)?;
    }
    Ok(())
}

fn control(conn: &mut Conn, statement: fn(&mut SqliteConnection) -> QueryResult<()>) -> StoreResult<()> {
    let Conn::Sqlite(conn) = conn else {
        return Err(StoreError::Damaged("a SQLite thread has a connection to another database".into()));
    };
    ready(conn.spawn_blocking(statement).map(|done| done.map_err(StoreError::from)).boxed())
}
