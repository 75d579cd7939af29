//! Migrations, embedded in the binary: one folder a database, with the same names in both.
//!
//! To add a table: a folder of the same name under `migrations/postgres` and `migrations/sqlite`, with `up.sql`
//! and `down.sql`; its lines in `schema.rs`; a file here with its row and its queries. Every table leads with
//! `workspace_id`. A release first adds what is new and only a later one drops what is old, so that an old
//! and a new process can run together.

use diesel::migration::{MigrationConnection, MigrationSource};
use diesel::{Connection, QueryDsl, QueryResult, SqliteConnection};
use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::db::backend::{Conn, DatabaseUrl, on_backend};
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::target::Target;

pub const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
pub const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Any number that no other use of this database takes.
const ADVISORY_LOCK: i64 = 0x5377_6974_6368;

/// Applies what is missing; answers with the names of what was applied. Of two processes that start at once,
/// one migrates and the other waits.
///
/// # Errors
/// [`StoreError::Unavailable`] or [`StoreError::Migration`].
pub async fn migrate(url: &DatabaseUrl) -> StoreResult<Vec<String>> {
    match url {
        DatabaseUrl::Postgres(url) => migrate_postgres(url).await,
        DatabaseUrl::Sqlite(path) => {
            let path = path.clone();
            tokio::task::spawn_blocking(move || migrate_sqlite(&path))
                .await
                .map_err(|error| StoreError::Migration(error.to_string()))?
        }
    }
}

/// Whether every migration of this program is applied. Changes nothing.
///
/// # Errors
/// [`StoreError::Unavailable`] when there is no way to the database.
pub async fn is_current(url: &DatabaseUrl) -> StoreResult<bool> {
    let known = match url {
        DatabaseUrl::Postgres(_) => count::<diesel::pg::Pg>(&POSTGRES)?,
        DatabaseUrl::Sqlite(_) => count::<diesel::sqlite::Sqlite>(&SQLITE)?,
    };
    let applied: QueryResult<i64> = match url {
        DatabaseUrl::Postgres(url) => {
            use diesel_async::RunQueryDsl;
            let mut conn = Target::parse(url)?.connect().await.map_err(unavailable)?;
            __diesel_schema_migrations::table.count().get_result(&mut conn).await
        }
        DatabaseUrl::Sqlite(path) => {
            use diesel::RunQueryDsl;
            let mut conn = SqliteConnection::establish(path).map_err(unavailable)?;
            __diesel_schema_migrations::table.count().get_result(&mut conn)
        }
    };
    // A store that was never migrated has not even the table.
    Ok(applied.is_ok_and(|applied| applied >= known))
}

/// As [`is_current`], on a connection that is open. Changes nothing.
///
/// # Errors
/// What the database fails with; a store that was never migrated lacks the table.
pub async fn is_current_on(conn: &mut Conn) -> StoreResult<bool> {
    use diesel_async::RunQueryDsl;
    let known = match conn {
        Conn::Postgres(_) => count::<diesel::pg::Pg>(&POSTGRES)?,
        Conn::Sqlite(_) => count::<diesel::sqlite::Sqlite>(&SQLITE)?,
    };
    let applied: i64 = on_backend!(conn, |c| __diesel_schema_migrations::table.count().get_result(c).await)?;
    Ok(applied >= known)
}

fn count<DB: diesel::backend::Backend>(of: &EmbeddedMigrations) -> StoreResult<i64> {
    let found =
        MigrationSource::<DB>::migrations(of).map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(i64::try_from(found.len()).unwrap_or(i64::MAX))
}

diesel::table! {
    /// Diesel's own record of what was applied.
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

async fn migrate_postgres(url: &str) -> StoreResult<Vec<String>> {
    let mut conn = Target::parse(url)?.connect().await.map_err(unavailable)?;
    conn.batch_execute(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})")).await?;
    // Closing the connection releases the lock.
    run_pending(&mut AsyncMigrationHarness::new(conn), POSTGRES)
}

fn migrate_sqlite(path: &str) -> StoreResult<Vec<String>> {
    use diesel::connection::SimpleConnection;
    let mut conn = SqliteConnection::establish(path).map_err(unavailable)?;
    conn.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL;")?;
    conn.setup()?;
    let mut applied = StoreResult::Ok(Vec::new());
    // The lock of the outer transaction makes a second process wait; each migration is a savepoint in it.
    conn.immediate_transaction(|conn| {
        applied = run_pending(conn, SQLITE);
        if applied.is_ok() { Ok(()) } else { Err(diesel::result::Error::RollbackTransaction) }
    })
    .or_else(|error| if applied.is_err() { Ok(()) } else { Err(error) })?;
    applied
}

fn run_pending<DB: diesel::backend::Backend>(
    harness: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> StoreResult<Vec<String>> {
    let applied = harness
        .run_pending_migrations(migrations)
        .map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

fn unavailable(error: diesel::ConnectionError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
