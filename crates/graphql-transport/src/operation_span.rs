//! The log line and the metrics of each operation, written when it ends.
//!
//! They contain the operation's name, error codes, ids and times. They never contain documents, variables, headers or
//! responses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::{
    Request, ServerError,
    parser::types::{OperationType, Selection},
};
use axum::http::HeaderMap;
use tokio::time::Instant;
use tracing::{Span, field};
use uuid::Uuid;

use super::{
    auth::Session,
    errors::{self, Settled},
    operation::Operation,
    request_id::RequestId,
    trace_context::TraceContext,
};
use crate::observer::{OK, Observer, OperationReport, REFUSED};

/// The outcome of an operation that was cancelled because the client disconnected. Mutations that have started are
/// never cancelled.
const ABANDONED: &str = "ABANDONED";

/// The maximum length of an operation's name in the log, in characters.
const NAME_CHARS: usize = 64;

/// A running operation. It ends when the last clone is dropped. A mutation holds a clone until it completes, even if
/// its client disconnects.
#[derive(Clone)]
pub(crate) struct OperationSpan(Arc<SpanState>);

struct SpanState {
    observer: Arc<dyn Observer>,
    transport: &'static str,
    request_id: RequestId,
    span: Span,
    started: Instant,
    fields: Mutex<SpanFields>,
}

/// The fields that are recorded while the operation runs.
#[derive(Default)]
struct SpanFields {
    kind: Option<OperationType>,
    name: Option<String>,
    user: Option<Uuid>,
    tenant: Option<Uuid>,
    root_fields: String,
    outcome: Option<&'static str>,
    refusal: Option<&'static str>,
}

impl OperationSpan {
    /// Starts the span of an HTTP request, with the request id and the trace of its headers.
    pub(crate) fn http(observer: &Arc<dyn Observer>, headers: &HeaderMap) -> Self {
        let span = Self::begin(observer, "http", RequestId::from_headers(headers));
        TraceContext::from_headers(headers).adopt(&span.0.span);
        span
    }

    /// Starts the span of a socket's operation, in the trace of the operation, or else in the trace of the socket's
    /// `upgrade` request.
    pub(crate) fn socket(
        observer: &Arc<dyn Observer>,
        operation: &TraceContext,
        upgrade: &TraceContext,
    ) -> Self {
        let span = Self::begin(observer, "websocket", RequestId::random());
        if !operation.adopt(&span.0.span) {
            upgrade.adopt(&span.0.span);
        }
        span
    }

    fn begin(observer: &Arc<dyn Observer>, transport: &'static str, request_id: RequestId) -> Self {
        let span = tracing::info_span!(
            "operation",
            otel.kind = "server",
            %request_id,
            transport,
            graphql.operation.type = field::Empty,
            graphql.operation.name = field::Empty,
        );
        Self(Arc::new(SpanState {
            observer: observer.clone(),
            transport,
            request_id,
            span,
            started: Instant::now(),
            fields: Mutex::default(),
        }))
    }

    pub(crate) fn request_id(&self) -> RequestId {
        self.0.request_id
    }

    /// The `tracing` span of the operation.
    pub(crate) fn span(&self) -> Span {
        self.0.span.clone()
    }

    /// Records the type and the name of an operation that passed the guard.
    pub(crate) fn record_operation(&self, operation: &Operation) {
        let name: Option<String> =
            operation.name.as_deref().map(|name| name.chars().take(NAME_CHARS).collect());
        self.0.span.record("graphql.operation.type", kind(Some(operation.kind)));
        if let Some(name) = &name {
            self.0.span.record("graphql.operation.name", name.as_str());
        }
        let mut fields = self.0.fields();
        fields.kind = Some(operation.kind);
        fields.name = name;
    }

    /// Records the root fields of an operation without a name, which would otherwise leave no trace of what it did. The
    /// document of `request` is a normal form, which has no fragments.
    pub(crate) fn record_root_fields(&self, request: &mut Request) {
        let Ok(document) = request.parsed_query() else { return };
        let roots = document.operations.iter().flat_map(|(_, it)| &it.node.selection_set.node.items);
        let names = roots.filter_map(|selection| match &selection.node {
            Selection::Field(field) => Some(field.node.name.node.as_str()),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
        });
        // Names have ASCII letters only, so the text can be cut anywhere.
        let mut joined = names.take(NAME_CHARS).collect::<Vec<_>>().join(" ");
        joined.truncate(NAME_CHARS);
        self.0.fields().root_fields = joined;
    }

    /// Records the caller.
    pub(crate) fn record_session(&self, session: &Session) {
        let mut fields = self.0.fields();
        fields.user = session.user_key;
        fields.tenant = session.tenant_key;
    }

    /// Records a settled response.
    pub(crate) fn record_settled(&self, settled: &Settled) {
        match settled {
            Settled::Executed(response) => self.record_errors(&response.errors),
            Settled::Refused(errors) => self.record_errors(errors),
        }
    }

    /// Records that the application refused the operation, which was executed without errors.
    pub(crate) fn record_refusal(&self, code: &'static str) {
        let mut fields = self.0.fields();
        if fields.outcome == Some(OK) {
            fields.outcome = Some(REFUSED);
            fields.refusal = Some(code);
        }
    }

    /// Records the errors of a response. The outcome is the code of the operation's first error, or `OK` without
    /// errors.
    pub(crate) fn record_errors(&self, errors: &[ServerError]) {
        let outcome = errors.first().map_or(OK, errors::code_label);
        let mut fields = self.0.fields();
        if fields.outcome.is_none_or(|before| before == OK) {
            fields.outcome = Some(outcome);
        }
    }
}

impl SpanState {
    fn fields(&self) -> MutexGuard<'_, SpanFields> {
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SpanState {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let fields = std::mem::take(&mut *self.fields());
        let name = fields.name.as_deref().unwrap_or_default();
        let subscribes = fields.kind == Some(OperationType::Subscription);
        // It is normal that a client ends its subscription by `complete` or by disconnecting.
        let outcome = fields.outcome.unwrap_or(if subscribes { OK } else { ABANDONED });
        let (kind, transport) = (kind(fields.kind), self.transport);
        self.observer.operation_ended(&OperationReport {
            request_id: self.request_id,
            name,
            root_fields: &fields.root_fields,
            kind,
            transport,
            outcome,
            refusal: fields.refusal,
            took,
            user: fields.user,
            tenant: fields.tenant,
        });
    }
}

fn kind(kind: Option<OperationType>) -> &'static str {
    match kind {
        Some(OperationType::Query) => "query",
        Some(OperationType::Mutation) => "mutation",
        Some(OperationType::Subscription) => "subscription",
        None => "unknown",
    }
}
