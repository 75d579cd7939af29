//! Compares contenders in rounds. Each round measures every contender once, so that other load on the machine affects
//! all of them equally.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Command;

use super::driver::{Driven, Load, Pace, drive};
use super::options::Options;
use crate::support::database::Database;
use crate::support::process;
use crate::support::server::Server;
use crate::support::table::quantile;

/// One side of a comparison: servers that receive the same requests, or a script that `pgbench` repeats.
#[derive(Clone)]
pub struct Contender<'a> {
    pub name: String,
    pub database: &'a Database,
    pub work: Work<'a>,
}

#[derive(Clone)]
pub enum Work<'a> {
    /// Requests to servers.
    Http { servers: Vec<&'a Server>, load: Load },
    /// A script for `pgbench`, without a server.
    Sql { script: &'a Path, variables: &'a [(&'static str, String)] },
}

/// The results of a measurement. A value that cannot be measured is NaN. CPU times are per request.
#[derive(Debug, Clone, Copy)]
pub struct Measurement {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// The CPU time of the servers' processes.
    pub server_ms: f64,
    /// The CPU time of the contender's backends in PostgreSQL.
    pub database_ms: f64,
    /// The CPU time of the client.
    pub client_ms: f64,
}

impl Measurement {
    pub fn median(rounds: &[Self]) -> Self {
        let median = |of: fn(&Self) -> f64| quantile(&mut rounds.iter().map(of).collect::<Vec<_>>(), 0.5);
        Self {
            per_second: median(|it| it.per_second),
            p50_ms: median(|it| it.p50_ms),
            p99_ms: median(|it| it.p99_ms),
            server_ms: median(|it| it.server_ms),
            database_ms: median(|it| it.database_ms),
            client_ms: median(|it| it.client_ms),
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "perSecond": self.per_second, "p50Ms": self.p50_ms, "p99Ms": self.p99_ms,
            "serverCpuMs": self.server_ms, "databaseCpuMs": self.database_ms, "clientCpuMs": self.client_ms,
        })
    }
}

/// The CPU time that a contender, its database connections and the client have used so far.
pub struct CpuTime {
    server_ms: f64,
    backends: Option<HashMap<u32, f64>>,
    client_ms: f64,
}

impl CpuTime {
    /// The CPU time of servers, database and client since `before`, in milliseconds.
    pub fn since(&self, before: &Self) -> [f64; 3] {
        let database_ms = match (&before.backends, &self.backends) {
            (Some(before), Some(after)) => process::cpu_ms_between(before, after),
            _ => f64::NAN,
        };
        [self.server_ms - before.server_ms, database_ms, self.client_ms - before.client_ms]
    }
}

/// Measures the contenders in turns. Returns the medians of the rounds in the order of the contenders. The first round
/// warms up and is discarded.
pub async fn compare(
    contenders: &[Contender<'_>],
    connections: usize,
    pace: Pace,
    options: &Options,
) -> Vec<(String, Measurement)> {
    let mut measured = vec![Vec::new(); contenders.len()];
    for round in 0..=options.rounds {
        for (contender, measured) in contenders.iter().zip(&mut measured) {
            let measurement = contender.measure(connections, pace, options.duration()).await;
            if round > 0 {
                measured.push(measurement);
            }
        }
    }
    let medians = measured.iter().map(|rounds| Measurement::median(rounds));
    contenders.iter().map(|it| it.name.clone()).zip(medians).collect()
}

impl Contender<'_> {
    async fn measure(&self, connections: usize, pace: Pace, duration: Duration) -> Measurement {
        match &self.work {
            Work::Http { servers, load } => {
                let before = self.cpu_time(servers);
                let mut driven = drive(load, connections, pace, duration).await;
                let [server_ms, database_ms, client_ms] =
                    self.cpu_time(servers).since(&before).map(|ms| ms / driven.requests.max(1) as f64);
                let Driven { requests, elapsed, latencies_ms } = &mut driven;
                Measurement {
                    per_second: *requests as f64 / elapsed.as_secs_f64(),
                    p50_ms: quantile(latencies_ms, 0.5),
                    p99_ms: quantile(latencies_ms, 0.99),
                    server_ms,
                    database_ms,
                    client_ms,
                }
            }
            Work::Sql { script, variables } => self.pgbench(script, variables, connections, duration).await,
        }
    }

    /// The CPU time of the servers, the database and this process so far.
    pub fn cpu_time(&self, servers: &[&Server]) -> CpuTime {
        CpuTime {
            server_ms: servers.iter().map(|server| process::cpu_ms_of_family(server.id())).sum(),
            // SQLite runs in the server's process.
            backends: match self.database.name() {
                "" => None,
                name => Some(process::cpu_ms_of_backends(name)),
            },
            client_ms: process::cpu_ms(std::process::id()),
        }
    }

    async fn pgbench(
        &self,
        script: &Path,
        variables: &[(&'static str, String)],
        connections: usize,
        duration: Duration,
    ) -> Measurement {
        let seconds = duration.as_secs().max(1);
        let mut pgbench = Command::new("pgbench");
        pgbench.args(["-n", "-M", "prepared", "-j", "2", "-T", &seconds.to_string()]);
        pgbench.args(["-c", &connections.to_string(), "-f"]).arg(script);
        pgbench.args(variables.iter().map(|(name, value)| format!("-D{name}={value}")));
        pgbench.arg(self.database.url()).stdout(Stdio::piped()).kill_on_drop(true);
        let running = pgbench.spawn().expect("pgbench starts");
        let id = running.id().expect("pgbench is running");
        // The backends and their CPU times disappear when pgbench ends, so sample the times before.
        let sample = || (process::cpu_ms_of_backends(self.database.name()), process::cpu_ms(id));
        let part = Duration::from_secs(seconds).mul_f64(0.2);
        tokio::time::sleep(part).await;
        let (before, started) = (sample(), Instant::now());
        tokio::time::sleep(part * 3).await;
        let (after, elapsed) = (sample(), started.elapsed());
        let ended = running.wait_with_output().await.expect("pgbench ends");
        let text = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "pgbench failed: {text}");
        let number = |label: &str| -> f64 {
            let rest = text.split(label).nth(1).unwrap_or_default();
            rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
        };
        let per_second = number("tps = ");
        let requests = per_second * elapsed.as_secs_f64();
        Measurement {
            per_second,
            p50_ms: f64::NAN,
            p99_ms: f64::NAN,
            server_ms: f64::NAN,
            database_ms: process::cpu_ms_between(&before.0, &after.0) / requests,
            client_ms: (after.1 - before.1) / requests,
        }
    }
}
