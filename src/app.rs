//! The server: opens the store, starts the services and the background tasks, and serves the routes.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::{Drain, Graphiql, Inbox, ServerConfig, TokenSettings, Wakeups};
use crate::graphql::{self, ConformingExecutor, Scope};
use crate::http::graphiql::{self as page, AssetSource, GraphiqlSettings, assets};
use crate::http::graphql_http;
use crate::http::health::{self, Health};
use crate::http::inbox::{self, InboxSettings};
use crate::http::metrics;
use crate::http::request_id::X_REQUEST_ID;
use crate::http::server;
use crate::http::session::{Session, SignIn, SignInError};
use crate::http::transport::{GraphqlEndpoint, TransportSettings};
use crate::http::webhook::{self, TwilioWebhook};
use crate::service::wakeups::{Bus, nats::Nats, postgres::Notifications};
use crate::service::{Error, Services};
use crate::store::{DatabaseUrl, Store, StoreError, migrations};
use crate::token::jwks::{Jwks, JwksError};
use crate::token::{Keys, LEEWAY_SECONDS, Subject, TokenError, WeakSecret};

/// How long a session lasts whose token has expired within the leeway.
const LEEWAY: Duration = Duration::from_secs(LEEWAY_SECONDS);

/// Response headers that pages of other origins may read.
const EXPOSED_HEADERS: [&str; 5] =
    ["x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"];

type Endpoint = GraphqlEndpoint<ConformingExecutor, TokenSignIn>;

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
    /// The store lacks migrations, and the command does not apply them.
    #[error("the store lacks migrations: run `switchboard migrate`")]
    Unmigrated,
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("{0} is not an origin, such as https://app.example.com")]
    Origin(String),
    /// The schema cannot be parsed. A test ensures that it can.
    #[error("the schema cannot be parsed: {0}")]
    Schema(#[from] async_graphql::parser::Error),
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
    lease_sweeper: JoinHandle<()>,
    log_retention: JoinHandle<()>,
}

/// Opens the store, applies missing migrations, and starts the services.
///
/// # Errors
/// When the URL is invalid, the database cannot be reached, or the secret is too short.
pub async fn open_services(config: &ServerConfig) -> Result<Services, StartError> {
    let url = DatabaseUrl::parse(config.database_url.expose())?;
    migrations::migrate(&url).await?;
    let store = Store::open_with(&url, config.pool_size, config.timeouts).await?;
    let keys = keys(&config.tokens).await?;
    let bus = bus(&config.wakeups, &store);
    Ok(Services::start_with(store, config.clock.clone(), keys, config.service, bus).await?)
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
        let mut transport = config.transport.clone();
        transport.type_names = Some(Arc::new(type_names()?));
        let sign_in = TokenSignIn { services: services.clone() };
        let executor = graphql::executor(config.operations);
        let endpoint =
            GraphqlEndpoint::new(executor, sign_in, transport, services.metrics().clone(), shutdown.clone());
        let draining = CancellationToken::new();
        let health = Health::new(services.clone(), draining.clone());
        let router = router(&config, services.clone(), endpoint.clone(), health).await?;
        let (listener, address) = listen(config.listen).await?;
        let metrics = match config.metrics_listen {
            Some(address) => Some(Metrics::serve(address, services.clone(), endpoint.clone()).await?),
            None => None,
        };
        let header_timeout = config.transport.header_timeout;
        let serving = tokio::spawn(server::serve(listener, router, header_timeout, shutdown.clone()));
        let lease_sweeper = tokio::spawn(services.clone().run_lease_sweeper(shutdown.clone()));
        let log_retention = tokio::spawn(services.clone().run_log_retention(shutdown.clone()));
        let drain = config.drain;
        Ok(Self {
            address,
            metrics,
            services,
            endpoint,
            drain,
            draining,
            shutdown,
            serving,
            lease_sweeper,
            log_retention,
        })
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
    /// stops accepting requests, closes all sockets with code 1012, and waits for running requests up to the limit.
    pub async fn shutdown(self) {
        self.draining.cancel();
        tokio::time::sleep(self.drain.notice).await;
        self.shutdown.cancel();
        let ended = async {
            if let Err(error) = self.serving.await {
                tracing::warn!(%error, "the listener failed");
            }
            self.endpoint.drain().await;
            if let Err(error) = self.lease_sweeper.await {
                tracing::warn!(%error, "the lease sweeper failed");
            }
            if let Err(error) = self.log_retention.await {
                tracing::warn!(%error, "the log retention failed");
            }
        };
        if tokio::time::timeout(self.drain.limit, ended).await.is_err() {
            tracing::warn!("requests were still running when the server stopped");
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

/// The names of all types. A document that refers to an unknown type is refused before execution, because
/// `async-graphql` panics on some of these documents.
fn type_names() -> Result<HashSet<String>, StartError> {
    use async_graphql::parser::types::TypeSystemDefinition;
    let document = async_graphql::parser::parse_schema(graphql::sdl())?;
    let mut names: HashSet<String> =
        ["Int", "Float", "String", "Boolean", "ID"].map(str::to_owned).into_iter().collect();
    names.extend(document.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(definition.node.name.node.to_string()),
        _ => None,
    }));
    Ok(names)
}

async fn router(
    config: &ServerConfig,
    services: Services,
    endpoint: Endpoint,
    health: Health,
) -> Result<Router, StartError> {
    let graphql = Router::new()
        .route(
            "/graphql",
            get(graphql_http::get::<ConformingExecutor, TokenSignIn>)
                .post(graphql_http::post::<ConformingExecutor, TokenSignIn>)
                .fallback(graphql_http::method_not_allowed),
        )
        .layer(cors(&config.transport)?)
        .with_state(endpoint);
    let mut router = graphql.merge(health::routes(health));
    if let Some(settings) = &config.twilio {
        router = router.merge(webhook::routes(TwilioWebhook::new(services, settings.clone())));
    }
    if let Graphiql::On { identities, install_assets } = &config.graphiql {
        let settings = GraphiqlSettings {
            endpoint: "/graphql".to_owned(),
            identities: identities.clone(),
            assets: graphiql_assets(*install_assets).await,
        };
        router = router.merge(page::routes(settings));
    }
    if let Inbox::On { identities } = &config.inbox {
        router = router.merge(inbox::routes(InboxSettings {
            endpoint: "/graphql".to_owned(),
            identities: identities.clone(),
            graphiql: matches!(config.graphiql, Graphiql::On { .. }).then(|| "/graphiql".to_owned()),
        }));
    }
    Ok(router)
}

/// GraphiQL's scripts. They are loaded from the local directory, after installing them there if `install` is set. If
/// that fails, the page loads them from a CDN.
async fn graphiql_assets(install: bool) -> AssetSource {
    let dir = assets::default_dir();
    let loaded = match assets::load(&dir) {
        Err(_) if install => {
            tracing::info!("installing GraphiQL's scripts from npm");
            assets::install(&dir).await
        }
        loaded => loaded,
    };
    match loaded {
        Ok(assets) => AssetSource::Installed(assets),
        Err(error) => {
            tracing::info!(reason = %error, "GraphiQL's page loads its scripts from a CDN");
            AssetSource::Cdn { how_to_install: assets::install_command(&dir) }
        }
    }
}

/// A CORS layer that lets only pages of the allowed origins call the API.
fn cors(transport: &TransportSettings) -> Result<CorsLayer, StartError> {
    let origin = |text: &String| text.parse::<HeaderValue>().map_err(|_| StartError::Origin(text.clone()));
    let origins = transport.allowed_origins.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
    Ok(CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, X_REQUEST_ID])
        .expose_headers(EXPOSED_HEADERS.map(HeaderName::from_static)))
}

/// Signs callers in by their tokens. Reads each caller's role, status and access from the database.
#[derive(Clone)]
pub struct TokenSignIn {
    services: Services,
}

impl SignIn for TokenSignIn {
    async fn sign_in(&self, bearer: Option<&str>) -> Result<Session, SignInError> {
        let refused = |message: &str| SignInError::Unauthenticated(message.to_owned());
        let token = bearer.ok_or_else(|| refused("A bearer token is required."))?;
        let verified = self.services.keys().verify(token).await.map_err(|error| match error {
            TokenError::Expired => refused("The token has expired."),
            TokenError::Invalid | TokenError::NoSecret => refused("The token is not valid."),
            TokenError::Unavailable => SignInError::Unavailable,
        })?;
        let signed_in = async {
            let caller = match verified.subject {
                Subject::Caller(caller) => caller,
                Subject::Email { workspace_id, email } => {
                    self.services.agent_by_email(workspace_id, &email).await?
                }
            };
            Ok((caller, self.services.access(caller).await?))
        };
        let (caller, access) = signed_in.await.map_err(|error| match error {
            Error::Unauthenticated => refused("The agent of this token cannot sign in."),
            error => {
                tracing::error!(%error, "signing a caller in failed");
                SignInError::Unavailable
            }
        })?;
        // A token that expired within the leeway is accepted, and its socket lasts no longer than the leeway.
        let expires_in = verified.expires_at.as_micros() - self.services.clock().now().as_micros();
        let expires_in = u64::try_from(expires_in).map_or(LEEWAY, Duration::from_micros);
        let (services, later) = (self.services.clone(), self.services.clone());
        Ok(Session {
            expires_in: Some(expires_in),
            revoked: self.services.revoked(&access),
            agent_key: caller.agent_id().map(|id| id.0),
            workspace_key: Some(caller.workspace_id().0),
            attach: Arc::new(move |request| graphql::attach(request, Scope::new(later.clone(), caller))),
            attach_first: Some(Box::new(move |request| {
                graphql::attach(request, Scope::with_access(services, access))
            })),
        })
    }
}
