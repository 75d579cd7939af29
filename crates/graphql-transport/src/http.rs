//! GraphQL over HTTP: `POST /graphql`, and `GET /graphql` for queries.
//!
//! The status codes and media types are those of the GraphQL over HTTP specification.
//! [`crate::errors`] and [`crate::operation`] produce the errors; this module turns them
//! into responses. Batches, forms and multipart bodies are refused.

use std::borrow::Cow;

use async_graphql::{Executor, Variables, parser::types::OperationType};
use axum::{
    body::{Body, BodyDataStream, HttpBody},
    extract::{Query, Request, State},
    http::{HeaderMap, Uri, request::Parts},
    response::Response,
};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tracing::Instrument;

use super::{
    auth::{self, SignIn},
    endpoint::GraphqlEndpoint,
    errors::{self, Settled},
    json_text::replace_lone_surrogates,
    media_type::{self, MediaType},
    operation::{self, Caller, Operation, Parameters},
    operation_span::OperationSpan,
    rate_limit::RateLimitStatus,
    request_id::RequestId,
    response::{self, Rejection},
    trace_context::TraceContext,
};

/// How much of a refused body is read and discarded, so that the client has finished
/// writing when the response arrives.
const DRAIN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The timeout for discarding a refused body.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// `POST /graphql`.
pub async fn post<E: Executor, A: SignIn>(
    State(endpoint): State<GraphqlEndpoint<E, A>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let span = OperationSpan::http(endpoint.observer(), &parts.headers);
    let Some(media) = MediaType::accepted(&parts.headers) else {
        drain(body.into_data_stream()).await;
        return respond(Err(Rejection::not_acceptable()), MediaType::Json, &span);
    };
    let outcome = answer_post(&endpoint, &parts, body, &span).instrument(span.span()).await;
    respond(outcome, media, &span)
}

/// A query in the URL.
pub(crate) async fn get<E: Executor, A: SignIn>(endpoint: GraphqlEndpoint<E, A>, parts: Parts) -> Response {
    let span = OperationSpan::http(endpoint.observer(), &parts.headers);
    let Some(media) = MediaType::accepted(&parts.headers) else {
        return respond(Err(Rejection::not_acceptable()), MediaType::Json, &span);
    };
    let outcome = answer_get(&endpoint, &parts, &span).instrument(span.span()).await;
    respond(outcome, media, &span)
}

/// Any other method on `/graphql`.
pub async fn method_not_allowed(headers: HeaderMap) -> Response {
    Rejection::method_not_allowed("GET, POST", "Send a POST request, or a query by GET.")
        .answer(MediaType::Json, RequestId::from_headers(&headers))
}

/// The result of an operation, and the rate limit of its agent if the agent is limited.
type Outcome = Result<(Settled, Option<RateLimitStatus>), Rejection>;

/// Records the outcome in the operation's span, and builds the response.
fn respond(outcome: Outcome, media: MediaType, span: &OperationSpan) -> Response {
    let request_id = span.request_id();
    let (settled, rate_limit_status) = match outcome {
        Ok(outcome) => outcome,
        Err(rejection) => {
            span.record_errors(rejection.reported_errors());
            return rejection.answer(media, request_id);
        }
    };
    span.record_settled(&settled);
    let mut response = match settled {
        Settled::Executed(response) => response::executed(response, media, request_id),
        Settled::Refused(errors) => Rejection::errors(errors).answer(media, request_id),
    };
    if let Some(rate_limit_status) = rate_limit_status {
        response.headers_mut().extend(response::rate_limit_headers(&rate_limit_status));
    }
    response
}

async fn answer_post<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    parts: &Parts,
    body: Body,
    span: &OperationSpan,
) -> Outcome {
    let deadline = Instant::now() + endpoint.settings().request_timeout;
    if !media_type::is_json(&parts.headers) {
        drain(body.into_data_stream()).await;
        return Err(Rejection::unsupported_media_type());
    }
    let read = timeout_at(deadline, read_body(body, endpoint.settings().body_bytes));
    let bytes = read.await.unwrap_or_else(|_| Err(Rejection::slow_body()))?;
    let parameters = parse_body(&bytes)?;
    let operation = Operation::prepare(parameters, endpoint.settings(), endpoint.documents())
        .map_err(|error| Rejection::errors(vec![*error]))?;
    span.record_operation(&operation);
    let executed = timeout_at(deadline, execute(endpoint, &parts.headers, operation, span));
    executed.await.unwrap_or_else(|_| Err(Rejection::timed_out()))
}

async fn answer_get<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    parts: &Parts,
    span: &OperationSpan,
) -> Outcome {
    let time = endpoint.settings().request_timeout;
    let parameters = parse_uri(&parts.uri)?;
    let operation = Operation::prepare(parameters, endpoint.settings(), endpoint.documents())
        .map_err(|error| Rejection::errors(vec![*error]))?;
    span.record_operation(&operation);
    if operation.kind == OperationType::Mutation {
        return Err(Rejection::method_not_allowed("POST", "A mutation must be sent by POST."));
    }
    let executed = timeout(time, execute(endpoint, &parts.headers, operation, span));
    executed.await.unwrap_or_else(|_| Err(Rejection::timed_out()))
}

/// Executes an operation for the caller in the headers. Introspection does not need a caller.
async fn execute<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    headers: &HeaderMap,
    operation: Operation,
    span: &OperationSpan,
) -> Outcome {
    if operation.kind == OperationType::Subscription {
        return Err(Rejection::bad_request(
            "Subscriptions are served over WebSocket, with the subprotocol graphql-transport-ws.",
        ));
    }
    let session = if operation.introspection_only {
        None
    } else {
        let bearer = auth::bearer_from_headers(headers);
        let session = endpoint.sign_in().sign_in(bearer).await?;
        span.record_session(&session);
        Some(session)
    };
    let agent = session.as_ref().and_then(|session| session.user_key);
    let rate_limit_status = endpoint
        .rate_limit()
        .charge(agent, operation.points)
        .map_err(|limited| Rejection::rate_limited(&limited))?;
    let kind = operation.kind;
    let caller = session.map_or(Caller::Anonymous, Caller::First);
    let settled = match operation.conform(endpoint.schema(), caller, span) {
        Ok(prepared) => operation::execute(endpoint.executor(), kind, prepared, endpoint.tasks(), span).await,
        Err(mut errors) => {
            errors::set_request_id(&mut errors, span.request_id());
            Settled::Refused(errors)
        }
    };
    Ok((settled, rate_limit_status))
}

/// Reads a body of at most `limit` bytes.
async fn read_body(body: Body, limit: usize) -> Result<Vec<u8>, Rejection> {
    let announced = body.size_hint().lower();
    let mut chunks = body.into_data_stream();
    if announced > limit as u64 {
        drain(chunks).await;
        return Err(Rejection::too_large(limit));
    }
    let mut bytes = Vec::with_capacity(announced as usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Rejection::bad_request("The body could not be read."))?;
        if bytes.len() + chunk.len() > limit {
            drain(chunks).await;
            return Err(Rejection::too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads and discards the rest of a refused body, within limits.
pub async fn drain(mut chunks: BodyDataStream) {
    let drained = async {
        let mut left = DRAIN_BYTES_MAX;
        while let Some(Ok(chunk)) = chunks.next().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // After the timeout, the connection is closed while the client is still writing.
    let _ = timeout(DRAIN_TIMEOUT, drained).await;
}

fn parse_body(bytes: &[u8]) -> Result<Parameters, Rejection> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Rejection::bad_request("Batches are not supported: send one operation per request."));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Rejection::bad_request("The body is not in UTF-8."))?;
    Parameters::from_json(text)
        .map_err(|error| Rejection::bad_request(&format!("The body is not a GraphQL request: {error}.")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UriParameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

fn parse_uri(uri: &Uri) -> Result<Parameters, Rejection> {
    let Query(parameters) = Query::<UriParameters>::try_from_uri(uri)
        .map_err(|_| Rejection::bad_request("The parameters of the URL are invalid."))?;
    let Some(query) = parameters.query else {
        return Err(Rejection::bad_request("The parameter `query` is missing."));
    };
    let trace = match parameters.extensions {
        Some(extensions) => serde_json::from_str::<Option<TraceContext>>(&extensions)
            .map_err(|_| Rejection::bad_request("The parameter `extensions` is not a map."))?,
        None => None,
    };
    let variables = replace_lone_surrogates(parameters.variables.as_deref().unwrap_or("{}"));
    let replaced_surrogates = matches!(variables, Cow::Owned(_));
    let variables: Variables = serde_json::from_str(&variables)
        .map_err(|_| Rejection::bad_request("The parameter `variables` is not a map."))?;
    Ok(Parameters {
        query,
        operation_name: parameters.operation_name.filter(|name| !name.is_empty()),
        variables,
        replaced_surrogates,
        trace: trace.unwrap_or_default(),
    })
}
