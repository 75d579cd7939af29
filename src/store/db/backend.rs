//! The two databases behind one type.
//!
//! A [`Store`] runs closures on a connection: [`Store::read`] on any, [`Store::write`] in one transaction.
//! Closures see a [`Conn`], and `on_backend!` type-checks one Diesel query for both kinds; `pipelined!` sends several
//! at once where there is a network between. On SQLite a whole
//! closure runs on a thread that owns the connection, so it may await nothing but the database; on PostgreSQL
//! a write runs in a task of its own. Either way a write that has begun ends, also when its caller is gone.
//!
//! Nothing here knows a table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::{Instrumentation, InstrumentationEvent, get_default_instrumentation};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::metrics::Pool;
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::notify::NotifyLink;
use crate::store::db::postgres::{PgConn, PgPool, Timeouts};
use crate::store::db::sqlite::{SqliteConn, SqliteThreads};

/// A connection to either database.
pub enum Conn {
    Postgres(PgConn),
    Sqlite(SqliteConn),
}

/// Evaluates one expression for either kind of connection: `on_backend!(conn, |c| query.load(c).await)`.
///
/// The expression is compiled twice, so it may only use what both databases have.
macro_rules! on_backend {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::store::db::backend::Conn::Postgres(connection) => {
                let $c = &mut connection.shared();
                $body
            }
            $crate::store::db::backend::Conn::Sqlite($c) => $body,
        }
    };
}
pub(crate) use on_backend;

/// Loads the rows of a query, with a lock that they keep until the transaction ends: `load_locked!(conn, for_share, query)`.
///
/// They are to be in an order in which everybody locks them. SQLite locks no rows: it has one writer. The query is
/// compiled twice, as by `on_backend!`.
macro_rules! load_locked {
    ($conn:expr, $lock:ident, $query:expr) => {
        match $conn {
            $crate::store::db::backend::Conn::Postgres(connection) => {
                $query.$lock().load(&mut connection.shared()).await
            }
            $crate::store::db::backend::Conn::Sqlite(connection) => $query.load(connection).await,
        }
    };
}
pub(crate) use load_locked;

/// Runs several queries on one connection, and answers with their answers:
/// `pipelined!(conn; |c| first(c), |c| second(c))`.
///
/// On PostgreSQL all are sent before the first is answered, so that they cost one round trip together. The server
/// works on them in order, each as if it had been sent alone: one may take a lock that the next relies on. Each has
/// to be one statement, or several that are pipelined, unless their order does not matter: a second of the first,
/// sent when that is answered, would come after the first of the second. The first error, in their order, is the answer; in a transaction the rest fails
/// after it.
macro_rules! pipelined {
    ($conn:expr; |$a:ident| $first:expr, |$b:ident| $second:expr $(,)?) => {{
        let $a: &mut $crate::store::Conn = $conn;
        match $a.pipeline_handle() {
            Some(mut pipeline_handle) => {
                let first = $first;
                let $b = &mut pipeline_handle;
                let (first, second) = futures_util::future::join(first, $second).await;
                (first?, second?)
            }
            None => {
                let first = $first.await?;
                let $b = $a;
                (first, $second.await?)
            }
        }
    }};
    ($conn:expr; |$a:ident| $first:expr, $(|$b:ident| $further:expr),+ $(,)?) => {
        $crate::store::db::backend::pipelined!($conn; |$a| $first, |rest| async {
            let further = $crate::store::db::backend::pipelined!(rest; $(|$b| $further),+);
            Ok::<_, $crate::store::StoreError>(further)
        })
    };
}
pub(crate) use pipelined;

/// Runs one insertion for all rows on PostgreSQL, and for each on SQLite, whose Diesel back end has no upsert
/// of several rows.
macro_rules! insert_all {
    ($conn:expr, $rows:expr, |$values:ident| $statement:expr) => {
        match $conn {
            $crate::store::db::backend::Conn::Postgres(c) => {
                let $values = &$rows[..];
                if !$values.is_empty() {
                    let statement =
                        $crate::store::db::prepared::Prepare::prepared_for($statement, $values.len());
                    statement.execute(&mut c.shared()).await?;
                }
            }
            $crate::store::db::backend::Conn::Sqlite(c) => {
                for $values in &$rows[..] {
                    $crate::store::db::prepared::Prepare::prepared($statement).execute(c).await?;
                }
            }
        }
    };
}
pub(crate) use insert_all;

impl Conn {
    /// The PostgreSQL connection; `None` on SQLite, where the one writer needs no row locks.
    pub fn postgres(&self) -> Option<&AsyncPgConnection> {
        match self {
            Self::Postgres(connection) => Some(connection.shared()),
            Self::Sqlite(_) => None,
        }
    }

    /// Ends the transaction behind what was sent before: nothing may follow, and nothing of it is stored if any of
    /// that failed. On SQLite the writer does that, for a group of transactions at once.
    pub async fn commit(&mut self) -> StoreResult<()> {
        match self {
            Self::Postgres(connection) => connection.commit().await,
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// The same connection, for a statement that does not wait for the answer to another; see `pipelined!`. `None`
    /// on SQLite, which answers each at once.
    pub fn pipeline_handle(&self) -> Option<Self> {
        match self {
            Self::Postgres(connection) => Some(Self::Postgres(connection.pipeline_handle())),
            Self::Sqlite(_) => None,
        }
    }
}

/// An error of a transaction, which knows whose it is.
pub trait Retry {
    /// Whether the same transaction, run again, may well succeed.
    fn is_transient(&self) -> bool;
    /// Whether the database failed. Otherwise the transaction was as it should be, and came to a refusal.
    fn is_fault(&self) -> bool;
}

impl Retry for StoreError {
    fn is_transient(&self) -> bool {
        StoreError::is_transient(self)
    }

    fn is_fault(&self) -> bool {
        true
    }
}

/// How often a transaction is run before its conflict is given up on.
pub const MAX_ATTEMPTS: u32 = 8;

/// Which database, as a URL says.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(String),
    /// A server, with the whole URL.
    Postgres(String),
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "sqlite:…",
            Self::Postgres(_) => "postgres://…",
        })
    }
}

impl DatabaseUrl {
    /// Reads `sqlite:PATH`, `sqlite://PATH`, `postgres://…` or `postgresql://…`.
    ///
    /// # Errors
    /// [`StoreError::UnknownUrl`].
    pub fn parse(url: &str) -> StoreResult<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        match url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some(path) if !path.is_empty() && path != ":memory:" => Ok(Self::Sqlite(path.to_owned())),
            _ => Err(StoreError::UnknownUrl),
        }
    }
}

#[derive(Clone)]
enum Engine {
    Postgres(PgPool),
    Sqlite(SqliteThreads),
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    statements: Arc<AtomicU64>,
}

impl Store {
    /// Connects; a SQLite file that is not there is made. Applies no migration.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no way to the database.
    pub async fn open(url: &DatabaseUrl, pool_size: usize) -> StoreResult<Self> {
        Self::open_with(url, pool_size, Timeouts::default()).await
    }

    /// As [`Self::open`], with timeouts for PostgreSQL. SQLite has one writer, and nothing to wait for.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &DatabaseUrl, pool_size: usize, timeouts: Timeouts) -> StoreResult<Self> {
        let statements = Arc::new(AtomicU64::new(0));
        let engine = match url {
            DatabaseUrl::Postgres(url) => {
                Engine::Postgres(PgPool::open(url, pool_size, timeouts, &statements).await?)
            }
            DatabaseUrl::Sqlite(path) => Engine::Sqlite(SqliteThreads::open(path, &statements)?),
        };
        Ok(Self { engine, statements })
    }

    /// How many statements were answered since the store was opened, transaction control not counted.
    pub fn statement_count(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How busy the connections are.
    pub fn pool(&self) -> Pool {
        let mut pool = match &self.engine {
            Engine::Postgres(pool) => pool.status(),
            Engine::Sqlite(threads) => threads.status(),
        };
        pool.statements = self.statement_count();
        pool
    }

    /// Whether several processes can share this database over a network.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Opens a connection that carries wake-ups between processes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no way to the database; always on SQLite, which no two machines
    /// share.
    pub async fn listen(&self) -> StoreResult<NotifyLink> {
        match &self.engine {
            Engine::Postgres(pool) => pool.listen().await,
            Engine::Sqlite(_) => Err(StoreError::Unavailable("SQLite has no notifications".into())),
        }
    }

    /// Runs `work` on a connection, each statement on its own.
    ///
    /// # Errors
    /// What `work` fails with, or [`StoreError::Unavailable`] when there is no connection.
    #[tracing::instrument(level = "debug", name = "read", skip_all)]
    pub async fn read<R, F>(&self, work: F) -> StoreResult<R>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, StoreResult<R>> + Send + 'static,
    {
        match &self.engine {
            Engine::Postgres(pool) => {
                // A read that was given up on leaves its statement running: the next to get that connection would
                // wait behind it.
                let mut pooled = pool.acquire().await?;
                let answer = work(pooled.conn()?).await;
                pooled.release();
                answer
            }
            Engine::Sqlite(threads) => threads.read(work).await,
        }
    }

    /// Runs `work` on one snapshot of the database, which changes meanwhile do not reach.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn snapshot<R, F>(&self, work: F) -> StoreResult<R>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, StoreResult<R>> + Send + 'static,
    {
        let store = self.clone();
        // In a task of its own, since a future dropped half-way would leave the transaction open.
        let task = tokio::spawn(async move {
            store
                .read(|conn| {
                    async move {
                        begin_snapshot(conn).await?;
                        let answer = work(conn).await;
                        on_backend!(conn, |c| c.batch_execute("ROLLBACK").await)?;
                        answer
                    }
                    .boxed()
                })
                .await
        });
        task.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the reader failed".into())))
    }

    /// Runs `work` in one transaction, and again when it loses a race against another (at most
    /// [`MAX_ATTEMPTS`] times). It is rolled back when `work` answers with an error.
    ///
    /// Once called, it runs to its end: dropping the future only drops the answer.
    ///
    /// # Errors
    /// What `work` fails with; [`StoreError::Unavailable`] when there is no connection.
    #[tracing::instrument(level = "debug", name = "transaction", skip_all)]
    pub async fn write<R, E, F>(&self, work: F) -> Result<R, E>
    where
        R: Send + 'static,
        E: From<StoreError> + Retry + Send + 'static,
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>> + Send + Sync + 'static,
    {
        match &self.engine {
            Engine::Postgres(pool) => {
                let pool = pool.clone();
                let task = tokio::spawn(async move { pool.write(work).await });
                task.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer failed".into()).into()))
            }
            Engine::Sqlite(threads) => threads.write(work).await,
        }
    }
}

async fn begin_snapshot(conn: &mut Conn) -> StoreResult<()> {
    match conn {
        Conn::Postgres(c) => {
            let c = &mut c.shared();
            c.batch_execute(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0",
            )
            .await?
        }
        Conn::Sqlite(c) => c.batch_execute("BEGIN").await?,
    }
    Ok(())
}

/// A pause before the attempt after `attempt`, longer each time, with jitter so that rivals part.
pub(in crate::store) fn pause(attempt: u32) -> Duration {
    let ceiling = 4u64 << attempt.min(6);
    Duration::from_millis(rand::random_range(1..=ceiling))
}

/// Counts the statements that a connection has had answered, transaction control not among them, and tells them to
/// Diesel's default instrumentation, if one was set before the store was opened.
pub(in crate::store) fn counting(statements: &Arc<AtomicU64>) -> impl Instrumentation + use<> {
    let statements = statements.clone();
    let mut further = get_default_instrumentation();
    move |event: InstrumentationEvent<'_>| {
        // Not when it starts: until PostgreSQL has been asked, Diesel has no text, and would build one to be looked at.
        if let InstrumentationEvent::FinishQuery { query, .. } = &event
            && !is_transaction_control(query)
        {
            statements.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(further) = &mut further {
            further.on_connection_event(event);
        }
    }
}

/// Looks at the first word only, so that counting does not cost rendering every query.
fn is_transaction_control(query: &dyn std::fmt::Display) -> bool {
    struct Head(String);
    impl std::fmt::Write for Head {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.push_str(text);
            if self.0.len() < 9 { Ok(()) } else { Err(std::fmt::Error) }
        }
    }
    let mut head = Head(String::new());
    // The error only says that enough was seen.
    let _ = std::fmt::write(&mut head, format_args!("{query}"));
    ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"].iter().any(|word| head.0.starts_with(word))
}
