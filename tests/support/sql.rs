//! Straight into the database, for what no client can do: what the operator or the passing of time does.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

/// A connection of one's own to a test's database, beside the server's.
pub enum Direct {
    Sqlite(SqliteConnection),
    Postgres(Box<AsyncPgConnection>),
}

impl Direct {
    /// Connects to the database at `url`.
    pub async fn open(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                let mut connection = SqliteConnection::establish(path).expect("opens the file");
                connection.batch_execute("PRAGMA busy_timeout = 30000").expect("sets the timeout");
                Self::Sqlite(connection)
            }
            None => Self::Postgres(Box::new(AsyncPgConnection::establish(url).await.expect("connects"))),
        }
    }

    /// Executes statements that mean the same on both databases.
    pub async fn run(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sql).expect("executes"),
            Self::Postgres(connection) => connection.batch_execute(sql).await.expect("executes"),
        }
    }
}
