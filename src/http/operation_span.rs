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
    errors::{self, Settled},
    operation::Operation,
    request_id::RequestId,
    session::Session,
    trace::TraceContext,
};
use crate::metrics::{self, Metrics};

/// Nobody waited for the answer, so it was not made to its end. It never is the outcome of a mutation that began.
const ABANDONED: &str = "ABANDONED";

/// The longest name that is written to the log.
const NAME_CHARS: usize = 64;

/// An operation under way. It is over when the last clone is dropped, whatever the reason: a mutation keeps one
/// until it is carried out, also when its client has hung up.
#[derive(Clone)]
pub(super) struct OperationSpan(Arc<SpanState>);

struct SpanState {
    metrics: Metrics,
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
    agent: Option<Uuid>,
    workspace: Option<Uuid>,
    outcome: Option<&'static str>,
}

impl OperationSpan {
    /// A request over HTTP, under the id and in the trace that its headers name.
    pub(super) fn of_http(metrics: &Metrics, headers: &HeaderMap) -> Self {
        let span = Self::begin(metrics, "http", RequestId::of_headers(headers));
        TraceContext::of_headers(headers).adopt(&span.0.span);
        span
    }

    /// An operation of a socket, in the trace that it names itself, or else in that of the socket's `upgrade`.
    pub(super) fn of_socket(metrics: &Metrics, operation: &TraceContext, upgrade: &TraceContext) -> Self {
        let span = Self::begin(metrics, "websocket", RequestId::random());
        if !operation.adopt(&span.0.span) {
            upgrade.adopt(&span.0.span);
        }
        span
    }

    fn begin(metrics: &Metrics, transport: &'static str, request_id: RequestId) -> Self {
        let span = tracing::info_span!(
            "operation",
            otel.kind = "server",
            %request_id,
            transport,
            graphql.operation.type = field::Empty,
            graphql.operation.name = field::Empty,
        );
        Self(Arc::new(SpanState {
            metrics: metrics.clone(),
            transport,
            request_id,
            span,
            started: Instant::now(),
            fields: Mutex::default(),
        }))
    }

    pub(super) fn request_id(&self) -> RequestId {
        self.0.request_id
    }

    /// The span in which the log lines and the trace of the operation stand.
    pub(super) fn span(&self) -> Span {
        self.0.span.clone()
    }

    /// It has passed the guard.
    pub(super) fn admitted(&self, operation: &Operation) {
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
    pub(super) fn signed_in(&self, session: &Session) {
        let mut fields = self.0.fields();
        fields.agent = session.agent_key;
        fields.workspace = session.workspace_key;
    }

    /// It has come to this.
    pub(super) fn settled(&self, settled: &Settled) {
        match settled {
            Settled::Executed(response) => self.ended(&response.errors),
            Settled::Refused(errors) => self.ended(errors),
        }
    }

    /// It has come so far, with these errors or none. The first error of all is its outcome.
    pub(super) fn ended(&self, errors: &[ServerError]) {
        let outcome = errors.first().map_or(metrics::OK, errors::code_label);
        let mut fields = self.0.fields();
        if fields.outcome.is_none_or(|before| before == metrics::OK) {
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
        let outcome = fields.outcome.unwrap_or(if subscribes { metrics::OK } else { ABANDONED });
        let (kind, transport) = (kind(fields.kind), self.transport);
        self.metrics.operation(metrics::Operation {
            name,
            is_signed_in: fields.workspace.is_some(),
            kind,
            transport,
            outcome,
            took: (!subscribes).then_some(took),
        });
        tracing::info!(
            target: "switchboard::access",
            request_id = %self.request_id,
            operation = name,
            kind,
            transport,
            outcome,
            duration_ms = took.as_secs_f64() * 1_000.0,
            agent_id = fields.agent.map(field::display),
            workspace_id = fields.workspace.map(field::display),
            "operation"
        );
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
