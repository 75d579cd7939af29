//! The claims of tokens, and the subjects that they name.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Caller, LEEWAY_SECONDS, Subject, TokenError, TokenTimes};
use crate::clock::{Clock, Timestamp};
use crate::domain::{AgentId, WorkspaceId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Agent,
    Service,
}

/// The claims of a token that this server signs.
#[derive(Serialize)]
pub(super) struct OwnClaims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<AgentId>,
    pub(super) workspace: WorkspaceId,
    pub(super) kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<&'a str>,
    /// Seconds since the Unix epoch, in microseconds, so that a token that is issued right after a revocation is valid.
    pub(super) iat: f64,
    /// Seconds since the Unix epoch.
    pub(super) exp: i64,
    /// Makes each token different.
    pub(super) jti: Uuid,
}

/// The claims that are read from a token.
#[derive(Deserialize)]
pub(super) struct Claims {
    /// The id of an agent. In a token of an identity provider it may be any text.
    pub(super) sub: Option<String>,
    pub(super) workspace: WorkspaceId,
    pub(super) kind: Option<Kind>,
    pub(super) email: Option<String>,
    /// Must be `true`. Some providers use other types than booleans.
    pub(super) email_verified: Option<Value>,
    pub(super) iat: Option<f64>,
    pub(super) exp: i64,
}

impl Claims {
    /// The subject of a token that this server signed.
    pub(super) fn own_subject(&self) -> Option<Subject> {
        match self.kind? {
            Kind::Agent => self.agent(),
            Kind::Service => Some(self.service()),
        }
    }

    /// The subject of a token that an identity provider signed. It is an agent unless `kind` says otherwise.
    pub(super) fn provider_subject(self) -> Option<Subject> {
        match (self.kind, &self.email, &self.email_verified) {
            (Some(Kind::Service), _, _) => Some(self.service()),
            (_, Some(email), Some(Value::Bool(true))) => {
                Some(Subject::Email { workspace_id: self.workspace, email: email.clone() })
            }
            _ => self.agent(),
        }
    }

    fn agent(&self) -> Option<Subject> {
        let id = Uuid::parse_str(self.sub.as_deref()?).ok()?;
        Some(Subject::Caller(Caller::agent(self.workspace, AgentId(id))))
    }

    /// When the token was issued and expires. A token without `iat` is as old as can be.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if the token was issued in the future: it would outlive a revocation.
    pub(super) fn times(&self) -> Result<TokenTimes, TokenError> {
        // A cast of a float saturates.
        let issued_at = (self.iat.unwrap_or(0.0) * 1e6).round() as i64;
        let latest = Clock::system().now().plus_micros(LEEWAY_SECONDS as i64 * 1_000_000);
        let times = TokenTimes {
            issued_at: Timestamp::from_micros(issued_at),
            expires_at: Timestamp::from_micros(self.exp.saturating_mul(1_000_000)),
        };
        if times.issued_at > latest { Err(TokenError::Invalid) } else { Ok(times) }
    }

    fn service(&self) -> Subject {
        Subject::Caller(Caller::service(self.workspace))
    }
}
