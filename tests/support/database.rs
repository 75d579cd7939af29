//! A database of its own for each test.
//!
//! SQLite: a file in a new temporary directory. PostgreSQL: a copy of a template that is migrated once in
//! each process, and dropped when that ends. Names carry the process id, so that what a killed run left behind is
//! recognised and dropped by the next.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tempfile::TempDir;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::app::App;

/// Where PostgreSQL is, as a URL of someone who may create databases.
pub const ADMIN_URL: &str = "TEST_DATABASE_URL";
/// When this is `1`, a missing [`ADMIN_URL`] is a failure.
pub const REQUIRED: &str = "REQUIRE_POSTGRES";

const PREFIX: &str = "switchboard_test_";
/// Each server holds a pool of connections and PostgreSQL allows about a hundred in all.
const MOST_POSTGRES_AT_ONCE: usize = 4;

static UNREAD_BUCKETS: Semaphore = Semaphore::const_new(MOST_POSTGRES_AT_ONCE);
static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// The two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A database for one test; gone when this is dropped, also by a panic.
pub struct TestDatabase {
    pub url: String,
    _kept: Kept,
}

enum Kept {
    File { _directory: TempDir },
    Server { _guard: DropDatabase, _slot: SemaphorePermit<'static> },
}

/// What a test is given: an application, or a workspace in it.
pub trait Prepare: Sized {
    async fn prepare(app: App) -> Self;
    /// The application, to be stopped in peace when the test has passed.
    fn app(&self) -> &App;
}

/// Runs one rule on both databases: `on_both! { async fn name_of_the_rule(world: World) { … } }`.
///
/// The argument's type says what is prepared for the rule; see [`Prepare`].
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

/// Prepares what `rule` needs on `database`, runs it, and stops the server.
///
/// Does nothing on PostgreSQL when there is none; `main.rs` says so plainly.
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

/// The administrator's URL; `None` when the PostgreSQL half is to be skipped.
pub fn admin_url() -> Option<String> {
    std::env::var(ADMIN_URL).ok().filter(|url| !url.is_empty())
}

impl TestDatabase {
    /// A new database without any workspace. `None` when it would be PostgreSQL and there is none.
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
        Self { url, _kept: Kept::File { _directory: directory } }
    }

    async fn copy_of_template(admin: String) -> Self {
        let slot = UNREAD_BUCKETS.acquire().await.expect("never closed");
        let template = TEMPLATE.get_or_init(|| prepare_template(&admin)).await;
        let name = unique_name("");
        create(&admin, &name, Some(template)).await;
        let url = url_of(&admin, &name);
        Self { url, _kept: Kept::Server { _guard: DropDatabase { admin, name }, _slot: slot } }
    }

    /// A new PostgreSQL database without any table. `None` when there is no PostgreSQL.
    pub async fn empty_postgres() -> Option<Self> {
        let admin = admin_url()?;
        let slot = UNREAD_BUCKETS.acquire().await.expect("never closed");
        let name = unique_name("empty_");
        create(&admin, &name, None).await;
        let url = url_of(&admin, &name);
        Some(Self { url, _kept: Kept::Server { _guard: DropDatabase { admin, name }, _slot: slot } })
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
    // A database that anybody is connected to cannot be copied, and closed connections take a moment to go.
    let rest = format!(
        "SELECT pg_terminate_backend(pid)::text AS name FROM pg_stat_activity WHERE datname = '{name}'"
    );
    let mut connection = connect(admin).await;
    super::eventually("the template is left alone", async || {
        let left: Vec<Name> =
            diesel::sql_query(&rest).load(&mut connection).await.expect("lists connections");
        left.is_empty().then_some(())
    })
    .await;
    name
}

/// Has the template dropped by a shell that reads from this process, which nothing else outlives: then its last test has
/// ended. Where there is no `psql`, or the shell is killed too, the next run drops it.
fn drop_when_this_process_ends(admin: &str, name: &str) {
    let wait_and_drop = r#"cat >/dev/null; psql -q "$1" -c "DROP DATABASE IF EXISTS \"$2\" WITH (FORCE)""#;
    let shell = Command::new("sh")
        .args(["-c", wait_and_drop, "sh", admin, name])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut shell) = shell {
        // Closed with the process, and not before.
        std::mem::forget(shell.stdin.take());
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Drops the databases of test runs that have ended. Needs `/proc` to know which have.
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

/// Drops a PostgreSQL database when the test is over, however it ends.
struct DropDatabase {
    admin: String,
    name: String,
}

impl Drop for DropDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // A thread of its own, because the test's runtime may be unwinding.
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
