//! A connection to either database, and the macros that run queries on it.
//!
//! `on_backend!` type-checks one Diesel query for both databases, and `pipelined!` sends several queries at once to
//! PostgreSQL.

use diesel_async::AsyncPgConnection;

use crate::store::db::error::StoreResult;
use crate::store::db::postgres::connection::PgConn;
use crate::store::db::sqlite::connection::SqliteConn;

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
            $crate::store::db::conn::Conn::Postgres(connection) => {
                let $c = &mut connection.shared();
                $body
            }
            $crate::store::db::conn::Conn::Sqlite($c) => $body,
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
            $crate::store::db::conn::Conn::Postgres(connection) => {
                $query.$lock().load(&mut connection.shared()).await
            }
            $crate::store::db::conn::Conn::Sqlite(connection) => $query.load(connection).await,
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
        $crate::store::db::conn::pipelined!($conn; |$a| $first, |rest| async {
            let further = $crate::store::db::conn::pipelined!(rest; $(|$b| $further),+);
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
            $crate::store::db::conn::Conn::Postgres(c) => {
                let $values = &$rows[..];
                if !$values.is_empty() {
                    let statement =
                        $crate::store::db::prepared::Prepare::prepared_for($statement, $values.len());
                    statement.execute(&mut c.shared()).await?;
                }
            }
            $crate::store::db::conn::Conn::Sqlite(c) => {
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
