//! Switchboard's release build as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::process;

/// What all tokens of a bench are signed with.
pub const SECRET: &str = "a secret for one run of a bench, 32 bytes";

/// What `seed --json` printed.
pub struct Seeded(Value);

impl Seeded {
    /// A token of the first workspace (`manager`, `rep`, `rep2`, `service`), as `Authorization` wants it.
    pub fn bearer(&self, who: &str) -> String {
        format!("Bearer {}", self.0["tokens"][who].as_str().expect("a token"))
    }

    /// The whole line: `{"tokens": {…}, "workspaces": [{"id", "name", "managers", "reps", "numbers"}]}`.
    pub fn line(&self) -> &Value {
        &self.0
    }
}

/// `switchboard` with a command and a database, and the secret that all servers of a bench share.
pub fn program(command: &str, database: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    program.args([command, "--database", database]).env("SWITCHBOARD_TOKEN_SECRET", SECRET);
    program.stdout(Stdio::piped());
    program
}

/// `switchboard seed --json` with more arguments.
pub fn seed(database: &str, arguments: &[&str]) -> Seeded {
    let seeded = program("seed", database).args(arguments).arg("--json").output().expect("seeds");
    Seeded(serde_json::from_slice(&seeded.stdout).expect("a line of JSON"))
}

/// `switchboard serve` on a free port, or another server; killed when it is dropped.
pub struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    /// Starts it with more arguments; it listens when this returns. It logs as it does in earnest, and nobody
    /// reads it.
    pub fn start(database: &str, arguments: &[&str]) -> Self {
        let mut serve = program("serve", database);
        serve.args(["--listen", "127.0.0.1:0"]).args(arguments).stderr(Stdio::null());
        Self::spawn(serve)
    }

    /// Starts any program that prints a line with its URL at the end once it listens. Its input ends when this
    /// process does.
    pub fn spawn(mut program: Command) -> Self {
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = program.spawn().expect("starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut server = Self { child, output, address: String::new() };
        server.address = server.next_address();
        server
    }

    /// The address in the next line that it prints.
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
