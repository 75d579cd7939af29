//! Migrations, embedded in the binary: one folder per database, with the same names in both.
//!
//! To add a table:
//!
//! - Add a folder of the same name to `migrations/postgres` and `migrations/sqlite`, each with `up.sql` and `down.sql`.
//! - Add the table to `schema.rs`.
//! - Add a file to this folder, with the table's row and its queries.
//!
//! The primary key of every table begins with `workspace_id`. A release only adds tables and columns; a later release
//! drops the old ones. So an old and a new process can run at the same time.

use diesel::migration::{MigrationConnection, MigrationSource};
use diesel::{Connection, QueryDsl, QueryResult, SqliteConnection};
use diesel_async::{AsyncMigrationHarness, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::store::db::backend::DatabaseUrl;
use crate::store::db::conn::{Conn, on_backend};
use crate::store::db::error::{StoreError, StoreResult};
use crate::store::db::private_file;
use crate::store::db::target::Target;

pub const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
pub const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// An arbitrary number; no other program that uses this database may lock the same one.
const ADVISORY_LOCK: i64 = 0x5377_6974_6368;

/// Applies the pending migrations and returns their names.
///
/// If two processes start at the same time, one migrates and the other waits.
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

/// Whether every migration of this program has been applied. Changes nothing.
///
/// # Errors
/// [`StoreError::Unavailable`] if the database cannot be reached.
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
    // A database that was never migrated does not have the table.
    Ok(applied.is_ok_and(|applied| applied >= known))
}

/// As [`is_current`], on an open connection. Changes nothing.
///
/// # Errors
/// The error of the database. A database that was never migrated does not have the table, which is an error too.
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
    /// Diesel's record of the applied migrations.
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
    private_file::create(path)?;
    let mut conn = SqliteConnection::establish(path).map_err(unavailable)?;
    conn.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL;")?;
    conn.setup()?;
    let mut applied = StoreResult::Ok(Vec::new());
    // The outer transaction makes a second process wait. Each migration is a savepoint in it.
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
