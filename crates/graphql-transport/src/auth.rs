//! Who is calling, as far as the transport has to know.
//!
//! The application turns a bearer token into a [`Session`]; HTTP does so for every
//! request and a WebSocket once, at `connection_init`. Nothing here reads a token.

use std::{fmt, sync::Arc, time::Duration};

use async_graphql::Request;
use axum::http::{HeaderMap, header};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// Turns a bearer token into a session; shared by HTTP and WebSocket.
pub trait SignIn: Clone + Send + Sync + 'static {
    /// `None` is a caller without a token, for whom the answer is
    /// [`SignInError::Unauthenticated`].
    fn sign_in(&self, bearer: Option<&str>) -> impl Future<Output = Result<Session, SignInError>> + Send;
}

/// A caller whose token was accepted.
pub struct Session {
    /// How long the token is good for; `None` means that it does not expire. A
    /// socket is closed with 4403 when it has passed.
    pub expires_in: Option<Duration>,
    /// Resolves when the agent is deactivated; a socket is then closed with 4403.
    /// It must stay pending otherwise, and HTTP never polls it.
    pub revoked: BoxFuture<'static, ()>,
    /// Puts the caller and fresh loaders into a request; called once an operation.
    pub attach: Attach,
    /// The same for the operation that the sign-in was made for, which may use what the sign-in has read. `None`
    /// when it read nothing of use. A socket's operations come later, and never use it.
    pub attach_first: Option<AttachFirst>,
    /// The agent whose sockets are counted together; `None` (a service) is not counted.
    pub user_key: Option<Uuid>,
    /// The workspace, for the log.
    pub tenant_key: Option<Uuid>,
}

/// Puts what the resolvers need to know about the caller into a request.
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

/// As [`Attach`], once.
pub type AttachFirst = Box<dyn FnOnce(Request) -> Request + Send>;

/// Why a caller could not be signed in.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignInError {
    /// The token is missing or not good; the text is sent to the client.
    #[error("{0}")]
    Unauthenticated(String),
    /// The token could not be judged now, for example while the database is away.
    #[error("Sign-in is unavailable at the moment.")]
    Unavailable,
}

/// The token of an `Authorization: Bearer …` header; `None` for any other scheme.
pub fn bearer_of_headers(headers: &HeaderMap) -> Option<&str> {
    bearer(headers.get(header::AUTHORIZATION)?.to_str().ok()?)
}

/// The token in the value of an `Authorization` header. The scheme's case is ignored.
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
