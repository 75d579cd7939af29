//! A server with a small schema, and a sign-in with a few fixed tokens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_graphql::{Context, Error, ErrorExtensions, Object, Request, Result, Schema, Subscription};
use futures_util::{FutureExt, Stream, StreamExt, future::pending, stream};
use graphql_transport::conformance::schema::ApiSchema;
use graphql_transport::{
    auth::{Session, SignIn, SignInError, TokenProblem},
    endpoint::GraphqlEndpoint,
    routes, server,
    settings::TransportSettings,
};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The state that a test shares with the resolvers.
#[derive(Default)]
pub struct World {
    /// The number of completed mutations.
    pub written: AtomicU32,
    /// Notified when a `hold` has started.
    pub begun: Notify,
    /// Lets a `hold` complete.
    pub release: Notify,
    /// Lets `tick` send its next item.
    pub tick: Notify,
    /// Deactivates the agent of the token `revocable`.
    pub revoke: CancellationToken,
    /// Lets the sign-in of the token `slow` complete.
    pub finish_sign_in: Notify,
    /// The number of running subscriptions to `forever`.
    pub forever: AtomicU32,
}

fn explode() -> i32 {
    panic!("the password is hunter2")
}

pub struct Query;

/// The caller of the request.
pub struct Caller(pub String);

#[Object]
impl Query {
    async fn caller(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.data::<Caller>()?.0.clone())
    }

    async fn echo(&self, number: i32) -> i32 {
        number
    }

    async fn fail(&self) -> Result<Option<i32>> {
        Err(Error::new("the password is hunter2"))
    }

    async fn forbidden(&self) -> Result<Option<i32>> {
        Err(Error::new("Not for you.").extend_with(|_, e| e.set("code", "FORBIDDEN")))
    }

    async fn panic(&self) -> i32 {
        explode()
    }

    async fn never(&self) -> Option<i32> {
        pending().await
    }

    async fn nested(&self) -> Query {
        Query
    }
}

pub struct Mutation;

#[Object]
impl Mutation {
    async fn write(&self, ctx: &Context<'_>) -> Result<u32> {
        let world = ctx.data::<Arc<World>>()?;
        Ok(world.written.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// Waits for `World::release` before it writes.
    async fn hold(&self, ctx: &Context<'_>) -> Result<u32> {
        let world = ctx.data::<Arc<World>>()?;
        world.begun.notify_one();
        world.release.notified().await;
        Ok(world.written.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

pub struct Subscriptions;

struct Running(Arc<World>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.forever.fetch_sub(1, Ordering::SeqCst);
    }
}

#[Subscription]
impl Subscriptions {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    /// One item for each notification of `World::tick`.
    async fn tick(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = u32> + use<>> {
        let world = Arc::clone(ctx.data::<Arc<World>>()?);
        Ok(stream::unfold((world, 0), |(world, n)| async move {
            world.tick.notified().await;
            Some((n + 1, (world, n + 1)))
        }))
    }

    /// An endless stream of items of this size.
    async fn flood(&self, bytes: usize) -> impl Stream<Item = String> {
        stream::repeat_with(move || "x".repeat(bytes))
    }

    async fn forever(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = i32> + use<>> {
        let world = Arc::clone(ctx.data::<Arc<World>>()?);
        world.forever.fetch_add(1, Ordering::SeqCst);
        let running = Running(world);
        Ok(stream::pending().map(move |item: i32| {
            let _ = &running;
            item
        }))
    }

    async fn refuse(&self) -> Result<stream::Empty<i32>> {
        Err(Error::new("Not for you.").extend_with(|_, e| e.set("code", "FORBIDDEN")))
    }

    async fn burst(&self) -> impl Stream<Item = i32> {
        stream::once(async { 1 }).chain(stream::once(async { explode() }))
    }
}

pub type TestSchema = Schema<Query, Mutation, Subscriptions>;

/// The tokens `alice`, `brief` (expires after half a second), `revocable` and `slow` belong to agents. The token
/// `service` belongs to a service. With the token `unavailable`, the sign-in is unavailable.
#[derive(Clone)]
pub struct TestSignIn(pub Arc<World>);

impl SignIn for TestSignIn {
    async fn sign_in(&self, bearer: Option<&str>) -> Result<Session, SignInError> {
        let name = match bearer {
            Some(name @ ("alice" | "service" | "brief" | "revocable")) => name.to_owned(),
            Some("slow") => {
                self.0.finish_sign_in.notified().await;
                "slow".to_owned()
            }
            Some("unavailable") => return Err(SignInError::Unavailable),
            _ => {
                return Err(SignInError::Unauthenticated(TokenProblem::Invalid, "Sign in first.".to_owned()));
            }
        };
        let world = Arc::clone(&self.0);
        Ok(Session {
            replaces_invalid_text: false,
            expires_in: (name == "brief").then_some(Duration::from_millis(500)),
            revoked: match name.as_str() {
                "revocable" => world.revoke.clone().cancelled_owned().boxed(),
                _ => pending().boxed(),
            },
            user_key: (name != "service").then(|| Uuid::from_u128(name.len() as u128)),
            tenant_key: None,
            attach_first: None,
            attach: Arc::new(move |request: Request| {
                request.data(Caller(name.clone())).data(Arc::clone(&world))
            }),
        })
    }
}

/// A running server. It stops when it is dropped.
pub struct Server {
    pub address: std::net::SocketAddr,
    pub world: Arc<World>,
    pub shutdown: CancellationToken,
    pub endpoint: GraphqlEndpoint<TestSchema, TestSignIn>,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(TransportSettings::default()).await
    }

    pub async fn with(settings: TransportSettings) -> Self {
        let world = Arc::new(World::default());
        let shutdown = CancellationToken::new();
        let timeouts = (&settings).into();
        let schema = Schema::build(Query, Mutation, Subscriptions).limit_depth(8).finish();
        let sign_in = TestSignIn(Arc::clone(&world));
        let api_schema = ApiSchema::parse(&schema.sdl()).expect("the schema is valid");
        let endpoint =
            GraphqlEndpoint::new(schema, api_schema, sign_in, settings, Arc::new(()), shutdown.clone());
        let router = routes::routes("/graphql", endpoint.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = server::serve(listener, router, timeouts, shutdown.clone());
        Self {
            address,
            world,
            shutdown,
            endpoint,
            _task: tokio_util::task::AbortOnDropHandle::new(tokio::spawn(serve)),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    pub fn written(&self) -> u32 {
        self.world.written.load(Ordering::SeqCst)
    }
}

/// Polls until a condition holds, with a timeout. For conditions without a notification.
pub async fn eventually(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .expect("the condition did not hold within 20 s");
}

/// Documents that would overflow the stack of a server without a guard, or keep it busy for minutes.
pub fn hostile_documents() -> Vec<String> {
    let doubling: String =
        (0..30).map(|n| format!("fragment F{n} on Query {{ ...F{m} ...F{m} }} ", m = n + 1)).collect();
    vec![
        format!("{{ echo(number: {}) }}", "[".repeat(3_200)),
        format!("{{ echo(number: {}) }}", "{a:".repeat(3_200)),
        format!("query Q($a: Int = {}) {{ caller }}", "[".repeat(3_200)),
        format!("{{ caller {} }}", "@skip(if: false) ".repeat(900)),
        format!("{{ ...F0 }} {doubling} fragment F30 on Query {{ caller }}"),
        format!("#{}\n{{ caller }}", "x".repeat(100 * 1024)),
    ]
}
