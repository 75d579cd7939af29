//! Server processes: Switchboard's release build, and the peers.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::process;

/// The secret that signs all tokens of a benchmark.
pub const SECRET: &str = "a secret for one run of a bench, 32 bytes";

/// The output of `seed --json`.
pub struct Seeded(Value);

impl Seeded {
    /// The `Authorization` value of a caller in the first workspace: `manager`, `rep`, `rep2` or `service`.
    pub fn bearer(&self, who: &str) -> String {
        format!("Bearer {}", self.0["tokens"][who].as_str().expect("a token"))
    }

    /// The whole line: `{"tokens": {…}, "workspaces": [{"id", "name", "managers", "reps", "numbers"}]}`.
    pub fn line(&self) -> &Value {
        &self.0
    }
}

/// A `switchboard` command with a database and the shared secret.
pub fn program(command: &str, database: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    program.args([command, "--database", database]).env("SWITCHBOARD_TOKEN_SECRET", SECRET);
    program.stdout(Stdio::piped());
    program
}

/// Runs `switchboard seed --json` with additional arguments.
pub fn seed(database: &str, arguments: &[&str]) -> Seeded {
    let seeded = program("seed", database).args(arguments).arg("--json").output().expect("seeds");
    Seeded(serde_json::from_slice(&seeded.stdout).expect("a line of JSON"))
}

/// `switchboard serve` on a free port, or another server. Killed on drop.
pub struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    /// Starts `switchboard serve` with additional arguments, and returns when it listens. It logs as in production, and
    /// the log is discarded.
    pub fn start(database: &str, arguments: &[&str]) -> Self {
        let mut serve = program("serve", database);
        serve.args(["--listen", "127.0.0.1:0"]).args(arguments).stderr(Stdio::null());
        Self::spawn(serve)
    }

    /// Starts a program that prints a line ending in its URL when it listens. Its standard input is closed when this
    /// process ends.
    pub fn spawn(mut program: Command) -> Self {
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = program.spawn().expect("starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut server = Self { child, output, address: String::new() };
        server.address = server.next_address();
        server
    }

    /// Reads the address from the next line of output.
    pub fn next_address(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        let url = line.trim().split("http://").nth(1).expect("the server starts");
        url.split('/').next().unwrap_or(url).to_owned()
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// See [`process::cpu_ms`].
    pub fn cpu_ms(&self) -> f64 {
        process::cpu_ms(self.id())
    }

    /// See [`process::resident_kb`].
    pub fn resident_kb(&self) -> u64 {
        process::resident_kb(self.id())
    }

    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
