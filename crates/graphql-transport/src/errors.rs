//! Converts the errors of async-graphql into errors that a client may read.
//!
//! Resolvers set a code on the errors that they expect. This module classifies all
//! other errors, for HTTP and WebSocket alike. An error that has no code and is not
//! async-graphql's report of a mistake in the request is a fault of the server: it is
//! logged, and masked.

use std::any::Any;

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use super::rate_limit::{self, RateLimited};
use super::request_id::RequestId;

/// The `extensions.code` of a top-level error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The token is missing or invalid.
    Unauthenticated,
    /// The caller lacks the permission.
    Forbidden,
    /// The request is malformed, or one of its values does not match its type.
    BadUserInput,
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document is invalid for the schema.
    GraphqlValidationFailed,
    /// The request exceeds a limit.
    LimitExceeded,
    /// The request refers to a document that the server does not know. The client can send the text.
    PersistedQueryNotFound,
    /// The request may succeed later.
    Unavailable,
    /// A fault of the server. Its log has the details under the request id.
    Internal,
}

/// What is behind an error that clients see masked. It is logged and never sent.
///
/// A resolver puts it into [`async_graphql::Error::source`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(pub String);

impl Cause {
    /// The messages of `error` and of its sources.
    pub fn of(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            text.push_str(": ");
            text.push_str(&source.to_string());
            next = source.source();
        }
        Self(text)
    }
}

const ALL_CODES: [Code; 9] = [
    Code::Unauthenticated,
    Code::Forbidden,
    Code::BadUserInput,
    Code::GraphqlParseFailed,
    Code::GraphqlValidationFailed,
    Code::LimitExceeded,
    Code::PersistedQueryNotFound,
    Code::Unavailable,
    Code::Internal,
];

impl Code {
    /// The value of `extensions.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// The result of an operation, ready to be sent.
#[derive(Debug)]
pub enum Settled {
    /// The operation was executed. The response may contain errors of single fields.
    Executed(Response),
    /// The operation was not executed, or its outcome is unknown. The response has no data.
    Refused(Vec<ServerError>),
}

/// Prepares a response for the client, and determines whether the operation was executed.
///
/// A response without data whose errors have no path comes from before execution: this is
/// how async-graphql reports a document that fails validation.
pub fn settle(mut response: Response, request_id: RequestId) -> Settled {
    if response.errors.is_empty() {
        return Settled::Executed(response);
    }
    let executed = response.data != Value::Null || response.errors.iter().any(|error| !error.path.is_empty());
    for error in &mut response.errors {
        sanitize(error, executed, request_id);
    }
    set_request_id(&mut response.errors, request_id);
    if executed { Settled::Executed(response) } else { Settled::Refused(response.errors) }
}

/// An error of the transport.
pub fn error(code: Code, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    set_code(&mut error, code);
    error
}

/// The masked error for a panic. Logs the `payload`.
pub fn panicked(payload: &(dyn Any + Send), request_id: RequestId) -> ServerError {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    tracing::error!(%request_id, panic = message, "an operation panicked");
    let mut error = ServerError::new("", None);
    mask(&mut error);
    set_request_id(std::slice::from_mut(&mut error), request_id);
    error
}

/// The error for an operation that exceeded the request timeout.
pub fn timed_out() -> ServerError {
    error(Code::Unavailable, "The request timed out. A mutation may still complete.")
}

/// Sets `extensions.requestId` of each error. On a WebSocket, no header carries the id.
pub fn set_request_id(errors: &mut [ServerError], request_id: RequestId) {
    let id = request_id.to_string();
    for error in errors {
        error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("requestId", id.as_str());
    }
}

/// The error's code as a label: one of [`Code`], or `ERROR` for any other.
pub fn code_label(error: &ServerError) -> &'static str {
    let code = code_of(error);
    ALL_CODES.iter().map(|known| known.as_str()).find(|known| code == Some(known)).unwrap_or("ERROR")
}

/// The error for an agent who has too few points left for an operation.
pub fn rate_limited(limited: &RateLimited) -> ServerError {
    let seconds = rate_limit::seconds(limited.retry_after);
    let limit = limited.status.limit;
    let message = format!("The rate limit is {limit} points per minute. Try again in {seconds} s.");
    let mut error = error(Code::LimitExceeded, message);
    if let Some(extensions) = &mut error.extensions {
        extensions.set("retryable", true);
        extensions.set("retryAfter", seconds);
    }
    error
}

/// Whether the error carries this code.
pub fn has_code(error: &ServerError, code: Code) -> bool {
    code_of(error) == Some(code.as_str())
}

/// Sets the code of an error that has none, and removes the details of faults.
fn sanitize(error: &mut ServerError, executed: bool, request_id: RequestId) {
    match code_of(error) {
        None => match classify(error, executed) {
            Code::Internal => {
                log(error, request_id);
                mask(error);
            }
            code => set_code(error, code),
        },
        Some(code) if code == Code::Internal.as_str() => {
            log(error, request_id);
            mask(error);
        }
        Some(code) if code == Code::Unavailable.as_str() => {
            log(error, request_id);
            set_code(error, Code::Unavailable);
            error.source = None;
        }
        Some(_) => {}
    }
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        Value::Enum(code) => Some(code),
        _ => None,
    }
}

fn set_code(error: &mut ServerError, code: Code) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    extensions.set("code", code.as_str());
    if code == Code::Unavailable {
        extensions.set("retryable", true);
    }
}

// The errors of async-graphql 7 have neither a code nor a type, so they are recognised by their text.
const ASYNC_GRAPHQL_MESSAGES: [(&str, Code); 8] = [
    ("Query is too complex.", Code::LimitExceeded),
    ("Query is nested too deep.", Code::LimitExceeded),
    ("The recursion depth of the query", Code::LimitExceeded),
    ("The number of directives on the field", Code::LimitExceeded),
    ("Invalid value for argument", Code::BadUserInput),
    ("Failed to parse \"", Code::BadUserInput),
    ("Expected input type \"", Code::BadUserInput),
    ("Cannot query field \"", Code::GraphqlValidationFailed),
];

fn classify(error: &ServerError, executed: bool) -> Code {
    // An error that a resolver converted from another error has a source. Its text is
    // arbitrary, so it is never compared with the texts of async-graphql.
    let known = error.source.is_none().then(|| {
        let mut messages = ASYNC_GRAPHQL_MESSAGES.iter();
        messages.find(|(text, _)| error.message.starts_with(text)).map(|(_, code)| *code)
    });
    match known.flatten() {
        // An invalid scalar is an error of the input; an unknown enum value or input field is an error of the
        // document.
        Some(Code::BadUserInput)
            if error.message.starts_with("Invalid value for argument")
                && !error.message.contains("expected type \"") =>
        {
            Code::GraphqlValidationFailed
        }
        Some(code) => code,
        None if executed => Code::Internal,
        None => Code::GraphqlValidationFailed,
    }
}

/// Logs the details that the client does not receive.
fn log(error: &ServerError, request_id: RequestId) {
    let cause = error.source::<Cause>().map(|cause| &cause.0);
    let cause = cause.unwrap_or(&error.message);
    tracing::error!(%request_id, path = ?error.path, cause, "a field failed");
}

fn mask(error: &mut ServerError) {
    error.message =
        "Internal server error. The server's log has the details under the request id.".to_owned();
    error.source = None;
    error.extensions = None;
    set_code(error, Code::Internal);
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, value};

    use super::*;

    fn failed_field(message: &str) -> ServerError {
        ServerError::new(message, None).with_path(vec![PathSegment::Field("field".to_owned())])
    }

    fn settled_code(response: Response) -> (bool, String) {
        let (executed, errors) = match settle(response, RequestId::random()) {
            Settled::Executed(response) => (true, response.errors),
            Settled::Refused(errors) => (false, errors),
        };
        (executed, code_of(&errors[0]).unwrap_or("none").to_owned())
    }

    #[test]
    fn an_error_before_execution_is_a_validation_failure() {
        let response = Response::from_errors(vec![ServerError::new("Unknown field.", None)]);
        assert_eq!(settled_code(response), (false, "GRAPHQL_VALIDATION_FAILED".to_owned()));
    }

    #[test]
    fn a_failed_field_without_a_code_is_masked() {
        let id = RequestId::random();
        let mut response = Response::new(value!({ "other": 1 }));
        response.errors = vec![failed_field("password=hunter2")];
        let Settled::Executed(response) = settle(response, id) else {
            panic!("a response with data was executed");
        };
        let sent = serde_json::to_string(&response).unwrap();
        assert!(!sent.contains("hunter2"), "{sent}");
        assert!(sent.contains(&id.to_string()), "{sent}");
        assert!(sent.contains(r#""code":"INTERNAL""#), "{sent}");
    }

    #[test]
    fn a_code_that_a_resolver_set_is_kept() {
        let mut error = failed_field("Not for you.");
        set_code(&mut error, Code::Forbidden);
        assert_eq!(settled_code(Response::from_errors(vec![error])), (true, "FORBIDDEN".to_owned()));
    }

    #[test]
    fn the_text_of_a_converted_error_is_not_compared_with_async_graphqls() {
        let mut error = failed_field("Failed to parse \"secret\"");
        error.source = Some(std::sync::Arc::new("anything"));
        assert_eq!(settled_code(Response::from_errors(vec![error])), (true, "INTERNAL".to_owned()));
    }

    #[test]
    fn limits_of_the_executor_are_limits() {
        let response = Response::from_errors(vec![ServerError::new("Query is too complex.", None)]);
        assert_eq!(settled_code(response), (false, "LIMIT_EXCEEDED".to_owned()));
    }
}
