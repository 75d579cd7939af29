//! What is written down about each operation when it is over: one line of the log, and counts.
//!
//! Names of operations, codes, ids and times; never a document, a variable, a header or an answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::{ServerError, parser::types::OperationType};
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
use crate::observer::{OK, Observer, OperationReport};

/// Nobody waited for the answer, so it was not made to its end. It never is the outcome of a mutation that began.
const ABANDONED: &str = "ABANDONED";

/// The longest name that is written to the log.
const NAME_CHARS: usize = 64;

/// An operation under way. It is over when the last clone is dropped, whatever the reason: a mutation keeps one
/// until it is carried out, also when its client has hung up.
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

/// What becomes known while it runs.
#[derive(Default)]
struct SpanFields {
    kind: Option<OperationType>,
    name: Option<String>,
    user: Option<Uuid>,
    tenant: Option<Uuid>,
    outcome: Option<&'static str>,
}

impl OperationSpan {
    /// A request over HTTP, under the id and in the trace that its headers name.
    pub(crate) fn of_http(observer: &Arc<dyn Observer>, headers: &HeaderMap) -> Self {
        let span = Self::begin(observer, "http", RequestId::of_headers(headers));
        TraceContext::of_headers(headers).adopt(&span.0.span);
        span
    }

    /// An operation of a socket, in the trace that it names itself, or else in that of the socket's `upgrade`.
    pub(crate) fn of_socket(
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

    /// The span in which the log lines and the trace of the operation stand.
    pub(crate) fn span(&self) -> Span {
        self.0.span.clone()
    }

    /// It has passed the guard.
    pub(crate) fn admitted(&self, operation: &Operation) {
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

    /// It is made for this caller.
    pub(crate) fn signed_in(&self, session: &Session) {
        let mut fields = self.0.fields();
        fields.user = session.user_key;
        fields.tenant = session.tenant_key;
    }

    /// It has come to this.
    pub(crate) fn settled(&self, settled: &Settled) {
        match settled {
            Settled::Executed(response) => self.ended(&response.errors),
            Settled::Refused(errors) => self.ended(errors),
        }
    }

    /// It has come so far, with these errors or none. The first error of all is its outcome.
    pub(crate) fn ended(&self, errors: &[ServerError]) {
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
        // A subscription is over when its client has had enough: that is how it should end.
        let outcome = fields.outcome.unwrap_or(if subscribes { OK } else { ABANDONED });
        let (kind, transport) = (kind(fields.kind), self.transport);
        self.observer.operation_ended(&OperationReport {
            request_id: self.request_id,
            name,
            kind,
            transport,
            outcome,
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
