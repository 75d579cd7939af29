//! Bearer tokens: signed claims that identify the caller.
//!
//! A token names an agent or a service of one workspace. It does not contain the role, activity or access of an agent.
//! Those are read from the database for each request, so that revoking them takes effect immediately.
//!
//! Tokens are signed with the server's secret (HS256), or by an identity provider with a public key set ([`jwks`]:
//! RS256, ES256, EdDSA). The algorithm in the header of a token only selects between the two. Each key verifies a
//! single algorithm, regardless of the token.

mod claims;
pub mod jwks;
mod key_set;
pub mod service;

use std::fmt;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::domain::service_token::{ServiceScope, ServiceScopes};
use crate::domain::{AgentId, ServiceTokenId, WorkspaceId};
use crate::random;

use claims::{Claims, Kind, OwnClaims};
use jwks::Jwks;

/// The tolerated difference between clocks, in seconds.
pub const LEEWAY_SECONDS: u64 = 30;
/// The minimum length of a secret for HS256, in bytes (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The caller that a verified token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// An agent, who sees what their access allows. `token` is `None` if the program itself acts for the agent.
    Agent { workspace_id: WorkspaceId, agent_id: AgentId, token: Option<TokenTimes> },
    /// A program that calls the API of one workspace.
    Service { workspace_id: WorkspaceId, grant: ServiceGrant },
}

/// What a service was given: a stored token with its scopes, or a signed token, which may deliver messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServiceGrant {
    /// The stored token; `None` for a signed one, and for the program itself.
    pub id: Option<ServiceTokenId>,
    pub scopes: ServiceScopes,
    /// When a signed token was issued.
    pub issued_at: Option<Timestamp>,
}

/// The id under which services with signed tokens wait for a revocation. No agent and no stored token has this id.
pub const SIGNED_SERVICES: AgentId = AgentId(Uuid::nil());

/// When a token was issued, and when it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenTimes {
    /// The Unix epoch if the token does not say.
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Caller {
    /// An agent without a token.
    pub fn agent(workspace_id: WorkspaceId, agent_id: AgentId) -> Self {
        Self::Agent { workspace_id, agent_id, token: None }
    }

    /// The same caller, with the times of their token.
    pub fn with_token(self, times: TokenTimes) -> Self {
        match self {
            Self::Agent { workspace_id, agent_id, .. } => {
                Self::Agent { workspace_id, agent_id, token: Some(times) }
            }
            Self::Service { workspace_id, grant } => {
                let issued_at = Some(times.issued_at);
                Self::Service { workspace_id, grant: ServiceGrant { issued_at, ..grant } }
            }
        }
    }

    /// A service that delivers messages, without a token.
    pub fn service(workspace_id: WorkspaceId) -> Self {
        let grant = ServiceGrant { id: None, scopes: ServiceScopes::DELIVER, issued_at: None };
        Self::Service { workspace_id, grant }
    }

    /// Whether this is a service with this scope.
    pub fn has_scope(&self, scope: ServiceScope) -> bool {
        matches!(self, Self::Service { grant, .. } if grant.scopes.contains(scope))
    }

    /// The id by which the log tells the caller that their access has changed: the agent's, or that of the service's
    /// token.
    pub fn subject(&self) -> AgentId {
        match self {
            Self::Agent { agent_id, .. } => *agent_id,
            Self::Service { grant, .. } => grant.id.map_or(SIGNED_SERVICES, |id| AgentId(id.0)),
        }
    }

    pub fn workspace_id(&self) -> WorkspaceId {
        match self {
            Self::Agent { workspace_id, .. } | Self::Service { workspace_id, .. } => *workspace_id,
        }
    }

    /// The id of the agent, or `None` for a service.
    pub fn agent_id(&self) -> Option<AgentId> {
        match self {
            Self::Agent { agent_id, .. } => Some(*agent_id),
            Self::Service { .. } => None,
        }
    }
}

/// The subject of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Caller(Caller),
    /// The agent of the workspace with this e-mail address, which the identity provider has verified.
    Email {
        workspace_id: WorkspaceId,
        email: String,
    },
}

/// The content of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub subject: Subject,
    pub times: TokenTimes,
}

/// Why a token was rejected or could not be signed. Does not contain the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid")]
    Invalid,
    /// The token of the identity provider is valid for longer than the server accepts.
    #[error("the token is valid for too long")]
    TooLong,
    /// The keys of the identity provider have not been read yet, and cannot be read now.
    #[error("the keys to verify the token are not available")]
    Unavailable,
    /// The server has no secret to sign with.
    #[error("only the identity provider signs tokens")]
    NoSecret,
}

/// The secret is too short to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret must have at least {MIN_SECRET_BYTES} bytes")]
pub struct WeakSecret;

/// Further claims that tokens must have. A claim that is `None` is not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// The audience of the token (`aud`).
    pub audience: Option<String>,
    /// The issuer of the token (`iss`).
    pub issuer: Option<String>,
}

impl Expected {
    /// Requires this algorithm, an expiry, and the expected claims.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        validation
    }
}

/// The server's secrets. The first signs tokens; all of them verify.
#[derive(Clone)]
struct Secrets {
    signing: EncodingKey,
    verifying: Vec<DecodingKey>,
}

/// Signs and verifies tokens.
#[derive(Clone, Default)]
pub struct Keys {
    secrets: Option<Secrets>,
    jwks: Option<Jwks>,
    expected: Expected,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(redacted)")
    }
}

impl Keys {
    /// Creates keys with a secret that signs and verifies.
    ///
    /// # Errors
    /// [`WeakSecret`] if the secret is shorter than [`MIN_SECRET_BYTES`].
    pub fn new(secret: &[u8]) -> Result<Self, WeakSecret> {
        Self::default().with_secret(secret)
    }

    /// Adds a secret. The first secret signs. The others are being phased out, and only verify tokens.
    ///
    /// # Errors
    /// [`WeakSecret`] if the secret is shorter than [`MIN_SECRET_BYTES`].
    pub fn with_secret(mut self, secret: &[u8]) -> Result<Self, WeakSecret> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(WeakSecret);
        }
        let secrets = self.secrets.get_or_insert_with(|| Secrets {
            signing: EncodingKey::from_secret(secret),
            verifying: Vec::new(),
        });
        secrets.verifying.push(DecodingKey::from_secret(secret));
        Ok(self)
    }

    /// Adds the keys of an identity provider.
    pub fn with_jwks(self, jwks: Jwks) -> Self {
        Self { jwks: Some(jwks), ..self }
    }

    /// Sets further claims that tokens must have. Signed tokens contain them too.
    pub fn expecting(self, expected: Expected) -> Self {
        Self { expected, ..self }
    }

    /// Signs a token for `caller` that expires after `ttl` from `now`, truncated to whole seconds.
    ///
    /// # Errors
    /// [`TokenError::NoSecret`] if only an identity provider signs tokens, and [`TokenError::Invalid`] if the claims
    /// cannot be signed.
    pub fn sign(&self, caller: Caller, now: Timestamp, ttl: Duration) -> Result<String, TokenError> {
        let secrets = self.secrets.as_ref().ok_or(TokenError::NoSecret)?;
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let claims = OwnClaims {
            sub: caller.agent_id(),
            workspace: caller.workspace_id(),
            kind: if caller.agent_id().is_some() { Kind::Agent } else { Kind::Service },
            aud: self.expected.audience.as_deref(),
            iss: self.expected.issuer.as_deref(),
            iat: now.as_micros() as f64 / 1e6,
            exp: (now.as_micros() / 1_000_000).saturating_add(seconds),
            jti: random::unique(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secrets.signing)
            .map_err(|_| TokenError::Invalid)
    }

    /// Verifies a token and returns its subject and expiry.
    ///
    /// Accepts only the algorithms in the module's documentation, and requires an expiry. If the key of a token is
    /// unknown, this may wait until the key set of the identity provider has been read again.
    ///
    /// # Errors
    /// Any [`TokenError`] except [`TokenError::NoSecret`].
    pub async fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // A header may name extensions that a verifier must understand (RFC 7515, section 4.1.11). None is known here.
        if header.crit.is_some() || !is_access_token(header.typ.as_deref()) {
            return Err(TokenError::Invalid);
        }
        let validation = self.expected.validation(header.alg);
        let (subject, times) = match header.alg {
            Algorithm::HS256 => {
                let secrets = self.secrets.as_ref().ok_or(TokenError::Invalid)?;
                let claims = decode(token, secrets.verifying.iter(), &validation)?;
                (claims.own_subject(), claims.times()?)
            }
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => {
                let jwks = self.jwks.as_ref().ok_or(TokenError::Invalid)?;
                let keys = jwks.find(header.alg, header.kid.as_deref()).await?;
                let claims = decode(token, keys.iter().map(|key| &**key), &validation)?;
                let times = claims.times()?;
                if lifetime_left(claims.exp) > jwks.max_lifetime().as_secs().saturating_add(LEEWAY_SECONDS) {
                    return Err(TokenError::TooLong);
                }
                (claims.provider_subject(), times)
            }
            _ => return Err(TokenError::Invalid),
        };
        let subject = subject.ok_or(TokenError::Invalid)?;
        Ok(Verified { subject, times })
    }
}

/// Whether the `typ` header is that of a token with which callers sign in. Providers sign other things with the same
/// keys, such as logout tokens (RFC 8725, section 3.11).
fn is_access_token(typ: Option<&str>) -> bool {
    let Some(typ) = typ else { return true };
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
}

/// The seconds until `exp`; 0 if it is in the past.
fn lifetime_left(exp: i64) -> u64 {
    let now = Clock::system().now().as_micros() / 1_000_000;
    u64::try_from(exp.saturating_sub(now)).unwrap_or(0)
}

/// Verifies that one of the keys signed the token, and returns its claims.
fn decode<'a>(
    token: &str,
    keys: impl Iterator<Item = &'a DecodingKey>,
    validation: &Validation,
) -> Result<Claims, TokenError> {
    use jsonwebtoken::errors::ErrorKind;
    for key in keys {
        match jsonwebtoken::decode::<Claims>(token, key, validation) {
            Ok(data) => return Ok(data.claims),
            Err(error) => match error.kind() {
                // The expiry is checked after the signature, so the signature was valid.
                ErrorKind::ExpiredSignature => return Err(TokenError::Expired),
                _ => continue,
            },
        }
    }
    Err(TokenError::Invalid)
}

#[cfg(test)]
mod tests;
