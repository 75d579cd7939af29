//! Authentication, as far as the transport needs it.
//!
//! The application implements [`SignIn`], which exchanges a bearer token for a
//! [`Session`]. HTTP signs in for every request, a WebSocket once, at `connection_init`.
//! The transport does not interpret tokens.

use std::{fmt, sync::Arc, time::Duration};

use async_graphql::Request;
use axum::http::{HeaderMap, header};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// Exchanges a bearer token for a session, for HTTP and WebSocket.
pub trait SignIn: Clone + Send + Sync + 'static {
    /// `bearer` is `None` if the caller sent no token. The result is then
    /// [`SignInError::Unauthenticated`].
    fn sign_in(&self, bearer: Option<&str>) -> impl Future<Output = Result<Session, SignInError>> + Send;
}

/// A caller whose token was accepted.
pub struct Session {
    /// The time until the token expires; `None` if it does not expire. When the
    /// token expires, its sockets are closed with 4403.
    pub expires_in: Option<Duration>,
    /// Resolves when the agent is deactivated, and stays pending otherwise. A
    /// socket is then closed with 4403. HTTP never polls this future.
    pub revoked: BoxFuture<'static, ()>,
    /// Whether half of a surrogate pair in a text is replaced by U+FFFD, for callers that deliver texts of others. An
    /// operation of any other caller is refused.
    pub replaces_invalid_text: bool,
    /// Attaches the caller and new loaders to a request. Called once per operation.
    pub attach: Attach,
    /// Used instead of `attach` for the operation that the sign-in was made for, which can reuse the rows that the
    /// sign-in has loaded. `None` if it loaded no rows to reuse. Operations of a socket never use it.
    pub attach_first: Option<AttachFirst>,
    /// The agent whose sockets and points are counted; `None` for a service, which is not limited.
    pub user_key: Option<Uuid>,
    /// The workspace, for the log.
    pub tenant_key: Option<Uuid>,
}

/// Attaches the data about the caller that resolvers need to a request.
pub type Attach = Arc<dyn Fn(Request) -> Request + Send + Sync>;

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("expires_in", &self.expires_in)
            .field("user_key", &self.user_key)
            .field("tenant_key", &self.tenant_key)
            .finish_non_exhaustive()
    }
}

/// As [`Attach`], but callable only once.
pub type AttachFirst = Box<dyn FnOnce(Request) -> Request + Send>;

/// What is wrong with a token, for clients that react to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenProblem {
    /// There is no token.
    Missing,
    /// The token has expired. A new one helps.
    Expired,
    /// The token was valid and is revoked, or its user is deactivated.
    Revoked,
    /// The token was never valid here.
    Invalid,
}

impl TokenProblem {
    /// `missing`, `expired`, `revoked` or `invalid`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Invalid => "invalid",
        }
    }
}

/// Why a caller could not be signed in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignInError {
    /// The caller cannot sign in with this token, or sent none.
    #[error("{1}")]
    Unauthenticated(TokenProblem, String),
    /// The token could not be verified, for example because the database is unavailable.
    #[error("Sign-in is temporarily unavailable.")]
    Unavailable,
}

/// The token of an `Authorization: Bearer …` header; `None` for any other scheme.
pub fn bearer_from_headers(headers: &HeaderMap) -> Option<&str> {
    bearer(headers.get(header::AUTHORIZATION)?.to_str().ok()?)
}

/// The bearer token in the value of an `Authorization` header. The scheme is case-insensitive.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn only_a_bearer_with_a_token_counts() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer "), None);
        assert_eq!(bearer("abc"), None);
    }
}
