//! PostgreSQL: a pool of connections, and transactions that run again after a deadlock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::store::db::backend::{Conn, MAX_ATTEMPTS, Retry, counting, pause};
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::notify::NotifyLink;
use crate::store::db::prepared::Prepare;
use crate::store::db::target::Target;

/// How long a request waits for a free connection, and for a new one to be made.
const CHECKOUT: Duration = Duration::from_secs(5);

/// How long PostgreSQL works on a statement, and how long a statement waits for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub statement: Duration,
    pub lock: Duration,
}

impl Default for Timeouts {
    /// No statement outlives its request, and no lock is waited for long.
    fn default() -> Self {
        Self { statement: Duration::from_secs(5), lock: Duration::from_secs(2) }
    }
}

impl Timeouts {
    /// What makes a new connection one of ours. 0 would be no timeout, so there is never less than a millisecond.
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

/// A connection that returns to its pool.
pub type PgObject = Object<AsyncPgConnection>;

/// A connection of which several statements may be under way: they are sent in the order in which they are first
/// polled, and answered in that order.
pub struct PgConn(Arc<Checkout>);

struct Checkout {
    object: PgObject,
    /// Whether the transaction that is open, or was, has been told to commit.
    committed: AtomicBool,
}

impl PgConn {
    fn new(object: PgObject) -> Self {
        Self(Arc::new(Checkout { object, committed: AtomicBool::new(false) }))
    }

    /// For statements.
    pub fn shared(&self) -> &AsyncPgConnection {
        &self.0.object
    }

    /// Commits when what was sent before has been worked on; rolls back if any of that failed.
    pub fn commit(&self) -> BoxFuture<'_, StoreResult<()>> {
        self.0.committed.store(true, Ordering::Relaxed);
        // As a prepared statement, which takes its turn behind those that still have to be prepared. A batch would not.
        let commit = async { diesel::sql_query("COMMIT").prepared().execute(&mut self.shared()).await };
        commit.map(|done| Ok(done.map(drop)?)).boxed()
    }

    fn is_committed(&self) -> bool {
        AtomicBool::load(&self.0.committed, Ordering::Relaxed)
    }

    fn begin(&self) -> BoxFuture<'_, StoreResult<()>> {
        self.0.committed.store(false, Ordering::Relaxed);
        self.control("BEGIN")
    }

    fn roll_back(&self) -> BoxFuture<'_, StoreResult<()>> {
        self.control("ROLLBACK")
    }

    // In a box for the same reason as `PgPool::acquire`.
    fn control(&self, statement: &'static str) -> BoxFuture<'_, StoreResult<()>> {
        async move { Ok(self.shared().batch_execute(statement).await?) }.boxed()
    }

    /// The same connection.
    pub fn pipeline_handle(&self) -> Self {
        Self(self.0.clone())
    }

    /// Takes it out of the pool: a statement may still run on it.
    pub fn discard(self) {
        match Arc::try_unwrap(self.0) {
            Ok(checkout) => drop(PgObject::take(checkout.object)),
            Err(_) => tracing::warn!("a connection that was given up is still in use"),
        }
    }
}

/// Connections to one PostgreSQL database. Cheap to clone.
#[derive(Clone)]
pub struct PgPool {
    pool: Pool<AsyncPgConnection>,
    target: Arc<Target>,
}

impl PgPool {
    /// Makes the pool and one connection, to see that the way is open.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], and [`StoreError::Url`].
    pub async fn open(
        url: &str,
        size: usize,
        timeouts: Timeouts,
        statements: &Arc<AtomicU64>,
    ) -> StoreResult<Self> {
        let target = Arc::new(Target::parse(url)?);
        let (statements, connect_to, setup) = (statements.clone(), target.clone(), timeouts.setup());
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let (statements, target, setup) = (statements.clone(), connect_to.clone(), setup.clone());
            async move {
                let mut conn = target.connect().await?;
                conn.batch_execute(&setup)
                    .await
                    .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                conn.set_instrumentation(counting(&statements));
                Ok(conn)
            }
            .boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(CHECKOUT))
            .create_timeout(Some(CHECKOUT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let pool = Self { pool, target };
        pool.acquire().await?.release();
        Ok(pool)
    }

    /// A connection.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none is free in time or the server cannot be reached.
    // In a box, so that its code is in the program once and not with each kind of answer.
    pub fn acquire(&self) -> BoxFuture<'_, StoreResult<PooledConn>> {
        async {
            let object = self.pool.get().await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            Ok(PooledConn::of(PgConn::new(object)))
        }
        .boxed()
    }

    /// See [`super::Store::listen`].
    pub async fn listen(&self) -> StoreResult<NotifyLink> {
        NotifyLink::open(&self.target).await
    }

    /// How busy it is.
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

    /// See [`super::Store::write`]. The caller has to run this to its end.
    pub async fn write<R, E, F>(&self, work: F) -> Result<R, E>
    where
        E: From<StoreError> + Retry,
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>>,
    {
        let mut attempt = 1;
        // What is left in a transaction, by a panic or an error, is not lent again: the server rolls back.
        let mut pooled = self.acquire().await?;
        loop {
            match transaction(&mut pooled, &work).await {
                Err(error) if error.is_transient() && attempt < MAX_ATTEMPTS && pooled.is_held() => {
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                }
                answer => {
                    pooled.release();
                    return answer;
                }
            }
        }
    }
}

/// A connection that leaves the pool when it is dropped: something may still be under way on it.
pub struct PooledConn(Option<Conn>);

impl PooledConn {
    fn of(connection: PgConn) -> Self {
        Self(Some(Conn::Postgres(connection)))
    }

    /// # Errors
    /// [`StoreError::Unavailable`] when it has been given back, or discarded.
    pub fn conn(&mut self) -> StoreResult<&mut Conn> {
        self.0.as_mut().ok_or_else(|| StoreError::Unavailable("the connection is gone".into()))
    }

    /// Done with it: back to the pool.
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
            Conn::Sqlite(_) => Err(StoreError::Damaged("a loan of another database".into())),
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
    let answer = work(pooled.conn()?).await;
    let connection = pooled.connection()?;
    let ended = match &answer {
        Ok(_) if connection.is_committed() => Ok(()),
        Ok(_) => connection.commit().await,
        Err(_) => connection.roll_back().await,
    };
    match (answer, ended) {
        (Ok(value), Ok(())) => Ok(value),
        (Ok(_), Err(error)) => {
            // What lost a race has been rolled back. Of anything else nobody knows what became of it.
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
