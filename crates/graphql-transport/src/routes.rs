//! The handlers of one route, which serves both protocols.

use async_graphql::Executor;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing;

use crate::auth::SignIn;
use crate::endpoint::GraphqlEndpoint;
use crate::{http, sdl, ws};

/// Where the text of the schema is.
const SCHEMA: &str = "/schema.graphql";

/// A router that serves `endpoint` at `path` over HTTP and WebSocket, with and without a slash at the end, and the
/// schema at `/schema.graphql`.
pub fn routes<E: Executor, A: SignIn>(path: &str, endpoint: GraphqlEndpoint<E, A>) -> Router {
    let methods = routing::get(get::<E, A>)
        .post(http::post::<E, A>)
        .options(http::options)
        .fallback(http::method_not_allowed);
    Router::new()
        .route(path, methods.clone())
        .route(&format!("{path}/"), methods)
        .route(SCHEMA, routing::get(sdl::get::<E, A>))
        .with_state(endpoint)
}

/// `GET`: the upgrade to `graphql-transport-ws`, or a query in the URL.
pub async fn get<E: Executor, A: SignIn>(
    State(endpoint): State<GraphqlEndpoint<E, A>>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    if ws::is_upgrade(&parts.headers) {
        ws::upgrade(endpoint, parts).await
    } else {
        http::get(endpoint, parts).await
    }
}
