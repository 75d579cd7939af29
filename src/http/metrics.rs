//! `GET /metrics`, on a separate address, because the metrics are not for the public.

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

/// The route of the metrics of these services and this endpoint.
pub fn routes<E: Executor, A: SignIn>(services: Services, endpoint: GraphqlEndpoint<E, A>) -> Router {
    Router::new().route("/metrics", get(expose::<E, A>)).with_state((services, endpoint))
}

async fn expose<E: Executor, A: SignIn>(
    State((services, endpoint)): State<(Services, GraphqlEndpoint<E, A>)>,
) -> Response {
    let metrics = services.metrics();
    // Gauges are sampled at scrape time.
    metrics.set_sockets(endpoint.open_sockets());
    metrics.set_pool(&services.pool());
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
