//! What to measure, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Measures Switchboard over a socket, beside others on the same rows
#[derive(Debug, Clone, Parser)]
#[command(name = "benches/run")]
pub struct Options {
    /// Conversations of the one workspace
    #[arg(long, default_value_t = 10_000)]
    pub conversations: usize,
    /// How long each is measured in each round
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Rounds, of which the medians are reported; all take turns in each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: u16,
    /// Connections kept alive
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Who watch at once while something changes
    #[arg(long, default_value_t = 1_000)]
    pub subscribers: usize,
    /// Requests a second of the open loop; half of what the slowest manages unless given
    #[arg(long)]
    pub rate: Option<f64>,
    /// A short run that shows that everything works: its figures mean little
    #[arg(long)]
    pub quick: bool,
    /// Leave out the peers that need Node.js
    #[arg(long)]
    pub no_node: bool,
    /// Write every figure to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw the page's figures into this file, as SVG
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
