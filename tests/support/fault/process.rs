//! The program itself, as an operator runs it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::DEADLINE;
use crate::support::app::{SECRET, TWILIO_PUBLIC_URL, TWILIO_TOKEN};

/// The program of this build.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_switchboard");
/// The variable that names another build to run, for example a release build for a soak test. A release build has no
/// failpoints.
const PROGRAM_VARIABLE: &str = "PROGRAM";
/// How many lines of the log are shown when a test fails.
const LOG_LINES: usize = 40;

/// The options of a process, in addition to its database.
#[derive(Debug, Clone, Default)]
pub struct Options {
    variables: Vec<(String, String)>,
}

impl Options {
    /// Sets one of the program's variables, named without `SWITCHBOARD_`.
    pub fn set(self, name: &str, value: impl ToString) -> Self {
        self.environment(&format!("SWITCHBOARD_{name}"), value)
    }

    /// Sets any environment variable.
    pub fn environment(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// Activates failpoints, for example `before_commit=abort@3`.
    pub fn failpoints(self, plan: &str) -> Self {
        self.set("FAILPOINTS", plan)
    }
}

/// `switchboard serve` on its own ports, with the webhook on. It is killed on drop.
pub struct Process {
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
    log: NamedTempFile,
}

impl Process {
    /// Starts a server on the database at `url`. The server is listening when this returns.
    pub async fn start(url: &str) -> Self {
        Self::start_with(url, Options::default()).await
    }

    /// As [`Self::start`], with options.
    pub async fn start_with(url: &str, options: Options) -> Self {
        let log = NamedTempFile::new().expect("a file");
        // The shell ignores SIGXFSZ before it becomes the server, so that exceeding the file size limit is an error.
        let mut command = program("sh", url);
        let named = std::env::var(PROGRAM_VARIABLE);
        let server = named.as_deref().unwrap_or(PROGRAM);
        command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", server, "serve"]);
        command.args(["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.env("SWITCHBOARD_TWILIO_AUTH_TOKEN", TWILIO_TOKEN);
        command.env("SWITCHBOARD_PUBLIC_URL", TWILIO_PUBLIC_URL);
        // Tests send more requests than the rate limit of an agent allows.
        command.env("SWITCHBOARD_POINTS_PER_MINUTE", "0");
        command.stdout(Stdio::piped()).stderr(log.reopen().expect("a file"));
        for (name, value) in options.variables {
            command.env(name, value);
        }
        let mut child = command.spawn().expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = printed_address(&mut lines, "listening on http://").await;
        let metrics = printed_address(&mut lines, "metrics on http://").await;
        let (Some(address), Some(metrics)) = (address, metrics) else {
            panic!("the server did not start: {}", read(&log));
        };
        Self { child, address, metrics, log }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the server's metrics.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics
    }

    /// The whole log of the process.
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// The full URL of `path`.
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

    /// Waits until the process has ended, without stopping it.
    pub async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("the process ends").expect("waits")
    }

    /// Limits the size of the process's files to `bytes`, to simulate a full disk. `None` removes the limit.
    pub async fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        run("prlimit", &["--pid", &self.id(), &format!("--fsize={limit}:unlimited")]).await;
    }

    /// The number of sockets that the process has open.
    pub fn open_sockets(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it runs");
        let targets = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// The resident memory of the process, in bytes.
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
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!(
                "the end of the server's log:\n{}",
                lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
            );
        }
    }
}

/// The address after `prefix` in the next line that the server prints, or `None` if the line is different or missing.
async fn printed_address(lines: &mut Lines<BufReader<ChildStdout>>, prefix: &str) -> Option<SocketAddr> {
    let line = tokio::time::timeout(DEADLINE, lines.next_line()).await.expect("prints its address");
    line.expect("reads")?.strip_prefix(prefix)?.split('/').next()?.parse().ok()
}

fn read(log: &NamedTempFile) -> String {
    std::fs::read_to_string(log.path()).unwrap_or_default()
}

/// The release build of the program: the one that `RELEASE_PROGRAM` names, or else the one in the target folder, if
/// any.
pub fn release_program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("RELEASE_PROGRAM") {
        return Some(PathBuf::from(named));
    }
    let built = Path::new(PROGRAM).parent()?.parent()?.join("release/switchboard");
    built.exists().then_some(built)
}

/// Asserts that `switchboard check` finds no problem in the database at `url`. Returns its output.
pub async fn assert_sound(url: &str) -> String {
    let checked = program(PROGRAM, url).arg("check").output().await.expect("runs");
    let output = String::from_utf8_lossy(&checked.stdout).into_owned();
    let log = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success(), "the stored data has problems: {output}{log}");
    output
}

/// Runs the program with these arguments and variables, in `folder`, until it ends.
pub async fn output_of(
    folder: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> std::process::Output {
    let mut command = program(PROGRAM, "sqlite:unused.sqlite");
    command.args(arguments).envs(variables.iter().copied()).current_dir(folder);
    tokio::time::timeout(DEADLINE, command.output()).await.expect("the program ends").expect("runs")
}

/// A command with a clean environment, except for `PATH`, the database and the token secret.
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
