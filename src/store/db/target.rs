//! The address of a PostgreSQL server, and how to connect to it. The pool, the migrations and the wake-ups use it.
//!
//! The URL has libpq's format. This module parses the options that tokio-postgres does not support:
//! `sslmode=verify-ca`, `sslmode=verify-full` and `sslrootcert`. The default is `sslmode=prefer`, which encrypts if the
//! server supports it, and verifies nothing.

use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::db::tls;
use crate::store::db::tls::Verify;
use crate::store::{StoreError, StoreResult};

/// How long establishing a connection may take, unless the URL has `connect_timeout`.
const CONNECT: Duration = Duration::from_secs(5);
/// The default of tokio-postgres for `keepalives_idle`. It notices a lost server much too late.
const LIBRARY_IDLE: Duration = Duration::from_secs(2 * 60 * 60);
/// How long a connection may be silent before TCP keepalive probes are sent.
///
/// A server whose machine has failed does not close its connections. Only unanswered probes show that it is gone.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// The time between two probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// The connection is closed after this many unanswered probes.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long sent data may remain unacknowledged. While data is in flight, TCP sends no keepalive probes.
const USER_TIMEOUT: Duration = Duration::from_secs(25);

type TlsStream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

/// A PostgreSQL server and a database on it.
pub struct Target {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Target {
    /// Parses a `postgres://…` URL.
    ///
    /// # Errors
    /// [`StoreError::Url`]. Its message does not contain the URL.
    pub fn parse(url: &str) -> StoreResult<Self> {
        let (url, options) = split(url);
        let mut config: Config =
            url.parse().map_err(|error: tokio_postgres::Error| StoreError::Url(error.to_string()))?;
        let (mode, verify) = match options.mode.as_deref() {
            None | Some("prefer") => (SslMode::Prefer, Verify::Nothing),
            Some("disable") => (SslMode::Disable, Verify::Nothing),
            // As in libpq: `require` with `sslrootcert` verifies the authority.
            Some("require") if options.roots.is_some() => (SslMode::Require, Verify::Authority),
            Some("require") => (SslMode::Require, Verify::Nothing),
            Some("verify-ca") => (SslMode::Require, Verify::Authority),
            Some("verify-full") => (SslMode::Require, Verify::Host),
            Some(_) => {
                let known = "disable, prefer, require, verify-ca or verify-full";
                return Err(StoreError::Url(format!("sslmode must be one of {known}")));
            }
        };
        config.ssl_mode(mode);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_keepalives_idle() == LIBRARY_IDLE {
            config
                .keepalives_idle(KEEPALIVE_IDLE)
                .keepalives_interval(KEEPALIVE_INTERVAL)
                .keepalives_retries(KEEPALIVE_RETRIES);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(USER_TIMEOUT);
        }
        let tls = MakeRustlsConnect::new(tls::client_config(verify, options.roots.as_deref())?);
        Ok(Self { config, tls })
    }

    /// Opens a connection for queries.
    ///
    /// # Errors
    /// If the server cannot be reached, cannot be verified as the URL asks, or refuses the connection.
    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let (client, connection) = self.connect_raw().await.map_err(bad)?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }

    /// Opens a connection whose messages the caller must poll.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_raw(
        &self,
    ) -> Result<(Client, Connection<Socket, TlsStream>), tokio_postgres::Error> {
        let connected = self.config.connect(self.tls.clone()).await;
        match connected {
            // As in libpq: with `prefer`, the client falls back to a connection without TLS.
            Err(error) if self.config.get_ssl_mode() == SslMode::Prefer && is_about_tls(&error) => {
                self.config.clone().ssl_mode(SslMode::Disable).connect(self.tls.clone()).await
            }
            connected => connected,
        }
    }
}

/// Whether the server may accept a connection without TLS after this error.
// The kind of a `tokio_postgres::Error` is not public, so this compares the message.
fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
        || error.to_string().starts_with("error performing TLS handshake")
}

fn bad(error: tokio_postgres::Error) -> ConnectionError {
    ConnectionError::BadConnection(error.to_string())
}

/// The options of a URL that this module parses.
#[derive(Default)]
struct Options {
    mode: Option<String>,
    roots: Option<String>,
}

/// Splits off the options that this module parses. Returns the URL without them, and the options.
fn split(url: &str) -> (String, Options) {
    let mut options = Options::default();
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), options) };
    let rest: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let read = url::form_urlencoded::parse(pair.as_bytes()).next();
            match read.as_ref().map(|(key, value)| (key.as_ref(), value.as_ref())) {
                Some(("sslmode", value)) => options.mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => options.roots = Some(value.to_owned()),
                _ => return true,
            }
            false
        })
        .collect();
    (format!("{base}?{}", rest.join("&")), options)
}

#[cfg(test)]
mod tests {
    use crate::store::db::target::*;

    #[test]
    fn options_that_tokio_postgres_does_not_support_are_removed_from_the_url() {
        let (url, options) =
            split("postgres://u:p%26w@h/db?sslmode=verify-full&application_name=x%20y&sslrootcert=%2Fa%20b");
        assert_eq!(url, "postgres://u:p%26w@h/db?application_name=x%20y");
        assert_eq!((options.mode.as_deref(), options.roots.as_deref()), (Some("verify-full"), Some("/a b")));
        assert_eq!(split("postgres:///db?host=/run").0, "postgres:///db?host=/run");
    }

    #[test]
    fn a_silently_lost_server_is_noticed_within_half_a_minute_unless_the_url_says_otherwise() {
        let target = Target::parse("postgres://h/db").unwrap();
        assert!(target.config.get_keepalives());
        let (idle, interval) = (target.config.get_keepalives_idle(), target.config.get_keepalives_interval());
        assert!(
            idle + interval.unwrap() * target.config.get_keepalives_retries().unwrap()
                <= Duration::from_secs(30)
        );
        assert!(*target.config.get_tcp_user_timeout().unwrap() <= Duration::from_secs(30));
        let own = Target::parse("postgres://h/db?keepalives_idle=77&tcp_user_timeout=88000").unwrap();
        assert_eq!(own.config.get_keepalives_idle(), Duration::from_secs(77));
        assert!(own.config.get_keepalives_interval().is_none());
    }

    #[test]
    fn each_mode_of_libpq_is_read_and_nothing_else() {
        let mode = |query: &str| {
            Target::parse(&format!("postgres://h/db{query}")).map(|target| target.config.get_ssl_mode())
        };
        assert_eq!(mode("").ok(), Some(SslMode::Prefer));
        assert_eq!(mode("?sslmode=prefer").ok(), Some(SslMode::Prefer));
        assert_eq!(mode("?sslmode=disable").ok(), Some(SslMode::Disable));
        assert_eq!(mode("?sslmode=require").ok(), Some(SslMode::Require));
        for unusable in [
            "?sslmode=allow-anything",
            "?sslmode=verify-full&sslrootcert=/nowhere",
            "?sslmode=verify-ca&sslrootcert=/nowhere",
            "?sslmode=require&sslrootcert=/nowhere",
        ] {
            assert!(matches!(mode(unusable), Err(StoreError::Url(_))), "{unusable}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_repeated() {
        let error = Target::parse("postgres://u:hunter2@h:notaport/db").err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| !text.contains("hunter2")));
    }
}
