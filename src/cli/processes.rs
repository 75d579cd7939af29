//! Settings for several processes that share a database.

use std::time::Duration;

use clap::Args;
use switchboard::config::Wakeups;
use switchboard::service::Settings;

use super::{duration, open};

/// How a process notices the changes of other processes, and how far back clients can resume.
#[derive(Debug, Args)]
#[command(next_help_heading = "Several processes")]
pub struct ProcessArgs {
    /// How to wake other processes: `notify` (PostgreSQL), `none`, or the URL of NATS, for example nats://HOST:4222
    ///
    /// Separate several NATS servers with commas. tls:// encrypts. The URL may contain a user and a password.
    #[arg(
        long,
        env = "SWITCHBOARD_WAKEUPS",
        default_value = "notify",
        hide_env_values = true,
        value_name = "BUS"
    )]
    wakeups: Wakeups,
    /// File that holds the setting --wakeups, for a URL with a password
    #[arg(
        long,
        env = "SWITCHBOARD_WAKEUPS_FILE",
        hide_env_values = true,
        value_name = "PATH",
        conflicts_with = "wakeups",
        value_parser = open::from_file::<Wakeups>
    )]
    wakeups_file: Option<Wakeups>,
    /// How often to poll for changes of other processes, in case a wake-up is lost
    #[arg(long, env = "SWITCHBOARD_POLL_INTERVAL", default_value = "500ms", value_parser = duration::parse, value_name = "DURATION")]
    poll_interval: Duration,
    /// How far back a client can resume; older cursors are rejected, and the client reloads everything
    #[arg(long, env = "SWITCHBOARD_REPLAY_RETENTION", default_value = "7d", value_parser = duration::parse, value_name = "DURATION")]
    replay_retention: Duration,
}

impl ProcessArgs {
    /// Splits the arguments into the bus and the other settings.
    pub fn split(self) -> (Wakeups, Settings) {
        let settings =
            Settings { poll: self.poll_interval, replay: self.replay_retention, ..Settings::default() };
        (self.wakeups_file.unwrap_or(self.wakeups), settings)
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
    fn missing_flags_have_the_defaults() {
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
