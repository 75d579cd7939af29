//! The map `extensions` of a request. Other entries than those read here are ignored.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::persisted::PersistedQuery;
use crate::trace_context::TraceContext;

/// The entries of `extensions` that the transport uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestExtensions {
    /// `traceparent` and `tracestate`.
    pub trace: TraceContext,
    /// `persistedQuery`.
    pub persisted_query: Option<PersistedQuery>,
}

impl<'de> Deserialize<'de> for RequestExtensions {
    // A derived implementation would also accept an array.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ExtensionsVisitor)
    }
}

struct ExtensionsVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ExtensionName {
    Traceparent,
    Tracestate,
    PersistedQuery,
    #[serde(other)]
    Other,
}

/// A string, or any other JSON value.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Other(IgnoredAny),
}

impl Text {
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }
}

impl<'de> Visitor<'de> for ExtensionsVisitor {
    type Value = RequestExtensions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RequestExtensions, M::Error> {
        let mut extensions = RequestExtensions::default();
        while let Some(name) = map.next_key()? {
            match name {
                ExtensionName::Traceparent => {
                    extensions.trace.parent = map.next_value::<Text>()?.into_text();
                }
                ExtensionName::Tracestate => extensions.trace.state = map.next_value::<Text>()?.into_text(),
                ExtensionName::PersistedQuery => {
                    extensions.persisted_query = match map.next_value::<Value>()? {
                        Value::Null => None,
                        // A derived implementation would also accept an array.
                        value @ Value::Object(_) => {
                            Some(serde_json::from_value(value).map_err(de::Error::custom)?)
                        }
                        _ => return Err(de::Error::custom("`persistedQuery` is not a map")),
                    };
                }
                ExtensionName::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(extensions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_context_is_read_from_extensions() {
        let read = |json: &str| serde_json::from_str::<RequestExtensions>(json).map(|read| read.trace);
        let named = r#"{"other":{"version":1},"traceparent":"a","tracestate":"b=c"}"#;
        let wanted = TraceContext { parent: Some("a".to_owned()), state: Some("b=c".to_owned()) };
        assert_eq!(read(named).unwrap(), wanted);
        for other in ["{}", r#"{"traceparent":null}"#, r#"{"traceparent":{"a":[1]},"tracestate":7}"#] {
            assert_eq!(read(other).unwrap(), TraceContext::default(), "{other}");
        }
        for bad in ["[]", r#"["a","b"]"#, "\"a\"", "1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_persisted_query_has_a_version_and_a_hash() {
        let read = |json: &str| serde_json::from_str::<RequestExtensions>(json).map(|it| it.persisted_query);
        assert!(read(r#"{"persistedQuery":{"version":1,"sha256Hash":"ab","more":1}}"#).unwrap().is_some());
        assert_eq!(read(r#"{"persistedQuery":null}"#).unwrap(), None);
        for bad in ["1", "[1,\"ab\"]", "{}", r#"{"version":1}"#, r#"{"version":1,"sha256Hash":2}"#] {
            assert!(read(&format!(r#"{{"persistedQuery":{bad}}}"#)).is_err(), "{bad}");
        }
    }
}
