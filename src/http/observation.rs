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
pub(super) struct Observation(Arc<Seen>);

struct Seen {
    metrics: Metrics,
    transport: &'static str,
    request_id: RequestId,
    span: Span,
    started: Instant,
    facts: Mutex<Facts>,
}

/// What becomes known while it runs.
#[derive(Default)]
struct Facts {
    kind: Option<OperationType>,
    name: Option<String>,
    agent: Option<Uuid>,
    workspace: Option<Uuid>,
    outcome: Option<&'static str>,
}

impl Observation {
    /// A request over HTTP, under the id and in the trace that its headers name.
    pub(super) fn of_http(metrics: &Metrics, headers: &HeaderMap) -> Self {
        let seen = Self::begin(metrics, "http", RequestId::of_headers(headers));
        TraceContext::of_headers(headers).adopt(&seen.0.span);
        seen
    }

    /// An operation of a socket, in the trace that it names itself, or else in that of the socket's `upgrade`.
    pub(super) fn of_socket(metrics: &Metrics, operation: &TraceContext, upgrade: &TraceContext) -> Self {
        let seen = Self::begin(metrics, "websocket", RequestId::random());
        if !operation.adopt(&seen.0.span) {
            upgrade.adopt(&seen.0.span);
        }
        seen
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
        Self(Arc::new(Seen {
            metrics: metrics.clone(),
            transport,
            request_id,
            span,
            started: Instant::now(),
            facts: Mutex::default(),
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
        let mut facts = self.0.facts();
        facts.kind = Some(operation.kind);
        facts.name = name;
    }

    /// It is made for this caller.
    pub(super) fn signed_in(&self, session: &Session) {
        let mut facts = self.0.facts();
        facts.agent = session.agent_key;
        facts.workspace = session.workspace_key;
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
        let mut facts = self.0.facts();
        if facts.outcome.is_none_or(|before| before == metrics::OK) {
            facts.outcome = Some(outcome);
        }
    }
}

impl Seen {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let facts = std::mem::take(&mut *self.facts());
        let name = facts.name.as_deref().unwrap_or_default();
        let subscribes = facts.kind == Some(OperationType::Subscription);
        // A subscription is over when its client has had enough: that is how it should end.
        let outcome = facts.outcome.unwrap_or(if subscribes { metrics::OK } else { ABANDONED });
        let (kind, transport) = (kind(facts.kind), self.transport);
        self.metrics.operation(metrics::Operation {
            name,
            is_signed_in: facts.workspace.is_some(),
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
            agent_id = facts.agent.map(field::display),
            workspace_id = facts.workspace.map(field::display),
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
