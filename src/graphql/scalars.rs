//! The scalars that GraphQL does not bring along, and what they accept.
//!
//! `DateTime` and `E164` are the types of the layers below, as they are: nothing is converted on the way.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

use super::error::BAD_USER_INPUT;
use crate::clock::Timestamp;
use crate::domain::input::E164;

/// A date and time in RFC 3339. Answers are in UTC, with up to six digits after the second; arguments may
/// have any offset.
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value)?;
        Self::parse(&text).ok_or_else(|| refuse("this is not a date and time in RFC 3339"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A phone number in E.164: a plus sign, then 2 to 15 digits that do not begin with 0.
#[Scalar(name = "E164", specified_by_url = "https://www.itu.int/rec/T-REC-E.164")]
impl ScalarType for E164 {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value)?;
        Self::parse(&text).ok_or_else(|| refuse("this is not a phone number in E.164, such as +14155550123"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A position in what has happened in the workspace. Opaque: hand it back as `after` to hear of everything
/// later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventCursor(pub String);

/// A position in what has happened in the workspace. Opaque: hand it back as `after` to hear of everything
/// later.
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
