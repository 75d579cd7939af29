//! GraphQL over HTTP: `POST /graphql`, and `GET /graphql` for queries.
//!
//! The status codes and media types are those of the GraphQL over HTTP specification. Subscriptions are answered by
//! the module `streams`. [`crate::errors`] and [`crate::operation`] produce the errors; this module turns them
//! into responses. Batches, forms and multipart bodies are refused.

use std::borrow::Cow;

use async_graphql::{Executor, ServerError, Variables, parser::types::OperationType};
use axum::{
    body::{Body, BodyDataStream, HttpBody},
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::time::{Duration, Instant, timeout, timeout_at};
use tracing::Instrument;

use super::{
    auth::{self, SignIn},
    endpoint::GraphqlEndpoint,
    errors::{self, Settled},
    extensions::RequestExtensions,
    json_text::replace_lone_surrogates,
    media_type::{self, MediaType},
    operation::{self, Caller, Operation},
    operation_span::OperationSpan,
    parameters::Parameters,
    rate_limit::RateLimitStatus,
    request_id::RequestId,
    response::{self, Incompressible, Rejection},
    streams::{self, StreamEnd, StreamFormat, StreamPermits},
};

/// How much of a refused body is read and discarded, so that the client has finished
/// writing when the response arrives.
const DRAIN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Some clients on Windows begin a body with it. JSON does not allow it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The methods of the endpoint.
const METHODS: &str = "GET, HEAD, OPTIONS, POST";

/// The timeout for discarding a refused body.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// `POST /graphql`.
pub async fn post<E: Executor, A: SignIn>(
    State(endpoint): State<GraphqlEndpoint<E, A>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let span = OperationSpan::http(endpoint.observer(), &parts.headers);
    let accepted = Accepted::of(&parts.headers);
    if accepted.is_empty() {
        drain(body.into_data_stream()).await;
        return respond(Err(Rejection::not_acceptable()), accepted, &span);
    }
    let outcome = answer_post(&endpoint, &parts, body, accepted, &span).instrument(span.span()).await;
    respond(outcome, accepted, &span)
}

/// A query in the URL.
pub(crate) async fn get<E: Executor, A: SignIn>(endpoint: GraphqlEndpoint<E, A>, parts: Parts) -> Response {
    let span = OperationSpan::http(endpoint.observer(), &parts.headers);
    let accepted = Accepted::of(&parts.headers);
    if accepted.is_empty() {
        return respond(Err(Rejection::not_acceptable()), accepted, &span);
    }
    let outcome = answer_get(&endpoint, &parts, accepted, &span).instrument(span.span()).await;
    respond(outcome, accepted, &span)
}

/// `OPTIONS /graphql`.
pub(crate) async fn options() -> Response {
    (StatusCode::NO_CONTENT, [(header::ALLOW, METHODS)]).into_response()
}

/// Any other method on `/graphql`.
pub async fn method_not_allowed(headers: HeaderMap) -> Response {
    Rejection::method_not_allowed(METHODS, "Send a POST request, or a query by GET.")
        .answer(MediaType::Json, RequestId::from_headers(&headers))
}

/// The media types that a client accepts.
#[derive(Debug, Clone, Copy)]
struct Accepted {
    json: Option<MediaType>,
    stream: Option<StreamFormat>,
}

impl Accepted {
    fn of(headers: &HeaderMap) -> Self {
        Self { json: MediaType::accepted(headers), stream: StreamFormat::accepted(headers) }
    }

    fn is_empty(self) -> bool {
        self.json.is_none() && self.stream.is_none()
    }
}

/// What a request is answered with.
enum Answer {
    /// The result of a query or a mutation.
    Settled(Settled, OperationType),
    /// The items of a subscription.
    Stream(Response),
}

/// The answer to an operation, and the rate limit of its agent if the agent is limited.
type Outcome = Result<(Answer, Option<RateLimitStatus>), Rejection>;

/// Records the outcome in the operation's span, and builds the response.
fn respond(outcome: Outcome, accepted: Accepted, span: &OperationSpan) -> Response {
    let request_id = span.request_id();
    let media = accepted.json.unwrap_or(MediaType::Json);
    let (answer, rate_limit_status) = match outcome {
        Ok(outcome) => outcome,
        Err(rejection) => {
            span.record_errors(rejection.reported_errors());
            return match (accepted.json, accepted.stream) {
                // A client of a stream reads the errors of a document from the stream.
                (None, Some(format)) if rejection.is_answered() => {
                    format.single(&Settled::Refused(rejection.into_errors(request_id)), request_id)
                }
                _ => rejection.answer(media, request_id),
            };
        }
    };
    let (settled, kind) = match answer {
        Answer::Settled(settled, kind) => (settled, kind),
        Answer::Stream(mut response) => {
            response.headers_mut().extend(rate_limit_status.iter().flat_map(response::rate_limit_headers));
            return response;
        }
    };
    span.record_settled(&settled);
    let mut response = match (settled, accepted.json, accepted.stream) {
        (settled, None, Some(format)) => format.single(&settled, request_id),
        (Settled::Executed(response), ..) => response::executed(response, media, request_id),
        (Settled::Refused(errors), ..) => Rejection::errors(errors).answer(media, request_id),
    };
    if kind == OperationType::Mutation {
        response.extensions_mut().insert(Incompressible);
    }
    if let Some(rate_limit_status) = rate_limit_status {
        response.headers_mut().extend(response::rate_limit_headers(&rate_limit_status));
    }
    response
}

async fn answer_post<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    parts: &Parts,
    body: Body,
    accepted: Accepted,
    span: &OperationSpan,
) -> Outcome {
    let deadline = Instant::now() + endpoint.settings().request_timeout;
    if !media_type::is_json(&parts.headers) {
        drain(body.into_data_stream()).await;
        return Err(Rejection::unsupported_media_type());
    }
    if !media_type::is_uncompressed(&parts.headers) {
        drain(body.into_data_stream()).await;
        return Err(Rejection::unsupported_encoding());
    }
    let read = timeout_at(deadline, read_body(body, endpoint.settings().body_bytes));
    let bytes = read.await.unwrap_or_else(|_| Err(Rejection::slow_body()))?;
    let parameters = parse_body(&bytes)?;
    let operation =
        Operation::prepare(parameters, endpoint.settings(), endpoint.documents(), endpoint.persisted())
            .map_err(|error| Rejection::errors(vec![*error]))?;
    span.record_operation(&operation);
    let executed = timeout_at(deadline, execute(endpoint, &parts.headers, operation, accepted, span));
    executed.await.unwrap_or_else(|_| Err(Rejection::timed_out()))
}

async fn answer_get<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    parts: &Parts,
    accepted: Accepted,
    span: &OperationSpan,
) -> Outcome {
    let time = endpoint.settings().request_timeout;
    let parameters = parse_uri(&parts.uri)?;
    let operation =
        Operation::prepare(parameters, endpoint.settings(), endpoint.documents(), endpoint.persisted())
            .map_err(|error| Rejection::errors(vec![*error]))?;
    span.record_operation(&operation);
    if operation.kind == OperationType::Mutation {
        return Err(Rejection::method_not_allowed("POST", "A mutation must be sent by POST."));
    }
    let executed = timeout(time, execute(endpoint, &parts.headers, operation, accepted, span));
    executed.await.unwrap_or_else(|_| Err(Rejection::timed_out()))
}

/// Executes an operation for the caller in the headers. Introspection does not need a caller.
async fn execute<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    headers: &HeaderMap,
    mut operation: Operation,
    accepted: Accepted,
    span: &OperationSpan,
) -> Outcome {
    let format = match (operation.kind, accepted.stream) {
        (OperationType::Subscription, None) => {
            return Err(Rejection::bad_request(
                "Subscriptions are served over WebSocket with the subprotocol graphql-transport-ws, and as \
                 text/event-stream or multipart/mixed with subscriptionSpec.",
            ));
        }
        (OperationType::Subscription, format) => format,
        (OperationType::Query | OperationType::Mutation, _) => None,
    };
    let session = if operation.anonymous {
        None
    } else {
        let bearer = auth::bearer_from_headers(headers);
        let session = endpoint.sign_in().sign_in(bearer).await?;
        span.record_session(&session);
        operation.persist(endpoint.persisted());
        Some(session)
    };
    let agent = session.as_ref().and_then(|session| session.user_key);
    let rate_limit_status = endpoint
        .rate_limit()
        .charge(agent, operation.points)
        .map_err(|limited| Rejection::rate_limited(&limited))?;
    let kind = operation.kind;
    let refused = |mut errors: Vec<ServerError>| {
        errors::set_request_id(&mut errors, span.request_id());
        Answer::Settled(Settled::Refused(errors), kind)
    };
    let answer = match (format, session) {
        (Some(format), Some(mut session)) => {
            let permits = StreamPermits::acquire(endpoint, &session)?;
            let revoked = std::mem::replace(&mut session.revoked, Box::pin(std::future::pending()));
            let end = StreamEnd { expires_in: session.expires_in, revoked };
            match operation.conform(endpoint.schema(), Caller::Socket(&session), span) {
                Ok(prepared) => {
                    Answer::Stream(streams::subscribe(endpoint, format, prepared, permits, end, span.clone()))
                }
                Err(errors) => refused(errors),
            }
        }
        (_, session) => {
            let caller = session.map_or(Caller::Anonymous, Caller::First);
            match operation.conform(endpoint.schema(), caller, span) {
                Ok(prepared) => {
                    let run = operation::execute(endpoint.executor(), kind, prepared, endpoint.tasks(), span);
                    Answer::Settled(run.await, kind)
                }
                Err(errors) => refused(errors),
            }
        }
    };
    Ok((answer, rate_limit_status))
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
    let text = std::str::from_utf8(bytes).map_err(|_| Rejection::bad_request("The body is not in UTF-8."))?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.trim_start().starts_with('[') {
        return Err(Rejection::bad_request("Batches are not supported: send one operation per request."));
    }
    Parameters::from_json(text)
        .map_err(|error| Rejection::bad_request(&format!("The body is not a GraphQL request: {error}.")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UriParameters {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

fn parse_uri(uri: &Uri) -> Result<Parameters, Rejection> {
    let Query(parameters) = Query::<UriParameters>::try_from_uri(uri)
        .map_err(|_| Rejection::bad_request("The parameters of the URL are invalid."))?;
    // Several clients send empty parameters instead of omitting them.
    let given = |parameter: Option<String>| parameter.filter(|text| !text.is_empty());
    let extensions = match given(parameters.extensions) {
        Some(extensions) => serde_json::from_str::<Option<RequestExtensions>>(&extensions)
            .map_err(|error| Rejection::bad_request(&format!("`extensions` cannot be read: {error}.")))?,
        None => None,
    };
    let RequestExtensions { trace, persisted_query } = extensions.unwrap_or_default();
    let (query, document_id) = (given(parameters.query), given(parameters.document_id));
    if query.is_none() && document_id.is_none() && persisted_query.is_none() {
        return Err(Rejection::bad_request("The parameter `query` is missing."));
    }
    let variables = given(parameters.variables).unwrap_or_else(|| "{}".to_owned());
    let variables = replace_lone_surrogates(&variables);
    let replaced_surrogates = matches!(variables, Cow::Owned(_));
    let variables: Option<Variables> = serde_json::from_str(&variables)
        .map_err(|_| Rejection::bad_request("The parameter `variables` is not a map."))?;
    Ok(Parameters {
        query,
        document_id,
        persisted_query,
        operation_name: given(parameters.operation_name),
        variables: variables.unwrap_or_default(),
        replaced_surrogates,
        trace,
    })
}
