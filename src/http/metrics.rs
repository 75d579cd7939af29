//! `GET /metrics`, on an address of its own: it says how a company works, and is not for the public.

use async_graphql::Executor;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::session::SignIn;
use super::transport::GraphqlEndpoint;
use crate::metrics::CONTENT_TYPE;
use crate::service::Services;

/// The route of the figures of these services and this endpoint.
pub fn routes<E: Executor, A: SignIn>(services: Services, endpoint: GraphqlEndpoint<E, A>) -> Router {
    Router::new().route("/metrics", get(expose::<E, A>)).with_state((services, endpoint))
}

async fn expose<E: Executor, A: SignIn>(
    State((services, endpoint)): State<(Services, GraphqlEndpoint<E, A>)>,
) -> Response {
    let metrics = services.metrics();
    // What is a state, and no event, is looked at when somebody asks.
    metrics.set_sockets(endpoint.open_sockets());
    metrics.set_pool(&services.pool());
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
