//! A PostgreSQL cluster for one test, which may stop it, break it and start it again.
//!
//! `initdb` creates it in a temporary directory, as an ordinary user, because PostgreSQL refuses to run as root. It is
//! removed on drop, also after a panic.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use diesel_async::{AsyncConnection, AsyncPgConnection};
use tempfile::TempDir;

use super::database::REQUIRED;

/// The settings of the cluster. It needs no durability, because the machine itself does not crash.
const SETTINGS: &str = "\nfsync = off\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
                        shared_buffers = 16MB\nmax_connections = 50\n";

/// A cluster with one database, `postgres`, and the superuser `postgres` without a password.
pub struct Cluster {
    programs: PathBuf,
    user: Option<(u32, u32)>,
    directory: TempDir,
    port: u16,
    environment: Vec<(String, PathBuf)>,
    server: Option<Child>,
}

impl Cluster {
    /// Starts a cluster. Returns `None` and prints a notice if this machine has no `initdb`.
    pub async fn start() -> Option<Self> {
        let mut cluster = Self::create()?;
        cluster.start_again().await;
        Some(cluster)
    }

    /// Creates a cluster without starting it.
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
        let cluster = Self { programs, user, directory, port, environment: Vec::new(), server: None };
        cluster.give_to_server(cluster.directory.path());
        let created = cluster
            .command("initdb")
            .args(["--username=postgres", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8", "-D"])
            .arg(cluster.data())
            .output()
            .expect("initdb runs");
        assert!(created.status.success(), "initdb: {}", String::from_utf8_lossy(&created.stderr));
        cluster.configure(SETTINGS);
        Some(cluster)
    }

    /// Appends to `postgresql.conf`. Takes effect at the next start.
    pub fn configure(&self, settings: &str) {
        let path = self.data().join("postgresql.conf");
        let all = std::fs::read_to_string(&path).expect("reads") + settings;
        std::fs::write(path, all).expect("writes");
    }

    /// Sets an environment variable of the server to a path. Takes effect at the next start.
    pub fn set_environment(&mut self, name: &str, path: &Path) {
        self.environment.push((name.to_owned(), path.to_owned()));
    }

    /// Creates a folder that the server may read. Returns its path.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::create_dir(&path).expect("creates a folder");
        path
    }

    /// Writes a file that only the server may read. Returns its path.
    pub fn write(&self, name: &str, contents: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.directory.path().join(name);
        std::fs::write(&path, contents).expect("writes");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("sets permissions");
        self.give_to_server(&path);
        path
    }

    /// The URL of the database, with an IP address.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops the cluster as a power failure would: all connections are lost, and the next start recovers.
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

    /// Starts the cluster, and waits until it accepts connections.
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

    /// Makes the user of the server own `path`.
    fn give_to_server(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("changes the owner");
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, path)| (name, path)));
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

/// The folder of PostgreSQL's programs: the newest version of Debian's folders, or a folder in `PATH`.
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

/// The ids of a user other than root, and of their group.
fn ordinary_user() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").expect("there are users");
    let id_of = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    id_of("postgres").or_else(|| id_of("nobody")).expect("there is an ordinary user")
}
