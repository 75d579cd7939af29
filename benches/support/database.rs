//! Temporary databases, which are removed on drop.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// The variable with the URL of a PostgreSQL role that may create databases, as for the tests.
pub const ADMIN_URL: &str = "TEST_DATABASE_URL";
const DEFAULT_ADMIN_URL: &str = "postgres://postgres@127.0.0.1:5432/postgres";

static NUMBER: AtomicU32 = AtomicU32::new(1);

pub struct Database {
    url: String,
    kept: Kept,
}

enum Kept {
    Folder { _folder: TempDir },
    Server { name: String },
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("bench.sqlite").display());
        Self { url, kept: Kept::Folder { _folder: folder } }
    }

    /// Creates an empty database on the PostgreSQL at [`ADMIN_URL`].
    pub fn postgres() -> Self {
        Self::create("template1")
    }

    /// Copies a PostgreSQL database. It must have no connections.
    pub fn copy_of(other: &Self) -> Self {
        Self::create(other.name())
    }

    fn create(template: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("switchboard_bench_{}_{number}", std::process::id());
        sql(&admin_url(), &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        let mut url = url::Url::parse(&admin_url()).expect("a URL");
        url.set_path(&name);
        // Otherwise only some of the clients would use TLS.
        url.set_query(Some("sslmode=disable"));
        Self { url: url.into(), kept: Kept::Server { name } }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the database in PostgreSQL; empty for SQLite.
    pub fn name(&self) -> &str {
        match &self.kept {
            Kept::Server { name } => name,
            Kept::Folder { .. } => "",
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Kept::Server { name } = &self.kept {
            sql(&admin_url(), &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// Runs SQL with `psql` and returns its output, unaligned and without headers.
pub fn sql(url: &str, text: &str) -> String {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", text]);
    let ran = psql.stderr(Stdio::inherit()).output().expect("psql runs");
    assert!(ran.status.success(), "psql failed: {text}");
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

fn admin_url() -> String {
    std::env::var(ADMIN_URL).unwrap_or_else(|_| DEFAULT_ADMIN_URL.to_owned())
}
