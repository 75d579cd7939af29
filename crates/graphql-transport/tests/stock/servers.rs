//! The two servers that the tests compare.

use std::{sync::Arc, time::Duration};

use async_graphql::{Data, Error, Result, Schema};
use async_graphql_axum::{GraphQL, GraphQLProtocol, GraphQLWebSocket};
use axum::{
    Router,
    extract::{State, WebSocketUpgrade},
    response::Response,
    routing,
};
use graphql_transport::{
    auth::{self, SignIn},
    settings::TransportSettings,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::support::{Caller, Mutation, Query, Server, Subscriptions, TestSchema, TestSignIn, World};

/// The timeout of a server that [`TestServer::start_with_short_timeout`] starts: for `connection_init` in this crate,
/// and for an idle socket in async-graphql-axum.
const SHORT: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Stock,
}

/// A running server, which stops when the value is dropped.
pub struct TestServer {
    pub http: String,
    pub ws: String,
    pub world: Arc<World>,
    _running: Running,
}

enum Running {
    Ours { _server: Server },
    Stock { _task: AbortOnDropHandle<()> },
}

impl TestServer {
    pub async fn start(kind: Kind) -> Self {
        match kind {
            Kind::Ours => ours(TransportSettings::default()).await,
            Kind::Stock => stock(None).await,
        }
    }

    /// Starts a server that closes a socket if it receives no message for a short time.
    pub async fn start_with_short_timeout(kind: Kind) -> Self {
        match kind {
            Kind::Ours => {
                ours(TransportSettings { init_timeout: SHORT, ..TransportSettings::default() }).await
            }
            Kind::Stock => stock(Some(SHORT)).await,
        }
    }
}

async fn ours(settings: TransportSettings) -> TestServer {
    let server = Server::with(settings).await;
    TestServer {
        http: server.url(),
        ws: format!("ws://{}/graphql", server.address),
        world: Arc::clone(&server.world),
        _running: Running::Ours { _server: server },
    }
}

#[derive(Clone)]
struct Stock {
    schema: TestSchema,
    world: Arc<World>,
    keepalive: Option<Duration>,
}

/// Serves HTTP by `GraphQL` and WebSockets by `GraphQLWebSocket`, with every hook that the latter offers.
async fn stock(keepalive: Option<Duration>) -> TestServer {
    let world = Arc::new(World::default());
    let schema = Schema::build(Query, Mutation, Subscriptions).limit_depth(8).finish();
    let state = Stock { schema: schema.clone(), world: Arc::clone(&world), keepalive };
    let router = Router::new()
        .route("/ws", routing::get(upgrade))
        .with_state(state)
        .route_service("/graphql", GraphQL::new(schema));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    TestServer {
        http: format!("http://{address}/graphql"),
        ws: format!("ws://{address}/ws"),
        world,
        _running: Running::Stock { _task: AbortOnDropHandle::new(task) },
    }
}

async fn upgrade(
    State(stock): State<Stock>,
    protocol: GraphQLProtocol,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.protocols(async_graphql::http::ALL_WEBSOCKET_PROTOCOLS).on_upgrade(move |socket| {
        let Stock { schema, world, keepalive } = stock;
        GraphQLWebSocket::new(socket, schema, protocol)
            .keepalive_timeout(keepalive)
            .on_connection_init(move |payload| sign_in(world, payload))
            .serve()
    })
}

/// Accepts the tokens that the other service accepts.
async fn sign_in(world: Arc<World>, payload: Value) -> Result<Data> {
    let bearer = payload["Authorization"].as_str().and_then(auth::bearer);
    let session = TestSignIn(Arc::clone(&world)).sign_in(bearer).await;
    session.map_err(|error| Error::new(error.to_string()))?;
    let mut data = Data::default();
    data.insert(Caller(bearer.unwrap_or_default().to_owned()));
    data.insert(world);
    Ok(data)
}
