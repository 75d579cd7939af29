//! An executor whose responses conform to the specification: null propagation and field order.
//!
//! async-graphql omits a field that failed from its object. The specification requires null for a nullable field,
//! and null for the nearest nullable parent of a non-null field. async-graphql also writes fields in the order in
//! which they become ready; the specification requires the order of the document.

mod nulls;
mod outline;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::parser::parse_query;
use async_graphql::{Data, Executor, Request, Response, Value};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use self::outline::Outline;
use super::document::operation;
use super::fast_object::NoMergedKeys;
use super::{Schema, value_validation, variables};
use crate::document_cache::DocumentCache;

/// The executor that every transport uses: executes the schema and repairs its responses.
#[derive(Clone)]
pub struct ConformingExecutor {
    schema: Schema,
    /// The same schema with reduced validation, for documents that are known to be valid.
    fast: Schema,
    documents: Arc<DocumentCache<PreparedDocument>>,
}

impl ConformingExecutor {
    /// `fast` is the same schema in the fast validation mode. It executes only documents that `schema` has validated.
    pub fn new(schema: Schema, fast: Schema) -> Self {
        Self { schema, fast, documents: Arc::default() }
    }

    fn schema_for(&self, prepared: &PreparedDocument) -> &Schema {
        if prepared.is_valid.load(Ordering::Relaxed) { &self.fast } else { &self.schema }
    }
}

impl Executor for ConformingExecutor {
    async fn execute(&self, mut request: Request) -> Response {
        match PreparedDocument::of(&mut request, &self.documents) {
            Preparation::Unparsable => self.schema.execute(request).await,
            Preparation::Refused(refused) => *refused,
            Preparation::Ready(prepared) => {
                prepared.complete(self.schema_for(&prepared).execute(prepared.mark(request)).await)
            }
            Preparation::NotCacheable(prepared) => {
                prepared.repaired(self.schema.execute(prepared.mark(request)).await)
            }
        }
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let execute = |schema, request| Executor::execute_stream(schema, request, session_data);
        match PreparedDocument::of(&mut request, &self.documents) {
            Preparation::Unparsable => execute(&self.schema, request),
            Preparation::Refused(refused) => stream::once(std::future::ready(*refused)).boxed(),
            Preparation::Ready(prepared) => {
                let request = prepared.mark(request);
                execute(self.schema_for(&prepared), request)
                    .map(move |response| prepared.complete(response))
                    .boxed()
            }
            Preparation::NotCacheable(prepared) => {
                let request = prepared.mark(request);
                execute(&self.schema, request).map(move |response| prepared.repaired(response)).boxed()
            }
        }
    }
}

/// The parts of a document that are kept during execution. The parsed document is not kept: it is many times as
/// large as its text, and a subscription lasts long. The text is parsed again to repair a response with errors.
struct PreparedDocument {
    query: String,
    operation_name: Option<String>,
    outline: Outline,
    /// Whether the document has passed async-graphql's validation. This does not depend on the variables, which are
    /// checked for each request.
    is_valid: AtomicBool,
}

/// The result of preparing a request for execution.
enum Preparation {
    /// The document does not parse. The schema reports the error.
    Unparsable,
    /// A literal is not valid in its position, or a variable does not match its type.
    Refused(Box<Response>),
    Ready(Arc<PreparedDocument>),
    /// As `Ready`, but the validation result must not be cached: the document was rewritten for these variables, or one
    /// of them is null.
    NotCacheable(Arc<PreparedDocument>),
}

impl PreparedDocument {
    fn of(request: &mut Request, documents: &DocumentCache<Self>) -> Preparation {
        let (query, name) = (request.query.clone(), request.operation_name.clone());
        let variables = std::mem::take(&mut request.variables);
        let prepared = request.parsed_query().map(|document| {
            let prepared = documents.get_or_try_insert_with(&query, name.as_deref(), || {
                match value_validation::validate_values(document) {
                    Some(error) => Err(error),
                    None => Ok(Self {
                        query: query.clone(),
                        operation_name: name.clone(),
                        outline: Outline::of_operation(document, name.as_deref()),
                        is_valid: AtomicBool::new(false),
                    }),
                }
            })?;
            match variables::coerce_variables(document, name.as_deref(), &variables) {
                Some(error) => Err(error),
                None => Ok((prepared, variables::omit_unprovided(document, &variables))),
            }
        });
        request.variables = variables;
        match prepared {
            Err(_) => Preparation::Unparsable,
            Ok(Err(error)) => Preparation::Refused(Box::new(Response::from_errors(vec![error]))),
            // `coerce_variables` does not check where null is allowed; validation does.
            Ok(Ok((prepared, None))) if request.variables.values().any(|value| *value == Value::Null) => {
                Preparation::NotCacheable(prepared)
            }
            Ok(Ok((prepared, None))) => Preparation::Ready(prepared),
            Ok(Ok((prepared, Some(rewritten)))) => {
                request.set_parsed_query(rewritten);
                Preparation::NotCacheable(prepared)
            }
        }
    }

    /// Marks the request with [`NoMergedKeys`] if no fields of its response have to be merged.
    fn mark(&self, request: Request) -> Request {
        if self.outline.merges { request } else { request.data(NoMergedKeys) }
    }

    /// Repairs a response, and records that the document is valid unless validation failed.
    fn complete(&self, response: Response) -> Response {
        // A validation error has no path.
        if response.errors.iter().all(|error| !error.path.is_empty()) {
            self.is_valid.store(true, Ordering::Relaxed);
        }
        self.repaired(response)
    }

    /// Restores nulls and field order in a response.
    fn repaired(&self, mut response: Response) -> Response {
        let failed = response.errors.iter().any(|error| !error.path.is_empty());
        if failed && let Ok(document) = parse_query(&self.query) {
            let operation = operation(&document, self.operation_name.as_deref());
            if let Some(operation) = operation {
                nulls::repair(&mut response, &document, operation);
            }
        }
        self.outline.arrange(&mut response.data);
        response
    }
}
