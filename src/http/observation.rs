//! What is written down about each operation when it is over: one line of the log, and counts.
//!
//! Names of operations, codes, ids and times; never a document, a variable, a header or an answer.

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
    trace,
};
use crate::metrics::{self, Metrics};

/// Nobody waited for the end. A mutation has been carried out all the same.
const ABANDONED: &str = "ABANDONED";

/// The longest name that is written to the log.
const NAME_CHARS: usize = 64;

/// An operation under way. Dropping it is its end, whatever the reason.
pub(super) struct Observation {
    metrics: Metrics,
    transport: &'static str,
    request_id: RequestId,
    span: Span,
    started: Instant,
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
        trace::continue_from(&seen.span, headers);
        seen
    }

    /// An operation of a socket.
    pub(super) fn of_socket(metrics: &Metrics) -> Self {
        Self::begin(metrics, "websocket", RequestId::random())
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
        Self {
            metrics: metrics.clone(),
            transport,
            request_id,
            span,
            started: Instant::now(),
            kind: None,
            name: None,
            agent: None,
            workspace: None,
            outcome: None,
        }
    }

    pub(super) fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// The span in which the log lines and the trace of the operation stand.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// It has passed the guard.
    pub(super) fn admitted(&mut self, operation: &Operation) {
        self.kind = Some(operation.kind);
        self.name = operation.name.as_deref().map(|name| name.chars().take(NAME_CHARS).collect());
        self.span.record("graphql.operation.type", kind(self.kind));
        if let Some(name) = &self.name {
            self.span.record("graphql.operation.name", name.as_str());
        }
    }

    /// It is made for this caller.
    pub(super) fn signed_in(&mut self, session: &Session) {
        self.agent = session.agent_key;
        self.workspace = session.workspace_key;
    }

    /// It has come to this.
    pub(super) fn settled(&mut self, settled: &Settled) {
        match settled {
            Settled::Executed(response) => self.ended(&response.errors),
            Settled::Refused(errors) => self.ended(errors),
        }
    }

    /// It is over, with these errors or none.
    pub(super) fn ended(&mut self, errors: &[ServerError]) {
        self.outcome = Some(errors.first().map_or(metrics::OK, errors::code_label));
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let name = self.name.as_deref().unwrap_or_default();
        let subscribes = self.kind == Some(OperationType::Subscription);
        // A subscription is over when its client has had enough: that is how it should end.
        let outcome = self.outcome.unwrap_or(if subscribes { metrics::OK } else { ABANDONED });
        let (kind, transport) = (kind(self.kind), self.transport);
        let took_if_bounded = (!subscribes).then_some(took);
        self.metrics.operation(metrics::Operation { name, kind, transport, outcome, took: took_if_bounded });
        tracing::info!(
            target: "switchboard::access",
            request_id = %self.request_id,
            operation = name,
            kind,
            transport,
            outcome,
            duration_ms = took.as_secs_f64() * 1_000.0,
            agent_id = self.agent.map(field::display),
            workspace_id = self.workspace.map(field::display),
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
