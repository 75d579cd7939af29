//! Accepts and serves connections.
//!
//! Like `axum::serve`, with a timeout for headers. Without a timeout, a client could keep a connection open forever by
//! sending nothing, or by sending its request one byte a minute.

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

/// Serves until `stop` is cancelled, and then completes the requests in flight.
///
/// Closes a connection that is idle for `header_timeout`, or that takes longer than this to send the headers of a
/// request.
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
        connections.spawn(serve_connection(http.clone(), stream, router.clone(), stop.clone()));
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn serve_connection(http: http1::Builder, stream: TcpStream, router: Router, stop: CancellationToken) {
    // With Nagle's algorithm, a frame would wait up to 40 ms for the acknowledgement of the previous one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
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
    // Not a fault of the server: the client disconnected or did not send HTTP.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
    }
}
