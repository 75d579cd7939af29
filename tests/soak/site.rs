//! Two processes behind two stable addresses, on a PostgreSQL that can be restarted.

use std::net::SocketAddr;

use rand::Rng;
use rand::rngs::StdRng;

use crate::support::cluster::Cluster;
use crate::support::fault::process::{Options, Process, assert_sound};
use crate::support::fault::proxy::Proxy;
use crate::support::fault::{self};
use crate::support::world::Workspace;

/// The pool size of each process. The cluster allows 50 connections.
const POOL: usize = 10;
/// The limit of sockets per agent, far above the number of followers.
const SOCKETS_PER_AGENT: usize = 1_000;

/// The number of injected faults.
#[derive(Debug, Default)]
pub struct Faults {
    pub kills: u32,
    pub restarts: u32,
    pub cuts: u32,
}

/// Two processes, each behind a proxy, and their PostgreSQL.
pub struct Site {
    cluster: Cluster,
    processes: Vec<Process>,
    fronts: Vec<Proxy>,
    pub workspace: Workspace,
    pub faults: Faults,
}

impl Site {
    /// Starts a site. `None` if this machine cannot create a PostgreSQL cluster.
    pub async fn start() -> Option<Self> {
        let cluster = Cluster::start().await?;
        let workspace = fault::workspace(&cluster.url()).await;
        let (mut processes, mut fronts) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let process = Process::start_with(&cluster.url(), options()).await;
            fronts.push(Proxy::before(process.address()).await);
            processes.push(process);
        }
        let workspace = workspace.at(fronts[0].address());
        Some(Self { cluster, processes, fronts, workspace, faults: Faults::default() })
    }

    /// The addresses for clients.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.fronts.iter().map(Proxy::address).collect()
    }

    /// Kills one process with `kill -9` and starts a replacement.
    pub async fn kill_one(&mut self, rng: &mut StdRng) {
        let one = rng.random_range(0..self.processes.len());
        self.processes[one].kill().await;
        self.faults.kills += 1;
        self.processes[one] = Process::start_with(&self.cluster.url(), options()).await;
        self.fronts[one].aim(self.processes[one].address());
    }

    /// Stops PostgreSQL immediately, like a power cut, and restarts it.
    pub async fn restart_postgres(&mut self) {
        self.cluster.stop_immediately();
        self.cluster.start_again().await;
        self.faults.restarts += 1;
    }

    /// Cuts a random client connection.
    pub fn cut_one(&mut self, rng: &mut StdRng) {
        let links = self.fronts[rng.random_range(0..self.fronts.len())].links();
        if !links.is_empty() {
            links[rng.random_range(0..links.len())].cut();
            self.faults.cuts += 1;
        }
    }

    /// Asserts that `switchboard check` finds no problem, and returns its output.
    pub async fn assert_sound(&self) -> String {
        assert_sound(&self.cluster.url()).await
    }
}

fn options() -> Options {
    Options::default().set("POOL_SIZE", POOL).set("SOCKETS_PER_AGENT", SOCKETS_PER_AGENT)
}
