//! The real program, as a supervisor runs it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::support::app::{SECRET, TWILIO_PUBLIC_URL, TWILIO_TOKEN};
use crate::support::{DEADLINE, eventually};

/// A running `switchboard serve`, killed when this is dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    log: Arc<Mutex<String>>,
    reading: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it on the database, with further arguments; it accepts requests when this returns.
    pub async fn start(database_url: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .args(arguments)
            .env("SWITCHBOARD_DATABASE", database_url)
            .env("SWITCHBOARD_TOKEN_SECRET", SECRET)
            .env("SWITCHBOARD_TWILIO_AUTH_TOKEN", TWILIO_TOKEN)
            .env("SWITCHBOARD_PUBLIC_URL", TWILIO_PUBLIC_URL)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let (said, log) = (Arc::default(), Arc::default());
        let reading = vec![
            keep(child.stdout.take().expect("a pipe"), &said),
            keep(child.stderr.take().expect("a pipe"), &log),
        ];
        let (address, metrics) = eventually("the server says where it listens", async || {
            let said = said.lock().expect("not poisoned").clone();
            Some((after(&said, "listening on http://")?, after(&said, "metrics on http://")?))
        })
        .await;
        Self { child, address, metrics, log, reading }
    }

    /// Tells it to stop.
    pub async fn terminate(&self) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(sent.expect("kill can be run").success());
    }

    /// Waits for its end: its exit code, and everything that it logged.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("it ends");
        for reader in self.reading {
            reader.await.expect("the pipe is read to its end");
        }
        let log = self.log.lock().expect("not poisoned").clone();
        (status.expect("it can be waited for").code(), log)
    }
}

/// Keeps what is said, line by line.
fn keep(pipe: impl AsyncRead + Unpin + Send + 'static, into: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let into = into.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut text = into.lock().expect("not poisoned");
            text.push_str(&line);
            text.push('\n');
        }
    })
}

/// The address after `words`.
fn after(said: &str, words: &str) -> Option<SocketAddr> {
    let line = said.lines().find_map(|line| line.strip_prefix(words))?;
    line.split('/').next()?.parse().ok()
}
