//! Typed settings of a server. Where they come from (flags, variables) is the command line's business.
//!
//! Secrets do not show in `Debug`.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::clock::Clock;
use crate::graphql;
use crate::http::pages::graphiql::Identity;
use crate::http::webhooks::twilio::TwilioSettings;
use crate::service::Settings;
use crate::store::Timeouts;
use crate::token::Expected;
use crate::token::jwks::JwksSettings;
use graphql_transport::settings::TransportSettings;

/// A value that does not show itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for whoever has to use it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

/// Whether people can explore the API in their browser.
#[derive(Debug, Clone, Default)]
pub enum Graphiql {
    #[default]
    Off,
    /// `identities` are signed in from the start: for demonstrations only.
    On { identities: Vec<Identity>, install_assets: bool },
}

/// Whether the team works on the page at `/`.
#[derive(Debug, Clone)]
pub enum Inbox {
    Off,
    /// `identities` are signed in from the start: for demonstrations only.
    On {
        identities: Vec<Identity>,
    },
}

impl Default for Inbox {
    fn default() -> Self {
        Self::On { identities: Vec::new() }
    }
}

/// How a server goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// How long it still accepts requests after it has said that it is not ready, so that its balancer notices.
    pub notice: Duration,
    /// How long it then waits for what has begun.
    pub limit: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { notice: Duration::ZERO, limit: Duration::from_secs(10) }
    }
}

/// What tells this process that another has written something.
#[derive(Debug, Clone, Default)]
pub enum Wakeups {
    /// NOTIFY of PostgreSQL; on SQLite, which one process serves, there is nobody to tell.
    #[default]
    Notify,
    /// NATS, at a URL.
    Nats(Secret),
    /// Nothing: the poll alone.
    Off,
}

impl std::str::FromStr for Wakeups {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "notify" => Ok(Self::Notify),
            "none" => Ok(Self::Off),
            _ if text.starts_with("nats://") || text.starts_with("tls://") => {
                Ok(Self::Nats(Secret::new(text)))
            }
            _ => Err("write notify, none, or where NATS is: nats://HOST:4222"),
        }
    }
}

/// Which tokens are accepted, and what new ones are signed with. A secret or a key set is needed.
#[derive(Debug, Clone, Default)]
pub struct TokenSettings {
    /// The HS256 secret that tokens are signed with.
    pub secret: Option<Secret>,
    /// The one before, whose tokens still hold.
    pub previous_secret: Option<Secret>,
    /// The keys of an identity provider.
    pub jwks: Option<JwksSettings>,
    pub expected: Expected,
}

/// Everything that a server is started with.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `sqlite:PATH` or `postgres://…`.
    pub database_url: Secret,
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    pub tokens: TokenSettings,
    /// Connections to PostgreSQL.
    pub pool_size: usize,
    pub wakeups: Wakeups,
    pub service: Settings,
    /// How long PostgreSQL may take.
    pub timeouts: Timeouts,
    /// What one operation may ask for.
    pub operations: graphql::Limits,
    pub graphiql: Graphiql,
    pub inbox: Inbox,
    /// `None` turns the webhook off.
    pub twilio: Option<TwilioSettings>,
    pub transport: TransportSettings,
    pub drain: Drain,
    /// Where `/metrics` is served; `None` serves it nowhere. Port 0 takes a free one.
    pub metrics_listen: Option<SocketAddr>,
    pub clock: Clock,
}

/// Connections to PostgreSQL, unless set otherwise.
pub const DEFAULT_POOL_SIZE: usize = 10;

impl ServerConfig {
    /// The defaults for everything that has one.
    pub fn new(database_url: impl Into<String>, listen: SocketAddr, token_secret: Secret) -> Self {
        Self {
            database_url: Secret::new(database_url),
            listen,
            tokens: TokenSettings { secret: Some(token_secret), ..TokenSettings::default() },
            pool_size: DEFAULT_POOL_SIZE,
            wakeups: Wakeups::default(),
            service: Settings::default(),
            timeouts: Timeouts::default(),
            operations: graphql::Limits::default(),
            graphiql: Graphiql::default(),
            inbox: Inbox::default(),
            twilio: None,
            transport: TransportSettings::default(),
            drain: Drain::default(),
            metrics_listen: None,
            clock: Clock::system(),
        }
    }
}
