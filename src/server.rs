//! The server: opens the store, starts the services and the background tasks, and serves the routes.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use graphql_transport::conformance::schema::SchemaError;
use graphql_transport::endpoint::GraphqlEndpoint;
use graphql_transport::server;

use crate::auth::TokenSignIn;
use crate::config::{Drain, ServerConfig, TokenSettings, Wakeups};
use crate::graphql;
use crate::http::health::Health;
use crate::http::metrics;
use crate::routes;
use crate::service::Services;
use crate::service::live::wakeups::{Bus, nats::Nats, postgres::Notifications};
use crate::store::db::migrations;
use crate::store::{DatabaseUrl, Store, StoreError};
use crate::token::jwks::{Jwks, JwksError};
use crate::token::{Keys, WeakSecret};

pub(crate) type Endpoint = GraphqlEndpoint<graphql::Schema, TokenSignIn>;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database URL is invalid, the database cannot be reached, or its migrations failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret is too short to sign with.
    #[error(transparent)]
    Secret(#[from] WeakSecret),
    /// The file is not a key set.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    #[error("a secret or a key set is required to verify tokens")]
    NoKeys,
    /// A provider signs tokens for many programs. The audience tells which are for this one.
    #[error("a key set requires an audience; set SWITCHBOARD_TOKEN_AUDIENCE to the audience of the tokens")]
    NoAudience,
    /// The store lacks migrations, and the command does not apply them.
    #[error("the store lacks migrations: run `switchboard migrate`")]
    Unmigrated,
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("{0} is not an origin, such as https://app.example.com")]
    Origin(String),
    /// The schema is invalid. A test ensures that it is valid.
    #[error("the schema is invalid: {0}")]
    Schema(#[from] SchemaError),
}

/// A running server, which accepts requests until [`App::shutdown`].
pub struct App {
    address: SocketAddr,
    metrics: Option<Metrics>,
    services: Services,
    endpoint: Endpoint,
    drain: Drain,
    draining: CancellationToken,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

/// Opens the store, applies missing migrations, and starts the services.
///
/// # Errors
/// When the URL is invalid, the database cannot be reached, or the secret is too short.
pub async fn open_services(config: &ServerConfig) -> Result<Services, StartError> {
    // Without `..`: a new setting does not compile until it is used here or named as a setting of `App`.
    let ServerConfig {
        database_url,
        tokens,
        pool_size,
        wakeups,
        service,
        timeouts,
        clock,
        listen: _,
        operations: _,
        graphiql: _,
        inbox: _,
        twilio: _,
        transport: _,
        drain: _,
        metrics_listen: _,
    } = config;
    let url = DatabaseUrl::parse(database_url.expose())?;
    migrations::migrate(&url).await?;
    let store = Store::open_with(&url, *pool_size, *timeouts).await?;
    let keys = keys(tokens).await?;
    let bus = bus(wakeups, &store);
    Ok(Services::start_with(store, clock.clone(), keys, *service, bus).await?)
}

/// The bus that carries wake-ups to other processes; `None` when wake-ups are off, or when no other process can use
/// the database.
fn bus(setting: &Wakeups, store: &Store) -> Option<Box<dyn Bus>> {
    match setting {
        Wakeups::Notify if store.is_shared() => Some(Box::new(Notifications(store.clone()))),
        Wakeups::Nats(servers) => Some(Box::new(Nats::new(servers.expose()))),
        Wakeups::Notify | Wakeups::Off => None,
    }
}

async fn keys(settings: &TokenSettings) -> Result<Keys, StartError> {
    if settings.secret.is_none() && settings.jwks.is_none() {
        return Err(StartError::NoKeys);
    }
    if settings.jwks.is_some() && settings.expected.audience.is_none() {
        return Err(StartError::NoAudience);
    }
    let mut keys = Keys::default().expecting(settings.expected.clone());
    for secret in settings.secret.iter().chain(&settings.previous_secret) {
        keys = keys.with_secret(secret.expose().as_bytes())?;
    }
    if let Some(jwks) = &settings.jwks {
        keys = keys.with_jwks(Jwks::open(jwks.clone()).await?);
    }
    Ok(keys)
}

/// As [`open_services`], but applies no migrations.
///
/// # Errors
/// As [`open_services`], and [`StartError::Unmigrated`].
pub async fn open_migrated(config: &ServerConfig) -> Result<Services, StartError> {
    let url = DatabaseUrl::parse(config.database_url.expose())?;
    if !migrations::is_current(&url).await? {
        return Err(StartError::Unmigrated);
    }
    open_services(config).await
}

impl App {
    /// Starts a server. It accepts requests when this returns.
    ///
    /// # Errors
    /// As [`open_services`], and when the address is in use.
    pub async fn start(config: ServerConfig) -> Result<Self, StartError> {
        let services = open_services(&config).await?;
        Self::serve(config, services).await
    }

    /// Serves services that are started already.
    ///
    /// # Errors
    /// When the address is in use.
    pub async fn serve(config: ServerConfig, services: Services) -> Result<Self, StartError> {
        let shutdown = CancellationToken::new();
        let transport = config.transport.clone();
        let executor = graphql::executor(config.operations);
        let schema = graphql::api_schema()?;
        let observer = Arc::new(services.metrics().clone());
        let sign_in = TokenSignIn::new(services.clone());
        let endpoint = GraphqlEndpoint::new(executor, schema, sign_in, transport, observer, shutdown.clone());
        let draining = CancellationToken::new();
        let health = Health::new(services.clone(), draining.clone());
        let router = routes::router(&config, services.clone(), endpoint.clone(), health).await?;
        let (listener, address) = listen(config.listen).await?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(Metrics::serve(address, services.clone(), endpoint.clone()).await?),
            None => None,
        };
        let timeouts = (&config.transport).into();
        let serving = tokio::spawn(server::serve(listener, router, timeouts, shutdown.clone()));
        services.start_lease_sweeper();
        services.start_log_retention();
        let drain = config.drain;
        Ok(Self { address, metrics, services, endpoint, drain, draining, shutdown, serving })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where `/metrics` is served, if anywhere.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|metrics| metrics.address)
    }

    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Shuts the server down. First `/readyz` reports that the server is not ready. After the notice period, the server
    /// stops accepting requests, closes all sockets with code 1012, and waits for running requests up to the limit. The
    /// background workers stop last, because they send the wake-ups of these requests.
    pub async fn shutdown(self) {
        self.draining.cancel();
        tokio::time::sleep(self.drain.notice).await;
        self.shutdown.cancel();
        let ended = async {
            if let Err(error) = self.serving.await {
                tracing::warn!(%error, "the listener failed");
            }
            self.endpoint.drain().await;
        };
        let deadline = tokio::time::Instant::now() + self.drain.limit;
        if tokio::time::timeout_at(deadline, ended).await.is_err() {
            tracing::warn!("requests were still running when the server stopped");
        }
        // Stops the workers even if the deadline has passed: the time-out polls them first.
        if tokio::time::timeout_at(deadline, self.services.workers().shut_down()).await.is_err() {
            tracing::warn!("background workers were still running when the server stopped");
        }
    }
}

/// The listener of `/metrics`. It runs until this is dropped, so it still serves while the server drains.
struct Metrics {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl Metrics {
    async fn serve(at: SocketAddr, services: Services, endpoint: Endpoint) -> Result<Self, StartError> {
        let (listener, address) = listen(at).await?;
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, metrics::routes(services, endpoint)).await {
                tracing::warn!(%error, "the listener of /metrics failed");
            }
        });
        Ok(Self { address, _serving: AbortOnDropHandle::new(serving) })
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen_error = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let bound = listener.local_addr().map_err(listen_error)?;
    Ok((listener, bound))
}
