//! A shared number.

use async_graphql::{ID, Object};

use crate::domain::{self, input::E164};
use crate::graphql::ids;

/// A shared number of the workspace.
#[derive(Debug, Clone)]
pub struct PhoneNumber(pub domain::PhoneNumber);

/// A shared number of the workspace that customers text.
// Every field is there: nothing to wait for.
#[Object(serial)]
impl PhoneNumber {
    /// The phone number's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.0.id)
    }

    /// The number that customers text.
    async fn number(&self) -> &E164 {
        &self.0.number
    }

    /// What the team calls it.
    async fn label(&self) -> &str {
        &self.0.label
    }
}
