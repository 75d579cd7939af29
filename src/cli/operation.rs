//! How a server is operated: how it goes down.

use std::time::Duration;

use clap::Args;
use switchboard::config::{Drain, ServerConfig};

use super::duration;

/// What whoever runs the server decides.
#[derive(Debug, Args)]
#[command(next_help_heading = "Operation")]
pub struct OperationArgs {
    /// How long a stopping server waits for requests in flight, before it ends without them
    #[arg(long, env = "SWITCHBOARD_DRAIN", default_value = "10s", value_parser = duration::parse, value_name = "SPAN")]
    drain: Duration,
    /// How long a stopping server still accepts requests after /readyz has turned to 503; none unless set
    #[arg(long, env = "SWITCHBOARD_DRAIN_NOTICE", value_parser = duration::parse, value_name = "SPAN")]
    drain_notice: Option<Duration>,
}

impl OperationArgs {
    pub fn put_into(self, config: &mut ServerConfig) {
        config.drain = Drain { notice: self.drain_notice.unwrap_or_default(), limit: self.drain };
    }
}
