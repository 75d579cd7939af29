//! PostgreSQL: a pool of connections, and transactions that run again after a deadlock.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection, TransactionManager};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::backend::{Conn, MAX_ATTEMPTS, Retry, counting, pause};
use super::error::{StoreError, StoreResult};
use super::notify::NotifyLink;
use super::target::Target;

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
pub struct PgConn(Arc<PgObject>);

impl PgConn {
    pub fn new(object: PgObject) -> Self {
        Self(Arc::new(object))
    }

    /// For statements.
    pub fn shared(&self) -> &AsyncPgConnection {
        &self.0
    }

    /// The same connection.
    pub fn again(&self) -> Self {
        Self(self.0.clone())
    }

    /// Takes it out of the pool: a statement may still run on it.
    pub fn discard(self) {
        match Arc::try_unwrap(self.0) {
            Ok(object) => drop(PgObject::take(object)),
            Err(_) => tracing::warn!("a connection that was given up is still in use"),
        }
    }

    /// For what concerns the whole connection; `None` while it is shared.
    fn alone(&mut self) -> Option<&mut AsyncPgConnection> {
        Arc::get_mut(&mut self.0).map(|object| &mut **object)
    }
}

type Manager = <AsyncPgConnection as AsyncConnection>::TransactionManager;

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
        drop(pool.get().await?);
        Ok(pool)
    }

    /// A connection.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when none is free in time or the server cannot be reached.
    pub async fn get(&self) -> StoreResult<PgObject> {
        self.pool.get().await.map_err(|error| StoreError::Unavailable(error.to_string()))
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
        let mut conn = Conn::Postgres(PgConn::new(self.get().await?));
        let mut attempt = 1;
        loop {
            match transaction(&mut conn, &work).await {
                Err(error) if error.is_transient() && attempt < MAX_ATTEMPTS => {
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }
}

async fn transaction<R, E, F>(conn: &mut Conn, work: &F) -> Result<R, E>
where
    E: From<StoreError>,
    F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<R, E>>,
{
    Manager::begin_transaction(only(conn)?).await.map_err(StoreError::from)?;
    match work(conn).await {
        Ok(value) => {
            Manager::commit_transaction(only(conn)?).await.map_err(StoreError::from)?;
            Ok(value)
        }
        Err(error) => {
            // When this fails the pool throws the connection away, and the server rolls back.
            if let Err(error) = Manager::rollback_transaction(only(conn)?).await {
                tracing::warn!(%error, "a rollback failed");
            }
            Err(error)
        }
    }
}

fn only(conn: &mut Conn) -> StoreResult<&mut AsyncPgConnection> {
    let alone = match conn {
        Conn::Postgres(connection) => connection.alone(),
        Conn::Sqlite(_) => None,
    };
    alone.ok_or_else(|| StoreError::Damaged("a transaction without a connection of its own".into()))
}
