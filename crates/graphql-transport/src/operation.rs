//! One operation, from the parameters of the client to the settled response.
//!
//! HTTP and WebSocket share these steps: read the parameters, run the guard, attach
//! the caller, execute. Each transport reports errors in its own format.

use std::{io, panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{
    Executor, Positioned, Request, Response, ServerError, Variables,
    parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet},
};
use futures_util::FutureExt;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::{
    auth::Session,
    errors::{self, Code, Settled},
    observer::watch_refusals,
    operation_span::OperationSpan,
    rate_limit::{MUTATION_POINTS, QUERY_POINTS},
    request_id::RequestId,
    settings::{Introspection, TransportSettings},
};
use graphql_guard::{self as guard, DocumentError};

use crate::conformance::schema::ApiSchema;
use crate::conformance::{Execution, PreparedDocument};
use crate::document_cache::DocumentCache;
use crate::parameters::Parameters;
use crate::persisted::{PersistedDocuments, ResolvedDocument};

/// An operation that passed the guard. Permissions have not been checked.
pub struct Operation {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// Whether it can be executed without a caller: it selects only `__schema`, `__type` and `__typename`, and the server
    /// answers that to everybody.
    pub anonymous: bool,
    /// Its name in the document; `None` when it is anonymous.
    pub name: Option<String>,
    /// Its price in the points of [`super::rate_limit`].
    pub points: u32,
    document: Arc<PreparedDocument>,
    variables: Variables,
    replaced_surrogates: bool,
    /// The text to persist, with its hash.
    registration: Option<([u8; 32], Arc<str>)>,
}

impl Operation {
    /// Runs the guard, and the validation that does not need the schema.
    ///
    /// # Errors
    ///
    /// An error to send to the client. It reveals nothing about the schema, so it may be
    /// sent before the caller has signed in.
    pub(crate) fn prepare(
        parameters: Parameters,
        settings: &TransportSettings,
        documents: &DocumentCache<PreparedDocument>,
        persisted: &PersistedDocuments,
    ) -> Result<Self, Box<ServerError>> {
        let ResolvedDocument { text, introspection_only, registration } = persisted.resolve(&parameters)?;
        let Parameters { operation_name, variables, replaced_surrogates, .. } = parameters;
        guard::check_variables(&settings.document, json_bytes(&variables), &variables)
            .map_err(document_error)?;
        let name = operation_name.as_deref();
        let document =
            documents.get_or_try_insert_with(&text, name, || prepare_document(&text, name, settings))?;
        if introspection_only && !document.introspection_only {
            let message = "This server executes only trusted documents.";
            return Err(Box::new(errors::error(Code::Forbidden, message)));
        }
        Ok(Self {
            kind: document.kind,
            anonymous: document.introspection_only
                && (settings.introspection == Introspection::Public || document.selects_only_typename),
            points: points(document.kind, document.root_fields),
            name: document.operation_name.clone(),
            document,
            variables,
            replaced_surrogates,
            registration: registration.map(|hash| (hash, text)),
        })
    }

    /// Stores the text under the hash that the request contains. Call this after the sign-in, so that strangers cannot
    /// fill the cache.
    pub(crate) fn persist(&mut self, persisted: &PersistedDocuments) {
        if let Some((hash, text)) = self.registration.take() {
            persisted.register(hash, text);
        }
    }

    /// Validates the document and the variables, and attaches the caller.
    ///
    /// # Errors
    /// The errors to respond with. Nothing was executed.
    pub(crate) fn conform(
        self,
        schema: &ApiSchema,
        caller: Caller<'_>,
        span: &OperationSpan,
    ) -> Result<(Request, Execution), Vec<ServerError>> {
        if self.replaced_surrogates && !caller.replaces_invalid_text() {
            let message = "The request contains half of a surrogate pair: a character was cut in two.";
            return Err(vec![errors::error(Code::BadUserInput, message)]);
        }
        let (mut request, execution) = self.document.conform(schema, self.variables)?;
        if self.name.is_none() {
            span.record_root_fields(&mut request);
        }
        let request = match caller {
            Caller::First(Session { attach_first: Some(attach), .. }) => attach(request),
            Caller::First(session) => (session.attach)(request),
            Caller::Socket(session) => (session.attach)(request),
            // For a mutation, the executor would name the root `EmptyMutation`.
            Caller::Anonymous if self.kind == OperationType::Query => request.only_introspection(),
            Caller::Anonymous => request,
        };
        Ok((request, execution))
    }
}

/// Who sends an operation.
pub enum Caller<'a> {
    /// The caller has signed in for this operation alone, which can reuse what the sign-in has loaded.
    First(Session),
    /// The caller of a socket.
    Socket(&'a Session),
    /// Not signed in. Only introspection is answered, whatever the document selects.
    Anonymous,
}

impl Caller<'_> {
    fn replaces_invalid_text(&self) -> bool {
        match self {
            Self::First(session) => session.replaces_invalid_text,
            Self::Socket(session) => session.replaces_invalid_text,
            Self::Anonymous => false,
        }
    }
}

/// Executes a query or a mutation, and settles the response. Call it in the span of the operation.
///
/// A mutation runs in a spawned task, so that it completes even if this future is dropped.
/// Dropping this future cancels a query.
pub(super) async fn execute<E: Executor>(
    executor: &E,
    kind: OperationType,
    (request, execution): (Request, Execution),
    tasks: &TaskTracker,
    span: &OperationSpan,
) -> Settled {
    let executor = executor.clone();
    let span = span.clone();
    let run = async move {
        let execute = AssertUnwindSafe(executor.execute(request)).catch_unwind();
        let (response, refusal) = watch_refusals(execute).await;
        let response = response.map(|response| execution.complete(response));
        let settled = settle_result(response, span.request_id());
        span.record_settled(&settled);
        if let Some(code) = refusal {
            span.record_refusal(code);
        }
        settled
    }
    .instrument(tracing::debug_span!("graphql"))
    // A spawned task does not inherit the span.
    .in_current_span();
    if kind != OperationType::Mutation {
        return run.await;
    }
    match tasks.spawn(run).await {
        Ok(settled) => settled,
        // The task catches panics, so it can only have been cancelled by the shutdown of
        // the runtime.
        Err(_) => Settled::Refused(vec![errors::timed_out()]),
    }
}

/// Settles the result of the executor: a response, or the payload of a caught panic.
pub(super) fn settle_result(result: std::thread::Result<Response>, request_id: RequestId) -> Settled {
    match result {
        Ok(response) => errors::settle(response, request_id),
        Err(payload) => Settled::Refused(vec![errors::panicked(payload.as_ref(), request_id)]),
    }
}

/// The checks of a document that do not depend on its variables. The result is cached.
fn prepare_document(
    query: &str,
    operation_name: Option<&str>,
    settings: &TransportSettings,
) -> Result<PreparedDocument, Box<ServerError>> {
    let checked = guard::check_document(&settings.document, query, operation_name).map_err(document_error)?;
    if settings.introspection == Introspection::Off && introspects(&checked.document) {
        return Err(invalid("Introspection is disabled on this server."));
    }
    if checked.operation == OperationType::Subscription && checked.introspection_only {
        return Err(invalid("A subscription cannot be introspected."));
    }
    let name = checked.operation_name.map(|name| name.to_string());
    let (kind, root_fields) = (checked.operation, checked.root_fields);
    let selects_only_typename = selects_only_typename(&checked.document);
    let document = PreparedDocument::new(checked.text, kind, name, checked.introspection_only, root_fields);
    Ok(document.selecting_only_typename(selects_only_typename))
}

fn points(kind: OperationType, root_fields: usize) -> u32 {
    match kind {
        OperationType::Query | OperationType::Subscription => QUERY_POINTS,
        OperationType::Mutation => {
            u32::try_from(root_fields).unwrap_or(u32::MAX).saturating_mul(MUTATION_POINTS)
        }
    }
}

fn document_error(document_error: DocumentError) -> Box<ServerError> {
    let code = match document_error.code() {
        "LIMIT_EXCEEDED" => Code::LimitExceeded,
        "GRAPHQL_PARSE_FAILED" => Code::GraphqlParseFailed,
        _ => Code::GraphqlValidationFailed,
    };
    let mut error = errors::error(code, document_error.to_string());
    error.locations = document_error.locations();
    Box::new(error)
}

fn invalid(message: &str) -> Box<ServerError> {
    Box::new(errors::error(Code::GraphqlValidationFailed, message))
}

/// Whether the document contains `__schema` or `__type`. Each selection is visited once,
/// no matter how often its fragment is spread.
fn introspects(document: &ExecutableDocument) -> bool {
    fn within(set: &SelectionSet) -> bool {
        set.items.iter().any(|selection| match &selection.node {
            Selection::Field(field) => {
                matches!(field.node.name.node.as_str(), "__schema" | "__type")
                    || within(&field.node.selection_set.node)
            }
            Selection::InlineFragment(fragment) => within(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => false,
        })
    }
    let mut operations = document.operations.iter();
    operations.any(|(_, operation)| within(&operation.node.selection_set.node))
        || document.fragments.values().any(|fragment| within(&fragment.node.selection_set.node))
}

/// Whether the document names nothing of the schema: its only field is `__typename`, without fragments and variables.
fn selects_only_typename(document: &ExecutableDocument) -> bool {
    document.fragments.is_empty()
        && document.operations.iter().all(|(_, operation)| {
            let operation = &operation.node;
            let is_typename = |selection: &Positioned<Selection>| {
                matches!(&selection.node, Selection::Field(field) if field.node.name.node == "__typename")
            };
            operation.variable_definitions.is_empty()
                && operation.selection_set.node.items.iter().all(is_typename)
        })
}

/// The length of the variables as JSON, computed without allocating it.
fn json_bytes(variables: &Variables) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    if variables.is_empty() {
        return 0;
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, variables) {
        Ok(()) => counter.0,
        // Refuse variables that cannot be serialised.
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn introspection_is_found_inside_fragments() {
        let hidden = "{ ...A } fragment A on Query { ... on Query { __schema { description } } }";
        let plain = "{ a { __typename } }";
        let parse = |query| async_graphql::parser::parse_query(query).unwrap();
        assert!(introspects(&parse(hidden)));
        assert!(!introspects(&parse(plain)));
    }
}
