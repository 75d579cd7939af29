//! PostgreSQL: a connection pool, and transactions that run again after a deadlock.

pub mod connection;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::store::db::conn::Conn;
use crate::store::db::counting::counting;
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::language;
use crate::store::db::notify::NotifyLink;
use crate::store::db::postgres::connection::PgConn;
use crate::store::db::retry::{MAX_ATTEMPTS, Retry, pause};
use crate::store::db::target::Target;

/// How long a request waits for a free connection, and for a new connection to be established.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a statement may run, and how long it may wait for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub statement: Duration,
    pub lock: Duration,
}

impl Default for Timeouts {
    /// 5 seconds for a statement, so that it does not outlive its request, and 2 seconds for a lock.
    fn default() -> Self {
        Self { statement: Duration::from_secs(5), lock: Duration::from_secs(2) }
    }
}

impl Timeouts {
    /// The SQL that configures a new connection. A timeout is at least 1 ms, because 0 would turn it off.
    fn setup(self) -> String {
        let millis = |time: Duration| time.as_millis().clamp(1, i32::MAX as u128);
        format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = '30s'; SET TIME ZONE 'UTC'",
            millis(self.statement),
            millis(self.lock)
        )
    }
}

/// Connections to one PostgreSQL database. Cheap to clone.
#[derive(Clone)]
pub struct PgPool {
    pool: Pool<AsyncPgConnection>,
    target: Arc<Target>,
}

impl PgPool {
    /// Creates the pool, and one connection to check that the server can be reached.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Url`].
    pub async fn open(
        url: &str,
        size: usize,
        timeouts: Timeouts,
        statements: &Arc<AtomicU64>,
    ) -> StoreResult<Self> {
        let target = Arc::new(Target::parse(url)?);
        let (statements, connect_to, setup) = (statements.clone(), target.clone(), timeouts.setup());
        let set_english = Arc::new(AtomicBool::new(false));
        let is_set = set_english.clone();
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let (statements, target, setup, is_set) =
                (statements.clone(), connect_to.clone(), setup.clone(), is_set.clone());
            async move {
                let mut conn = target.connect().await?;
                conn.batch_execute(&setup)
                    .await
                    .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                if AtomicBool::load(&is_set, Ordering::Relaxed) {
                    conn.batch_execute(language::ENGLISH)
                        .await
                        .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                }
                conn.set_instrumentation(counting(&statements));
                Ok(conn)
            }
            .boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(ACQUIRE_TIMEOUT))
            .create_timeout(Some(ACQUIRE_TIMEOUT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let pool = Self { pool, target };
        let mut first = pool.acquire().await?;
        set_english.store(language::make_english(first.connection()?.shared()).await?, Ordering::Relaxed);
        first.release();
        Ok(pool)
    }

    /// Takes a connection from the pool.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection becomes free in time, or the server cannot be reached.
    // Boxed, so that its code is compiled once and not for each result type.
    pub fn acquire(&self) -> BoxFuture<'_, StoreResult<PooledConn>> {
        async {
            let object = self.pool.get().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            Ok(PooledConn::of(PgConn::new(object)))
        }
        .boxed()
    }

    /// See [`crate::store::Store::listen`].
    pub async fn listen(&self) -> StoreResult<NotifyLink> {
        NotifyLink::open(&self.target).await
    }

    /// The state of the pool.
    pub fn status(&self) -> crate::metrics::Pool {
        let status = self.pool.status();
        crate::metrics::Pool {
            max: status.max_size,
            open: status.size,
            idle: status.available,
            waiting: vec![("connection", status.waiting)],
            statements: 0,
        }
    }

    /// See [`crate::store::Store::write`]. The caller must run this future to its end.
    pub async fn write<R, E, F>(&self, work: F) -> Result<R, E>
    where
        E: From<StoreError> + Retry,
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>>,
    {
        let mut attempt = 1;
        // A panic or an error may leave a transaction open. Then the connection is closed instead of released, and the
        // server rolls the transaction back.
        let mut pooled = self.acquire().await?;
        loop {
            match transaction(&mut pooled, &work).await {
                Err(error) if error.is_transient() && attempt < MAX_ATTEMPTS && pooled.is_held() => {
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                }
                result => {
                    pooled.release();
                    return result;
                }
            }
        }
    }
}

/// A connection from the pool.
///
/// On drop it is closed and not returned to the pool, because a statement may still run on it. Call
/// [`Self::release`] to return it.
pub struct PooledConn(Option<Conn>);

impl PooledConn {
    fn of(connection: PgConn) -> Self {
        Self(Some(Conn::Postgres(connection)))
    }

    /// # Errors
    /// [`StoreError::Unavailable`] if the connection was released or discarded.
    pub fn conn(&mut self) -> StoreResult<&mut Conn> {
        self.0.as_mut().ok_or_else(|| StoreError::Unavailable("the connection is gone".into()))
    }

    /// Returns the connection to the pool.
    pub fn release(&mut self) {
        self.0.take();
    }

    fn is_held(&self) -> bool {
        self.0.is_some()
    }

    fn discard(&mut self) {
        if let Some(Conn::Postgres(connection)) = self.0.take() {
            connection.discard();
        }
    }

    fn connection(&mut self) -> StoreResult<&PgConn> {
        match self.conn()? {
            Conn::Postgres(connection) => Ok(connection),
            Conn::Sqlite(_) => Err(StoreError::Damaged("a pooled connection of another database".into())),
        }
    }
}

impl Drop for PooledConn {
    fn drop(&mut self) {
        self.discard();
    }
}

async fn transaction<R, E, F>(pooled: &mut PooledConn, work: &F) -> Result<R, E>
where
    E: From<StoreError>,
    F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>>,
{
    if let Err(error) = pooled.connection()?.begin().await {
        pooled.discard();
        return Err(error.into());
    }
    let result = work(pooled.conn()?).await;
    let connection = pooled.connection()?;
    let ended = match &result {
        Ok(_) if connection.is_committed() => Ok(()),
        Ok(_) => connection.commit().await,
        Err(_) => connection.roll_back().await,
    };
    match (result, ended) {
        (Ok(value), Ok(())) => Ok(value),
        (Ok(_), Err(error)) => {
            // After a conflict the transaction has been rolled back. After any other error its result is unknown.
            if !error.is_transient() {
                pooled.discard();
            }
            Err(error.into())
        }
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(failure)) => {
            tracing::warn!(error = %failure, "a rollback failed");
            pooled.discard();
            Err(error)
        }
    }
}
