//! Settings for operating a server: metrics, traces and shutdown.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use switchboard::config::{Drain, ServerConfig};

use super::duration;

/// The settings for operating a server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Operation")]
pub struct OperationArgs {
    /// Address to serve /metrics for Prometheus; off by default. Keep it private: /metrics requires no token
    #[arg(long, env = "SWITCHBOARD_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,
    /// OpenTelemetry collector (OTLP over HTTP) for traces, for example http://127.0.0.1:4318 or
    /// https://otel.example.com
    #[arg(long, env = "SWITCHBOARD_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Maximum time that a stopping server waits for requests in flight
    #[arg(long, env = "SWITCHBOARD_DRAIN", default_value = "10s", value_parser = duration::parse, value_name = "DURATION")]
    drain: Duration,
    /// How long a stopping server still accepts requests after /readyz has changed to 503; not at all by default
    #[arg(long, env = "SWITCHBOARD_DRAIN_NOTICE", value_parser = duration::parse, value_name = "DURATION")]
    drain_notice: Option<Duration>,
}

impl OperationArgs {
    /// The endpoint for traces, if they are enabled.
    pub fn otlp_endpoint(&self) -> Option<&str> {
        self.otlp_endpoint.as_deref()
    }

    /// Copies the settings into `config`.
    pub fn apply_to(self, config: &mut ServerConfig) {
        config.metrics_listen = self.metrics_listen;
        config.drain = Drain { notice: self.drain_notice.unwrap_or_default(), limit: self.drain };
    }
}
