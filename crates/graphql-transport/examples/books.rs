//! A shelf of books over HTTP and WebSocket: `cargo run -p graphql-transport --example books`.

use std::{future, sync::Arc};

use async_graphql::{Object, Request, Schema, Subscription};
use futures_util::{FutureExt, Stream, stream};
use graphql_transport::conformance::schema::ApiSchema;
use graphql_transport::{
    auth::{Session, SignIn, SignInError},
    endpoint::GraphqlEndpoint,
    routes, server,
    settings::TransportSettings,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

type Titles = watch::Sender<Vec<String>>;

struct Query(Titles);
struct Mutation(Titles);
struct Subscriptions(Titles);

#[Object]
impl Query {
    async fn books(&self) -> Vec<String> {
        self.0.borrow().clone()
    }
}

#[Object]
impl Mutation {
    /// Puts a book on the shelf and returns the number of books.
    async fn add_book(&self, title: String) -> usize {
        self.0.send_modify(|titles| titles.push(title));
        self.0.borrow().len()
    }
}

#[Subscription]
impl Subscriptions {
    /// The books on the shelf now, and again after each change.
    async fn books(&self) -> impl Stream<Item = Vec<String>> {
        let mut titles = self.0.subscribe();
        titles.mark_changed();
        stream::unfold(titles, |mut titles| async {
            titles.changed().await.ok()?;
            let now = titles.borrow_and_update().clone();
            Some((now, titles))
        })
    }
}

/// Accepts every caller, with a token or without.
#[derive(Clone)]
struct Everybody;

impl SignIn for Everybody {
    async fn sign_in(&self, _: Option<&str>) -> Result<Session, SignInError> {
        Ok(Session {
            replaces_invalid_text: false,
            expires_in: None,
            revoked: future::pending().boxed(),
            attach: Arc::new(|request: Request| request),
            attach_first: None,
            user_key: None,
            tenant_key: None,
        })
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let titles = Titles::new(vec!["Dune".to_owned()]);
    let schema = Schema::new(Query(titles.clone()), Mutation(titles.clone()), Subscriptions(titles));
    let (settings, stop) = (TransportSettings::default(), CancellationToken::new());
    let timeouts = (&settings).into();
    let api_schema = ApiSchema::parse(&schema.sdl()).map_err(std::io::Error::other)?;
    let endpoint = GraphqlEndpoint::new(schema, api_schema, Everybody, settings, Arc::new(()), stop.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/graphql", listener.local_addr()?);
    server::serve(listener, routes::routes("/graphql", endpoint), timeouts, stop).await;
    Ok(())
}
