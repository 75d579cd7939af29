//! The command `serve`.

use std::net::SocketAddr;

use clap::Args;
use clap::builder::BoolishValueParser;
use graphql_transport::settings::TransportSettings;
use switchboard::config::{DEFAULT_POOL_SIZE, Graphiql, Inbox, Secret, ServerConfig, TokenSettings};
use switchboard::http::webhooks::twilio::TwilioSettings;
use switchboard::server::App;
use switchboard::token::jwks::{JwksSettings, JwksSource};

use super::limits::{LimitArgs, positive};
use super::open::{self, DatabaseArgs, MissingFile};
use super::operation::OperationArgs;
use super::output;
use super::processes::ProcessArgs;
use super::signals::StopSignal;
use super::token::SecretArgs;

/// Serve the API
///
/// Applies pending migrations first. Stops on SIGTERM or Ctrl-C: requests in flight finish, WebSocket connections are
/// closed with 1012, and the exit code is 0. Every setting is a flag or an environment variable; the flag takes
/// precedence.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// Previous token secret; tokens that were signed with it remain valid until they expire
    #[arg(
        long,
        env = "SWITCHBOARD_PREVIOUS_TOKEN_SECRET",
        hide_env_values = true,
        value_name = "SECRET",
        requires = "token_secret"
    )]
    previous_token_secret: Option<Secret>,
    /// Key set (JWKS) of an identity provider: an https:// URL or the path of a file
    ///
    /// Tokens of the identity provider are accepted (RS256, ES256, EdDSA), and the token secret becomes optional. The
    /// tokens must have the claims `workspace` and `exp`, and either a verified `email` or the agent's id as `sub`.
    #[arg(long, env = "SWITCHBOARD_JWKS", value_name = "URL|PATH")]
    jwks: Option<JwksSource>,
    /// Address to listen on; port 0 picks a free port
    #[arg(long, env = "SWITCHBOARD_LISTEN", default_value = "127.0.0.1:4000", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Maximum number of PostgreSQL connections of this process
    #[arg(long, env = "SWITCHBOARD_POOL_SIZE", default_value_t = DEFAULT_POOL_SIZE, value_parser = positive)]
    pool_size: usize,
    /// Origin whose pages may call the API, for example https://app.example.com; repeat the flag or separate with
    /// commas
    #[arg(
        long = "allowed-origin",
        env = "SWITCHBOARD_ALLOWED_ORIGIN",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    allowed_origins: Vec<String>,
    /// Allow introspection queries
    #[arg(long, env = "SWITCHBOARD_INTROSPECTION", value_parser = BoolishValueParser::new())]
    introspection: bool,
    /// Serve GraphiQL at /graphiql, where users sign in with their own token; also allows introspection
    #[arg(long, env = "SWITCHBOARD_GRAPHIQL", value_parser = BoolishValueParser::new())]
    graphiql: bool,
    /// Do not serve the inbox at /
    #[arg(long, env = "SWITCHBOARD_NO_INBOX", value_parser = BoolishValueParser::new())]
    no_inbox: bool,
    /// Auth token of the Twilio account; enables the webhook /webhooks/twilio/sms
    #[arg(
        long,
        env = "SWITCHBOARD_TWILIO_AUTH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        requires = "public_url"
    )]
    twilio_auth_token: Option<Secret>,
    /// Public URL of this server, for example https://sms.example.com; it is part of Twilio's signatures
    #[arg(long, env = "SWITCHBOARD_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    #[command(flatten)]
    processes: ProcessArgs,
    #[command(flatten)]
    pub operation: OperationArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

impl ServeArgs {
    fn config(self) -> anyhow::Result<ServerConfig> {
        let previous_secret = self.previous_token_secret.map(|secret| open::long_enough(secret, "previous"));
        let tokens = TokenSettings {
            previous_secret: previous_secret.transpose()?,
            ..match self.jwks {
                Some(source) => self.secret.with_jwks(JwksSettings::new(source))?,
                None => self.secret.settings()?,
            }
        };
        let mut config = self.database.config(tokens, MissingFile::Create)?;
        config.listen = self.listen;
        config.pool_size = self.pool_size;
        (config.wakeups, config.service) = self.processes.split();
        config.timeouts = self.limits.timeouts();
        config.operations = self.limits.operations();
        config.transport = TransportSettings {
            allowed_origins: self.allowed_origins,
            introspection: self.introspection || self.graphiql,
            ..self.limits.transport()
        };
        if self.graphiql {
            config.graphiql = Graphiql::On { identities: Vec::new(), install_assets: false };
        }
        self.operation.apply_to(&mut config);
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
        () = stop.received() => return Ok(()),
    };
    tracing::info!(address = %app.local_addr(), "serving");
    output::line(&format_args!("listening on http://{}", app.local_addr()))?;
    if let Some(address) = app.metrics_addr() {
        output::line(&format_args!("metrics on http://{address}/metrics"))?;
    }
    stop.received().await;
    tracing::info!("stopping");
    app.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use switchboard::graphql;
    use switchboard::store::Timeouts;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// The configuration of `serve` with `args`, ignoring the environment variables of the test.
    fn config(args: &[&str]) -> anyhow::Result<ServerConfig> {
        let command = ServeArgs::augment_args(Command::new("serve")).mut_args(|arg| arg.env(None));
        let args = ["serve", "--database", "sqlite:nowhere.sqlite"].iter().chain(args);
        ServeArgs::from_arg_matches(&command.try_get_matches_from(args)?)?.config()
    }

    #[test]
    fn missing_flags_have_the_defaults() {
        let config = config(&["--token-secret", SECRET]).unwrap();
        let given = TransportSettings { introspection: false, ..TransportSettings::default() };
        assert_eq!(format!("{:?}", config.transport), format!("{given:?}"));
        assert_eq!(config.timeouts, Timeouts::default());
        assert_eq!(config.operations, graphql::Limits::default());
        assert!(matches!(config.graphiql, Graphiql::Off));
        assert!(config.twilio.is_none());
    }

    #[test]
    fn the_inbox_is_served_without_identities_unless_it_is_turned_off() {
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
    fn a_missing_or_short_secret_is_refused() {
        assert!(config(&[]).unwrap_err().to_string().contains("SWITCHBOARD_TOKEN_SECRET"));
        assert!(config(&["--token-secret", "short"]).unwrap_err().to_string().contains("32"));
    }

    #[test]
    fn tokens_are_verified_with_secrets_or_a_key_set_or_both() {
        let tokens = |args: &[&str]| config(args).map(|config| config.tokens);
        let outside =
            tokens(&["--jwks", "keys.json", "--token-audience", "us", "--token-issuer", "them"]).unwrap();
        assert!(outside.secret.is_none() && outside.jwks.is_some());
        assert_eq!(outside.expected.audience.as_deref(), Some("us"));
        assert_eq!(outside.expected.issuer.as_deref(), Some("them"));
        let both = tokens(&["--jwks", "https://id.example/keys", "--token-secret", SECRET]).unwrap();
        assert!(both.secret.is_some() && both.jwks.is_some());
        let rotated = tokens(&["--token-secret", SECRET, "--previous-token-secret", SECRET]).unwrap();
        assert!(rotated.secret.is_some() && rotated.previous_secret.is_some());
        for bad in [
            &["--jwks", "http://id.example/keys"][..],
            &["--jwks", "keys.json", "--token-secret", "short"],
            &["--previous-token-secret", SECRET],
            &["--token-secret", SECRET, "--previous-token-secret", "short"],
        ] {
            assert!(tokens(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_webhook_needs_both_its_settings() {
        let auth = ["--token-secret", SECRET, "--twilio-auth-token", "t"];
        assert!(config(&auth).is_err());
        let both = [&auth[..], &["--public-url", "https://sms.example"]].concat();
        assert!(config(&both).unwrap().twilio.is_some());
    }
}
