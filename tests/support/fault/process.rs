//! The program itself, as an operator runs it.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::DEADLINE;
use crate::support::app::SECRET;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchboard");
/// How much of its log is shown when a test fails.
const LOG_LINES: usize = 40;

/// How a process is started, beside its database.
#[derive(Debug, Clone, Default)]
pub struct Options {
    variables: Vec<(&'static str, String)>,
}

impl Options {
    /// Sets one of the program's variables, `SWITCHBOARD_` left out.
    pub fn set(mut self, name: &'static str, value: impl ToString) -> Self {
        self.variables.push((name, value.to_string()));
        self
    }

    /// Arms failpoints, as `before_commit=abort@3`.
    pub fn failpoints(self, plan: &str) -> Self {
        self.set("FAILPOINTS", plan)
    }
}

/// `switchboard serve` on a port of its own. Killed when this is dropped.
pub struct Process {
    child: Child,
    address: SocketAddr,
    log: NamedTempFile,
}

impl Process {
    /// Starts a server on the database at `url`; it listens when this returns.
    pub async fn start(url: &str) -> Self {
        Self::start_with(url, Options::default()).await
    }

    /// As [`Self::start`], with options.
    pub async fn start_with(url: &str, options: Options) -> Self {
        let log = NamedTempFile::new().expect("a file");
        // A shell that ignores SIGXFSZ becomes the server, so that a file that may not grow is an error to it.
        let mut command = program("sh", url);
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", PROGRAM, "serve", "--listen", "127.0.0.1:0"]);
        // What tests ask for in a moment is no agent's fair share of a minute.
        command.env("SWITCHBOARD_POINTS_PER_MINUTE", "0");
        command.stdout(Stdio::piped()).stderr(log.reopen().expect("a file"));
        for (name, value) in options.variables {
            command.env(format!("SWITCHBOARD_{name}"), value);
        }
        let mut child = command.spawn().expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let told = tokio::time::timeout(DEADLINE, lines.next_line()).await.expect("tells its address");
        let address = told.expect("reads").and_then(|line| {
            line.strip_prefix("listening on http://").and_then(|address| address.parse().ok())
        });
        let shown = std::fs::read_to_string(log.path()).unwrap_or_default();
        let address = address.unwrap_or_else(|| panic!("the server did not start: {shown}"));
        Self { child, address, log }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The whole URL of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn id(&self) -> String {
        self.child.id().expect("it runs").to_string()
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("kills");
    }

    /// Sends SIGTERM; [`Self::ended`] waits for the end.
    pub async fn terminate(&self) {
        run("kill", &["-TERM", &self.id()]).await;
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("the process ends").expect("waits")
    }

    /// Lets no file of the process grow over `bytes`, as on a disk that is full; `None` lifts that.
    pub async fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        run("prlimit", &["--pid", &self.id(), &format!("--fsize={limit}:unlimited")]).await;
    }

    /// How many sockets it holds open.
    pub fn open_sockets(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it runs");
        let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// The memory that it holds, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.log.path()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "the end of the server's log:\n{}",
                lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
            );
        }
    }
}

/// Whether the program holds `text`.
pub fn program_holds(text: &str) -> bool {
    let program = std::fs::read(PROGRAM).expect("reads");
    program.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Asserts that `switchboard check` finds nothing wrong in the database at `url`; what it said.
pub async fn assert_sound(url: &str) -> String {
    let checked = program(PROGRAM, url).arg("check").output().await.expect("runs");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    let log = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "the store is wrong: {said}{log}");
    said
}

/// A program with nothing in its environment but where it is to work.
fn program(name: &str, url: &str) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("SWITCHBOARD_DATABASE", url).env("SWITCHBOARD_TOKEN_SECRET", SECRET);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn run(name: &str, arguments: &[&str]) {
    let done = Command::new(name).args(arguments).output().await.expect("runs");
    assert!(done.status.success(), "{name} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}
