//! GraphQL over WebSocket: an upgrade of `GET /graphql` to the protocol `graphql-transport-ws`.
//!
//! `protocol` contains the messages and close codes, `connection` a client's connection,
//! `operations` the running operations of a connection, `timers` its timeouts, and `writer` its writer. `origin` and
//! `limits` decide who may open a socket. The older protocol `graphql-ws` is not supported.
//!
//! This module replaces two types of async-graphql-axum. `GraphQLProtocol` also accepts the
//! older protocol, and does not report which one it negotiated. `GraphQLWebSocket` does not
//! implement the close codes 4401, 4408 and 4409.

mod connection;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod limits;
mod operations;
pub mod origin;
mod protocol;
mod timers;
mod writer;

use std::ops::RangeInclusive;

use async_graphql::Executor;
use axum::{
    extract::{FromRequestParts, WebSocketUpgrade},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

pub use self::limits::SocketLimits;
pub(crate) use self::limits::{AgentPermit, SocketPermit};
use crate::{auth::SignIn, endpoint::GraphqlEndpoint, response::Rejection, trace_context::TraceContext};

/// The only supported subprotocol.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// The range of the random `Retry-After` when the server has too many sockets.
const RETRY_SECONDS: RangeInclusive<u64> = 1..=10;

/// Whether a request asks for an upgrade to a WebSocket.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Responds to the handshake, and spawns a task that serves the socket.
///
/// A foreign origin is refused with 403. If the server is stopping or has too many sockets,
/// the status is 503. Without the subprotocol, the handshake succeeds and the socket is
/// closed with 4406, because a browser cannot read the response to a failed handshake.
pub(crate) async fn upgrade<E: Executor, A: SignIn>(
    endpoint: GraphqlEndpoint<E, A>,
    mut parts: Parts,
) -> Response {
    let settings = endpoint.settings();
    if !origin::is_allowed(&parts.headers, &settings.allowed_origins, settings.allow_localhost) {
        let message = "Pages of this origin may not open a socket on this server.";
        return Rejection::forbidden(message).into_response();
    }
    if endpoint.shutdown().is_cancelled() {
        return Rejection::unavailable("The server is stopping.").into_response();
    }
    let Some(permit) = endpoint.sockets().acquire(Instant::now()) else {
        let rejection = Rejection::unavailable("The server has too many sockets.");
        // Spreads the reconnects of clients that lost their sockets at the same time.
        return rejection.retry_after(retry_seconds()).into_response();
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Rejection::bad_request(&rejection.body_text()).into_response(),
    };
    let trace = TraceContext::from_headers(&parts.headers);
    let endpoint_of_socket = endpoint.clone();
    upgrade
        .read_buffer_size(settings.read_buffer_bytes)
        .write_buffer_size(settings.write_buffer_bytes)
        .max_message_size(settings.message_bytes)
        .max_frame_size(settings.message_bytes)
        .protocols([SUBPROTOCOL])
        .on_upgrade(move |socket| {
            let tasks = endpoint_of_socket.tasks().clone();
            tasks.track_future(connection::serve(endpoint_of_socket, socket, permit, trace))
        })
}

#[expect(clippy::disallowed_methods, reason = "no result depends on it")]
fn retry_seconds() -> u64 {
    rand::random_range(RETRY_SECONDS)
}
