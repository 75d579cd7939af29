//! Signs callers in by bearer token.

use std::sync::Arc;
use std::time::Duration;

use graphql_transport::auth::{Session, SignIn, SignInError, TokenProblem};

use crate::clock::Timestamp;
use crate::domain::service_token::ServiceScope;
use crate::graphql::{self, Scope};
use crate::service::{Access, Error, Services};
use crate::token::service::PresentedToken;
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
        if let Some(presented) = PresentedToken::parse(token) {
            let signed_in = self.services.sign_in_service(&presented).await;
            let (access, expires_at) = signed_in.map_err(sign_in_error)?;
            return Ok(self.session(access, expires_at));
        }
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
            let caller = caller.with_token(verified.times);
            self.services.access(caller).await
        };
        let access = signed_in.await.map_err(sign_in_error)?;
        Ok(self.session(access, Some(verified.times.expires_at)))
    }
}

impl TokenSignIn {
    /// The session of a caller who has signed in.
    fn session(&self, access: Access, expires_at: Option<Timestamp>) -> Session {
        let caller = access.caller;
        // A token that expired within the leeway is accepted, and its socket lasts no longer than the leeway.
        let expires_in = expires_at.map(|expires_at| {
            let micros = expires_at.as_micros() - self.services.clock().now().as_micros();
            u64::try_from(micros).map_or(LEEWAY, Duration::from_micros)
        });
        // Services that read spend points, as agents do. Delivering is free, so that no message of a customer is refused.
        let spends_points = caller.agent_id().is_some() || caller.has_scope(ServiceScope::Read);
        let (services, later) = (self.services.clone(), self.services.clone());
        Session {
            expires_in,
            revoked: self.services.revoked(&access),
            user_key: spends_points.then(|| caller.subject().0),
            tenant_key: Some(caller.workspace_id().0),
            replaces_invalid_text: caller.agent_id().is_none(),
            attach: Arc::new(move |request| graphql::attach(request, Scope::new(later.clone(), caller))),
            attach_first: Some(Box::new(move |request| {
                graphql::attach(request, Scope::with_access(services, access))
            })),
        }
    }
}

fn sign_in_error(error: Error) -> SignInError {
    match error {
        Error::Unauthenticated => SignInError::Unauthenticated(
            TokenProblem::Revoked,
            "The token was revoked, or its agent or service cannot sign in.".to_owned(),
        ),
        error => {
            tracing::error!(%error, "signing a caller in failed");
            SignInError::Unavailable
        }
    }
}
