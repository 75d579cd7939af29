//! Accepts and serves connections.
//!
//! Like `axum::serve`, with timeouts. Without them, a client could keep a connection open forever by sending nothing, by
//! sending its request one byte a minute, or by not reading the response.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::deadlines::{DeadlineIo, Phase, SharedPhase};
use crate::settings::TransportSettings;

/// How long a client may take. A slower client is disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionTimeouts {
    /// For the first byte of a connection, and for the headers of a request.
    pub headers: Duration,
    /// Between two requests.
    pub keep_alive: Duration,
    /// For any progress while the client reads a response.
    pub write: Duration,
}

impl From<&TransportSettings> for ConnectionTimeouts {
    fn from(settings: &TransportSettings) -> Self {
        Self {
            headers: settings.header_timeout,
            keep_alive: settings.keep_alive,
            write: settings.write_deadline,
        }
    }
}

/// Serves until `stop` is cancelled, and then completes the requests in flight.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    timeouts: ConnectionTimeouts,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    // hyper's timer begins when the last response is complete, so it also ends idle connections.
    let idle = timeouts.keep_alive.max(timeouts.headers);
    http.timer(TokioTimer::new()).header_read_timeout(idle);
    let connections = TaskTracker::new();
    loop {
        let (stream, _) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        connections.spawn(serve_connection(http.clone(), stream, router.clone(), timeouts, stop.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve_connection(
    http: http1::Builder,
    stream: TcpStream,
    router: Router,
    timeouts: ConnectionTimeouts,
    stop: CancellationToken,
) {
    // With Nagle's algorithm, a frame would wait up to 40 ms for the acknowledgement of the previous one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let phase = SharedPhase::new();
    let io = DeadlineIo::new(stream, phase.clone(), timeouts.headers, timeouts.write);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        phase.set(Phase::Answering);
        let (answer, phase) = (router.call(request), phase.clone());
        async move {
            let response = answer.await;
            let status = response.as_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, Response::status);
            let is_upgrade = status == StatusCode::SWITCHING_PROTOCOLS;
            phase.set(if is_upgrade { Phase::Upgraded } else { Phase::Idle });
            response
        }
    });
    let connection = http.serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Not a fault of the server: the client disconnected or did not send HTTP.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
    }
}
