//! The server under attack, as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const SECRET: &str = "a secret for one run of a bench, 32 bytes";
/// The kernel's unit of processor time, the same on every Linux.
const MS_PER_TICK: f64 = 10.0;

pub struct Server {
    child: Child,
    address: String,
    token: String,
    _folder: TempDir,
}

impl Server {
    /// Serves a small workspace on a free port.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = format!("sqlite:{}", folder.path().join("bench.sqlite").display());
        let run = |command: &str| {
            let mut run = Command::new(env!("CARGO_BIN_EXE_switchboard"));
            run.args([command, "--database", &database]).env("SWITCHBOARD_TOKEN_SECRET", SECRET);
            run.stdout(Stdio::piped());
            run
        };
        let seeded = run("seed").args(["--conversations", "10", "--json"]).output().expect("seeds");
        let line: Value = serde_json::from_slice(&seeded.stdout).expect("a line of JSON");
        let token = line["tokens"]["rep"].as_str().expect("a token");
        let mut serve = run("serve");
        serve.args(["--listen", "127.0.0.1:0", "--twilio-auth-token", "x", "--public-url", "https://a.test"]);
        // It logs as it does in earnest, and nobody reads it.
        let mut child = serve.stderr(Stdio::null()).spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit('/').next().expect("an address").to_owned();
        Self { child, address, token: format!("Bearer {token}"), _folder: folder }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A rep's, as `Authorization` wants it.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// How long all its threads ran so far.
    pub fn cpu_ms(&self) -> f64 {
        let stat = self.proc("stat");
        // The second field is the program's name in parentheses; the 14th and 15th are the times.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * MS_PER_TICK
    }

    pub fn resident_kb(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
