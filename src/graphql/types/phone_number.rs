//! A shared number.

use std::borrow::Cow;

use async_graphql::{ID, Object};

use crate::domain::{self, input::E164};
use crate::graphql::ids;
use crate::graphql::json::WriteScalar;
use graphql_transport::fast::{FastObject, FieldWriter, Selected, scalar};

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
