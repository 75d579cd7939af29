//! The two databases behind one type.
//!
//! A [`Store`] runs closures on a connection: [`Store::read`] on any connection, [`Store::write`] in one transaction.
//! The closures get a [`Conn`]. `on_backend!` type-checks one Diesel query for both databases, and `pipelined!` sends
//! several queries at once to PostgreSQL.
//!
//! On SQLite the whole closure runs on a thread that owns the connection, so it must not await anything except the
//! database. On PostgreSQL a write runs in a separate task. On both, a write that has begun runs to its end, even if
//! its caller is dropped.
//!
//! This module does not refer to any table.

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

/// Evaluates one expression on either kind of connection: `on_backend!(conn, |c| query.load(c).await)`.
///
/// The expression is compiled twice, so it may only use what both databases support.
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

/// Loads the rows of a query and locks them until the transaction ends: `load_locked!(conn, for_share, query)`.
///
/// The query must have an order, and every transaction must lock these rows in the same order; otherwise they can
/// deadlock. SQLite has a single writer and locks no rows. The query is compiled twice, as by `on_backend!`.
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

/// Runs several queries on one connection and returns their results:
/// `pipelined!(conn; |c| first(c), |c| second(c))`.
///
/// On PostgreSQL all queries are sent before the first result arrives, so together they cost one round trip. The server
/// executes them in order, as separate statements: a query may take a lock that the next query relies on.
///
/// Each query should be one statement, or several that are pipelined themselves. If the first query issues two
/// statements one after the other, its second may run after the second query's first. That is correct only if their
/// order does not matter.
///
/// If a query fails, the first error in the order of the queries is returned. In a transaction the queries after it
/// fail as well.
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

/// Inserts all rows with one statement on PostgreSQL, and with one statement per row on SQLite.
///
/// Diesel's SQLite back end has no upsert of several rows.
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
    /// The PostgreSQL connection, or `None` on SQLite.
    pub fn postgres(&self) -> Option<&AsyncPgConnection> {
        match self {
            Self::Postgres(connection) => Some(connection.shared()),
            Self::Sqlite(_) => None,
        }
    }

    /// Sends the commit after the statements that were sent before. No statement may follow in the transaction. If one
    /// of the earlier statements failed, the whole transaction is rolled back.
    ///
    /// On SQLite this does nothing: the writer thread commits a group of transactions at once.
    pub async fn commit(&mut self) -> StoreResult<()> {
        match self {
            Self::Postgres(connection) => connection.commit().await,
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// A second handle to this connection, to send a statement before the previous one is answered; see `pipelined!`.
    ///
    /// `None` on SQLite, which has no round trips to save.
    pub fn pipeline_handle(&self) -> Option<Self> {
        match self {
            Self::Postgres(connection) => Some(Self::Postgres(connection.pipeline_handle())),
            Self::Sqlite(_) => None,
        }
    }
}

/// An error of a transaction, which says whether to run the transaction again.
pub trait Retry {
    /// Whether the same transaction may succeed if it runs again.
    fn is_transient(&self) -> bool;
    /// Whether the database failed. Otherwise the transaction worked, and the application refused the change.
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

/// How often a transaction runs before its conflict is returned to the caller.
pub const MAX_ATTEMPTS: u32 = 8;

/// The database that a URL names.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The path of a file.
    Sqlite(String),
    /// The URL of a server, as it was given.
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
    /// Parses `sqlite:PATH`, `sqlite://PATH`, `postgres://…` or `postgresql://…`.
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
    /// Connects to the database, and creates the SQLite file if it does not exist. Does not run migrations.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the database cannot be reached.
    pub async fn open(url: &DatabaseUrl, pool_size: usize) -> StoreResult<Self> {
        Self::open_with(url, pool_size, Timeouts::default()).await
    }

    /// As [`Self::open`], with timeouts for PostgreSQL. SQLite ignores them.
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

    /// How many statements have completed since the store was opened, not counting transaction control.
    pub fn statement_count(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The state of the connection pool.
    pub fn pool(&self) -> Pool {
        let mut pool = match &self.engine {
            Engine::Postgres(pool) => pool.status(),
            Engine::Sqlite(threads) => threads.status(),
        };
        pool.statements = self.statement_count();
        pool
    }

    /// Whether processes on several machines can share this database.
    pub fn is_shared(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Opens a connection that carries wake-ups between processes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the database cannot be reached, and always on SQLite, which has no notifications.
    pub async fn listen(&self) -> StoreResult<NotifyLink> {
        match &self.engine {
            Engine::Postgres(pool) => pool.listen().await,
            Engine::Sqlite(_) => Err(StoreError::Unavailable("SQLite has no notifications".into())),
        }
    }

    /// Runs `work` on a connection, without a transaction.
    ///
    /// # Errors
    /// The error of `work`, or [`StoreError::Unavailable`] if no connection is available.
    #[tracing::instrument(level = "debug", name = "read", skip_all)]
    pub async fn read<R, F>(&self, work: F) -> StoreResult<R>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, StoreResult<R>> + Send + 'static,
    {
        match &self.engine {
            Engine::Postgres(pool) => {
                // A cancelled read leaves its statement running, and the next user of the connection would have to
                // wait for it. Therefore dropping the future discards the connection instead of returning it.
                let mut pooled = pool.acquire().await?;
                let result = work(pooled.conn()?).await;
                pooled.release();
                result
            }
            Engine::Sqlite(threads) => threads.read(work).await,
        }
    }

    /// Runs `work` on one snapshot of the database: it does not see changes that are committed meanwhile.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn snapshot<R, F>(&self, work: F) -> StoreResult<R>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn) -> BoxFuture<'c, StoreResult<R>> + Send + 'static,
    {
        let store = self.clone();
        // A separate task, because a future that is dropped halfway would leave the transaction open.
        let task = tokio::spawn(async move {
            store
                .read(|conn| {
                    async move {
                        begin_snapshot(conn).await?;
                        let result = work(conn).await;
                        on_backend!(conn, |c| c.batch_execute("ROLLBACK").await)?;
                        result
                    }
                    .boxed()
                })
                .await
        });
        task.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the reader failed".into())))
    }

    /// Runs `work` in one transaction. If it conflicts with another transaction, `work` runs again, at most
    /// [`MAX_ATTEMPTS`] times in all. The transaction is rolled back if `work` returns an error.
    ///
    /// A transaction that has begun runs to its end: dropping the future only drops the result.
    ///
    /// # Errors
    /// The error of `work`, or [`StoreError::Unavailable`] if no connection is available.
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

/// The pause after a failed attempt: exponential, with jitter so that conflicting transactions do not collide again.
pub(in crate::store) fn pause(attempt: u32) -> Duration {
    let ceiling = 4u64 << attempt.min(6);
    Duration::from_millis(rand::random_range(1..=ceiling))
}

/// Counts the completed statements of a connection, except transaction control.
///
/// Forwards all events to Diesel's default instrumentation, if one was set before the store was opened.
pub(in crate::store) fn counting(statements: &Arc<AtomicU64>) -> impl Instrumentation + use<> {
    let statements = statements.clone();
    let mut default = get_default_instrumentation();
    move |event: InstrumentationEvent<'_>| {
        // At the end of a query, not at its start: at the start Diesel would have to render the SQL text.
        if let InstrumentationEvent::FinishQuery { query, .. } = &event
            && !is_transaction_control(query)
        {
            statements.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(default) = &mut default {
            default.on_connection_event(event);
        }
    }
}

/// Renders only the first word of the query, so that counting stays cheap.
fn is_transaction_control(query: &dyn std::fmt::Display) -> bool {
    struct Head(String);
    impl std::fmt::Write for Head {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.push_str(text);
            if self.0.len() < 9 { Ok(()) } else { Err(std::fmt::Error) }
        }
    }
    let mut head = Head(String::new());
    // The error only stops the rendering once the first word is complete.
    let _ = std::fmt::write(&mut head, format_args!("{query}"));
    ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"].iter().any(|word| head.0.starts_with(word))
}
