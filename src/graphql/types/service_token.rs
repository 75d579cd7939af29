//! Tokens of services.

use async_graphql::{Enum, ID, Object};

use crate::clock::Timestamp;
use crate::domain::service_token;
use crate::graphql::ids;

/// What a service token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "service_token::ServiceScope")]
pub enum ServiceScope {
    /// Delivers messages from customers with `receiveMessage`.
    Deliver,
    /// Queries and subscribes, with access to all phone numbers of the workspace. `viewer` is null, the view
    /// `ASSIGNED_TO_ME` is empty, and nothing is unread.
    Read,
}

/// The GraphQL type `ServiceToken`.
#[derive(Debug, Clone)]
pub struct ServiceToken(pub service_token::ServiceToken);

/// A token with which a service calls the API. The token itself is shown only once, when it is issued.
#[Object(serial)]
impl ServiceToken {
    /// The id of the service token.
    pub async fn id(&self) -> ID {
        ids::encode(self.0.id)
    }

    /// The name of the service.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What the token allows.
    async fn scopes(&self) -> Vec<ServiceScope> {
        self.0.scopes.iter().map(ServiceScope::from).collect()
    }

    /// When the token was issued.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When the token was last used, to the minute. Null if it was never used.
    async fn last_used_at(&self) -> Option<Timestamp> {
        self.0.last_used_at
    }

    /// When the token expires. Null if it does not expire.
    async fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at
    }

    /// When the token was revoked. Null if it was not revoked.
    async fn revoked_at(&self) -> Option<Timestamp> {
        self.0.revoked_at
    }
}
