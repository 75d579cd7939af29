//! What a GraphQL document may cost, judged before anything is spent on it.
//!
//! [`check_document`] stands in front of the executor, for HTTP and WebSocket alike. It
//! takes the text through three gates, each of which makes the next one safe:
//!
//! 1. `scan` reads the bytes once, without recursion, so that the recursive
//!    parser never sees a document that could exhaust its stack;
//! 2. the parser runs once, and its document is handed on in [`CheckedDocument`] for
//!    `Request::set_parsed_query`, so that nothing parses twice;
//! 3. `shape` and `merge` bound what the document amounts to once its
//!    fragments are expanded. The executor expands them again and again while
//!    it validates, so without this a short text costs exponential time there.
//!
//! On the way `shape` and `objects` judge two rules of the specification that the
//! executor leaves out: a directive stands once at a place, and a literal object
//! gives a field once.
//!
//! `compact` gives back what the parser keeps in reserve, for documents that are kept for long.
//!
//! [`check_variables`] bounds the variables, whose values are copied to each
//! place that uses them.
//!
//! Nothing here knows the schema, the caller or the transport. The complexity
//! of a document depends on the schema and stays with the executor, and so does
//! every rule of validation that costs no more than the text is long.

mod compact;
mod document_error;
mod merge;
mod objects;
mod scan;
mod shape;
#[cfg(test)]
mod tests;

use async_graphql_parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Type,
};
use async_graphql_parser::{Pos, Positioned, parse_query};
use async_graphql_value::{Name, Variables};

pub use compact::compact;
pub use document_error::clip;
pub use document_error::{DocumentError, Limit};

/// How deep brackets may nest whatever [`DocumentLimits::nesting`] says.
///
/// The parser recurses once a bracket, and gives up on selections nested deeper
/// than this by itself; for lists and objects it has no limit of its own.
pub const NESTING_CEILING: usize = 64;

/// Limits on a GraphQL document and its variables.
///
/// "Expanded" means counted as if each fragment stood written out wherever it
/// is spread. `@skip` and `@include` excuse nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLimits {
    /// Bytes of the query text.
    pub query_bytes: usize,
    /// Brackets of any kind open at once, and selection sets inside each other
    /// when expanded. More than [`NESTING_CEILING`] counts as that.
    pub nesting: usize,
    /// Tokens in the text: names, numbers, strings and punctuators.
    pub tokens: usize,
    /// Fields, spreads and inline fragments of all operations, expanded.
    pub selections: usize,
    /// Fields inside each other, expanded; `{ a { b } }` is 2 deep.
    pub depth: usize,
    /// Aliases in the chosen operation, expanded.
    pub aliases: usize,
    /// Fields at the root of the chosen operation, expanded.
    pub root_fields: usize,
    /// Directives in the text.
    pub directives: usize,
    /// Arguments of one field or directive.
    pub arguments: usize,
    /// Literal values in the arguments of all operations, expanded, with the
    /// items and fields inside them.
    pub values: usize,
    /// Places in all operations that use a variable, expanded. Each copies the
    /// variable's value.
    pub variable_uses: usize,
    /// Estimated cost of introspection, expanded. What tools send costs
    /// about 450,000.
    pub introspection_cost: usize,
    /// Items of one list, in arguments, defaults and variables.
    pub list_items: usize,
    /// Bytes of the variables as they were sent.
    pub variables_bytes: usize,
    /// Values in the variables, with the items and fields inside them.
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

/// A document within the limits, and what the transport needs to know of it.
#[derive(Debug, Clone)]
pub struct CheckedDocument {
    /// The parsed document, for `Request::set_parsed_query`.
    pub document: ExecutableDocument,
    /// The type of the chosen operation.
    pub operation: OperationType,
    /// The name of the chosen operation; `None` when it is anonymous.
    pub operation_name: Option<Name>,
    /// Whether every field at the root, through fragments, is `__schema`,
    /// `__type` or `__typename`.
    pub introspection_only: bool,
    /// Fields at the root of the chosen operation, through fragments and
    /// whatever their directives say. A subscription must have exactly one.
    pub root_fields: usize,
    /// Whether a field at the root stands in a fragment. The executor starts
    /// no stream for such a field of a subscription: it would end at once,
    /// without an error.
    pub root_in_fragment: bool,
}

/// Judges a document before it is executed.
///
/// `operation_name` chooses the operation; `None` is enough when there is only
/// one. The time taken is linear in the text, and the stack used is bounded by
/// [`DocumentLimits::nesting`].
///
/// # Errors
///
/// [`DocumentError::code`] tells a limit (`LIMIT_EXCEEDED`) from a syntax error
/// (`GRAPHQL_PARSE_FAILED`) and from a document that can never be valid
/// (`GRAPHQL_VALIDATION_FAILED`).
pub fn check_document(
    limits: &DocumentLimits,
    query: &str,
    operation_name: Option<&str>,
) -> Result<CheckedDocument, DocumentError> {
    scan::scan(limits, query)?;
    let document = parse_query(query).map_err(DocumentError::from_parser)?;
    objects::check(query)?;
    let (operation_name, operation) = choose(&document.operations, operation_name)?;
    let root = shape::check(limits, &document, operation)?;
    merge::check(&document)?;
    Ok(CheckedDocument {
        operation: operation.node.ty,
        operation_name: operation_name.cloned(),
        introspection_only: root.introspection_only(),
        root_fields: root.fields,
        root_in_fragment: root.fields_in_fragments > 0,
        document,
    })
}

/// Judges variables before they are used; `raw_bytes` is their length as sent.
///
/// # Errors
///
/// Always a limit: the bytes, the nesting, the items of a list, or the number
/// of values.
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
    /// The executor's own validation reports these, too, except for a list of an
    /// unknown type that has a default value (`$a: [Nope] = [1]`): there it
    /// panics. `is_known` says whether the schema has a type of that name.
    ///
    /// # Errors
    ///
    /// [`DocumentError::UnknownType`] with the first such type.
    pub fn check_types(&self, is_known: impl Fn(&str) -> bool) -> Result<(), DocumentError> {
        for (_, operation) in self.document.operations.iter() {
            for variable in &operation.node.variable_definitions {
                let ty = &variable.node.var_type;
                let name = named(&ty.node);
                if !is_known(name) {
                    return Err(DocumentError::unknown_type(name, ty.pos));
                }
            }
        }
        Ok(())
    }
}

/// The name inside all the lists. Types nest no deeper than brackets may.
fn named(mut ty: &Type) -> &Name {
    loop {
        match &ty.base {
            BaseType::List(item) => ty = item,
            BaseType::Named(name) => return name,
        }
    }
}

/// The operation to execute, by the rules of the specification's
/// `GetOperation`.
fn choose<'a>(
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

/// Where `offset` stands in `text`, as the specification counts: both from 1,
/// columns in characters, `\r\n` ending one line.
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
