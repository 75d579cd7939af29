//! The API's schema.
//!
//! - [`query`], [`mutation`], [`subscription`]: the roots. A resolver parses ids, calls [`crate::service`] and
//!   wraps the answer.
//! - [`reports`]: the part of the query root that is for managers.
//! - [`types`]: one file an output type.
//! - [`scope`]: what a request carries. [`loaders`]: look-ups that wait for each other. [`direct`], [`written`]:
//!   rows whose fields need not.
//! - [`ids`], [`scalars`], [`connection`]: ids, scalars and pages as clients see them.
//! - [`places`], [`variables`]: whether what a request brings fits, before anything is done. `declared`: what the
//!   schema says about it; `document`: which operation it is.
//! - [`error`]: the only mapping of errors to what clients are told. [`completion`]: nulls and order
//!   where the specification wants them.
//!
//! There is no rule here about who may do what, no SQL, and no transport: `http` authenticates, makes a
//! [`Scope`] for each operation, and logs the sources of masked errors.
//!
//! To add a mutation: the use case in `service`; an input, a payload and a resolver in the file of
//! [`mutation`] that fits its noun; a line for each new refusal in [`error`].
//!
//! To add a field: a method of its type under [`types`], with a description that speaks to the API's user.
//! What is not in the row comes through a loader in [`loaders`], so that a page stays one statement. What is at hand
//! gets a line in its type's [`fast_object::FastObject`], too, or costs a page several times as much. A list
//! takes [`connection::cost`] as its complexity. Then print `schema.graphql` anew.

pub mod connection;
pub mod error;
pub mod ids;
mod json;
pub mod loaders;
pub mod mutation;
pub mod query;

pub mod scalars;
pub mod scope;
pub mod subscription;
pub mod types;

#[cfg(test)]
mod tests;

use async_graphql::{MergedObject, SDLExportOptions, SchemaBuilder, ValidationMode, Value};
use graphql_transport::conformance::ConformingExecutor;
use graphql_transport::conformance::schema_index::SchemaIndex;

pub use scope::{Scope, attach};

use crate::clock::Timestamp;
use crate::domain::input::E164;
use mutation::Mutation;
use query::Query;
use query::reports::Reports;
use subscription::Subscription;
use types::node::Node;
use types::queue_change::QueueEvent;
use types::user_error::UserError;

/// The executable schema. It holds no state: everything comes with the request's [`Scope`].
pub type Schema = async_graphql::Schema<QueryRoot, Mutation, Subscription>;

/// What can be asked for. Everything is as you may see it: what you have no access to is not there.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct QueryRoot(Query, Reports);

/// What executes the API.
pub type ApiExecutor = ConformingExecutor<Schema>;

/// What one operation may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep selections may nest.
    pub depth: usize,
    /// How many fields may be selected, lists counted as long as they can become.
    pub complexity: usize,
    /// How many directives a field may have.
    pub directives: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 16, complexity: 5_000, directives: 8 }
    }
}

/// The schema, within `limits`, ready to be executed.
pub fn executor(limits: Limits, index: SchemaIndex) -> ApiExecutor {
    ConformingExecutor::new(
        schema(limits, ValidationMode::Strict),
        schema(limits, ValidationMode::Fast),
        index,
    )
}

/// What the schema declares, for the checks before execution.
///
/// # Errors
/// When the printed schema cannot be parsed; a test makes sure that it can.
pub fn schema_index() -> Result<SchemaIndex, async_graphql::parser::Error> {
    Ok(SchemaIndex::parse(&sdl())?
        .with_scalar("DateTime", |value| text(value).is_some_and(|text| Timestamp::parse(text).is_some()))
        .with_scalar("E164", |value| text(value).is_some_and(|text| E164::parse(text).is_some()))
        .with_scalar("EventCursor", |value| text(value).is_some()))
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn schema(limits: Limits, mode: ValidationMode) -> Schema {
    builder()
        .validation_mode(mode)
        .limit_depth(limits.depth)
        .limit_complexity(limits.complexity)
        .limit_directives(limits.directives)
        .finish()
}

/// The schema as text, sorted, so that two prints of one schema are equal.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items();
    builder().finish().sdl_with_options(options.use_space_ident().include_specified_by())
}

fn builder() -> SchemaBuilder<QueryRoot, Mutation, Subscription> {
    Schema::build(QueryRoot::default(), Mutation::default(), Subscription)
        .register_output_type::<Node>()
        .register_output_type::<QueueEvent>()
        .register_output_type::<UserError>()
}
