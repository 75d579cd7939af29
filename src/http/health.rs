//! `GET /livez` and `GET /readyz`: what a supervisor and a balancer ask.
//!
//! Alive is whoever answers. Ready is whoever can serve the next request: the database answers, its migrations
//! are applied, and the server is not on its way down. A process that nobody wakes is ready: it polls.
//! Answers name what is wrong in words that are fixed here; what the database said is in the log.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::service::live::wakeups::WakeupState;
use crate::service::{ServiceResult, Services};

/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// What is asked, and whether the server is on its way down.
#[derive(Clone)]
pub struct Health {
    services: Services,
    draining: CancellationToken,
}

impl Health {
    /// Cancelling `draining` takes the server out of its balancer.
    pub fn new(services: Services, draining: CancellationToken) -> Self {
        Self { services, draining }
    }
}

/// The answer of `/readyz`.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    checks: Checks,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checks {
    database: Check,
    migrations: Check,
    wakeups: Check,
    draining: Check,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Check {
    ok: bool,
    /// What is wrong, or how it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl Check {
    const OK: Self = Self { ok: true, detail: None };

    const fn failed(detail: &'static str) -> Self {
        Self { ok: false, detail: Some(detail) }
    }
}

/// The routes of both.
pub fn routes<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    Router::new()
        .route("/livez", get(|| async { StatusCode::NO_CONTENT }))
        .route("/readyz", get(ready))
        .with_state(health)
}

async fn ready(State(health): State<Health>) -> Response {
    let (database, migrations) = tokio::join!(database(&health.services), migrations(&health.services));
    let wakeups = match health.services.wakeups() {
        WakeupState::Connected => Check { ok: true, detail: Some("connected") },
        WakeupState::Polling => Check { ok: true, detail: Some("poll") },
        WakeupState::Disconnected => Check { ok: true, detail: Some("disconnected; the poll stands in") },
    };
    let draining = match health.draining.is_cancelled() {
        true => Check::failed("the server is stopping"),
        false => Check::OK,
    };
    let checks = Checks { database, migrations, wakeups, draining };
    let ready = checks.database.ok && checks.migrations.ok && checks.wakeups.ok && checks.draining.ok;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(Readiness { ready, checks })).into_response()
}

async fn database(services: &Services) -> Check {
    match within("database", services.ping()).await {
        Ok(()) => Check::OK,
        Err(detail) => Check::failed(detail),
    }
}

async fn migrations(services: &Services) -> Check {
    match within("migrations", services.is_migrated()).await {
        Ok(true) => Check::OK,
        Ok(false) => Check::failed("migrations are missing; `switchboard migrate` applies them"),
        Err(detail) => Check::failed(detail),
    }
}

/// The answer, or what to say instead of it.
async fn within<T>(
    check: &'static str,
    answer: impl Future<Output = ServiceResult<T>>,
) -> Result<T, &'static str> {
    match timeout(CHECK_TIMEOUT, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::warn!(check, %error, "not ready");
            Err("the database does not answer as it should; the log says more")
        }
        Err(_) => {
            tracing::warn!(check, "not ready: no answer in time");
            Err("the database does not answer in time")
        }
    }
}
