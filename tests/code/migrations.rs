//! Migrations: both databases have the same ones, each can be reverted, and running them again changes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use diesel::migration::Migration;
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};

use crate::support::database::{Database, TestDatabase};

fn folder(database: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database)
}

fn names(database: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(database)).expect("a folder of migrations");
    let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    folders.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// The whole schema of a SQLite database, one line per object.
const SQLITE_SCHEMA: &str =
    "SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS line FROM sqlite_master
    WHERE name NOT LIKE '%diesel%' AND name NOT LIKE 'sqlite_%' ORDER BY 1";

/// The whole schema of a PostgreSQL database, one line per object.
const POSTGRES_SCHEMA: &str = "
    SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
           || coalesce(column_default, '') AS line
      FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '%diesel%'
    UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '%diesel%'
    UNION ALL SELECT 'constraint ' || conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '%diesel%'
    UNION ALL SELECT 'routine ' || oid::regprocedure::text || ' ' || prosrc
      FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
       AND proname NOT LIKE '%diesel%'
    UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'type ' || typname || ' ' || typtype::text FROM pg_type
     WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r') AND typname NOT LIKE '%diesel%'
    UNION ALL SELECT 'relation ' || relname || ' ' || relkind::text || relpersistence::text
           || coalesce(' ' || array_to_string(reloptions, ' '), '') FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '%diesel%'
    UNION ALL SELECT 'extension ' || extname FROM pg_extension
    ORDER BY 1";

/// Runs each migration up, down and up again, and compares the schema after each step.
fn assert_each_undoes<DB, H>(harness: &mut H, database: &str, mut schema: impl FnMut(&mut H) -> Vec<String>)
where
    DB: diesel::backend::Backend,
    H: MigrationHarness<DB>,
    FileBasedMigrations: diesel::migration::MigrationSource<DB>,
{
    let source = FileBasedMigrations::from_path(folder(database)).expect("migrations");
    let pending: Vec<Box<dyn Migration<DB>>> = harness.pending_migrations(source.clone()).expect("pending");
    assert!(!pending.is_empty(), "there are migrations");
    let bare = schema(harness);
    for migration in &pending {
        let before = schema(harness);
        harness.run_migration(migration).expect("runs");
        let after = schema(harness);
        assert_ne!(before, after, "{} changes the schema", migration.name());
        harness.revert_migration(migration).expect("reverts");
        assert_eq!(schema(harness), before, "down reverts up: {}", migration.name());
        harness.run_migration(migration).expect("runs again");
        assert_eq!(schema(harness), after, "up after down gives the same schema: {}", migration.name());
    }
    let whole = schema(harness);
    assert!(!harness.has_pending_migration(source.clone()).expect("pending"));
    harness.run_pending_migrations(source.clone()).expect("runs twice");
    assert_eq!(schema(harness), whole, "running the migrations again changes nothing");
    harness.revert_all_migrations(source).expect("reverts all");
    assert_eq!(schema(harness), bare, "reverting all migrations leaves nothing");
}

#[test]
fn both_databases_have_the_same_migrations_with_up_and_down() {
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert_eq!(sqlite, postgres);
    assert!(!sqlite.is_empty());
    for database in ["sqlite", "postgres"] {
        for name in names(database) {
            for file in ["up.sql", "down.sql"] {
                let path = folder(database).join(&name).join(file);
                let sql = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(!sql.trim().is_empty(), "{} is missing or empty", path.display());
            }
        }
    }
}

#[test]
fn each_migration_undoes_itself_on_sqlite() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("migrations.db");
    let mut connection = SqliteConnection::establish(&path.to_string_lossy()).expect("a file");
    assert_each_undoes(&mut connection, "sqlite", |connection| {
        let mut read =
            |query| -> Vec<Line> { diesel::sql_query(query).load(connection).expect("the schema") };
        let mut lines = read(SQLITE_SCHEMA);
        if !read("SELECT name AS line FROM sqlite_master WHERE name = 'sqlite_stat1'").is_empty() {
            lines.extend(read("SELECT 'plans ' || idx || ' ' || stat AS line FROM sqlite_stat1 ORDER BY 1"));
        }
        lines.into_iter().map(|found| found.line).collect()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn each_migration_undoes_itself_on_postgres() {
    let Some(store) = TestDatabase::empty_postgres().await else { return };
    let connection = AsyncPgConnection::establish(&store.url).await.expect("connects");
    let mut harness = AsyncMigrationHarness::new(connection);
    // The harness does not give access to its connection, so the schema is read on another one.
    let mut reader = SyncReader::new(&store.url);
    assert_each_undoes(&mut harness, "postgres", |_| reader.schema());
}

/// Reads the schema of a PostgreSQL database from synchronous code.
struct SyncReader {
    url: String,
}

impl SyncReader {
    fn new(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    fn schema(&mut self) -> Vec<String> {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let mut connection = AsyncPgConnection::establish(&self.url).await.expect("connects");
                let query = diesel::sql_query(POSTGRES_SCHEMA);
                let lines: Vec<Line> =
                    diesel_async::RunQueryDsl::load(query, &mut connection).await.expect("the schema");
                lines.into_iter().map(|found| found.line).collect()
            })
        })
    }
}

/// Servers that start on a migrated database do not change it, and serve.
async fn starting_again_on_a_migrated_database(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    for _ in 0..2 {
        let app = crate::support::app::App::start(&store.url).await;
        app.assert_store_is_sound().await;
        app.stop().await;
    }
    let pair = tokio::join!(
        crate::support::app::App::start(&store.url),
        crate::support::app::App::start(&store.url)
    );
    for app in [pair.0, pair.1] {
        app.assert_store_is_sound().await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_start_again_and_together_on_a_migrated_sqlite() {
    starting_again_on_a_migrated_database(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_start_again_and_together_on_a_migrated_postgres() {
    starting_again_on_a_migrated_database(Database::Postgres).await;
}

/// Two processes start on a new database: one migrates, the other waits, and both serve.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_start_on_a_new_postgres_at_once_both_serve() {
    let Some(store) = TestDatabase::empty_postgres().await else { return };
    let pair = tokio::join!(
        crate::support::app::App::start(&store.url),
        crate::support::app::App::start(&store.url)
    );
    for app in [pair.0, pair.1] {
        app.assert_store_is_sound().await;
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_start_on_a_new_sqlite_at_once_both_serve() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let pair = tokio::join!(
        crate::support::app::App::start(&store.url),
        crate::support::app::App::start(&store.url)
    );
    for app in [pair.0, pair.1] {
        app.assert_store_is_sound().await;
        app.stop().await;
    }
}
