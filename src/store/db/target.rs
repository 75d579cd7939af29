//! Which PostgreSQL, and how to connect to it: one way for the pool, the migrations and the wake-ups.
//!
//! The URL is libpq's. What tokio-postgres does not read of it, `sslmode=verify-ca`, `verify-full` and
//! `sslrootcert`, is read here. `prefer`, the default, encrypts when the server can and verifies nothing.

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

/// How long making a connection may take, unless the URL says `connect_timeout`.
const CONNECT: Duration = Duration::from_secs(5);
/// What tokio-postgres does when the URL does not say `keepalives_idle`: too late for anybody who waits.
const LIBRARY_IDLE: Duration = Duration::from_secs(2 * 60 * 60);
/// A server whose machine is gone says nothing, not even that. So a connection on which nothing has been heard this
/// long is asked whether anybody is there, and given up after [`PROBES`] without an answer.
const SILENCE: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;
/// The same for a statement that nobody acknowledges: while one is on its way nothing is probed.
const UNANSWERED: Duration = Duration::from_secs(25);

type TlsStream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

/// A PostgreSQL server and a database on it.
pub struct Target {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Target {
    /// Reads a `postgres://…` URL.
    ///
    /// # Errors
    /// [`StoreError::Url`], without the URL in it.
    pub fn parse(url: &str) -> StoreResult<Self> {
        let (url, options) = split(url);
        let mut config: Config =
            url.parse().map_err(|error: tokio_postgres::Error| StoreError::Url(error.to_string()))?;
        let (mode, verify) = match options.mode.as_deref() {
            None | Some("prefer") => (SslMode::Prefer, Verify::Nothing),
            Some("disable") => (SslMode::Disable, Verify::Nothing),
            // As libpq has it: authorities that are named are used.
            Some("require") if options.roots.is_some() => (SslMode::Require, Verify::Authority),
            Some("require") => (SslMode::Require, Verify::Nothing),
            Some("verify-ca") => (SslMode::Require, Verify::Authority),
            Some("verify-full") => (SslMode::Require, Verify::Host),
            Some(_) => {
                let known = "disable, prefer, require, verify-ca or verify-full";
                return Err(StoreError::Url(format!("sslmode is one of {known}")));
            }
        };
        config.ssl_mode(mode);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_keepalives_idle() == LIBRARY_IDLE {
            config.keepalives_idle(SILENCE).keepalives_interval(PROBE).keepalives_retries(PROBES);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(UNANSWERED);
        }
        let tls = MakeRustlsConnect::new(tls::client_config(verify, options.roots.as_deref())?);
        Ok(Self { config, tls })
    }

    /// A connection for queries.
    ///
    /// # Errors
    /// When the server cannot be reached, is not whom the URL asks for, or refuses us.
    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let (client, connection) = self.connect_raw().await.map_err(bad)?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await
    }

    /// A connection that the caller drives.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_raw(
        &self,
    ) -> Result<(Client, Connection<Socket, TlsStream>), tokio_postgres::Error> {
        let connected = self.config.connect(self.tls.clone()).await;
        match connected {
            // As libpq has it: who only prefers TLS goes on without.
            Err(error) if self.config.get_ssl_mode() == SslMode::Prefer && is_about_tls(&error) => {
                self.config.clone().ssl_mode(SslMode::Disable).connect(self.tls.clone()).await
            }
            connected => connected,
        }
    }
}

/// Whether the same server may well accept a connection without TLS. The kind of an error is not public.
fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
        || error.to_string().starts_with("error performing TLS handshake")
}

fn bad(error: tokio_postgres::Error) -> ConnectionError {
    ConnectionError::BadConnection(error.to_string())
}

/// What of a URL is read here.
#[derive(Default)]
struct Options {
    mode: Option<String>,
    roots: Option<String>,
}

/// The URL without what is read here, and that.
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
    fn what_tokio_postgres_does_not_know_is_taken_out_of_the_url() {
        let (url, options) =
            split("postgres://u:p%26w@h/db?sslmode=verify-full&application_name=x%20y&sslrootcert=%2Fa%20b");
        assert_eq!(url, "postgres://u:p%26w@h/db?application_name=x%20y");
        assert_eq!((options.mode.as_deref(), options.roots.as_deref()), (Some("verify-full"), Some("/a b")));
        assert_eq!(split("postgres:///db?host=/run").0, "postgres:///db?host=/run");
    }

    #[test]
    fn a_server_that_is_gone_without_a_word_is_noticed_within_half_a_minute_unless_the_url_says_otherwise() {
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
