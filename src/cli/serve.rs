//! `serve`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use switchboard::app::App;
use switchboard::config::{DEFAULT_POOL_SIZE, Graphiql, Inbox, Secret, ServerConfig};
use switchboard::http::transport::TransportSettings;
use switchboard::http::webhook::TwilioSettings;

use super::open::{self, Begin, DatabaseArgs};
use super::processes::ProcessArgs;
use super::signals::StopSignal;
use super::token::SecretArgs;
use super::{duration, output};

/// Serve the API
///
/// Applies missing migrations first. Stops on SIGTERM or Ctrl-C: requests in flight finish, sockets close with
/// 1012, and the exit code is 0. Every setting is a flag or a variable; the flag wins.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "SWITCHBOARD_LISTEN", default_value = "127.0.0.1:4000", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Connections to PostgreSQL that this process may hold
    #[arg(long, env = "SWITCHBOARD_POOL_SIZE", default_value_t = DEFAULT_POOL_SIZE, value_parser = positive)]
    pool_size: usize,
    /// An origin whose pages may call the API, as https://app.example.com; repeat it, or separate with commas
    #[arg(
        long = "allowed-origin",
        env = "SWITCHBOARD_ALLOWED_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    allowed_origins: Vec<String>,
    /// Answer introspection
    #[arg(long, env = "SWITCHBOARD_INTROSPECTION", value_parser = BoolishValueParser::new())]
    introspection: bool,
    /// Serve GraphiQL at /graphiql, where people sign in with a token of theirs; turns introspection on
    #[arg(long, env = "SWITCHBOARD_GRAPHIQL", value_parser = BoolishValueParser::new())]
    graphiql: bool,
    /// Do not serve the inbox, the page at /
    #[arg(long, env = "SWITCHBOARD_NO_INBOX", value_parser = BoolishValueParser::new())]
    no_inbox: bool,
    /// The Twilio account's auth token; turns the webhook /webhooks/twilio/sms on
    #[arg(
        long,
        env = "SWITCHBOARD_TWILIO_AUTH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        requires = "public_url"
    )]
    twilio_auth_token: Option<Secret>,
    /// Where the internet reaches this server, as https://sms.example.com; Twilio signs over it
    #[arg(long, env = "SWITCHBOARD_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    #[command(flatten)]
    processes: ProcessArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Bounds that an operator may want to move.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// How long a request may take
    #[arg(long, env = "SWITCHBOARD_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration::parse, value_name = "SPAN")]
    request_timeout: Duration,
    /// The longest HTTP body, in bytes
    #[arg(long, env = "SWITCHBOARD_BODY_BYTES", default_value_t = defaults().body_bytes, value_parser = positive)]
    body_bytes: usize,
    /// The longest WebSocket message, in bytes
    #[arg(long, env = "SWITCHBOARD_MESSAGE_BYTES", default_value_t = defaults().message_bytes, value_parser = positive)]
    message_bytes: usize,
    /// Fields inside each other in a document
    #[arg(long, env = "SWITCHBOARD_DEPTH", default_value_t = defaults().document.depth, value_parser = positive)]
    depth: usize,
    /// Fields of a document, with its fragments written out
    #[arg(long, env = "SWITCHBOARD_SELECTIONS", default_value_t = defaults().document.selections, value_parser = positive)]
    selections: usize,
    /// Subscriptions that one socket may hold open
    #[arg(long, env = "SWITCHBOARD_SUBSCRIPTIONS_PER_SOCKET", default_value_t = defaults().subscriptions_per_socket, value_parser = positive)]
    subscriptions_per_socket: usize,
    /// Sockets that one agent may hold open
    #[arg(long, env = "SWITCHBOARD_SOCKETS_PER_AGENT", default_value_t = defaults().sockets_per_agent, value_parser = positive)]
    sockets_per_agent: usize,
    /// Sockets that this process accepts
    #[arg(long, env = "SWITCHBOARD_SOCKETS", default_value_t = defaults().sockets_per_process, value_parser = positive)]
    sockets: usize,
    /// New sockets that this process accepts in a second
    #[arg(long, env = "SWITCHBOARD_NEW_SOCKETS_PER_SECOND", default_value_t = defaults().new_sockets_per_second, value_parser = clap::value_parser!(u32).range(1..))]
    new_sockets_per_second: u32,
    /// How often a socket is pinged
    #[arg(long, env = "SWITCHBOARD_PING_INTERVAL", default_value = "25s", value_parser = duration::parse, value_name = "SPAN")]
    ping_interval: Duration,
    /// How long a message may wait for its client to read it, before the socket is closed
    #[arg(long, env = "SWITCHBOARD_WRITE_DEADLINE", default_value = "10s", value_parser = duration::parse, value_name = "SPAN")]
    write_deadline: Duration,
}

impl LimitArgs {
    /// The transport's settings with these bounds.
    fn transport(self) -> TransportSettings {
        let mut transport = TransportSettings {
            request_timeout: self.request_timeout,
            body_bytes: self.body_bytes,
            message_bytes: self.message_bytes,
            subscriptions_per_socket: self.subscriptions_per_socket,
            sockets_per_agent: self.sockets_per_agent,
            sockets_per_process: self.sockets,
            new_sockets_per_second: self.new_sockets_per_second,
            ping_interval: self.ping_interval,
            write_deadline: self.write_deadline,
            ..defaults()
        };
        transport.document.depth = self.depth;
        transport.document.selections = self.selections;
        transport
    }
}

impl ServeArgs {
    fn config(self) -> anyhow::Result<ServerConfig> {
        let secret = open::token_secret(self.secret.token_secret)?;
        let mut config = self.database.config(secret, Begin::Allowed)?;
        config.listen = self.listen;
        config.pool_size = self.pool_size;
        (config.wakeups, config.service) = self.processes.split();
        config.transport = TransportSettings {
            allowed_origins: self.allowed_origins,
            introspection: self.introspection || self.graphiql,
            ..self.limits.transport()
        };
        if self.graphiql {
            config.graphiql = Graphiql::On { identities: Vec::new(), install_assets: false };
        }
        if self.no_inbox {
            config.inbox = Inbox::Off;
        }
        config.twilio = match (self.twilio_auth_token, self.public_url) {
            (Some(auth_token), Some(public_url)) => {
                Some(TwilioSettings { auth_token: auth_token.expose().to_owned(), public_url })
            }
            _ => None,
        };
        Ok(config)
    }
}

pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let mut stop = StopSignal::listen()?;
    let config = args.config()?;
    let app = tokio::select! {
        started = App::start(config) => started?,
        () = stop.told() => return Ok(()),
    };
    tracing::info!(address = %app.local_addr(), "serving");
    output::line(&format_args!("listening on http://{}", app.local_addr()))?;
    stop.told().await;
    tracing::info!("stopping");
    app.shutdown().await;
    Ok(())
}

fn defaults() -> TransportSettings {
    TransportSettings::default()
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a whole number above 0".to_owned()),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// What `serve` makes of `args`, whatever variables are set here.
    fn config(args: &[&str]) -> anyhow::Result<ServerConfig> {
        let command = ServeArgs::augment_args(Command::new("serve")).mut_args(|arg| arg.env(None));
        let args = ["serve", "--database", "sqlite:nowhere.sqlite"].iter().chain(args);
        ServeArgs::from_arg_matches(&command.try_get_matches_from(args)?)?.config()
    }

    #[test]
    fn what_is_not_said_is_the_transports_default() {
        let config = config(&["--token-secret", SECRET]).unwrap();
        let given = TransportSettings { introspection: false, ..TransportSettings::default() };
        assert_eq!(format!("{:?}", config.transport), format!("{given:?}"));
        assert!(matches!(config.graphiql, Graphiql::Off));
        assert!(config.twilio.is_none());
    }

    #[test]
    fn the_inbox_is_served_to_people_without_tokens_of_ours_unless_told_otherwise() {
        let served = config(&["--token-secret", SECRET]).unwrap().inbox;
        assert!(matches!(served, Inbox::On { identities } if identities.is_empty()));
        let refused = config(&["--token-secret", SECRET, "--no-inbox"]).unwrap().inbox;
        assert!(matches!(refused, Inbox::Off));
    }

    #[test]
    fn origins_are_repeated_or_separated_by_commas() {
        let origins = [
            "--allowed-origin",
            "https://a.example,https://b.example",
            "--allowed-origin",
            "https://c.example",
        ];
        let config = config(&[&["--token-secret", SECRET], &origins[..]].concat()).unwrap();
        assert_eq!(
            config.transport.allowed_origins,
            ["https://a.example", "https://b.example", "https://c.example"]
        );
    }

    #[test]
    fn a_secret_that_is_missing_or_short_is_refused() {
        assert!(config(&[]).unwrap_err().to_string().contains("SWITCHBOARD_TOKEN_SECRET"));
        assert!(config(&["--token-secret", "short"]).unwrap_err().to_string().contains("32"));
    }

    #[test]
    fn the_webhook_needs_both_its_settings() {
        let auth = ["--token-secret", SECRET, "--twilio-auth-token", "t"];
        assert!(config(&auth).is_err());
        let both = [&auth[..], &["--public-url", "https://sms.example"]].concat();
        assert!(config(&both).unwrap().twilio.is_some());
    }
}
