//! Tokens to callers.

use std::sync::Arc;
use std::time::Duration;

use graphql_transport::auth::{Session, SignIn, SignInError};

use crate::graphql::{self, Scope};
use crate::service::{Error, Services};
use crate::token::{LEEWAY_SECONDS, Subject, TokenError};

/// How long a session lasts whose token has expired within the leeway.
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
        let refused = |message: &str| SignInError::Unauthenticated(message.to_owned());
        let token = bearer.ok_or_else(|| refused("A bearer token is required."))?;
        let verified = self.services.keys().verify(token).await.map_err(|error| match error {
            TokenError::Expired => refused("The token has expired."),
            TokenError::Invalid | TokenError::NoSecret => refused("The token is not valid."),
            TokenError::TooLong => refused("The token is valid for too long."),
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
            Ok((caller, self.services.access(caller).await?))
        };
        let (caller, access) = signed_in.await.map_err(|error| match error {
            Error::Unauthenticated => refused("The token was revoked, or its agent cannot sign in."),
            error => {
                tracing::error!(%error, "signing a caller in failed");
                SignInError::Unavailable
            }
        })?;
        // A token that expired within the leeway is accepted, and its socket lasts no longer than the leeway.
        let expires_in = verified.times.expires_at.as_micros() - self.services.clock().now().as_micros();
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
