//! The one mapping from what async-graphql reports to what a client may read.
//!
//! Resolvers put a code on the errors they expect; everything else is judged here,
//! for HTTP and WebSocket alike. What has no code and is not async-graphql's own
//! complaint about the request is a fault: it is logged, and masked.

use std::any::Any;

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use super::rate_limit::{self, RateLimited};
use super::request_id::RequestId;

/// The `extensions.code` of a top-level error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No token, or one that is not good.
    Unauthenticated,
    /// Signed in, but this is not for them.
    Forbidden,
    /// The request is malformed, or a value in it does not fit its type.
    BadUserInput,
    /// The document is not GraphQL.
    GraphqlParseFailed,
    /// The document does not fit the schema.
    GraphqlValidationFailed,
    /// Over one of the limits.
    LimitExceeded,
    /// Worth repeating later.
    Unavailable,
    /// A fault of the server; the details are in its log under the request id.
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

const ALL_CODES: [Code; 8] = [
    Code::Unauthenticated,
    Code::Forbidden,
    Code::BadUserInput,
    Code::GraphqlParseFailed,
    Code::GraphqlValidationFailed,
    Code::LimitExceeded,
    Code::Unavailable,
    Code::Internal,
];

impl Code {
    /// As it stands in `extensions.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::GraphqlParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::GraphqlValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// What became of an operation that was handed to the executor.
#[derive(Debug)]
pub enum Settled {
    /// It was executed; the response may hold errors of single fields.
    Executed(Response),
    /// It was not executed, or its outcome is unknown. There is no data.
    Refused(Vec<ServerError>),
}

/// Makes a response fit to be sent, and says whether the operation was executed.
///
/// An error without a path and without data comes from before execution: that is how
/// async-graphql reports a document that fails validation.
pub fn settle(mut response: Response, request_id: RequestId) -> Settled {
    if response.errors.is_empty() {
        return Settled::Executed(response);
    }
    let executed = response.data != Value::Null || response.errors.iter().any(|error| !error.path.is_empty());
    for error in &mut response.errors {
        publish(error, executed, request_id);
    }
    name_request(&mut response.errors, request_id);
    if executed { Settled::Executed(response) } else { Settled::Refused(response.errors) }
}

/// An error of the transport's own.
pub fn error(code: Code, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    set_code(&mut error, code);
    error
}

/// The masked answer to a panic, whose `payload` is logged.
pub fn panicked(payload: &(dyn Any + Send), request_id: RequestId) -> ServerError {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    tracing::error!(%request_id, panic = message, "an operation panicked");
    let mut error = ServerError::new("", None);
    mask(&mut error);
    name_request(std::slice::from_mut(&mut error), request_id);
    error
}

/// The answer to an operation that outlasted the request timeout.
pub fn timed_out() -> ServerError {
    error(Code::Unavailable, "The answer took too long. A mutation may still have been carried out.")
}

/// Writes the request's id into each error, for a client to quote: over a WebSocket there is no header for it.
pub fn name_request(errors: &mut [ServerError], request_id: RequestId) {
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

/// The answer to an agent who has too few points left for an operation, until there are enough.
pub fn spent(spent: &RateLimited) -> ServerError {
    let seconds = rate_limit::seconds(spent.enough_in);
    let message =
        format!("An agent has {} points a minute. Try again in {seconds} s.", spent.rate_limit_status.limit);
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

fn publish(error: &mut ServerError, executed: bool, request_id: RequestId) {
    match code_of(error) {
        None => match judge(error, executed) {
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

// async-graphql 7 gives its own errors neither a code nor a type: their text is all there is.
const OWN_MESSAGES: [(&str, Code); 8] = [
    ("Query is too complex.", Code::LimitExceeded),
    ("Query is nested too deep.", Code::LimitExceeded),
    ("The recursion depth of the query", Code::LimitExceeded),
    ("The number of directives on the field", Code::LimitExceeded),
    ("Invalid value for argument", Code::BadUserInput),
    ("Failed to parse \"", Code::BadUserInput),
    ("Expected input type \"", Code::BadUserInput),
    ("Cannot query field \"", Code::GraphqlValidationFailed),
];

fn judge(error: &ServerError, executed: bool) -> Code {
    // An error that a resolver converted from another one has a source; its text may
    // say anything, so it is never taken for async-graphql's.
    let own = error.source.is_none().then(|| {
        OWN_MESSAGES.iter().find(|(text, _)| error.message.starts_with(text)).map(|(_, code)| *code)
    });
    match own.flatten() {
        // A scalar that cannot be read is the user's mistake; an unknown enum value or input field is the
        // document's.
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

/// Writes down what a client is not told.
fn log(error: &ServerError, request_id: RequestId) {
    let cause = error.source::<Cause>().map(|cause| &cause.0);
    let cause = cause.unwrap_or(&error.message);
    tracing::error!(%request_id, path = ?error.path, cause, "a field failed");
}

fn mask(error: &mut ServerError) {
    error.message = "The server failed. Its log holds the details under the request id.".to_owned();
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
    fn text_of_a_converted_error_is_not_taken_for_async_graphqls() {
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
