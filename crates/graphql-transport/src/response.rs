//! The HTTP responses for settled and refused operations.

use async_graphql::ServerError;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::fast::Json;
use crate::media_type::MediaType;
use crate::{
    auth::SignInError,
    errors::{self, Code},
    rate_limit::{self, RateLimitStatus, RateLimited},
    request_id::{RequestId, X_REQUEST_ID},
};

// The names of most APIs and of earlier IETF drafts. The limit is in points rather than requests, the reset in seconds.
const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The `RateLimit-*` headers: the limit, the remaining points, and the seconds until all points are refilled.
pub(crate) fn rate_limit_headers(status: &RateLimitStatus) -> [(HeaderName, HeaderValue); 3] {
    [
        (RATELIMIT_LIMIT, HeaderValue::from(status.limit)),
        (RATELIMIT_REMAINING, HeaderValue::from(status.remaining)),
        (RATELIMIT_RESET, HeaderValue::from(rate_limit::seconds(status.reset_in))),
    ]
}

/// An extension of responses that must not be compressed: those of mutations, which may contain a new token. The length
/// of a compressed response tells an attacker about a secret in it.
#[derive(Debug, Clone, Copy)]
pub struct Incompressible;

/// The response of an operation that was executed. It may contain errors of single fields.
pub(crate) fn executed(
    response: async_graphql::Response,
    media: MediaType,
    request_id: RequestId,
) -> Response {
    let mut json = Json::default();
    json.response(&response);
    set_headers(json.into_bytes().into_response(), media, request_id)
}

/// A response without data: the operation was not executed, or its outcome is unknown.
#[derive(Debug)]
pub struct Rejection {
    status: StatusCode,
    /// The status for a client that accepts only `application/json`. By the
    /// specification, it is 200 for a well-formed request, even if its document is invalid.
    json_status: StatusCode,
    errors: Vec<ServerError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

// Not async-graphql's `Response`: it contains `"data": null`, which means that the operation was executed.
#[derive(Serialize)]
struct Body<'a> {
    errors: &'a [ServerError],
}

impl Rejection {
    /// Errors in the document or the variables of a well-formed request.
    ///
    /// If one of them is a fault of the server, it determines the status.
    pub fn errors(errors: Vec<ServerError>) -> Self {
        let has = |code| errors.iter().any(|error| errors::has_code(error, code));
        let (status, json_status) = if has(Code::Internal) {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            (status, status)
        } else if has(Code::Unavailable) {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            (status, status)
        } else {
            (StatusCode::BAD_REQUEST, StatusCode::OK)
        };
        Self { status, json_status, errors, headers: Vec::new() }
    }

    /// 400: the request itself is malformed.
    pub fn bad_request(message: &str) -> Self {
        Self::with(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
    }

    /// 401, with the authentication scheme.
    pub fn unauthenticated(message: &str) -> Self {
        Self::with(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 405, with the allowed methods.
    pub fn method_not_allowed(allow: &'static str, message: &str) -> Self {
        Self::with(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, message)
            .header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// 406: the client accepts no media type of the server.
    pub fn not_acceptable() -> Self {
        Self::with(
            StatusCode::NOT_ACCEPTABLE,
            Code::BadUserInput,
            "`Accept` allows none of application/graphql-response+json, application/json, text/event-stream and \
             multipart/mixed with subscriptionSpec.",
        )
    }

    /// 413: the body is too long.
    pub fn too_large(limit: usize) -> Self {
        Self::with(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::LimitExceeded,
            &format!("The body is longer than {limit} bytes."),
        )
    }

    /// 415: the body is not JSON in UTF-8.
    pub fn unsupported_media_type() -> Self {
        Self::with(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::BadUserInput,
            "The body must be sent as application/json in UTF-8.",
        )
    }

    /// 415: the body is compressed.
    pub fn unsupported_encoding() -> Self {
        let message = "The body must be sent without a Content-Encoding.";
        Self::with(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::BadUserInput, message)
            .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))
    }

    /// 403: the request is forbidden, for example for pages of this origin.
    pub fn forbidden(message: &str) -> Self {
        Self::with(StatusCode::FORBIDDEN, Code::Forbidden, message)
    }

    /// 503: the client may retry.
    pub fn unavailable(message: &str) -> Self {
        Self::with(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message)
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// Sets `Retry-After`.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// 429: the agent has too few points left.
    pub fn rate_limited(limited: &RateLimited) -> Self {
        let mut rejection = Self::error(StatusCode::TOO_MANY_REQUESTS, errors::rate_limited(limited))
            .retry_after(rate_limit::seconds(limited.retry_after));
        rejection.headers.extend(rate_limit_headers(&limited.status));
        rejection
    }

    /// 408: the body did not arrive in time. The rest of it is not read, so the connection is closed.
    pub fn slow_body() -> Self {
        Self::with(StatusCode::REQUEST_TIMEOUT, Code::LimitExceeded, "The body took too long to arrive.")
            .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 503: the request timed out.
    pub fn timed_out() -> Self {
        Self::errors(vec![errors::timed_out()])
    }

    fn with(status: StatusCode, code: Code, message: &str) -> Self {
        Self::error(status, errors::error(code, message))
    }

    fn error(status: StatusCode, error: ServerError) -> Self {
        Self { status, json_status: status, errors: vec![error], headers: Vec::new() }
    }

    fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// 429: the agent has too many sockets and streams.
    pub(crate) fn too_many_connections() -> Self {
        let message = "This agent has too many open sockets and streams.";
        Self::with(StatusCode::TOO_MANY_REQUESTS, Code::LimitExceeded, message)
    }

    /// Whether the request itself was well-formed, so that older clients get the errors with status 200.
    pub(crate) fn is_answered(&self) -> bool {
        self.json_status == StatusCode::OK
    }

    /// The errors, with the request id.
    pub(crate) fn into_errors(mut self, request_id: RequestId) -> Vec<ServerError> {
        errors::set_request_id(&mut self.errors, request_id);
        self.errors
    }

    /// The errors, in their order.
    pub(crate) fn reported_errors(&self) -> &[ServerError] {
        &self.errors
    }

    pub(crate) fn answer(mut self, media: MediaType, request_id: RequestId) -> Response {
        let status = match media {
            MediaType::Json => self.json_status,
            MediaType::GraphqlResponse => self.status,
        };
        errors::set_request_id(&mut self.errors, request_id);
        let body = Body { errors: &self.errors };
        let mut response = (status, axum::Json(body)).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        set_headers(response, media, request_id)
    }
}

impl IntoResponse for Rejection {
    /// As `application/json`, for requests without content negotiation.
    fn into_response(self) -> Response {
        self.answer(MediaType::Json, RequestId::random())
    }
}

impl From<SignInError> for Rejection {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Unauthenticated(_, message) => Self::unauthenticated(&message),
            SignInError::Unavailable => Self::unavailable(&error.to_string()),
        }
    }
}

fn set_headers(mut response: Response, media: MediaType, request_id: RequestId) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.content_type());
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(X_REQUEST_ID, id);
    }
    response
}
