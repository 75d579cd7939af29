//! The command `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use graphql_transport::persisted::TrustedDocuments;
use graphql_transport::settings::{Introspection, TransportSettings};
use switchboard::config::{
    DEFAULT_POOL_SIZE, Graphiql, Inbox, Secret, ServerConfig, TokenSettings, page_origin,
};
use switchboard::domain::NumberVerification;
use switchboard::http::pages;
use switchboard::http::webhooks::twilio::settings::{PublicUrl, TwilioSettings};
use switchboard::server::App;
use switchboard::token::jwks::{JwksSettings, JwksSource};

use super::duration;
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
    #[arg(long, env = "SWITCHBOARD_PREVIOUS_TOKEN_SECRET", hide_env_values = true, value_name = "SECRET")]
    previous_token_secret: Option<Secret>,
    /// File that holds the previous token secret
    #[arg(
        long,
        env = "SWITCHBOARD_PREVIOUS_TOKEN_SECRET_FILE",
        hide_env_values = true,
        value_name = "PATH",
        conflicts_with = "previous_token_secret",
        value_parser = open::from_file::<Secret>
    )]
    previous_token_secret_file: Option<Secret>,
    /// Key set (JWKS) of an identity provider: an https:// URL or the path of a file
    ///
    /// Tokens of the identity provider are accepted (RS256, ES256, EdDSA), and the token secret becomes optional. Requires
    /// --token-audience. The tokens must have the claims `workspace`, `aud` and `exp`, and either a verified `email` or
    /// the agent's id as `sub`.
    #[arg(long, env = "SWITCHBOARD_JWKS", value_name = "URL|PATH")]
    jwks: Option<JwksSource>,
    /// Maximum lifetime of a token of the identity provider; a token that is valid for longer is refused
    #[arg(long, env = "SWITCHBOARD_JWKS_MAX_LIFETIME", default_value = "24h", value_parser = duration::parse, value_name = "DURATION")]
    jwks_max_lifetime: Duration,
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
        value_name = "ORIGIN",
        value_parser = page_origin
    )]
    allowed_origins: Vec<String>,
    /// Who may read the schema, by introspection and at /schema.graphql: off, signed-in or public; without a value,
    /// public
    #[arg(long, env = "SWITCHBOARD_INTROSPECTION", default_value = "off", num_args = 0..=1, default_missing_value = "public", value_parser = introspection, value_name = "WHO")]
    introspection: Introspection,
    /// Manifest of trusted documents, as GraphQL Code Generator, Relay and Apollo write it; repeat the flag or separate
    /// with commas
    #[arg(long, env = "SWITCHBOARD_TRUSTED_DOCUMENTS", value_delimiter = ',', value_name = "PATH")]
    trusted_documents: Vec<PathBuf>,
    /// Execute only trusted documents, and those of the inbox and of GraphiQL's tabs
    #[arg(long, env = "SWITCHBOARD_TRUSTED_DOCUMENTS_ONLY", value_parser = BoolishValueParser::new())]
    trusted_documents_only: bool,
    /// Serve GraphiQL at /graphiql, where users sign in with their own token; also allows introspection
    #[arg(long, env = "SWITCHBOARD_GRAPHIQL", value_parser = BoolishValueParser::new())]
    graphiql: bool,
    /// Do not serve the inbox at /
    #[arg(long, env = "SWITCHBOARD_NO_INBOX", value_parser = BoolishValueParser::new())]
    no_inbox: bool,
    /// Auth token of the Twilio account, 32 hexadecimal digits; enables the webhook /webhooks/twilio/sms
    #[arg(
        long,
        env = "SWITCHBOARD_TWILIO_AUTH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        requires = "public_url"
    )]
    twilio_auth_token: Option<Secret>,
    /// File that holds the auth token of the Twilio account
    #[arg(
        long,
        env = "SWITCHBOARD_TWILIO_AUTH_TOKEN_FILE",
        hide_env_values = true,
        value_name = "PATH",
        requires = "public_url",
        conflicts_with = "twilio_auth_token",
        value_parser = open::from_file::<Secret>
    )]
    twilio_auth_token_file: Option<Secret>,
    /// Public URL of this server, for example https://sms.example.com, without a path; it is part of Twilio's signatures
    #[arg(long, env = "SWITCHBOARD_PUBLIC_URL", value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Who verifies the phone numbers that managers add; until then, a number receives and sends nothing
    #[arg(
        long,
        env = "SWITCHBOARD_NUMBER_VERIFICATION",
        value_name = "WHO",
        value_enum,
        default_value_t = Verification::Operator
    )]
    number_verification: Verification,
    #[command(flatten)]
    processes: ProcessArgs,
    #[command(flatten)]
    pub operation: OperationArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Who verifies phone numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verification {
    /// Nobody: for a server with one workspace
    Off,
    /// The operator, with `switchboard number verify`
    Operator,
}

impl From<Verification> for NumberVerification {
    fn from(who: Verification) -> Self {
        match who {
            Verification::Off => Self::Off,
            Verification::Operator => Self::Operator,
        }
    }
}

impl ServeArgs {
    fn config(self) -> anyhow::Result<ServerConfig> {
        let previous_secret = self.previous_token_secret.or(self.previous_token_secret_file);
        anyhow::ensure!(
            previous_secret.is_none() || self.secret.is_set(),
            "a previous token secret requires a token secret; set SWITCHBOARD_TOKEN_SECRET"
        );
        let previous_secret = previous_secret.map(|secret| open::long_enough(secret, "previous"));
        let tokens = TokenSettings {
            previous_secret: previous_secret.transpose()?,
            ..match self.jwks {
                Some(source) => {
                    let max_lifetime = self.jwks_max_lifetime;
                    self.secret.with_jwks(JwksSettings { max_lifetime, ..JwksSettings::new(source) })?
                }
                None => self.secret.settings()?,
            }
        };
        let mut config = self.database.config(tokens, MissingFile::Create)?;
        config.listen = self.listen;
        config.pool_size = self.pool_size;
        (config.wakeups, config.service) = self.processes.split();
        config.service.number_verification = self.number_verification.into();
        config.timeouts = self.limits.timeouts();
        config.operations = self.limits.operations();
        config.transport = TransportSettings {
            allowed_origins: self.allowed_origins,
            introspection: if self.graphiql { Introspection::Public } else { self.introspection },
            trusted_documents: trusted_documents(&self.trusted_documents, self.trusted_documents_only)?,
            ..self.limits.transport()
        };
        if self.graphiql {
            config.graphiql = Graphiql::On { identities: Vec::new(), install_assets: false };
        }
        self.operation.apply_to(&mut config);
        if self.no_inbox {
            config.inbox = Inbox::Off;
        }
        config.twilio = match (self.twilio_auth_token.or(self.twilio_auth_token_file), self.public_url) {
            // Parsed here and not by clap, whose messages repeat an invalid value.
            (Some(token), Some(public_url)) => {
                Some(TwilioSettings { auth_token: token.expose().parse()?, public_url })
            }
            _ => None,
        };
        Ok(config)
    }
}

pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let mut stop = StopSignal::listen()?;
    let config = args.config()?;
    let open = OpenDoors::of(&config);
    let app = tokio::select! {
        started = App::start(config) => started?,
        () = stop.received() => return Ok(()),
    };
    tracing::info!(address = %app.local_addr(), "serving");
    open.log();
    output::line(&format_args!("listening on http://{}", app.local_addr()))?;
    if let Some(address) = app.metrics_addr() {
        output::line(&format_args!("metrics on http://{address}/metrics"))?;
    }
    stop.received().await;
    tracing::info!("stopping");
    app.shutdown().await;
    Ok(())
}

/// Parses `--introspection`. The boolean values are those of earlier versions.
fn introspection(text: &str) -> Result<Introspection, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "off" | "false" | "no" | "n" | "0" => Ok(Introspection::Off),
        "signed-in" => Ok(Introspection::SignedIn),
        "public" | "true" | "yes" | "y" | "on" | "1" => Ok(Introspection::Public),
        _ => Err("must be off, signed-in or public"),
    }
}

/// Reads the manifests, and adds the documents of the server's own pages.
fn trusted_documents(manifests: &[PathBuf], only: bool) -> anyhow::Result<TrustedDocuments> {
    let mut trusted = TrustedDocuments::default();
    for path in manifests {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the trusted documents in {}", path.display()))?;
        trusted.add_manifest(&text).with_context(|| format!("cannot use {}", path.display()))?;
    }
    if only && manifests.is_empty() {
        anyhow::bail!("--trusted-documents-only requires --trusted-documents");
    }
    for document in pages::documents() {
        trusted.add_text(&document);
    }
    trusted.only = only;
    Ok(trusted)
}

/// What the server offers to whom, for the log at the start.
struct OpenDoors {
    webhook: String,
    introspection: &'static str,
    graphiql: &'static str,
    inbox: &'static str,
    tokens: String,
    origins: String,
    metrics: String,
}

impl OpenDoors {
    fn of(config: &ServerConfig) -> Self {
        let on = |is_on: bool| if is_on { "on" } else { "off" };
        let tokens = &config.tokens;
        let sources = [
            tokens.secret.as_ref().map(|_| "secret".to_owned()),
            tokens.previous_secret.as_ref().map(|_| "previous secret".to_owned()),
            tokens.jwks.as_ref().map(|jwks| format!("key set of {:?}", jwks.source)),
        ];
        Self {
            webhook: match &config.twilio {
                Some(settings) => format!("on, for signatures of {}", settings.public_url.as_str()),
                None => "off".to_owned(),
            },
            introspection: match config.transport.introspection {
                Introspection::Off => "off",
                Introspection::SignedIn => "signed-in",
                Introspection::Public => "public",
            },
            graphiql: on(matches!(config.graphiql, Graphiql::On { .. })),
            inbox: on(matches!(config.inbox, Inbox::On { .. })),
            tokens: sources.into_iter().flatten().collect::<Vec<_>>().join(", "),
            origins: match config.transport.allowed_origins.as_slice() {
                [] => "own".to_owned(),
                origins => format!("own, {}", origins.join(", ")),
            },
            metrics: config.metrics_listen.map_or("off".to_owned(), |address| address.to_string()),
        }
    }

    fn log(self) {
        let Self { webhook, introspection, graphiql, inbox, tokens, origins, metrics } = self;
        tracing::info!(webhook, introspection, graphiql, inbox, tokens, origins, metrics, "open to callers");
    }
}

#[cfg(test)]
mod tests;
