//! The custom scalars of the schema.
//!
//! `DateTime` and `E164` are implemented directly on types of the lower layers, so no conversion is needed.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use super::error::BAD_USER_INPUT;
use crate::clock::Timestamp;
use crate::domain::input::E164;

/// A date and time in RFC 3339 format. Results are in UTC with up to six fractional digits; arguments may have any
/// offset.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value)?;
        Self::parse(&text).ok_or_else(|| refuse("not a date and time in RFC 3339 format"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A phone number in E.164 format: a plus sign and 2 to 15 digits, of which the first is not 0.
#[Scalar(name = "E164", specified_by_url = "https://www.itu.int/rec/T-REC-E.164")]
impl ScalarType for E164 {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value)?;
        Self::parse(&text).ok_or_else(|| refuse("not a phone number in E.164 format, such as +14155550123"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A position in the event log of the workspace, which contains every change in order. Do not interpret a cursor. Pass
/// it as `after` to receive all later events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor(pub String);

/// A position in the event log of the workspace, which contains every change in order. Do not interpret a cursor. Pass
/// it as `after` to receive all later events.
#[Scalar(name = "EventCursor")]
impl ScalarType for EventCursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn text<T: async_graphql::InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::expected_type(other).with_extension("code", BAD_USER_INPUT)),
    }
}

fn refuse<T: async_graphql::InputType>(reason: &str) -> InputValueError<T> {
    InputValueError::custom(reason).with_extension("code", BAD_USER_INPUT)
}
