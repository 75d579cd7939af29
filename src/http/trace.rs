//! The client's trace, gone on with.

use axum::http::HeaderMap;
use tracing::Span;

/// Makes `span` a part of the trace that the `traceparent` header names, if there is one and traces are made.
pub(super) fn continue_from(span: &Span, headers: &HeaderMap) {
    use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    struct Headers<'a>(&'a HeaderMap);

    impl Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key)?.to_str().ok()
        }

        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(|name| name.as_str()).collect()
        }
    }

    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&Headers(headers));
        // It fails when no traces are made, and then there is nothing to continue.
        let _ = span.set_parent(parent);
    }
}
