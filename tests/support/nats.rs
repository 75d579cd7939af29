//! A NATS server for one test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

/// If this environment variable is `1`, the test fails without `nats-server`.
const REQUIRED: &str = "REQUIRE_NATS";
const PATHS: [&str; 3] = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];

/// A running server on its own port. It stops on drop.
pub struct Nats {
    program: &'static str,
    port: u16,
    child: Option<Child>,
}

impl Nats {
    /// Starts a server. Returns `None` and prints a notice if this machine has no `nats-server`.
    pub async fn start() -> Option<Self> {
        let Some(program) = PATHS.into_iter().find(|path| std::path::Path::new(path).exists()) else {
            assert_ne!(
                std::env::var(REQUIRED).as_deref(),
                Ok("1"),
                "{REQUIRED} is 1, but nats-server is not installed"
            );
            super::say("NATS was SKIPPED: nats-server is not installed");
            return None;
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut server = Self { program, port, child: None };
        server.restart().await;
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kills");
            child.wait().expect("ends");
        }
    }

    /// Starts the stopped server on the same port.
    pub async fn restart(&mut self) {
        let port = self.port.to_string();
        let child = Command::new(self.program)
            .args(["-a", "127.0.0.1", "-p", &port])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        self.child = Some(child);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        super::eventually("NATS listens", async || tokio::net::TcpStream::connect(address).await.ok()).await;
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.stop();
    }
}
