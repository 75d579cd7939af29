//! The schema of the API.
//!
//! - [`query`], [`mutation`], [`subscription`]: the root types. A resolver decodes ids, calls
//!   [`crate::service`] and wraps the result.
//! - [`types`]: the output types, one file each.
//! - [`scope`]: the context of a request. [`loaders`]: batched look-ups.
//! - [`ids`], [`scalars`], [`connection`]: ids, scalars and pages as clients see them.
//! - [`error`]: the only mapping from errors to what clients see.
//!
//! `graphql-transport` validates a document and its variables before it executes them: see [`api_schema`].
//!
//! This module contains no permission rules, no SQL and no transport. `http` authenticates the caller, creates
//! a [`Scope`] for each operation, and logs the sources of masked errors.
//!
//! To add a mutation: add the use case in `service`; an input, a payload and a resolver in the file of
//! [`mutation`] for its noun; and a line for each new refusal in [`error`].
//!
//! To add a field: add a method to its type under [`types`], with a description for users of the API. Load what the row
//! does not contain through [`loaders`], so that a page costs one statement per kind of entity. Add the field to the
//! type's [`FastObject`](graphql_transport::fast::FastObject) too if its value is already loaded; without it, a page
//! that selects the field is several times as expensive. A list takes [`connection::cost`] as its complexity. Then
//! print `schema.graphql` again.

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
use graphql_transport::conformance::schema::{ApiSchema, SchemaError};

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

/// The executable schema. It holds no state: all state comes with the request's [`Scope`].
pub type Schema = async_graphql::Schema<QueryRoot, Mutation, Subscription>;

/// The queries of the API. Objects that you have no access to are treated as if they did not exist.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub struct QueryRoot(Query, Reports);

/// The limits on one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The deepest nesting of selections.
    pub depth: usize,
    /// The most fields that may be selected. Each field in a list counts once for every item of a full page.
    pub complexity: usize,
    /// The most directives on one field.
    pub directives: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 16, complexity: 5_000, directives: 8 }
    }
}

/// Builds the executor of the schema with these limits. The transport has validated what it executes.
pub fn executor(limits: Limits) -> Schema {
    builder()
        .validation_mode(ValidationMode::Fast)
        .limit_depth(limits.depth)
        .limit_complexity(limits.complexity)
        .limit_directives(limits.directives)
        .finish()
}

/// The schema as the transport needs it to validate documents and variables.
///
/// # Errors
/// When the printed schema is invalid. A test ensures that it is valid.
pub fn api_schema() -> Result<ApiSchema, SchemaError> {
    Ok(ApiSchema::parse(&sdl())?
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

/// The schema in SDL, sorted, so that the same schema always prints the same text.
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
