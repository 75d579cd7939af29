//! Continues the client's trace. The W3C trace context comes from headers or from the `extensions` of a request.

use axum::http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The trace context that a client sent. Invalid values are treated as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) parent: Option<String>,
    pub(super) state: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;

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
