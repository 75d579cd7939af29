//! Logs: for people on a terminal, JSON otherwise, always on stderr. Beside them traces, when they are wanted.

use std::io::{self, IsTerminal};

use anyhow::Context as _;
use clap::ValueEnum;
use tokio::runtime::Handle;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use super::traces::Traces;

/// What a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise
    Auto,
    /// For people
    Text,
    /// One object a line
    Json,
}

/// Logs what `filter` lets through from here on, and sends traces to `otlp_endpoint`.
///
/// Dropping the answer, outside the runtime and before it, sends what is left of the traces.
pub fn start(
    filter: &str,
    format: LogFormat,
    otlp_endpoint: Option<&str>,
    runtime: &Handle,
) -> anyhow::Result<Traces> {
    let filter = EnvFilter::try_new(filter).context("--log is no filter")?;
    let is_terminal = io::stderr().is_terminal();
    let for_people = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer::<Registry>().with_writer(io::stderr).with_ansi(is_terminal);
    let lines = if for_people { lines.with_target(false).boxed() } else { lines.json().boxed() };
    let (traces, sent) = Traces::start(otlp_endpoint, runtime)?;
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).with(sent).try_init();
    started.map_err(|error| anyhow::anyhow!(error))?;
    Ok(traces)
}
