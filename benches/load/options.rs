//! The options of the benchmark.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Compares Switchboard with other servers on the same rows
#[derive(Debug, Clone, Parser)]
#[command(name = "benches/run")]
pub struct Options {
    /// Number of conversations in the workspace
    #[arg(long, default_value_t = 10_000)]
    pub conversations: usize,
    /// Seconds per contender and round
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Number of rounds, in which the contenders take turns; the medians are reported
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: u16,
    /// Number of keep-alive connections
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Number of simultaneous subscribers
    #[arg(long, default_value_t = 1_000)]
    pub subscribers: usize,
    /// Requests per second of the open loop; by default half of the slowest contender's maximum rate
    #[arg(long)]
    pub rate: Option<f64>,
    /// A short run to check that everything works; its results mean little
    #[arg(long)]
    pub quick: bool,
    /// Skip the peers that need Node.js
    #[arg(long)]
    pub no_node: bool,
    /// Write all results to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Plot the results of the page to this file as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Set by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    pub fn read() -> Self {
        let mut options = Self::parse();
        if options.quick {
            options.conversations = options.conversations.min(1_000);
            options.seconds = options.seconds.min(1.0);
            options.subscribers = options.subscribers.min(50);
            options.rounds = 1;
        }
        options
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}
