//! Connections: accepted, served, and let go.
//!
//! What `axum::serve` does, and a timeout for headers: without one, a client that sends nothing, or its request a byte
//! a minute, keeps its connection for ever.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves until `stop` is cancelled, and then until the requests in flight are answered.
///
/// A connection that takes longer than `header_timeout` to send the headers of a request, or that is idle for so
/// long, is closed.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    header_timeout: Duration,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout);
    let connections = TaskTracker::new();
    loop {
        let (stream, _) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        connections.spawn(converse(http.clone(), stream, router.clone(), stop.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn converse(http: http1::Builder, stream: TcpStream, router: Router, stop: CancellationToken) {
    // A frame is not to wait until the client has acknowledged the one before, which takes up to 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection's frames may wait for each other");
    }
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // A client that hangs up or speaks no HTTP is its own affair.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
    }
}
