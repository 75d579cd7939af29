//! Answers as the specification wants them: nulls where something failed, and fields in the order asked for.
//!
//! The engine leaves a field that failed out of its object. Clients are promised otherwise: a nullable field
//! that failed is null, and one that is never null takes the nearest nullable thing around it along. The
//! engine also writes fields down as they become ready; people who explore expect them as they wrote them.

mod document;
mod nulls;
mod outline;
pub mod schema_index;
#[cfg(test)]
mod tests;
mod value_validation;
mod variables;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::parser::parse_query;
use async_graphql::{Data, Executor, Request, Response, Value};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use self::document::operation;
use self::outline::Outline;
use self::schema_index::SchemaIndex;
use crate::document_cache::DocumentCache;
use crate::fast::NoMergedKeys;

/// An executor whose answers conform to the specification, around one whose answers do not quite.
pub struct ConformingExecutor<E> {
    /// Validates each document.
    validating: E,
    /// Executes the same schema and skips validation, for documents that have been found valid.
    trusting: E,
    schema: Arc<SchemaIndex>,
    documents: Arc<DocumentCache<PreparedDocument>>,
}

// Derived, it would ask for nothing more than `E: Clone`, but would not say that the rest is shared.
impl<E: Clone> Clone for ConformingExecutor<E> {
    fn clone(&self) -> Self {
        Self {
            validating: self.validating.clone(),
            trusting: self.trusting.clone(),
            schema: self.schema.clone(),
            documents: self.documents.clone(),
        }
    }
}

impl<E> ConformingExecutor<E> {
    /// Wraps two executors of the schema that `schema` describes. `trusting` need not validate.
    pub fn new(validating: E, trusting: E, schema: SchemaIndex) -> Self {
        Self { validating, trusting, schema: Arc::new(schema), documents: Arc::default() }
    }

    fn executor_for(&self, prepared: &PreparedDocument) -> &E {
        if prepared.is_valid.load(Ordering::Relaxed) { &self.trusting } else { &self.validating }
    }
}

impl<E: Executor> Executor for ConformingExecutor<E> {
    async fn execute(&self, mut request: Request) -> Response {
        match PreparedDocument::of(&mut request, &self.documents, &self.schema) {
            Preparation::Unparsable => self.validating.execute(request).await,
            Preparation::Refused(refused) => *refused,
            Preparation::Ready(prepared) => {
                prepared.complete(self.executor_for(&prepared).execute(prepared.mark(request)).await)
            }
            Preparation::NotCacheable(prepared) => {
                prepared.repaired(self.validating.execute(prepared.mark(request)).await)
            }
        }
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let execute = |executor: &E, request| executor.execute_stream(request, session_data);
        match PreparedDocument::of(&mut request, &self.documents, &self.schema) {
            Preparation::Unparsable => execute(&self.validating, request),
            Preparation::Refused(refused) => stream::once(std::future::ready(*refused)).boxed(),
            Preparation::Ready(prepared) => {
                let request = prepared.mark(request);
                execute(self.executor_for(&prepared), request)
                    .map(move |response| prepared.complete(response))
                    .boxed()
            }
            Preparation::NotCacheable(prepared) => {
                let request = prepared.mark(request);
                execute(&self.validating, request).map(move |response| prepared.repaired(response)).boxed()
            }
        }
    }
}

/// What a request asked for, kept beside its execution, which for a subscription is long: so the document, which is
/// many times as large as its text, is not. It is read again for an answer in which something failed.
struct PreparedDocument {
    query: String,
    operation_name: Option<String>,
    schema: Arc<SchemaIndex>,
    outline: Outline,
    /// Whether the document has passed the engine's validation, whatever its variables were: those are judged apart,
    /// and each time.
    is_valid: AtomicBool,
}

/// What is known of a request before its execution.
enum Preparation {
    /// There is no document that can be read; the engine says why.
    Unparsable,
    /// A value stands where it may not, or a variable does not fit.
    Refused(Box<Response>),
    Ready(Arc<PreparedDocument>),
    /// The same, but it has to be validated, and that it is valid says nothing of the next time: there is less in the
    /// request's document than was asked, or a variable is null.
    NotCacheable(Arc<PreparedDocument>),
}

impl PreparedDocument {
    fn of(request: &mut Request, documents: &DocumentCache<Self>, schema: &Arc<SchemaIndex>) -> Preparation {
        let (query, name) = (request.query.clone(), request.operation_name.clone());
        let variables = std::mem::take(&mut request.variables);
        let read = request.parsed_query().map(|document| {
            let prepared = documents.get_or_try_insert_with(&query, name.as_deref(), || {
                match value_validation::validate_values(schema, document) {
                    Some(error) => Err(error),
                    None => Ok(Self {
                        query: query.clone(),
                        operation_name: name.clone(),
                        schema: schema.clone(),
                        outline: Outline::of_operation(schema, document, name.as_deref()),
                        is_valid: AtomicBool::new(false),
                    }),
                }
            })?;
            let coerce_variables = variables::coerce_variables(schema, document, name.as_deref(), &variables);
            coerce_variables
                .map_or_else(|| Ok((prepared, variables::omit_unprovided(schema, document, &variables))), Err)
        });
        request.variables = variables;
        match read {
            Err(_) => Preparation::Unparsable,
            Ok(Err(error)) => Preparation::Refused(Box::new(Response::from_errors(vec![error]))),
            // Where null may stand is not judged apart.
            Ok(Ok((prepared, None))) if request.variables.values().any(|value| *value == Value::Null) => {
                Preparation::NotCacheable(prepared)
            }
            Ok(Ok((prepared, None))) => Preparation::Ready(prepared),
            Ok(Ok((prepared, Some(abridged)))) => {
                request.set_parsed_query(abridged);
                Preparation::NotCacheable(prepared)
            }
        }
    }

    /// The request, which says so when nothing of its answer has to be merged.
    fn mark(&self, request: Request) -> Request {
        if self.outline.merges { request } else { request.data(NoMergedKeys) }
    }

    /// `response`, mended and in order. Unless it says otherwise, the document is valid from now on.
    fn complete(&self, response: Response) -> Response {
        // What is not valid is answered with an error of no field.
        if response.errors.iter().all(|error| !error.path.is_empty()) {
            self.is_valid.store(true, Ordering::Relaxed);
        }
        self.repaired(response)
    }

    /// `response`, mended and in order.
    fn repaired(&self, mut response: Response) -> Response {
        let failed = response.errors.iter().any(|error| !error.path.is_empty());
        if failed && let Ok(document) = parse_query(&self.query) {
            let operation = operation(&document, self.operation_name.as_deref());
            if let Some(operation) = operation {
                nulls::repair(&self.schema, &mut response, &document, operation);
            }
        }
        self.outline.arrange(&mut response.data);
        response
    }
}
