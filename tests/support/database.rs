//! A separate database for each test.
//!
//! On SQLite it is a file in a new temporary directory. On PostgreSQL it is a copy of a template, which each test
//! process migrates once and which is dropped when the process ends. The names contain the process id, so that the next
//! run can find and drop the databases of a killed run.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tempfile::TempDir;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::app::App;

/// The variable with the URL of PostgreSQL, for a role that may create databases.
pub const ADMIN_URL: &str = "TEST_DATABASE_URL";
/// If this variable is `1`, a missing [`ADMIN_URL`] is a failure.
pub const REQUIRED: &str = "REQUIRE_POSTGRES";

const PREFIX: &str = "switchboard_test_";
/// The maximum number of concurrent PostgreSQL tests. Each server has a pool, and PostgreSQL allows about a hundred
/// connections in all.
const MAX_POSTGRES_TESTS: usize = 4;

static POSTGRES_PERMITS: Semaphore = Semaphore::const_new(MAX_POSTGRES_TESTS);
static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// The two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A database for one test. It is removed on drop, also after a panic.
pub struct TestDatabase {
    pub url: String,
    _cleanup: Cleanup,
}

/// Removes the database on drop.
enum Cleanup {
    File { _directory: TempDir },
    Server { _guard: DropDatabase, _permit: SemaphorePermit<'static> },
}

/// The argument of a test: an application, or a workspace in it.
pub trait Prepare: Sized {
    async fn prepare(app: App) -> Self;
    /// The application, which is shut down after the test has passed.
    fn app(&self) -> &App;
}

/// Runs a test on both databases: `on_both! { async fn name_of_the_rule(world: World) { … } }`.
///
/// The type of the argument determines what is prepared for the test; see [`Prepare`].
macro_rules! on_both {
    ($(async fn $name:ident($argument:ident: $kind:ty) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use $crate::support::database::{Database, run};

            async fn rule($argument: std::sync::Arc<$kind>) {
                let $argument: &$kind = &$argument;
                $body
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                run(Database::Sqlite, rule).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                run(Database::Postgres, rule).await;
            }
        }
    )+};
}

/// Prepares the argument of `rule` on `database`, runs it, and stops the server.
///
/// Does nothing if PostgreSQL is not available; `main.rs` reports that.
pub async fn run<P, F>(database: Database, rule: impl FnOnce(std::sync::Arc<P>) -> F)
where
    P: Prepare,
    F: Future<Output = ()>,
{
    let Some(store) = TestDatabase::create(database).await else { return };
    let prepared = std::sync::Arc::new(P::prepare(App::start(&store.url).await).await);
    rule(prepared.clone()).await;
    prepared.app().stop().await;
}

/// The administrator's URL, or `None` if the PostgreSQL tests are skipped.
pub fn admin_url() -> Option<String> {
    std::env::var(ADMIN_URL).ok().filter(|url| !url.is_empty())
}

impl TestDatabase {
    /// Creates a database without any workspace. Returns `None` if PostgreSQL is wanted and not available.
    pub async fn create(database: Database) -> Option<Self> {
        match database {
            Database::Sqlite => Some(Self::file()),
            Database::Postgres => Self::copy_of_template(admin_url()?).await.into(),
        }
    }

    fn file() -> Self {
        let directory =
            tempfile::Builder::new().prefix("switchboard-test").tempdir().expect("temporary directory");
        let url = format!("sqlite:{}", directory.path().join("switchboard.db").display());
        Self { url, _cleanup: Cleanup::File { _directory: directory } }
    }

    async fn copy_of_template(admin: String) -> Self {
        let permit = POSTGRES_PERMITS.acquire().await.expect("never closed");
        let template = TEMPLATE.get_or_init(|| prepare_template(&admin)).await;
        let name = unique_name("");
        create(&admin, &name, Some(template)).await;
        let url = url_of(&admin, &name);
        Self { url, _cleanup: Cleanup::Server { _guard: DropDatabase { admin, name }, _permit: permit } }
    }

    /// Creates a PostgreSQL database without any table. Returns `None` if PostgreSQL is not available.
    pub async fn empty_postgres() -> Option<Self> {
        let admin = admin_url()?;
        let permit = POSTGRES_PERMITS.acquire().await.expect("never closed");
        let name = unique_name("empty_");
        create(&admin, &name, None).await;
        let url = url_of(&admin, &name);
        Some(Self {
            url,
            _cleanup: Cleanup::Server { _guard: DropDatabase { admin, name }, _permit: permit },
        })
    }
}

fn unique_name(kind: &str) -> String {
    format!("{PREFIX}{}_{kind}{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The URL of another database on the same server.
fn url_of(admin: &str, name: &str) -> String {
    let mut url = url::Url::parse(admin).expect("TEST_DATABASE_URL is a URL");
    url.set_path(name);
    url.into()
}

async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.expect("connects to PostgreSQL")
}

async fn create(admin: &str, name: &str, template: Option<&str>) {
    let template = template.map(|name| format!(" TEMPLATE \"{name}\"")).unwrap_or_default();
    connect(admin)
        .await
        .batch_execute(&format!("CREATE DATABASE \"{name}\"{template}"))
        .await
        .expect("creates a database");
}

async fn prepare_template(admin: &str) -> String {
    drop_leftovers(admin).await;
    let name = unique_name("template_");
    drop_when_this_process_ends(admin, &name);
    create(admin, &name, None).await;
    let app = App::start(&url_of(admin, &name)).await;
    app.stop().await;
    drop(app);
    // A database with open connections cannot be copied, and closed connections take a moment to disappear.
    let close_connections = format!(
        "SELECT pg_terminate_backend(pid)::text AS name FROM pg_stat_activity WHERE datname = '{name}'"
    );
    let mut connection = connect(admin).await;
    super::eventually("the template has no connections", async || {
        let left: Vec<Name> =
            diesel::sql_query(&close_connections).load(&mut connection).await.expect("lists connections");
        left.is_empty().then_some(())
    })
    .await;
    name
}

/// Drops the template when the test process exits, which a child shell notices by its pipe closing.
///
/// If `psql` is missing or the shell is killed too, the next run drops the template.
fn drop_when_this_process_ends(admin: &str, name: &str) {
    let wait_and_drop = r#"cat >/dev/null; psql -q "$1" -c "DROP DATABASE IF EXISTS \"$2\" WITH (FORCE)""#;
    let shell = Command::new("sh")
        .args(["-c", wait_and_drop, "sh", admin, name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut shell) = shell {
        // The pipe must stay open until the process exits.
        std::mem::forget(shell.stdin.take());
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Drops the databases of test runs that have ended, which it finds out from `/proc`.
async fn drop_leftovers(admin: &str) {
    if !std::path::Path::new("/proc/self").exists() {
        return;
    }
    let mut connection = connect(admin).await;
    let all = format!("SELECT datname::text AS name FROM pg_database WHERE starts_with(datname, '{PREFIX}')");
    let found: Vec<Name> = diesel::sql_query(all).load(&mut connection).await.expect("lists databases");
    for Name { name } in found {
        let pid = name[PREFIX.len()..].split('_').next().unwrap_or_default();
        if pid.parse::<u32>().is_ok() && !std::path::Path::new("/proc").join(pid).exists() {
            // Another run may be dropping it too, or it may belong to a run on another machine.
            let _ = connection.batch_execute(&format!("DROP DATABASE IF EXISTS \"{name}\"")).await;
        }
    }
}

/// Drops a PostgreSQL database when the test ends, also after a panic.
struct DropDatabase {
    admin: String,
    name: String,
}

impl Drop for DropDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // A separate thread, because the test's runtime may be unwinding.
        let done = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            runtime.block_on(async {
                let drop = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
                tokio::time::timeout(Duration::from_secs(30), async {
                    connect(&admin).await.batch_execute(&drop).await
                })
                .await
            })
        })
        .join();
        match done {
            Ok(Ok(Ok(()))) => {}
            other => eprintln!("the database {} was left behind: {other:?}", self.name),
        }
    }
}
