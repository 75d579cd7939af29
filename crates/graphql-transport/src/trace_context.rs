//! Continues the client's trace. The W3C trace context comes from headers or from the `extensions` of a request.

use std::fmt;

use axum::http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The trace context that a client sent. Invalid values are treated as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceContext {
    parent: Option<String>,
    state: Option<String>,
}

impl TraceContext {
    /// Reads the headers of a request.
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| Some(value.to_str().ok()?.to_owned()));
        Self { parent: text(TRACEPARENT), state: text(TRACESTATE) }
    }

    /// Makes `span` a child of the client's span. Returns `false` if there is no valid trace context.
    pub(super) fn adopt(&self, span: &Span) -> bool {
        if self.parent.is_none() {
            return false;
        }
        let context = TraceContextPropagator::new().extract(self);
        let is_valid = context.span().span_context().is_valid();
        if is_valid {
            // This fails if no traces are collected, and then there is nothing to continue.
            let _ = span.set_parent(context);
        }
        is_valid
    }
}

impl Extractor for TraceContext {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => self.parent.as_deref(),
            TRACESTATE => self.state.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

/// Reads the map `extensions` and ignores its other entries.
impl<'de> Deserialize<'de> for TraceContext {
    // A derived implementation would also accept an array.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ExtensionsVisitor)
    }
}

struct ExtensionsVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum ExtensionName {
    Traceparent,
    Tracestate,
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
    type Value = TraceContext;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<TraceContext, M::Error> {
        let mut trace = TraceContext::default();
        while let Some(name) = map.next_key()? {
            match name {
                ExtensionName::Traceparent => trace.parent = map.next_value::<Text>()?.into_text(),
                ExtensionName::Tracestate => trace.state = map.next_value::<Text>()?.into_text(),
                ExtensionName::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_context_is_read_from_extensions() {
        let read = |json: &str| serde_json::from_str::<TraceContext>(json);
        let named = r#"{"persistedQuery":{"version":1},"traceparent":"a","tracestate":"b=c"}"#;
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
    fn an_invalid_trace_context_is_not_adopted() {
        let adopts = |parent: &str| {
            let trace = TraceContext { parent: Some(parent.to_owned()), state: None };
            trace.adopt(&Span::none())
        };
        assert!(adopts("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for bad in ["", "00", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "é"] {
            assert!(!adopts(bad), "{bad}");
        }
    }
}
