//! Two processes behind two addresses that stay, on a PostgreSQL that can be restarted.

use std::net::SocketAddr;

use rand::Rng;
use rand::rngs::StdRng;

use crate::support::cluster::Cluster;
use crate::support::fault::process::{Options, Process, assert_sound};
use crate::support::fault::proxy::Proxy;
use crate::support::fault::{self};
use crate::support::world::Workspace;

/// Connections to PostgreSQL that each process may hold: the cluster has 50.
const POOL: usize = 10;
/// Sockets of an agent, far above what the followers open.
const SOCKETS_PER_AGENT: usize = 1_000;

/// Which faults there were.
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
    /// A running site. `None` on a machine that cannot make a cluster.
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

    /// Where clients reach it.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.fronts.iter().map(Proxy::address).collect()
    }

    /// Kills one process with `kill -9` and starts another in its place.
    pub async fn kill_one(&mut self, rng: &mut StdRng) {
        let one = rng.random_range(0..self.processes.len());
        self.processes[one].kill().await;
        self.faults.kills += 1;
        self.processes[one] = Process::start_with(&self.cluster.url(), options()).await;
        self.fronts[one].aim(self.processes[one].address());
    }

    /// Stops PostgreSQL as a power cut would, and starts it again.
    pub async fn restart_postgres(&mut self) {
        self.cluster.stop_immediately();
        self.cluster.start_again().await;
        self.faults.restarts += 1;
    }

    /// Cuts one connection of a client, any.
    pub fn cut_one(&mut self, rng: &mut StdRng) {
        let links = self.fronts[rng.random_range(0..self.fronts.len())].links();
        if !links.is_empty() {
            links[rng.random_range(0..links.len())].cut();
            self.faults.cuts += 1;
        }
    }

    /// Asserts that `switchboard check` finds nothing; what it said.
    pub async fn assert_sound(&self) -> String {
        assert_sound(&self.cluster.url()).await
    }
}

fn options() -> Options {
    Options::default().set("POOL_SIZE", POOL).set("SOCKETS_PER_AGENT", SOCKETS_PER_AGENT)
}
