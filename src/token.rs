//! Bearer tokens: signed claims that say who calls.
//!
//! A token names an agent or a service of one workspace. It says nothing about role, activity or access to
//! numbers: those come from the database at each request, so that taking them away works at once.

use std::fmt;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::{AgentId, WorkspaceId};

/// A clock of a client or another server may be off by this many seconds.
pub const LEEWAY_SECONDS: u64 = 30;
/// The shortest secret that HS256 may be used with, in bytes (RFC 7518, 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// Who calls, as a verified token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// An agent, who sees what their access allows.
    Agent { workspace_id: WorkspaceId, agent_id: AgentId },
    /// A machine that delivers customers' texts into one workspace.
    Service { workspace_id: WorkspaceId },
}

impl Caller {
    pub fn workspace_id(&self) -> WorkspaceId {
        match self {
            Self::Agent { workspace_id, .. } | Self::Service { workspace_id } => *workspace_id,
        }
    }

    /// The agent; `None` for a service.
    pub fn agent_id(&self) -> Option<AgentId> {
        match self {
            Self::Agent { agent_id, .. } => Some(*agent_id),
            Self::Service { .. } => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Agent,
    Service,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub: Option<AgentId>,
    workspace: WorkspaceId,
    kind: Kind,
    /// Seconds since the Unix epoch.
    exp: i64,
}

/// A token that was checked.
#[derive(Debug, Clone, Copy)]
pub struct Verified {
    pub caller: Caller,
    pub expires_at: Timestamp,
}

/// Why a token was turned away. Says nothing about the token itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid")]
    Invalid,
}

/// The secret is too short to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret needs at least {MIN_SECRET_BYTES} bytes")]
pub struct WeakSecret;

/// Signs and verifies tokens with one HS256 secret.
#[derive(Clone)]
pub struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(redacted)")
    }
}

impl Keys {
    /// Keys over `secret`.
    ///
    /// # Errors
    /// [`WeakSecret`] under [`MIN_SECRET_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self, WeakSecret> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(WeakSecret);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.set_required_spec_claims(&["exp"]);
        validation.validate_aud = false;
        Ok(Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
        })
    }

    /// A token for `caller` that holds from `now` for `ttl`, cut to whole seconds.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when the claims cannot be signed.
    pub fn sign(&self, caller: Caller, now: Timestamp, ttl: Duration) -> Result<String, TokenError> {
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            sub: caller.agent_id(),
            workspace: caller.workspace_id(),
            kind: if caller.agent_id().is_some() { Kind::Agent } else { Kind::Service },
            exp: (now.as_micros() / 1_000_000).saturating_add(seconds),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|_| TokenError::Invalid)
    }

    /// Who a token says is calling. Only HS256 is accepted, and an expiry is required.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        use jsonwebtoken::errors::ErrorKind;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Invalid,
            })?
            .claims;
        let workspace_id = claims.workspace;
        let caller = match (claims.kind, claims.sub) {
            (Kind::Agent, Some(agent_id)) => Caller::Agent { workspace_id, agent_id },
            (Kind::Service, _) => Caller::Service { workspace_id },
            (Kind::Agent, None) => return Err(TokenError::Invalid),
        };
        Ok(Verified { caller, expires_at: Timestamp::from_micros(claims.exp.saturating_mul(1_000_000)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn agent() -> Caller {
        Caller::Agent { workspace_id: WorkspaceId(Uuid::from_u128(1)), agent_id: AgentId(Uuid::from_u128(2)) }
    }

    fn now() -> Timestamp {
        crate::clock::Clock::system().now()
    }

    #[test]
    fn a_signed_token_names_its_caller() {
        let keys = Keys::new(&[7; 32]).unwrap();
        let service = Caller::Service { workspace_id: WorkspaceId(Uuid::from_u128(1)) };
        for caller in [agent(), service] {
            let token = keys.sign(caller, now(), Duration::from_secs(60)).unwrap();
            assert_eq!(keys.verify(&token).unwrap().caller, caller);
        }
    }

    #[test]
    fn expired_foreign_and_unsigned_tokens_are_turned_away() {
        let keys = Keys::new(&[7; 32]).unwrap();
        let expired = keys.sign(agent(), now().plus_micros(-120_000_000), Duration::from_secs(60)).unwrap();
        assert_eq!(keys.verify(&expired).unwrap_err(), TokenError::Expired);
        let foreign = Keys::new(&[8; 32]).unwrap().sign(agent(), now(), Duration::from_secs(60)).unwrap();
        assert_eq!(keys.verify(&foreign).unwrap_err(), TokenError::Invalid);
        let body = expired.split('.').nth(1).unwrap();
        let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
        assert_eq!(keys.verify(&none).unwrap_err(), TokenError::Invalid);
        assert_eq!(Keys::new(&[7; 31]).unwrap_err(), WeakSecret);
    }
}
