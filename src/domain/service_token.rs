//! Tokens of services: programs that call the API on behalf of a workspace.

use super::ids::{ServiceTokenId, WorkspaceId};
use super::spelling::spelled;
use crate::clock::Timestamp;

/// What a service may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceScope {
    /// Delivers customers' messages.
    Deliver,
    /// Reads the workspace: queries and subscriptions, on all numbers.
    Read,
}
spelled!(ServiceScope { Deliver = "DELIVER", Read = "READ" });

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ServiceScopes(u8);

impl ServiceScopes {
    /// The scope of a service that only delivers messages.
    pub const DELIVER: Self = Self(1 << ServiceScope::Deliver as u8);

    pub fn contains(self, scope: ServiceScope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes, in order of declaration.
    pub fn iter(self) -> impl Iterator<Item = ServiceScope> {
        ServiceScope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<ServiceScope> for ServiceScopes {
    fn from_iter<I: IntoIterator<Item = ServiceScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | 1 << scope as u8))
    }
}

/// A token of a service. The token itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceToken {
    pub id: ServiceTokenId,
    pub workspace_id: WorkspaceId,
    pub name: String,
    pub scopes: ServiceScopes,
    pub created_at: Timestamp,
    /// To the minute.
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl ServiceToken {
    /// Whether the token is neither revoked nor expired.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expiry| now < expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_scopes_that_it_was_made_of() {
        assert!(ServiceScopes::default().is_empty());
        for scope in ServiceScope::ALL {
            let set = ServiceScopes::from_iter([*scope, *scope]);
            assert_eq!(set.iter().collect::<Vec<_>>(), [*scope]);
        }
        let all: ServiceScopes = ServiceScope::ALL.iter().copied().collect();
        assert_eq!(all.iter().collect::<Vec<_>>(), ServiceScope::ALL);
        assert_eq!(ServiceScopes::DELIVER, ServiceScopes::from_iter([ServiceScope::Deliver]));
    }
}
