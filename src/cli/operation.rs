//! How a server is operated: what it shows, and how it goes down.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use switchboard::config::{Drain, ServerConfig};

use super::duration;

/// What whoever runs the server decides.
#[derive(Debug, Args)]
#[command(next_help_heading = "Operation")]
pub struct OperationArgs {
    /// Where to serve /metrics for Prometheus; nowhere unless set. Not for the public: it takes no token
    #[arg(long, env = "SWITCHBOARD_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,
    /// A collector of OpenTelemetry traces that speaks OTLP over HTTP, as http://127.0.0.1:4318 or https://otel.example.com
    #[arg(long, env = "SWITCHBOARD_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// How long a stopping server waits for requests in flight, before it ends without them
    #[arg(long, env = "SWITCHBOARD_DRAIN", default_value = "10s", value_parser = duration::parse, value_name = "SPAN")]
    drain: Duration,
    /// How long a stopping server still accepts requests after /readyz has turned to 503; none unless set
    #[arg(long, env = "SWITCHBOARD_DRAIN_NOTICE", value_parser = duration::parse, value_name = "SPAN")]
    drain_notice: Option<Duration>,
}

impl OperationArgs {
    /// Where traces go; `None` for nowhere.
    pub fn otlp_endpoint(&self) -> Option<&str> {
        self.otlp_endpoint.as_deref()
    }

    pub fn put_into(self, config: &mut ServerConfig) {
        config.metrics_listen = self.metrics_listen;
        config.drain = Drain { notice: self.drain_notice.unwrap_or_default(), limit: self.drain };
    }
}
