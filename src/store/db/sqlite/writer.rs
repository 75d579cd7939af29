//! The one writer of a file, and its group commit.
//!
//! A commit waits for the disk. Whatever has come in meanwhile is written in one transaction, with a savepoint
//! each, and waits for the disk once. Each write sees those before it as if they were committed already, and none
//! is answered before they are. A write that comes to a refusal is undone alone. When the database fails or a
//! write panics, the whole group is undone and its writes are run one by one, each in a transaction of its own, so
//! that nobody pays for another's fault.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use diesel::connection::{AnsiTransactionManager as Manager, TransactionManager as _};
use diesel::{QueryResult, SqliteConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::store::db::backend::{Conn, MAX_ATTEMPTS, Retry, pause};
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::sqlite::{Counted, Load, OwnConn, now};

/// How many writes one commit may carry: the first of them waits for the last.
const GROUP: usize = 64;

/// Something to be written, and whoever waits for what comes of it.
pub trait Write: Send {
    /// Runs it in the transaction that is open, and keeps what comes of it.
    fn run(&mut self, conn: &mut Conn) -> Ran;
    /// Takes note that it was not written after all.
    fn fail(&mut self, error: StoreError);
    /// Tells what came of it.
    fn answer(self: Box<Self>);
}

/// How a write went, before it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    Done,
    /// It came to a refusal, and is to be undone.
    Refused,
    /// The database failed.
    Failed {
        again: bool,
    },
}

/// A closure to be run in a transaction.
pub struct Request<R, E, F> {
    work: F,
    waiting: Option<Counted>,
    outcome: Option<Result<R, E>>,
    caller: oneshot::Sender<Result<R, E>>,
}

impl<R, E, F> Request<R, E, F> {
    /// With the end on which to wait for the answer.
    pub(in crate::store) fn new(work: F, waiting: Counted) -> (Self, oneshot::Receiver<Result<R, E>>) {
        let (caller, answered) = oneshot::channel();
        (Self { work, waiting: Some(waiting), outcome: None, caller }, answered)
    }
}

impl<R, E, F> Write for Request<R, E, F>
where
    R: Send,
    E: From<StoreError> + Retry + Send,
    F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>> + Send,
{
    fn run(&mut self, conn: &mut Conn) -> Ran {
        self.waiting = None;
        // Of an earlier run nothing may be left if this one panics.
        self.outcome = None;
        let outcome = now((self.work)(conn));
        let ran = match &outcome {
            Ok(_) => Ran::Done,
            Err(error) if error.is_fault() => Ran::Failed { again: error.is_transient() },
            Err(_) => Ran::Refused,
        };
        self.outcome = Some(outcome);
        ran
    }

    fn fail(&mut self, error: StoreError) {
        self.outcome = Some(Err(error.into()));
    }

    fn answer(self: Box<Self>) {
        let Self { work, outcome, caller, .. } = *self;
        // What it holds may wake others, who are told before the caller goes on.
        drop(work);
        if let Some(outcome) = outcome {
            let _ = caller.send(outcome);
        }
    }
}

/// Writes until nobody can ask any more.
pub fn serve(mut own: OwnConn, writes: &Receiver<Box<dyn Write>>, load: &Arc<Load>) {
    while let Ok(first) = writes.recv() {
        let _busy = Counted::new(load, |load| &load.busy);
        let mut group = vec![first];
        group.extend(writes.try_iter().take(GROUP - 1));
        if !together(&mut own, &mut group) {
            group.iter_mut().for_each(|write| alone(&mut own, write.as_mut()));
        }
        for write in group {
            // What has come of the others is not this one's to lose.
            if catch_unwind(AssertUnwindSafe(|| write.answer())).is_err() {
                tracing::error!("a write panicked after its commit");
            }
        }
    }
}

/// Runs a group in one transaction; false when nothing of it was written.
fn together(own: &mut OwnConn, group: &mut [Box<dyn Write>]) -> bool {
    // For one alone a savepoint would be a waste.
    if group.len() < 2 {
        return false;
    }
    in_transaction(own, |conn| {
        for write in group {
            control(conn, Manager::begin_transaction)?;
            match write.run(conn) {
                Ran::Done => control(conn, Manager::commit_transaction)?,
                Ran::Refused => control(conn, Manager::rollback_transaction)?,
                Ran::Failed { .. } => return Ok(false),
            }
        }
        Ok(true)
    })
    .unwrap_or_else(|error| {
        tracing::debug!(%error, "a group of writes is run one by one");
        false
    })
}

/// Runs one write in a transaction of its own, and again when it lost a race.
fn alone(own: &mut OwnConn, write: &mut dyn Write) {
    for attempt in 1..=MAX_ATTEMPTS {
        let mut again = false;
        let ended = in_transaction(own, |conn| {
            let ran = write.run(conn);
            again = ran == Ran::Failed { again: true };
            Ok(ran == Ran::Done)
        });
        if let Err(error) = ended {
            again = error.is_transient();
            write.fail(error);
        }
        if !again || attempt == MAX_ATTEMPTS {
            return;
        }
        thread::sleep(pause(attempt));
    }
}

/// Runs `work` in a transaction, commits it if the answer is true, and gives that answer.
///
/// BEGIN IMMEDIATE: a transaction that starts by reading could not become a writer later while another is.
fn in_transaction(own: &mut OwnConn, work: impl FnOnce(&mut Conn) -> StoreResult<bool>) -> StoreResult<bool> {
    let (ended, is_clean) = own.run(|conn| {
        let ended = control(conn, |c| Manager::begin_transaction_sql(c, "BEGIN IMMEDIATE"))
            .and_then(|()| work(conn))
            .and_then(|is_done| match is_done {
                true => control(conn, Manager::commit_transaction).map(|()| true),
                false => Ok(false),
            });
        // Whatever is still open, as after a commit that failed.
        let undone = control(conn, roll_back);
        (ended, undone.is_ok())
    })?;
    if !is_clean {
        // SQLite rolls back by itself when the disk is full, which leaves nothing to be rolled back.
        own.give_up();
    }
    ended
}

/// Rolls back from any depth; nothing when no transaction is open.
fn roll_back(conn: &mut SqliteConnection) -> QueryResult<()> {
    while Manager::transaction_manager_status_mut(conn).transaction_depth()?.is_some() {
        Manager::rollback_transaction(conn)?;
    }
    Ok(())
}

fn control(conn: &mut Conn, statement: fn(&mut SqliteConnection) -> QueryResult<()>) -> StoreResult<()> {
    let Conn::Sqlite(conn) = conn else {
        return Err(StoreError::Damaged("a SQLite thread holds another connection".into()));
    };
    now(conn.spawn_blocking(statement).map(|done| done.map_err(StoreError::from)).boxed())
}
