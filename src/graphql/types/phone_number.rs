//! Phone numbers.

use std::borrow::Cow;

use async_graphql::{Enum, ID, Object};

use crate::domain::{self, input::E164};
use crate::graphql::ids;
use crate::graphql::json::WriteScalar;
use graphql_transport::fast::{FastObject, FieldWriter, Selected, scalar};

/// Whether a phone number is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::NumberStatus")]
pub enum PhoneNumberStatus {
    /// The workspace has asked for the number. It receives and sends nothing until the operator has verified it.
    Pending,
    /// The number receives and sends messages.
    Verified,
}

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

    /// Whether the number is verified.
    async fn status(&self) -> PhoneNumberStatus {
        self.0.status.into()
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
            "status" => scalar(|it: &Self, json| json.name(PhoneNumberStatus::from(it.status))),
            _ => return None,
        })
    }
}
