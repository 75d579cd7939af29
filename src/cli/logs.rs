//! Logs on stderr: text on a terminal, JSON otherwise. Also starts the export of traces, if it is configured.

use std::io::{self, IsTerminal};

use anyhow::Context as _;
use clap::ValueEnum;
use tokio::runtime::Handle;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use super::traces::Traces;

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise
    Auto,
    /// Human-readable text
    Text,
    /// One JSON object per line
    Json,
}

/// Installs the logger. Starts the export of traces if there is an `otlp_endpoint`.
///
/// The returned value sends the remaining traces when it is dropped. Drop it before the runtime, and not inside a task.
pub fn start(
    filter: &str,
    format: LogFormat,
    otlp_endpoint: Option<&str>,
    runtime: &Handle,
) -> anyhow::Result<Traces> {
    let filter = EnvFilter::try_new(filter).context("--log is not a valid filter")?;
    let is_terminal = io::stderr().is_terminal();
    let is_text = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer::<Registry>().with_writer(io::stderr).with_ansi(is_terminal);
    let lines = if is_text { lines.with_target(false).boxed() } else { lines.json().boxed() };
    let (traces, sent) = Traces::start(otlp_endpoint, runtime)?;
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).with(sent).try_init();
    started.map_err(|error| anyhow::anyhow!(error))?;
    Ok(traces)
}
