//! `GET /livez` and `GET /readyz`, for supervisors and load balancers.
//!
//! A process that responds is alive. A process is ready if it can serve requests: the database responds, all
//! migrations are applied, and the server is not stopping. A process without wake-ups is ready, because it polls.
//! The details in the response are fixed texts; the database's errors are logged. The state of the background workers
//! does not make a process unready.

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
use crate::service::workers::registry::WorkerStatus;
use crate::service::{ServiceResult, Services};

/// The timeout of each check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// The state of the health routes.
#[derive(Clone)]
pub struct Health {
    services: Services,
    draining: CancellationToken,
}

impl Health {
    /// Cancelling `draining` makes the server not ready, so that the load balancer stops sending requests.
    pub fn new(services: Services, draining: CancellationToken) -> Self {
        Self { services, draining }
    }
}

/// The response of `/readyz`.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    checks: Checks,
    workers: Vec<Worker>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checks {
    database: Check,
    migrations: Check,
    wakeups: Check,
    draining: Check,
}

/// The result of one check.
#[derive(Serialize)]
struct Check {
    ok: bool,
    /// The reason for a failure, or the mode of operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

/// The state of a background worker. A late worker is a warning: the process still serves requests.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Worker {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    interval_seconds: f64,
    /// `None` before the first success.
    seconds_since_success: Option<f64>,
    restarts: u64,
}

impl From<WorkerStatus> for Worker {
    fn from(status: WorkerStatus) -> Self {
        let WorkerStatus { name, interval, since_success, has_succeeded, restarts, is_late } = status;
        Self {
            name,
            ok: !is_late,
            detail: is_late.then_some("no success for several intervals; see the log"),
            interval_seconds: interval.as_secs_f64(),
            seconds_since_success: has_succeeded.then_some(since_success.as_secs_f64()),
            restarts,
        }
    }
}

impl Check {
    const OK: Self = Self { ok: true, detail: None };

    const fn failed(detail: &'static str) -> Self {
        Self { ok: false, detail: Some(detail) }
    }
}

/// The routes `/livez` and `/readyz`.
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
        WakeupState::Disconnected => Check { ok: true, detail: Some("disconnected; polling instead") },
    };
    let draining = match health.draining.is_cancelled() {
        true => Check::failed("the server is stopping"),
        false => Check::OK,
    };
    let checks = Checks { database, migrations, wakeups, draining };
    let ready = checks.database.ok && checks.migrations.ok && checks.wakeups.ok && checks.draining.ok;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let workers = health.services.workers().statuses().into_iter().map(Worker::from).collect();
    let readiness = Readiness { ready, checks, workers };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
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
        Ok(false) => Check::failed("migrations are pending; apply them with `switchboard migrate`"),
        Err(detail) => Check::failed(detail),
    }
}

/// The result of a check, or the detail of its failure.
async fn within<T>(
    check: &'static str,
    answer: impl Future<Output = ServiceResult<T>>,
) -> Result<T, &'static str> {
    match timeout(CHECK_TIMEOUT, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::warn!(check, %error, "not ready");
            Err("the database returned an error; see the log")
        }
        Err(_) => {
            tracing::warn!(check, "not ready: the check timed out");
            Err("the database did not respond in time")
        }
    }
}
