//! Start-up and shutdown of a server.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use graphql_transport::endpoint::GraphqlEndpoint;
use graphql_transport::server;

use crate::auth::TokenSignIn;
use crate::config::{Drain, ServerConfig, TokenSettings, Wakeups};
use crate::graphql;
use crate::http::health::Health;
use crate::http::metrics;
use crate::routes;
use crate::service::Services;
use crate::service::live::wakeups::Bus;
use crate::service::live::wakeups::nats::Nats;
use crate::service::live::wakeups::postgres::Notifications;
use crate::store::db::migrations;
use crate::store::{DatabaseUrl, Store, StoreError};
use crate::token::jwks::{Jwks, JwksError};
use crate::token::{Keys, WeakSecret};

pub(crate) type Endpoint = GraphqlEndpoint<graphql::ApiExecutor, TokenSignIn>;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database URL is none, the database cannot be reached, or its migrations failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret is too short to sign with.
    #[error(transparent)]
    Secret(#[from] WeakSecret),
    /// The key set is a file that is none.
    #[error(transparent)]
    Jwks(#[from] JwksError),
    #[error("tokens need a secret or a key set to be verified by")]
    NoKeys,
    /// A command that changes no schema was given a store whose migrations are not all applied.
    #[error("the store lacks migrations: `switchboard migrate` applies them")]
    Unmigrated,
    #[error("{address} cannot be listened on: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("{0} is not an origin, such as https://app.example.com")]
    Origin(String),
    /// The schema does not read as one; a test makes sure that it does.
    #[error("the schema cannot be read: {0}")]
    Schema(#[from] async_graphql::parser::Error),
}

/// A server that accepts requests, until [`App::shutdown`].
pub struct App {
    address: SocketAddr,
    metrics: Option<Metrics>,
    services: Services,
    endpoint: Endpoint,
    drain: Drain,
    draining: CancellationToken,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
    leases: JoinHandle<()>,
    replay: JoinHandle<()>,
}

/// Opens the store, applying what migrations are missing, and the services over it.
///
/// # Errors
/// When the URL is none, the database cannot be reached, or the secret is too short.
pub async fn open_services(config: &ServerConfig) -> Result<Services, StartError> {
    let url = DatabaseUrl::parse(config.database_url.expose())?;
    migrations::migrate(&url).await?;
    let store = Store::open_with(&url, config.pool_size, config.timeouts).await?;
    let keys = keys(&config.tokens).await?;
    let bus = bus(&config.wakeups, &store);
    Ok(Services::start_with(store, config.clock.clone(), keys, config.service, bus).await?)
}

/// What carries wake-ups to other processes; none when there can be no other.
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
    let mut keys = Keys::default().expecting(settings.expected.clone());
    for secret in settings.secret.iter().chain(&settings.previous_secret) {
        keys = keys.with_secret(secret.expose().as_bytes())?;
    }
    if let Some(jwks) = &settings.jwks {
        keys = keys.with_jwks(Jwks::open(jwks.clone()).await?);
    }
    Ok(keys)
}

/// As [`open_services`], for a store that is migrated already: nothing about it is changed.
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
    /// Starts a server; it accepts requests when this returns.
    ///
    /// # Errors
    /// As [`open_services`], and when the address is taken.
    pub async fn start(config: ServerConfig) -> Result<Self, StartError> {
        let services = open_services(&config).await?;
        Self::serve(config, services).await
    }

    /// Serves services that are open already.
    ///
    /// # Errors
    /// When the address is taken.
    pub async fn serve(config: ServerConfig, services: Services) -> Result<Self, StartError> {
        let shutdown = CancellationToken::new();
        let mut transport = config.transport.clone();
        let schema = graphql::schema_index()?;
        transport.type_names = Some(Arc::new(schema.type_names().map(str::to_owned).collect()));
        let executor = graphql::executor(config.operations, schema);
        let observer = Arc::new(services.metrics().clone());
        let sign_in = TokenSignIn::new(services.clone());
        let endpoint = GraphqlEndpoint::new(executor, sign_in, transport, observer, shutdown.clone());
        let draining = CancellationToken::new();
        let health = Health::new(services.clone(), draining.clone());
        let router = routes::router(&config, services.clone(), endpoint.clone(), health).await?;
        let (listener, address) = listen(config.listen).await?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(Metrics::serve(address, services.clone(), endpoint.clone()).await?),
            None => None,
        };
        let header_timeout = config.transport.header_timeout;
        let serving = tokio::spawn(server::serve(listener, router, header_timeout, shutdown.clone()));
        let leases = tokio::spawn(services.clone().keep_leases(shutdown.clone()));
        let replay = tokio::spawn(services.clone().keep_replay(shutdown.clone()));
        let drain = config.drain;
        Ok(Self { address, metrics, services, endpoint, drain, draining, shutdown, serving, leases, replay })
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

    /// Says that it is no longer ready; after the notice stops accepting and closes all sockets with 1012, and
    /// waits a while for what has begun.
    pub async fn shutdown(self) {
        self.draining.cancel();
        tokio::time::sleep(self.drain.notice).await;
        self.shutdown.cancel();
        let ended = async {
            if let Err(error) = self.serving.await {
                tracing::warn!(%error, "the listener failed");
            }
            self.endpoint.drain().await;
            if let Err(error) = self.leases.await {
                tracing::warn!(%error, "the leases were no longer swept");
            }
            if let Err(error) = self.replay.await {
                tracing::warn!(%error, "the replay was no longer shortened");
            }
        };
        if tokio::time::timeout(self.drain.limit, ended).await.is_err() {
            tracing::warn!("requests were still running when the server stopped");
        }
    }
}

/// The listener of `/metrics`. It outlives the requests that a stopping server waits for, and ends with this.
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
    let unheard = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(unheard)?;
    let bound = listener.local_addr().map_err(unheard)?;
    Ok((listener, bound))
}
