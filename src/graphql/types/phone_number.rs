//! Phone numbers.

use std::borrow::Cow;

use async_graphql::{ID, Object};

use crate::domain::{self, input::E164};
use crate::graphql::ids;
use crate::graphql::json::WriteScalar;
use graphql_transport::fast::{FastObject, FieldWriter, Selected, scalar};

/// The GraphQL type `PhoneNumber`.
#[derive(Debug, Clone)]
pub struct PhoneNumber(pub domain::PhoneNumber);

/// A phone number that customers text and the team shares.
// Serial, because no field has to be loaded.
#[Object(serial)]
impl PhoneNumber {
    /// The phone number's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.0.id)
    }

    /// The number in E.164 format.
    async fn number(&self) -> &E164 {
        &self.0.number
    }

    /// The team's name for the number.
    async fn label(&self) -> &str {
        &self.0.label
    }
}

impl FastObject for domain::PhoneNumber {
    fn type_name() -> Cow<'static, str> {
        "PhoneNumber".into()
    }

    fn writer(selected: &Selected<'_>) -> Option<FieldWriter<Self>> {
        Some(match selected.name() {
            "id" => scalar(|it: &Self, json| json.id(it.id)),
            "number" => scalar(|it: &Self, json| json.text(it.number.as_str())),
            "label" => scalar(|it: &Self, json| json.text(&it.label)),
            _ => return None,
        })
    }
}
