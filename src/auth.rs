//! Signs callers in by bearer token.

use std::sync::Arc;
use std::time::Duration;

use graphql_transport::auth::{Session, SignIn, SignInError, TokenProblem};

use crate::graphql::{self, Scope};
use crate::service::{Error, Services};
use crate::token::{LEEWAY_SECONDS, Subject, TokenError};

/// How long a session may last whose token has already expired, but is accepted within the leeway.
const LEEWAY: Duration = Duration::from_secs(LEEWAY_SECONDS);

/// Signs callers in by their tokens. Reads each caller's role, status and access from the database.
#[derive(Clone)]
pub struct TokenSignIn {
    services: Services,
}

impl TokenSignIn {
    pub fn new(services: Services) -> Self {
        Self { services }
    }
}

impl SignIn for TokenSignIn {
    async fn sign_in(&self, bearer: Option<&str>) -> Result<Session, SignInError> {
        let refused =
            |problem: TokenProblem, message: &str| SignInError::Unauthenticated(problem, message.to_owned());
        let token = bearer.ok_or_else(|| refused(TokenProblem::Missing, "A bearer token is required."))?;
        let verified = self.services.keys().verify(token).await.map_err(|error| match error {
            TokenError::Expired => refused(TokenProblem::Expired, "The token has expired."),
            TokenError::Invalid | TokenError::NoSecret => {
                refused(TokenProblem::Invalid, "The token is not valid.")
            }
            TokenError::TooLong => refused(TokenProblem::Invalid, "The token is valid for too long."),
            TokenError::Unavailable => SignInError::Unavailable,
        })?;
        let signed_in = async {
            let caller = match verified.subject {
                Subject::Caller(caller) => caller,
                Subject::Email { workspace_id, email } => {
                    self.services.agent_by_email(workspace_id, &email).await?
                }
            };
            Ok((caller, self.services.access(caller).await?))
        };
        let (caller, access) = signed_in.await.map_err(|error| match error {
            Error::Unauthenticated => {
                refused(TokenProblem::Revoked, "The agent of this token cannot sign in.")
            }
            error => {
                tracing::error!(%error, "signing a caller in failed");
                SignInError::Unavailable
            }
        })?;
        // A token that expired within the leeway is accepted, and its socket lasts no longer than the leeway.
        let expires_in = verified.expires_at.as_micros() - self.services.clock().now().as_micros();
        let expires_in = u64::try_from(expires_in).map_or(LEEWAY, Duration::from_micros);
        let (services, later) = (self.services.clone(), self.services.clone());
        Ok(Session {
            expires_in: Some(expires_in),
            revoked: self.services.revoked(&access),
            user_key: caller.agent_id().map(|id| id.0),
            tenant_key: Some(caller.workspace_id().0),
            replaces_invalid_text: caller.agent_id().is_none(),
            attach: Arc::new(move |request| graphql::attach(request, Scope::new(later.clone(), caller))),
            attach_first: Some(Box::new(move |request| {
                graphql::attach(request, Scope::with_access(services, access))
            })),
        })
    }
}
