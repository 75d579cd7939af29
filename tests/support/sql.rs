//! Connections to the database that bypass the server, for changes that the API does not offer.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

/// A separate connection to the database of a test.
pub enum SqlConnection {
    Sqlite(SqliteConnection),
    Postgres(Box<AsyncPgConnection>),
}

impl SqlConnection {
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
