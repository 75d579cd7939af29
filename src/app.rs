//! A running server: store, services, schema and routes, put together.

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

/// How long a token that is let in late is good for.
const LEEWAY: Duration = Duration::from_secs(LEEWAY_SECONDS);

/// Headers that pages of other origins may read.
const EXPOSED: [&str; 5] =
    ["x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"];

type Endpoint = GraphqlEndpoint<ConformingExecutor, TokenSignIn>;

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
        transport.type_names = Some(Arc::new(type_names()?));
        let sign_in = TokenSignIn { services: services.clone() };
        let engine = graphql::engine(config.operations);
        let endpoint =
            GraphqlEndpoint::new(engine, sign_in, transport, services.metrics().clone(), shutdown.clone());
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

/// The names of all types, so that a document which names another is refused before the executor, which would
/// panic on some of them, sees it.
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

/// GraphiQL's scripts from this machine, installing them if asked to; otherwise its page takes them from a CDN.
async fn graphiql_assets(install: bool) -> AssetSource {
    let dir = assets::default_dir();
    let loaded = match assets::load(&dir) {
        Err(_) if install => {
            tracing::info!("installing GraphiQL's scripts from npm, once");
            assets::install(&dir).await
        }
        loaded => loaded,
    };
    match loaded {
        Ok(assets) => AssetSource::Installed(assets),
        Err(error) => {
            tracing::info!(reason = %error, "GraphiQL's page takes its scripts from a CDN");
            AssetSource::Cdn { how_to_install: assets::install_command(&dir) }
        }
    }
}

/// Pages of these origins, and of no others, may call the API.
fn cors(transport: &TransportSettings) -> Result<CorsLayer, StartError> {
    let origin = |text: &String| text.parse::<HeaderValue>().map_err(|_| StartError::Origin(text.clone()));
    let origins = transport.allowed_origins.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
    Ok(CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, X_REQUEST_ID])
        .expose_headers(EXPOSED.map(HeaderName::from_static)))
}

/// Signs callers in by their tokens; role, activity and access come from the database each time.
#[derive(Clone)]
pub struct TokenSignIn {
    services: Services,
}

impl SignIn for TokenSignIn {
    async fn sign_in(&self, bearer: Option<&str>) -> Result<Session, SignInError> {
        let refused = |message: &str| SignInError::Unauthenticated(message.to_owned());
        let token = bearer.ok_or_else(|| refused("A bearer token is needed."))?;
        let verified = self.services.keys().verify(token).await.map_err(|error| match error {
            TokenError::Expired => refused("The token has expired."),
            TokenError::Invalid | TokenError::NoSecret => refused("The token is not valid."),
            TokenError::Unavailable => SignInError::Unavailable,
        })?;
        let signed_in = async {
            let caller = match verified.subject {
                Subject::Caller(caller) => caller,
                Subject::Email { workspace_id, email } => {
                    self.services.agent_with(workspace_id, &email).await?
                }
            };
            Ok((caller, self.services.access(caller).await?))
        };
        let (caller, access) = signed_in.await.map_err(|error| match error {
            Error::Unauthenticated => refused("The agent of this token cannot sign in."),
            error => {
                tracing::error!(%error, "a caller could not be signed in");
                SignInError::Unavailable
            }
        })?;
        // A token that has expired within the leeway is let in, and its socket lives no longer than the leeway.
        let left = verified.expires_at.as_micros() - self.services.clock().now().as_micros();
        let left = u64::try_from(left).map_or(LEEWAY, Duration::from_micros);
        let (services, later) = (self.services.clone(), self.services.clone());
        Ok(Session {
            expires_in: Some(left),
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
