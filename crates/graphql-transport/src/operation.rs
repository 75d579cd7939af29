//! One operation, from the parameters a client sent to the settled response.
//!
//! HTTP and WebSocket share these steps: read the parameters, pass the guard, attach
//! the caller, execute. What each answers to a refusal is its own affair.

use std::{fmt, io, panic::AssertUnwindSafe};

use async_graphql::{
    Executor, Request, Response, ServerError, Value, Variables,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
    },
};
use futures_util::FutureExt;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::{
    auth::Session,
    errors::{self, Code, Settled},
    operation_span::OperationSpan,
    rate_limit::{MUTATION_POINTS, QUERY_POINTS},
    request_id::RequestId,
    settings::TransportSettings,
    trace_context::TraceContext,
};
use crate::document_cache::DocumentCache;
use graphql_guard::{self as guard, CheckedDocument, DocumentError};

/// The parameters of a GraphQL request, of the right types and nothing more.
///
/// `extensions` must be a map. Of what may stand in it, a trace context alone is supported.
#[derive(Debug)]
pub struct Parameters {
    /// The document.
    pub query: String,
    /// Which operation of the document; `None` when it holds one.
    pub operation_name: Option<String>,
    /// Empty when absent or null.
    pub variables: Variables,
    /// What `extensions` say; a socket has no headers of its own for each operation.
    pub trace: TraceContext,
}

impl<'de> Deserialize<'de> for Parameters {
    // Derived, it would also read an array of the fields in order: a batch of strings.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParametersVisitor)
    }
}

struct ParametersVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ParameterName {
    Query,
    OperationName,
    Variables,
    Extensions,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with a string `query`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Parameters, M::Error> {
        let mut query = None;
        let mut operation_name = None;
        let mut variables = None;
        let mut trace = None;
        while let Some(name) = map.next_key()? {
            match name {
                ParameterName::Query => once(&mut query, "query", map.next_value()?)?,
                ParameterName::OperationName => {
                    once(&mut operation_name, "operationName", map.next_value()?)?;
                }
                ParameterName::Variables => once(&mut variables, "variables", map.next_value()?)?,
                ParameterName::Extensions => trace = map.next_value()?,
                ParameterName::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Parameters {
            query: query.ok_or_else(|| de::Error::missing_field("query"))?,
            operation_name: operation_name.flatten(),
            variables: variables.unwrap_or_default(),
            trace: trace.unwrap_or_default(),
        })
    }
}

fn once<T, E: de::Error>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

/// An operation that passed the guard and may be executed for whoever may execute it.
pub struct Operation {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// It selects nothing but `__schema`, `__type` and `__typename`.
    pub introspection_only: bool,
    /// What the client calls it; `None` when it is anonymous.
    pub name: Option<String>,
    /// What it costs an agent, as [`super::rate_limit`] counts.
    pub points: u32,
    request: Request,
}

impl Operation {
    /// Runs the guard over the parameters, and what the schema need not be known for.
    ///
    /// The error is fit to be sent. It says nothing about the schema, so that it may
    /// be told to a caller who is not signed in.
    pub fn prepare(
        parameters: Parameters,
        settings: &TransportSettings,
        documents: &DocumentCache<CheckedDocument>,
    ) -> Result<Self, Box<ServerError>> {
        let Parameters { query, operation_name, variables, trace: _ } = parameters;
        guard::check_variables(&settings.document, json_bytes(&variables), &variables).map_err(refused)?;
        let name = operation_name.as_deref();
        let checked =
            documents.get_or_try_insert_with(&query, name, || prepare_document(&query, name, settings))?;
        if let Some(definition) = selected(&checked.document, name) {
            check_variables(definition, &variables)?;
        }
        let mut request = Request::new(query).variables(variables);
        request.operation_name = operation_name;
        request.set_parsed_query(checked.document.clone());
        Ok(Self {
            kind: checked.operation,
            introspection_only: checked.introspection_only,
            points: points(checked.operation, checked.root_fields),
            name: checked.operation_name.as_ref().map(|name| name.to_string()),
            request,
        })
    }

    /// The request as the caller of a socket makes it.
    pub fn into_request(self, session: &Session) -> Request {
        (session.attach)(self.request)
    }

    /// The request as whoever has just signed in makes it.
    ///
    /// Without a session only introspection is answered, whatever the document selects.
    pub fn into_first_request(self, session: Option<Session>) -> Request {
        match session {
            Some(Session { attach_first: Some(attach), .. }) => attach(self.request),
            Some(session) => (session.attach)(self.request),
            // The executor would name the root `EmptyMutation` if this were set for a mutation.
            None if self.kind == OperationType::Query => self.request.only_introspection(),
            None => self.request,
        }
    }
}

/// Executes a query or a mutation to its end, and settles the response. To be called in the span of the operation.
///
/// A mutation runs in a task of its own: once begun it ends, whether or not anybody
/// still waits for this future. A query is dropped with it.
pub(super) async fn execute<E: Executor>(
    executor: &E,
    kind: OperationType,
    request: Request,
    tasks: &TaskTracker,
    span: &OperationSpan,
) -> Settled {
    let executor = executor.clone();
    let span = span.clone();
    let run = async move {
        let response = AssertUnwindSafe(executor.execute(request)).catch_unwind();
        let settled = settle_result(response.await, span.request_id());
        span.settled(&settled);
        settled
    }
    .instrument(tracing::debug_span!("graphql"))
    // The task of a mutation would lose the span of its operation.
    .in_current_span();
    if kind != OperationType::Mutation {
        return run.await;
    }
    match tasks.spawn(run).await {
        Ok(settled) => settled,
        // The task catches its own panics, so it can only have been cancelled by the
        // end of the runtime.
        Err(_) => Settled::Refused(vec![errors::timed_out()]),
    }
}

/// Settles what a guarded poll of the executor gave: a response, or a panic.
pub(super) fn settle_result(result: std::thread::Result<Response>, request_id: RequestId) -> Settled {
    match result {
        Ok(response) => errors::settle(response, request_id),
        Err(payload) => Settled::Refused(vec![errors::panicked(payload.as_ref(), request_id)]),
    }
}

/// What can be said of a document whatever its variables are.
fn prepare_document(
    query: &str,
    operation_name: Option<&str>,
    settings: &TransportSettings,
) -> Result<CheckedDocument, Box<ServerError>> {
    let mut checked = guard::check_document(&settings.document, query, operation_name).map_err(refused)?;
    if let Some(names) = &settings.type_names {
        checked.check_types(|name| names.contains(name)).map_err(refused)?;
    }
    if !settings.introspection && introspects(&checked.document) {
        return Err(invalid("Introspection is turned off on this server."));
    }
    if checked.operation == OperationType::Subscription {
        check_subscription(&checked)?;
    }
    // It is kept, and what is made of it is, too, as long as a subscription lasts.
    guard::compact(&mut checked.document);
    Ok(checked)
}

fn points(kind: OperationType, root_fields: usize) -> u32 {
    match kind {
        OperationType::Query | OperationType::Subscription => QUERY_POINTS,
        OperationType::Mutation => {
            u32::try_from(root_fields).unwrap_or(u32::MAX).saturating_mul(MUTATION_POINTS)
        }
    }
}

fn refused(refusal: DocumentError) -> Box<ServerError> {
    let code = match refusal.code() {
        "LIMIT_EXCEEDED" => Code::LimitExceeded,
        "GRAPHQL_PARSE_FAILED" => Code::GraphqlParseFailed,
        _ => Code::GraphqlValidationFailed,
    };
    let mut error = errors::error(code, refusal.to_string());
    error.locations = refusal.locations();
    Box::new(error)
}

fn invalid(message: &str) -> Box<ServerError> {
    Box::new(errors::error(Code::GraphqlValidationFailed, message))
}

fn selected<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let definition = match (&document.operations, name) {
        (DocumentOperations::Single(definition), _) => Some(definition),
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name),
        (DocumentOperations::Multiple(all), None) => all.values().next(),
    };
    definition.map(|definition| &definition.node)
}

/// A required variable that is missing is a mistake of the request. async-graphql finds
/// it only where the variable is used, during execution, and then in no typed way.
fn check_variables(definition: &OperationDefinition, variables: &Variables) -> Result<(), Box<ServerError>> {
    for variable in &definition.variable_definitions {
        let name = &variable.node.name.node;
        let given = variables.get(name);
        let required = !variable.node.var_type.node.nullable;
        let absent = given.is_none() && variable.node.default_value.is_none();
        if required && (absent || given == Some(&Value::Null)) {
            let of_type = &variable.node.var_type.node;
            let name = guard::clip(name);
            let message = format!("Variable \"${name}\" of type \"{of_type}\" needs a value.");
            return Err(Box::new(errors::error(Code::BadUserInput, message)));
        }
    }
    Ok(())
}

/// async-graphql runs several root fields side by side and passes over those that
/// stand in a fragment, so a subscription has to be one plain field.
fn check_subscription(checked: &CheckedDocument) -> Result<(), Box<ServerError>> {
    if checked.root_fields != 1 {
        return Err(invalid("A subscription selects exactly one root field."));
    }
    if checked.root_in_fragment {
        return Err(invalid("A subscription selects its root field directly, not through a fragment."));
    }
    if checked.introspection_only {
        return Err(invalid("A subscription cannot be introspected."));
    }
    Ok(())
}

/// Whether `__schema` or `__type` stands anywhere in the document. Each selection is
/// looked at once, however often its fragment is spread.
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

/// The length of the variables as JSON, without writing them anywhere.
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
        // What cannot be written cannot be small.
        Err(_) => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Parameters, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn parameters_of_a_wrong_type_are_refused() {
        for json in [
            r#"["{ a }"]"#,
            r#"{}"#,
            r#"{"query":null}"#,
            r#"{"query":"{a}","query":"{b}"}"#,
            r#"{"query":"{a}","operationName":1}"#,
            r#"{"query":"{a}","variables":[]}"#,
            r#"{"query":"{a}","variables":"{}"}"#,
            r#"{"query":"{a}","extensions":[]}"#,
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn null_and_unknown_parameters_are_as_good_as_none() {
        let json = r#"{"id":1,"query":"{a}","variables":null,"operationName":null,"extensions":null}"#;
        let parameters = parse(json).unwrap();
        assert_eq!(parameters.query, "{a}");
        assert!(parameters.variables.is_empty() && parameters.operation_name.is_none());
    }

    #[test]
    fn a_missing_variable_is_named_in_few_words() {
        let query = format!("query(${}: Int!) {{ a }}", "v".repeat(10_000));
        let parameters = Parameters {
            query,
            operation_name: None,
            variables: Variables::default(),
            trace: TraceContext::default(),
        };
        let error = Operation::prepare(parameters, &TransportSettings::default(), &DocumentCache::default())
            .err()
            .unwrap();
        assert!(error.message.contains("needs a value") && error.message.len() < 200, "{}", error.message);
    }

    #[test]
    fn introspection_is_found_inside_fragments() {
        let hidden = "{ ...A } fragment A on Query { ... on Query { __schema { description } } }";
        let plain = "{ a { __typename } }";
        let parse = |query| async_graphql::parser::parse_query(query).unwrap();
        assert!(introspects(&parse(hidden)));
        assert!(!introspects(&parse(plain)));
    }
}
