//! `serve`.

use std::net::SocketAddr;

use clap::Args;
use clap::builder::BoolishValueParser;
use graphql_transport::settings::TransportSettings;
use switchboard::config::{DEFAULT_POOL_SIZE, Graphiql, Inbox, Secret, ServerConfig, TokenSettings};
use switchboard::http::webhooks::twilio::TwilioSettings;
use switchboard::server::App;
use switchboard::token::jwks::{JwksSettings, JwksSource};

use super::limits::{LimitArgs, positive};
use super::open::{self, Begin, DatabaseArgs};
use super::operation::OperationArgs;
use super::output;
use super::processes::ProcessArgs;
use super::signals::StopSignal;
use super::token::SecretArgs;

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
    /// The token secret of before: tokens that were signed with it hold until they expire
    #[arg(
        long,
        env = "SWITCHBOARD_PREVIOUS_TOKEN_SECRET",
        hide_env_values = true,
        value_name = "SECRET",
        requires = "token_secret"
    )]
    previous_token_secret: Option<Secret>,
    /// An identity provider's key set: an https:// URL, or the path of a file
    ///
    /// Its tokens are accepted (RS256, ES256, EdDSA), and a token secret is no longer needed. They need the claims
    /// `workspace`, `exp`, and a verified `email` or the agent's id as `sub`.
    #[arg(long, env = "SWITCHBOARD_JWKS", value_name = "URL|PATH")]
    jwks: Option<JwksSource>,
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
                Some(source) => self.secret.beside(JwksSettings::new(source))?,
                None => self.secret.settings()?,
            }
        };
        let mut config = self.database.config(tokens, Begin::Allowed)?;
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
        self.operation.put_into(&mut config);
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
    if let Some(address) = app.metrics_addr() {
        output::line(&format_args!("metrics on http://{address}/metrics"))?;
    }
    stop.told().await;
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
        assert_eq!(config.timeouts, Timeouts::default());
        assert_eq!(config.operations, graphql::Limits::default());
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
    fn tokens_are_verified_by_secrets_or_by_a_key_set_or_by_both() {
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
