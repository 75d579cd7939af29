//! Contacts.

use std::borrow::Cow;

use async_graphql::{ID, Object};

use crate::domain::{self, input::E164};
use crate::graphql::ids;
use crate::graphql::json::WriteScalar;
use graphql_transport::fast::{FastObject, FieldWriter, Json, Selected, scalar};

/// The GraphQL type `Contact`.
#[derive(Debug, Clone)]
pub struct Contact(pub domain::Contact);

/// A customer: their phone number and, if known, their name.
// Serial, because no field has to be loaded.
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

    /// The customer's name. Null if it is not known.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }
}

impl FastObject for domain::Contact {
    fn type_name() -> Cow<'static, str> {
        "Contact".into()
    }

    fn writer(selected: &Selected<'_>) -> Option<FieldWriter<Self>> {
        Some(match selected.name() {
            "id" => scalar(|it: &Self, json| json.id(it.id)),
            "number" => scalar(|it: &Self, json| json.text(it.number.as_str())),
            "name" => scalar(|it: &Self, json| json.optional(it.name.as_deref(), Json::text)),
            _ => return None,
        })
    }
}
