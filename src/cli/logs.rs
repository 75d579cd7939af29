//! Logs: for people on a terminal, JSON otherwise, always on stderr.

use std::io::{self, IsTerminal};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// Logs what `filter` lets through from here on.
pub fn start(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).context("--log is no filter")?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started =
        if io::stderr().is_terminal() { logs.with_target(false).try_init() } else { logs.json().try_init() };
    started.map_err(|error| anyhow::anyhow!(error))
}
