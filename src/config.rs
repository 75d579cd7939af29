//! The settings of a server. The command line builds them from flags and environment variables.
//!
//! `Debug` does not print secrets.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::clock::Clock;
use crate::graphql;
use crate::http::pages::graphiql::Identity;
use crate::http::webhooks::twilio::settings::TwilioSettings;
use crate::service::Settings;
use crate::store::Timeouts;
use crate::token::Expected;
use crate::token::jwks::JwksSettings;
use graphql_transport::settings::TransportSettings;
use url::Url;

/// A string that `Debug` does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret value.
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

/// The origin of a page that may call the API, in the form in which browsers send it.
///
/// # Errors
/// If the text is not an origin: a scheme, a host and an optional port.
pub fn page_origin(text: &str) -> Result<String, InvalidOrigin> {
    let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if is_web && is_anonymous && is_origin && !text.ends_with('/') && !text.contains('*') {
        Ok(url.origin().ascii_serialization())
    } else {
        Err(InvalidOrigin)
    }
}

/// The text is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an origin, such as https://app.example.com: scheme, host and optional port, without a path; `*` is not \
     supported, so name each origin"
)]
pub struct InvalidOrigin;

/// Whether GraphiQL is served.
#[derive(Debug, Clone, Default)]
pub enum Graphiql {
    #[default]
    Off,
    /// `identities` are the agents to choose from, the first signed in initially. For demonstrations only.
    On { identities: Vec<Identity>, install_assets: bool },
}

/// Whether the inbox is served at `/`.
#[derive(Debug, Clone)]
pub enum Inbox {
    Off,
    /// `identities` are the agents to choose from, the first signed in initially. For demonstrations only.
    On {
        identities: Vec<Identity>,
    },
}

impl Default for Inbox {
    fn default() -> Self {
        Self::On { identities: Vec::new() }
    }
}

/// How a server shuts down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// How long the server still accepts requests after `/readyz` reports that it is not ready. Gives the load balancer
    /// time to notice.
    pub notice: Duration,
    /// How long the server then waits for running requests.
    pub limit: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { notice: Duration::ZERO, limit: Duration::from_secs(10) }
    }
}

/// How processes notify each other of writes.
#[derive(Debug, Clone, Default)]
pub enum Wakeups {
    /// NOTIFY of PostgreSQL. Does nothing on SQLite, which only one process can serve.
    #[default]
    Notify,
    /// NATS, at this URL.
    Nats(Secret),
    /// No notifications: processes only poll.
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
            _ => Err("must be `notify`, `none` or the URL of a NATS server, such as nats://HOST:4222"),
        }
    }
}

/// Which tokens are accepted, and the key that signs new ones. A secret or a key set is required.
#[derive(Debug, Clone, Default)]
pub struct TokenSettings {
    /// The HS256 secret that signs and verifies tokens.
    pub secret: Option<Secret>,
    /// The previous HS256 secret. Its tokens are still accepted.
    pub previous_secret: Option<Secret>,
    /// The key set of an identity provider.
    pub jwks: Option<JwksSettings>,
    pub expected: Expected,
}

/// All settings of a server.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `sqlite:PATH` or `postgres://…`.
    pub database_url: Secret,
    /// The address to listen on. Port 0 picks a free port.
    pub listen: SocketAddr,
    pub tokens: TokenSettings,
    /// The number of connections to PostgreSQL.
    pub pool_size: usize,
    pub wakeups: Wakeups,
    pub service: Settings,
    /// The timeouts of PostgreSQL.
    pub timeouts: Timeouts,
    /// The limits of one operation.
    pub operations: graphql::Limits,
    pub graphiql: Graphiql,
    pub inbox: Inbox,
    /// The settings of the Twilio webhook; `None` turns the webhook off.
    pub twilio: Option<TwilioSettings>,
    pub transport: TransportSettings,
    pub drain: Drain,
    /// The address of `/metrics`; `None` does not serve it. Port 0 picks a free port.
    pub metrics_listen: Option<SocketAddr>,
    pub clock: Clock,
}

/// The default number of connections to PostgreSQL.
pub const DEFAULT_POOL_SIZE: usize = 10;

impl ServerConfig {
    /// The default settings.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_nothing_else() {
        for (text, origin) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://App.Example.com:443", "https://app.example.com"),
            ("http://localhost:5173", "http://localhost:5173"),
        ] {
            assert_eq!(page_origin(text).as_deref(), Ok(origin));
        }
        for text in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://*",
            "https://*.example.com",
            "https://app.example.com/",
            "https://app.example.com/inbox",
            "https://user@app.example.com",
            "file:///",
        ] {
            assert_eq!(page_origin(text), Err(InvalidOrigin), "{text}");
        }
    }
}
