//! Limits on the cost of a GraphQL document, checked before it is executed.
//!
//! [`check_document`] runs in front of the executor, for HTTP and WebSocket alike. It
//! has three steps, and each makes the next one safe:
//!
//! 1. `scan` reads the bytes once, without recursion, so that the recursive
//!    parser never sees a document that could exhaust its stack.
//! 2. The parser runs once. [`CheckedDocument`] carries the parsed document to
//!    `Request::set_parsed_query`, so that the text is not parsed again.
//! 3. `shape` and `merge` bound the size of the document with its fragments
//!    expanded. The executor expands each fragment at every spread while it
//!    validates, so that a short text could cost it exponential time.
//!
//! `shape` and `objects` also check two rules of the specification that the
//! executor does not: directives are unique per location, and fields of a
//! literal object are unique.
//!
//! `compact` releases the parser's spare capacity, for documents that stay in memory.
//!
//! [`check_variables`] bounds the variables. The executor copies the value of a
//! variable to each place that uses it.
//!
//! The guard does not depend on the schema, the caller or the transport. The
//! executor checks complexity, which depends on the schema, and every rule of
//! validation whose cost is linear in the text.

mod compact;
mod document_error;
mod merge;
mod objects;
mod scan;
mod shape;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use async_graphql_parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Type,
};
use async_graphql_parser::{Pos, Positioned, parse_query};
use async_graphql_value::{Name, Variables};

pub use compact::compact;
pub use document_error::clip;
pub use document_error::{DocumentError, Limit};

/// The upper bound of [`DocumentLimits::nesting`].
///
/// The parser recurses once per bracket. It refuses selections that nest deeper
/// than this, but it does not limit lists and objects.
pub const NESTING_CEILING: usize = 64;

/// Limits on a GraphQL document and its variables.
///
/// "Expanded" means counted as if each spread were replaced by its fragment.
/// Selections with `@skip` or `@include` count in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLimits {
    /// Bytes of the query text.
    pub query_bytes: usize,
    /// Nested brackets of any kind, and nested selection sets, expanded. Capped
    /// at [`NESTING_CEILING`].
    pub nesting: usize,
    /// Tokens in the text: names, numbers, strings and punctuators.
    pub tokens: usize,
    /// Fields, spreads and inline fragments of all operations, expanded.
    pub selections: usize,
    /// Nested fields, expanded; `{ a { b } }` has depth 2.
    pub depth: usize,
    /// Aliases in the chosen operation, expanded.
    pub aliases: usize,
    /// Root fields of the chosen operation, expanded.
    pub root_fields: usize,
    /// Directives in the text.
    pub directives: usize,
    /// Arguments of one field or directive.
    pub arguments: usize,
    /// Literal values in the arguments of all operations, expanded. Items of
    /// lists and fields of objects count as values.
    pub values: usize,
    /// Uses of variables in all operations, expanded. Each use copies the
    /// variable's value.
    pub variable_uses: usize,
    /// Estimated cost of introspection, expanded. The query that tools send
    /// costs about 450,000.
    pub introspection_cost: usize,
    /// Items of one list, in arguments, defaults and variables.
    pub list_items: usize,
    /// Bytes of the variables as JSON.
    pub variables_bytes: usize,
    /// Values in the variables. Items of lists and fields of objects count as
    /// values.
    pub variable_values: usize,
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self {
            query_bytes: 16 * 1024,
            nesting: 32,
            tokens: 2_000,
            selections: 1_000,
            depth: 16,
            aliases: 30,
            root_fields: 20,
            directives: 50,
            arguments: 30,
            values: 5_000,
            variable_uses: 300,
            introspection_cost: 1_000_000,
            list_items: 100,
            variables_bytes: 64 * 1024,
            variable_values: 1_000,
        }
    }
}

impl DocumentLimits {
    fn bracket_levels(&self) -> usize {
        self.nesting.min(NESTING_CEILING)
    }
}

/// A document within the limits, and what the transport needs to know about it.
#[derive(Debug, Clone)]
pub struct CheckedDocument {
    /// The text without descriptions of operations, comments and commas. Positions in it are those of the document.
    pub text: String,
    /// The parsed document, for `Request::set_parsed_query`.
    pub document: ExecutableDocument,
    /// The type of the chosen operation.
    pub operation: OperationType,
    /// The name of the chosen operation; `None` when it is anonymous.
    pub operation_name: Option<Name>,
    /// Whether every root field, including those in fragments, is `__schema`,
    /// `__type` or `__typename`.
    pub introspection_only: bool,
    /// Root fields of the chosen operation, including those in fragments and
    /// those with `@skip` or `@include`. A subscription must have exactly one.
    pub root_fields: usize,
    /// Whether a root field is in a fragment. For a subscription, the executor
    /// starts no stream for such a field: the subscription would complete at
    /// once, without an error.
    pub root_in_fragment: bool,
}

/// Parses a document and checks it before it is executed.
///
/// `operation_name` chooses the operation. It may be `None` when the document
/// has only one. The running time is linear in the length of the text, and
/// [`DocumentLimits::nesting`] bounds the stack.
///
/// # Errors
///
/// [`DocumentError::code`] distinguishes a limit (`LIMIT_EXCEEDED`), a syntax
/// error (`GRAPHQL_PARSE_FAILED`) and a document that is invalid under any
/// schema (`GRAPHQL_VALIDATION_FAILED`).
pub fn check_document(
    limits: &DocumentLimits,
    query: &str,
    operation_name: Option<&str>,
) -> Result<CheckedDocument, DocumentError> {
    scan::scan(limits, query)?;
    let text = text::without_ignored(query);
    let counted = text::for_counting(&text);
    // Without its newer escapes, a string has another value, so arguments cannot be compared.
    let has_values = matches!(counted, Cow::Borrowed(_));
    let document = parse_query(counted).map_err(DocumentError::from_parser)?;
    objects::check(query)?;
    let (operation_name, operation) = choose_operation(&document.operations, operation_name)?;
    let root = shape::check(limits, &document, operation)?;
    if has_values {
        merge::check(&document)?;
    }
    Ok(CheckedDocument {
        operation: operation.node.ty,
        operation_name: operation_name.cloned(),
        introspection_only: root.introspection_only(),
        root_fields: root.fields,
        root_in_fragment: root.fields_in_fragments > 0,
        text: text.into_owned(),
        document,
    })
}

/// Checks variables before they are used; `raw_bytes` is their length as JSON.
///
/// # Errors
///
/// [`DocumentError::Exceeded`] for the bytes, the nesting, the items of a list
/// or the number of values.
pub fn check_variables(
    limits: &DocumentLimits,
    raw_bytes: usize,
    variables: &Variables,
) -> Result<(), DocumentError> {
    if raw_bytes > limits.variables_bytes {
        return Err(DocumentError::exceeded(Limit::VariablesBytes, limits.variables_bytes, None));
    }
    let mut values = 0_usize;
    for value in variables.values() {
        values += shape::count_values(limits, value, None)?;
        if values > limits.variable_values {
            return Err(DocumentError::exceeded(Limit::VariableValues, limits.variable_values, None));
        }
    }
    Ok(())
}

impl CheckedDocument {
    /// Refuses variables of a type that the schema does not have.
    ///
    /// The executor's validation also reports unknown types, except that it
    /// panics on a list of an unknown type with a default value
    /// (`$a: [Nope] = [1]`). `is_known` returns whether the schema has a type of
    /// that name.
    ///
    /// # Errors
    ///
    /// [`DocumentError::UnknownType`] with the first such type.
    pub fn check_types(&self, is_known: impl Fn(&str) -> bool) -> Result<(), DocumentError> {
        for (_, operation) in self.document.operations.iter() {
            for variable in &operation.node.variable_definitions {
                let ty = &variable.node.var_type;
                let name = type_name(&ty.node);
                if !is_known(name) {
                    return Err(DocumentError::unknown_type(name, ty.pos));
                }
            }
        }
        Ok(())
    }
}

/// The name of the innermost type. The nesting limit bounds the loop.
fn type_name(mut ty: &Type) -> &Name {
    loop {
        match &ty.base {
            BaseType::List(item) => ty = item,
            BaseType::Named(name) => return name,
        }
    }
}

/// The operation to execute, by `GetOperation` of the specification.
fn choose_operation<'a>(
    operations: &'a DocumentOperations,
    wanted: Option<&str>,
) -> Result<(Option<&'a Name>, &'a Positioned<OperationDefinition>), DocumentError> {
    let Some(wanted) = wanted else {
        let mut all = operations.iter();
        return match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(DocumentError::OperationNameRequired),
        };
    };
    operations
        .iter()
        .find(|(name, _)| name.is_some_and(|name| name == wanted))
        .ok_or_else(|| DocumentError::unknown_operation(wanted))
}

/// The line and column of `offset` in `text`, as the specification counts them:
/// both from 1, columns in characters, `\r\n` as one line end.
fn position(text: &str, offset: usize) -> Pos {
    let (mut line, mut column) = (1, 1);
    let mut after_return = false;
    for (_, c) in text.char_indices().take_while(|(at, _)| *at < offset) {
        match c {
            '\n' if after_return => {}
            '\n' | '\r' => (line, column) = (line + 1, 1),
            _ => column += 1,
        }
        after_return = c == '\r';
    }
    Pos { line, column }
}
