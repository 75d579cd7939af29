//! GraphQL over WebSocket: `GET /graphql` upgraded, by the protocol `graphql-transport-ws`.
//!
//! `protocol` holds the messages and close codes, `socket` one client's
//! conversation, `operations` what it has running, `limits` who may open a socket
//! and how many. The older protocol `graphql-ws` is not spoken.
//!
//! async-graphql-axum's `GraphQLProtocol` accepts that one too and does not say which
//! it chose, and its `GraphQLWebSocket` knows neither 4401, 4408 nor 4409; so neither is used.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod limits;
mod operations;
mod origin;
mod protocol;
mod socket;
mod timers;

use std::ops::RangeInclusive;

use async_graphql::Executor;
use axum::{
    extract::{FromRequestParts, WebSocketUpgrade},
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

pub use self::limits::SocketLimits;
use super::{graphql_http::Rejection, session::SignIn, trace::TraceContext, transport::GraphqlEndpoint};

/// The only subprotocol that is spoken.
pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// When a client that is refused for the crowd is told to try again: some time in between, by chance.
const RETRY_SECONDS: RangeInclusive<u64> = 1..=10;

/// Whether a request wants to become a WebSocket.
pub(super) fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Answers the handshake, and serves the socket in a task of its own.
///
/// A foreign origin is refused with 403; a full or stopping server with 503. Without
/// the subprotocol the handshake succeeds and the socket is closed with 4406, because
/// a client cannot read the answer to a handshake that fails.
pub(super) async fn upgrade<E: Executor, A: SignIn>(
    endpoint: GraphqlEndpoint<E, A>,
    mut parts: Parts,
) -> Response {
    let settings = endpoint.settings();
    if !origin::is_allowed(&parts.headers, &settings.allowed_origins) {
        let message = "Pages of this origin may not open a socket here.";
        return Rejection::forbidden(message).into_response();
    }
    if endpoint.shutdown().is_cancelled() {
        return Rejection::unavailable("The server is stopping.").into_response();
    }
    let Some(place) = endpoint.sockets().admit(Instant::now()) else {
        let rejection = Rejection::unavailable("The server accepts no more sockets now.");
        // Clients that all lost their sockets at once must not all come back at once.
        return rejection.retry_after(rand::random_range(RETRY_SECONDS)).into_response();
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Rejection::bad_request(&rejection.body_text()).into_response(),
    };
    let trace = TraceContext::of_headers(&parts.headers);
    let endpoint_of_socket = endpoint.clone();
    upgrade
        .read_buffer_size(settings.read_buffer_bytes)
        .write_buffer_size(settings.write_buffer_bytes)
        .max_message_size(settings.message_bytes)
        .max_frame_size(settings.message_bytes)
        .protocols([SUBPROTOCOL])
        .on_upgrade(move |socket| {
            let tasks = endpoint_of_socket.tasks().clone();
            tasks.track_future(socket::serve(endpoint_of_socket, socket, place, trace))
        })
}
