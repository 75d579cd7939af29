//! The two databases behind one type.
//!
//! A [`Store`] runs closures on a connection: [`Store::read`] on any connection, [`Store::write`] in one transaction.
//! The closures get a [`Conn`].
//!
//! On SQLite the whole closure runs on a thread that owns the connection, so it must not await anything except the
//! database. On PostgreSQL a write runs in a separate task. On both, a write that has begun runs to its end, even if
//! its caller is dropped.
//!
//! This module does not refer to any table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel_async::SimpleAsyncConnection;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::metrics::Pool;
use crate::store::db::conn::{Conn, on_backend};
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::notify::NotifyLink;
use crate::store::db::postgres::{PgPool, Timeouts};
use crate::store::db::retry::Retry;
use crate::store::db::sqlite::SqliteThreads;

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
    /// [`MAX_ATTEMPTS`](crate::store::db::retry::MAX_ATTEMPTS) times in all. The transaction is rolled back if `work` returns an error.
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
