//! `GET /metrics`, on a separate address, because the metrics are not for the public.

use async_graphql::Executor;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::{self, CONTENT_TYPE, Metrics};
use crate::service::Services;
use graphql_transport::auth::SignIn;
use graphql_transport::endpoint::GraphqlEndpoint;
use graphql_transport::observer::{Observer, OperationReport};

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
    for worker in services.workers().statuses() {
        metrics.set_worker(worker.name, worker.since_success, worker.restarts);
    }
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Counts each operation, and writes one line of the log about it.
impl Observer for Metrics {
    fn operation_ended(&self, report: &OperationReport<'_>) {
        let &OperationReport { request_id, name, kind, transport, outcome, took, user, tenant, .. } = report;
        // A subscription lasts as long as its client listens, so its duration says nothing about the server.
        let duration = (kind != "subscription").then_some(took);
        let is_signed_in = tenant.is_some();
        self.operation(metrics::Operation { name, is_signed_in, kind, transport, outcome, duration });
        tracing::info!(
            target: "switchboard::access",
            %request_id,
            operation = if name.is_empty() { report.root_fields } else { name },
            kind,
            transport,
            outcome,
            refusal = report.refusal,
            duration_ms = took.as_secs_f64() * 1_000.0,
            agent_id = user.map(tracing::field::display),
            workspace_id = tenant.map(tracing::field::display),
            "operation"
        );
    }
}
