//! Answers: what a settled operation, or a refusal, looks like over HTTP.

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

// As most APIs name them, and earlier drafts of the IETF did: seconds, and points rather than requests.
const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Tells an agent how many points are left, and in how many seconds all of them are there again.
pub(crate) fn standing_headers(rate_limit_status: &RateLimitStatus) -> [(HeaderName, HeaderValue); 3] {
    [
        (RATELIMIT_LIMIT, HeaderValue::from(rate_limit_status.limit)),
        (RATELIMIT_REMAINING, HeaderValue::from(rate_limit_status.remaining)),
        (RATELIMIT_RESET, HeaderValue::from(rate_limit::seconds(rate_limit_status.full_in))),
    ]
}

/// The answer to an operation that was executed, with or without errors of its fields.
pub(crate) fn executed(
    response: async_graphql::Response,
    media: MediaType,
    request_id: RequestId,
) -> Response {
    let mut json = Json::default();
    json.response(&response);
    stamp(json.into_bytes().into_response(), media, request_id)
}

/// An answer without data: nothing was executed, or its outcome is unknown.
#[derive(Debug)]
pub struct Rejection {
    status: StatusCode,
    /// The status for a client that accepts only `application/json`, where a
    /// well-formed request is answered with 200 whatever is wrong with its document.
    json_status: StatusCode,
    errors: Vec<ServerError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

// Not `GraphQLResponse`: that writes `"data": null`, which says that it was executed.
#[derive(Serialize)]
struct Body<'a> {
    errors: &'a [ServerError],
}

impl Rejection {
    /// Errors of a request that arrived well-formed: its document or variables.
    ///
    /// Faults of the server among them decide the status.
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

    /// 401, which names the scheme to use.
    pub fn unauthenticated(message: &str) -> Self {
        Self::with(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 405, with the methods that are allowed.
    pub fn method_not_allowed(allow: &'static str, message: &str) -> Self {
        Self::with(StatusCode::METHOD_NOT_ALLOWED, Code::BadUserInput, message)
            .header(header::ALLOW, HeaderValue::from_static(allow))
    }

    /// 406: the client accepts nothing that can be answered.
    pub fn not_acceptable() -> Self {
        Self::with(
            StatusCode::NOT_ACCEPTABLE,
            Code::BadUserInput,
            "Answers are application/graphql-response+json or application/json.",
        )
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        Self::with(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::LimitExceeded,
            &format!("The body is longer than {limit} bytes."),
        )
    }

    /// 415: anything but JSON in UTF-8.
    pub fn unsupported_media_type() -> Self {
        Self::with(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::BadUserInput,
            "The body must be sent as application/json in UTF-8.",
        )
    }

    /// 403.
    pub fn forbidden(message: &str) -> Self {
        Self::with(StatusCode::FORBIDDEN, Code::Forbidden, message)
    }

    /// 503: worth repeating.
    pub fn unavailable(message: &str) -> Self {
        Self::with(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, message)
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// The same, worth repeating after so many seconds.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// 429: the agent has too few points left.
    pub fn spent(spent: &RateLimited) -> Self {
        let mut rejection = Self::error(StatusCode::TOO_MANY_REQUESTS, errors::spent(spent))
            .retry_after(rate_limit::seconds(spent.enough_in));
        rejection.headers.extend(standing_headers(&spent.rate_limit_status));
        rejection
    }

    /// 408: the body did not come in time. What is left of it will not be read.
    pub fn slow_body() -> Self {
        Self::with(StatusCode::REQUEST_TIMEOUT, Code::LimitExceeded, "The body took too long to arrive.")
            .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 503: the request timeout has passed.
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

    /// What went wrong, the first thing first.
    pub(crate) fn reasons(&self) -> &[ServerError] {
        &self.errors
    }

    pub(crate) fn answer(mut self, media: MediaType, request_id: RequestId) -> Response {
        let status = match media {
            MediaType::Json => self.json_status,
            MediaType::GraphqlResponse => self.status,
        };
        errors::name_request(&mut self.errors, request_id);
        let body = Body { errors: &self.errors };
        let mut response = (status, axum::Json(body)).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        stamp(response, media, request_id)
    }
}

impl IntoResponse for Rejection {
    /// As `application/json`, for callers that have not negotiated anything.
    fn into_response(self) -> Response {
        self.answer(MediaType::Json, RequestId::random())
    }
}

impl From<SignInError> for Rejection {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Unauthenticated(message) => Self::unauthenticated(&message),
            SignInError::Unavailable => Self::unavailable(&error.to_string()),
        }
    }
}

fn stamp(mut response: Response, media: MediaType, request_id: RequestId) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.content_type());
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(X_REQUEST_ID, id);
    }
    response
}
