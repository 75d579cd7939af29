//! What processes that share a database have to agree on with it and with each other.

use std::time::Duration;

use clap::Args;
use switchboard::config::Wakeups;
use switchboard::service::Settings;

use super::duration;

/// How a process hears of what others write, and how long it remembers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Several processes")]
pub struct ProcessArgs {
    /// What tells other processes at once: `notify` (PostgreSQL), `none`, or where NATS is, as nats://HOST:4222
    ///
    /// Commas separate several NATS servers; tls:// encrypts. It may hold a user and a password.
    #[arg(
        long,
        env = "SWITCHBOARD_WAKEUPS",
        default_value = "notify",
        hide_env_values = true,
        value_name = "BUS"
    )]
    wakeups: Wakeups,
    /// How long what another process does can go unnoticed when no wake-up comes
    #[arg(long, env = "SWITCHBOARD_POLL_INTERVAL", default_value = "500ms", value_parser = duration::parse, value_name = "SPAN")]
    poll_interval: Duration,
    /// How far back a client can resume; behind it, cursors reset
    #[arg(long, env = "SWITCHBOARD_REPLAY_RETENTION", default_value = "7d", value_parser = duration::parse, value_name = "SPAN")]
    replay_retention: Duration,
}

impl ProcessArgs {
    /// The bus and the settings.
    pub fn split(self) -> (Wakeups, Settings) {
        let settings = Settings { poll: self.poll_interval, replay: self.replay_retention };
        (self.wakeups, settings)
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;
    use switchboard::service::live::log_feed;
    use switchboard::service::workers::log_retention;

    fn split(args: &[&str]) -> Result<(Wakeups, Settings), clap::Error> {
        let command = ProcessArgs::augment_args(Command::new("serve")).mut_args(|arg| arg.env(None));
        let matches = command.try_get_matches_from([&["serve"], args].concat())?;
        Ok(ProcessArgs::from_arg_matches(&matches)?.split())
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let (wakeups, settings) = split(&[]).unwrap();
        assert!(matches!(wakeups, Wakeups::Notify));
        assert_eq!((settings.poll, settings.replay), (log_feed::DEFAULT_POLL, log_retention::DEFAULT_REPLAY));
    }

    #[test]
    fn a_bus_is_notify_nats_or_none() {
        assert!(matches!(split(&["--wakeups", "none"]).unwrap().0, Wakeups::Off));
        let (nats, _) = split(&["--wakeups", "nats://user:hunter2@127.0.0.1:4222"]).unwrap();
        assert_eq!(format!("{nats:?}"), "Nats((secret))");
        assert!(split(&["--wakeups", "kafka://127.0.0.1"]).is_err());
    }
}
