//! A customer.

use async_graphql::{ID, Object};

use crate::domain::{self, input::E164};
use crate::graphql::ids;

/// A customer of the workspace.
#[derive(Debug, Clone)]
pub struct Contact(pub domain::Contact);

/// A customer's phone number, with a name if it is known.
// Every field is there: nothing to wait for.
#[Object(serial)]
impl Contact {
    /// The contact's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.0.id)
    }

    /// The customer's phone number.
    async fn number(&self) -> &E164 {
        &self.0.number
    }

    /// The customer's name; null while nobody knows it.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }
}
