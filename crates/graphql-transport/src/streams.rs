//! Subscriptions over HTTP: server-sent events, and Apollo's multipart responses.
//!
//! The formats are the distinct connections mode of
//! [GraphQL over Server-Sent Events](https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md), and Apollo's
//! [multipart protocol for subscriptions](https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol).
//!
//! A stream counts as a socket: the limits on sockets, their ping interval and their write deadline apply. A stream
//! whose token expires or is revoked ends without completing, so that the client connects again and is told why.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use async_graphql::{Executor, Request, Response as GraphqlResponse, ServerError};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::auth::{Session, SignIn};
use crate::conformance::Execution;
use crate::endpoint::GraphqlEndpoint;
use crate::errors::{self, Code, Settled};
use crate::fast::Json;
use crate::operation;
use crate::operation_span::OperationSpan;
use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::response::Rejection;
use crate::ws::{AgentPermit, SocketPermit};

/// nginx buffers responses unless this header tells it not to.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How a response is split into items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamFormat {
    /// `text/event-stream`.
    EventStream,
    /// `multipart/mixed` with `subscriptionSpec`.
    Multipart,
}

impl StreamFormat {
    /// The format that the `Accept` header allows. Server-sent events are preferred.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut multipart = None;
        for value in headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()) {
            for range in value.split(',') {
                let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
                let name = parts.next().unwrap_or_default();
                let parameters: Vec<String> = parts.map(|part| part.replace([' ', '"'], "")).collect();
                if parameters.iter().any(|parameter| matches!(parameter.as_str(), "q=0" | "q=0.0")) {
                    continue;
                }
                let has_spec = parameters.iter().any(|parameter| parameter.starts_with("subscriptionspec="));
                match name.as_str() {
                    "text/event-stream" => return Some(Self::EventStream),
                    "multipart/mixed" if has_spec => multipart = Some(Self::Multipart),
                    _ => {}
                }
            }
        }
        multipart
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::EventStream => "text/event-stream; charset=utf-8",
            Self::Multipart => "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\"",
        })
    }

    fn start(self) -> &'static str {
        match self {
            Self::EventStream => "",
            Self::Multipart => "\r\n--graphql",
        }
    }

    /// Writes one result.
    fn item(self, write: impl FnOnce(&mut Json)) -> Bytes {
        let mut json = Json::default();
        let (before, after) = match self {
            Self::EventStream => ("event: next\ndata: ", "\n\n"),
            // A client finds the end of a part by the boundary of the next, so the boundary is sent with the part.
            Self::Multipart => ("\r\nContent-Type: application/json\r\n\r\n{\"payload\":", "}\r\n--graphql"),
        };
        json.raw(before);
        write(&mut json);
        json.raw(after);
        json.into_bytes().into()
    }

    fn response(self, response: &GraphqlResponse) -> Bytes {
        self.item(|json| json.response(response))
    }

    fn errors(self, errors: &[ServerError]) -> Bytes {
        // Without `data`, which would mean that the operation was executed.
        let text = serde_json::to_string(errors).unwrap_or_else(|_| "[]".to_owned());
        self.item(|json| {
            json.raw("{\"errors\":");
            json.raw(&text);
            json.raw("}");
        })
    }

    fn complete(self) -> &'static str {
        match self {
            Self::EventStream => "event: complete\ndata:\n\n",
            Self::Multipart => "--\r\n",
        }
    }

    fn keep_alive(self) -> &'static str {
        match self {
            Self::EventStream => ":\n\n",
            Self::Multipart => "\r\nContent-Type: application/json\r\n\r\n{}\r\n--graphql",
        }
    }

    /// The end of a stream whose caller may not read on.
    fn unauthenticated(self) -> Bytes {
        match self {
            // Without `complete`, the client connects again, and the response says why it cannot.
            Self::EventStream => Bytes::new(),
            Self::Multipart => {
                let error = errors::error(Code::Unauthenticated, "The token has expired or was revoked.");
                let text = serde_json::to_string(&[error]).unwrap_or_else(|_| "[]".to_owned());
                let part = "\r\nContent-Type: application/json\r\n\r\n";
                format!("{part}{{\"payload\":null,\"errors\":{text}}}\r\n--graphql--\r\n").into()
            }
        }
    }

    /// The response to a query or a mutation of a client that accepts only streams.
    pub(crate) fn single(self, settled: &Settled, request_id: RequestId) -> Response {
        let item = match settled {
            Settled::Executed(response) => self.response(response),
            Settled::Refused(errors) => self.errors(errors),
        };
        let body = [self.start().as_bytes(), &item, self.complete().as_bytes()].concat();
        self.with_headers(Body::from(body), request_id)
    }

    fn with_headers(self, body: Body, request_id: RequestId) -> Response {
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.content_type());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
            headers.insert(X_REQUEST_ID, id);
        }
        response
    }
}

/// The permits of a stream, which are those of a socket.
pub(crate) struct StreamPermits {
    _process: SocketPermit,
    _agent: Option<AgentPermit>,
}

impl StreamPermits {
    /// # Errors
    /// 503 if the server is stopping or has too many sockets, and 429 if the agent has too many.
    pub(crate) fn acquire<E: Executor, A: SignIn>(
        endpoint: &GraphqlEndpoint<E, A>,
        session: &Session,
    ) -> Result<Self, Rejection> {
        if endpoint.shutdown().is_cancelled() {
            return Err(Rejection::unavailable("The server is stopping."));
        }
        let sockets = endpoint.sockets();
        let process = sockets.acquire(Instant::now());
        let process = process.ok_or_else(|| Rejection::unavailable("The server has too many sockets."))?;
        let agent = match session.user_key {
            None => None,
            Some(agent) => {
                Some(sockets.acquire_for_agent(agent).ok_or_else(Rejection::too_many_connections)?)
            }
        };
        Ok(Self { _process: process, _agent: agent })
    }
}

/// When a stream ends although its subscription goes on.
pub(crate) struct StreamEnd {
    pub(crate) expires_in: Option<Duration>,
    pub(crate) revoked: futures_util::future::BoxFuture<'static, ()>,
}

/// Starts a subscription, and returns the response with its items.
pub(crate) fn subscribe<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    format: StreamFormat,
    (request, execution): (Request, Execution),
    permits: StreamPermits,
    end: StreamEnd,
    span: OperationSpan,
) -> Response {
    // The client receives the next item only after it has read the last: the body is polled for one at a time.
    let (sender, mut receiver) = mpsc::channel(1);
    let request_id = span.request_id();
    let items = endpoint.executor().execute_stream(request, None);
    let stream = SubscriptionStream {
        execution,
        format,
        sender,
        span,
        write_deadline: endpoint.settings().write_deadline,
        ping_interval: endpoint.settings().ping_interval,
    };
    let shutdown = endpoint.shutdown().clone();
    endpoint.tasks().spawn(async move {
        stream.run(items, end, shutdown).await;
        drop(permits);
    });
    let chunks = stream::poll_fn(move |context| receiver.poll_recv(context));
    format.with_headers(Body::from_stream(chunks.map(Ok::<Bytes, Infallible>)), request_id)
}

struct SubscriptionStream {
    execution: Execution,
    format: StreamFormat,
    sender: mpsc::Sender<Bytes>,
    span: OperationSpan,
    write_deadline: Duration,
    ping_interval: Duration,
}

/// The client has disconnected, or reads too slowly.
struct Unwritable;

impl SubscriptionStream {
    async fn run(
        self,
        mut items: BoxStream<'static, GraphqlResponse>,
        end: StreamEnd,
        shutdown: CancellationToken,
    ) {
        let StreamEnd { expires_in, mut revoked } = end;
        let expiry = async {
            match expires_in {
                Some(time) => sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(expiry);
        let tracing_span = self.span.span();
        let sender = self.sender.clone();
        if self.send(Bytes::from_static(self.format.start().as_bytes())).await.is_err() {
            return;
        }
        loop {
            let next = AssertUnwindSafe(items.next()).catch_unwind().instrument(tracing_span.clone());
            let item = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = sender.closed() => return,
                () = &mut revoked => break,
                () = &mut expiry => break,
                item = next => Some(item),
                () = sleep(self.ping_interval) => None,
            };
            let sent = match item {
                Some(item) => self.send_item(item).await,
                None => {
                    self.send(Bytes::from_static(self.format.keep_alive().as_bytes())).await.map(|()| true)
                }
            };
            if !matches!(sent, Ok(true)) {
                return;
            }
        }
        let _ = self.send(self.format.unauthenticated()).await;
    }

    /// Sends an item. Returns `false` if it was the last.
    async fn send_item(
        &self,
        item: std::thread::Result<Option<GraphqlResponse>>,
    ) -> Result<bool, Unwritable> {
        let complete = Bytes::from_static(self.format.complete().as_bytes());
        let request_id = self.span.request_id();
        let settled = match item {
            Ok(None) => {
                self.send(complete).await?;
                return Ok(false);
            }
            Ok(Some(response)) => errors::settle(self.execution.complete(response), request_id),
            Err(payload) => operation::settle_result(Err(payload), request_id),
        };
        self.span.record_settled(&settled);
        match settled {
            Settled::Executed(response) => {
                self.send(self.format.response(&response)).await?;
                Ok(true)
            }
            Settled::Refused(errors) => {
                self.send(self.format.errors(&errors)).await?;
                self.send(complete).await?;
                Ok(false)
            }
        }
    }

    async fn send(&self, chunk: Bytes) -> Result<(), Unwritable> {
        if chunk.is_empty() {
            return Ok(());
        }
        match timeout(self.write_deadline, self.sender.send(chunk)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Unwritable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_accepted_by_its_media_type() {
        let accepted = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
            StreamFormat::accepted(&headers)
        };
        assert_eq!(accepted("text/event-stream"), Some(StreamFormat::EventStream));
        assert_eq!(accepted("application/json, Text/Event-Stream;q=0.5"), Some(StreamFormat::EventStream));
        for multipart in [
            "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,application/json",
            "multipart/mixed; subscriptionSpec=\"1.0\", application/json",
        ] {
            assert_eq!(accepted(multipart), Some(StreamFormat::Multipart), "{multipart}");
        }
        for none in ["*/*", "text/event-stream;q=0", "multipart/mixed;deferSpec=20220824", "text/*", ""] {
            assert_eq!(accepted(none), None, "{none}");
        }
    }
}
