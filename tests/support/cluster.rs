//! A PostgreSQL cluster of a test's own, that it may stop, break and start again.
//!
//! Made by `initdb` in a temporary directory, as an ordinary user since PostgreSQL refuses to run as root. It is
//! gone when it is dropped, also by a panic.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use tempfile::TempDir;

use super::database::REQUIRED;

/// Durability costs time and is no matter: the machine itself does not stop.
const SETTINGS: &str = "\nfsync = off\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
                        shared_buffers = 16MB\nmax_connections = 50\n";

/// A cluster of one database, `postgres`, whose superuser `postgres` needs no password.
pub struct Cluster {
    programs: PathBuf,
    user: Option<(u32, u32)>,
    directory: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// A running cluster. `None`, and a notice, when this machine has no `initdb`.
    pub async fn start() -> Option<Self> {
        let mut cluster = Self::create()?;
        cluster.start_again().await;
        Some(cluster)
    }

    /// A cluster that does not run yet.
    pub fn create() -> Option<Self> {
        let Some(programs) = programs() else {
            assert_ne!(std::env::var(REQUIRED).as_deref(), Ok("1"), "{REQUIRED}=1, but there is no initdb");
            super::say("A cluster of PostgreSQL was SKIPPED: there is no initdb");
            return None;
        };
        let directory =
            tempfile::Builder::new().prefix("switchboard-cluster").tempdir().expect("a directory");
        let user = (std::fs::metadata("/proc/self").expect("Linux").uid() == 0).then(ordinary_user);
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        let cluster = Self { programs, user, directory, port, server: None };
        cluster.give(cluster.directory.path());
        let made = cluster
            .command("initdb")
            .args(["--username=postgres", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8", "-D"])
            .arg(cluster.data())
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        cluster.configure(SETTINGS);
        Some(cluster)
    }

    /// Appends to `postgresql.conf`; holds from the next start.
    pub fn configure(&self, settings: &str) {
        let path = self.data().join("postgresql.conf");
        let all = std::fs::read_to_string(&path).expect("reads") + settings;
        std::fs::write(path, all).expect("writes");
    }

    /// Writes a file that only the server may read; answers with its path.
    pub fn write(&self, name: &str, contents: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.directory.path().join(name);
        std::fs::write(&path, contents).expect("writes");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("sets permissions");
        self.give(&path);
        path
    }

    /// The URL of its database, by address.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops it as a power cut would: everybody's connection is gone, and the next start recovers.
    pub fn stop_immediately(&mut self) {
        self.stop("immediate");
    }

    fn stop(&mut self, mode: &str) {
        let Some(mut server) = self.server.take() else { return };
        let stopped = self.command("pg_ctl").args(["stop", "-w", "-m", mode, "-D"]).arg(self.data()).output();
        if !stopped.is_ok_and(|stopped| stopped.status.success()) {
            let _ = server.kill();
        }
        let _ = server.wait();
    }

    /// Starts it, and waits until it accepts connections.
    pub async fn start_again(&mut self) {
        let log = std::fs::File::create(self.directory.path().join("log")).expect("a log");
        let server = self
            .command("postgres")
            .args(["-p", &self.port.to_string(), "-D"])
            .arg(self.data())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("starts");
        self.server = Some(server);
        let url = format!("{}?sslmode=disable", self.url());
        super::eventually("the cluster accepts connections", async || {
            AsyncPgConnection::establish(&url).await.ok()
        })
        .await;
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn give(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("gives away");
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop("immediate");
    }
}

/// Where PostgreSQL's programs are: the newest of Debian's, or on the path.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let newest_first = versions.into_iter().rev().map(|(_, path)| path);
    newest_first.chain(std::env::split_paths(&path)).find(|folder| folder.join("initdb").exists())
}

/// The user and group ids of somebody who is not root.
fn ordinary_user() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").expect("there are users");
    let id_of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    id_of("postgres").or_else(|| id_of("nobody")).expect("there is an ordinary user")
}
