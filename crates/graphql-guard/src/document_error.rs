//! Why the guard refused a document. The messages are sent to the client.
//!
//! Documents can contain the text of customers' messages. An error repeats only
//! a clipped name from the document, so that it may be logged.

use std::fmt;

use async_graphql_parser::{self as parser, Pos};

/// Characters of a name from the document that an error message repeats.
const NAME_CHARS: usize = 64;

/// A limit on documents and variables; see [`super::DocumentLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of the query text.
    QueryBytes,
    /// Nested brackets or selection sets.
    Nesting,
    /// Tokens of the query text.
    Tokens,
    /// Selections, expanded.
    Selections,
    /// Nested fields, expanded.
    Depth,
    /// Aliases, expanded.
    Aliases,
    /// Root fields of the operation, expanded.
    RootFields,
    /// Directives of the query text.
    Directives,
    /// Arguments of one field or directive.
    Arguments,
    /// Literal values, expanded.
    Values,
    /// Uses of variables, expanded.
    VariableUses,
    /// The estimated cost of introspection, expanded.
    IntrospectionCost,
    /// Items of one list.
    ListItems,
    /// Bytes of the variables.
    VariablesBytes,
    /// Values in the variables.
    VariableValues,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QueryBytes => "bytes of the query",
            Self::Nesting => "levels of nesting",
            Self::Tokens => "tokens in the document",
            Self::Selections => "selections with fragments expanded",
            Self::Depth => "levels of fields",
            Self::Aliases => "aliases with fragments expanded",
            Self::RootFields => "root fields with fragments expanded",
            Self::Directives => "directives in the document",
            Self::Arguments => "arguments on one field or directive",
            Self::Values => "values in arguments with fragments expanded",
            Self::VariableUses => "variable uses with fragments expanded",
            Self::IntrospectionCost => "points of introspection cost",
            Self::ListItems => "items in one list",
            Self::VariablesBytes => "bytes of variables",
            Self::VariableValues => "values in the variables",
        })
    }
}

/// Why a document was refused.
#[derive(Debug, thiserror::Error, Clone, PartialEq)]
pub enum DocumentError {
    /// The document or its variables exceed a limit.
    #[error("Too many {what}: at most {limit} are allowed.")]
    Exceeded {
        /// The limit that was exceeded.
        what: Limit,
        /// The value of the limit.
        limit: usize,
        /// Where the limit was exceeded, if at one place.
        at: Option<Pos>,
    },
    /// The text is not a GraphQL document.
    #[error("Syntax error: {message}")]
    Syntax {
        /// The parser's message without the text of the document.
        message: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// The definitions of the document contradict each other, or none of them
    /// is an operation.
    #[error("Invalid document: {message}.")]
    Definitions {
        /// What is wrong with them.
        message: String,
        /// Where the definitions are.
        at: Vec<Pos>,
    },
    /// The document has no operation of the requested name.
    #[error("Unknown operation named \"{name}\".")]
    UnknownOperation {
        /// The requested name, clipped.
        name: String,
    },
    /// The document has several operations, and the request does not name one.
    #[error("The document has several operations: set `operationName`.")]
    OperationNameRequired,
    /// A spread names a fragment that the document does not define.
    #[error("Unknown fragment \"{name}\".")]
    UnknownFragment {
        /// The name in the spread, clipped.
        name: String,
        /// Where the spread is.
        at: Pos,
    },
    /// A fragment spreads itself, directly or through other fragments.
    #[error("Fragment \"{name}\" spreads itself.")]
    FragmentCycle {
        /// The name of the fragment, clipped.
        name: String,
        /// The spread that closes the cycle.
        at: Pos,
    },
    /// No operation spreads this fragment.
    #[error("Fragment \"{name}\" is never used.")]
    UnusedFragment {
        /// The name of the fragment, clipped.
        name: String,
        /// Where it is defined.
        at: Pos,
    },
    /// Two fields have the same response key, but differ in name or arguments.
    #[error("Fields \"{name}\" conflict: use different aliases to select both.")]
    FieldConflict {
        /// The response key, clipped.
        name: String,
        /// The two fields.
        at: [Pos; 2],
    },
    /// A directive is repeated at one location (5.7.3, "Directives are unique per location").
    #[error("The directive \"@{name}\" can only be used once at this location.")]
    DirectiveRepeated {
        /// The name of the directive, clipped.
        name: String,
        /// The two directives.
        at: [Pos; 2],
    },
    /// A literal object has a field twice (5.6.3, "Input object field uniqueness").
    #[error("There can be only one input field named \"{name}\".")]
    InputFieldRepeated {
        /// The name of the field, clipped.
        name: String,
        /// The second field.
        at: Pos,
    },
    /// A variable has a type that the schema does not define.
    #[error("Unknown type \"{name}\".")]
    UnknownType {
        /// The name of the type, clipped.
        name: String,
        /// Where the type is.
        at: Pos,
    },
}

impl DocumentError {
    /// The `extensions.code` of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exceeded { .. } => "LIMIT_EXCEEDED",
            Self::Syntax { .. } => "GRAPHQL_PARSE_FAILED",
            Self::Definitions { .. }
            | Self::UnknownOperation { .. }
            | Self::OperationNameRequired
            | Self::UnknownFragment { .. }
            | Self::FragmentCycle { .. }
            | Self::UnusedFragment { .. }
            | Self::FieldConflict { .. }
            | Self::DirectiveRepeated { .. }
            | Self::InputFieldRepeated { .. }
            | Self::UnknownType { .. } => "GRAPHQL_VALIDATION_FAILED",
        }
    }

    /// The `locations` of the error; empty if it has no position in the document.
    pub fn locations(&self) -> Vec<Pos> {
        match self {
            Self::Exceeded { at, .. } => at.iter().copied().collect(),
            Self::Syntax { line, column, .. } => vec![Pos { line: *line, column: *column }],
            Self::Definitions { at, .. } => at.clone(),
            Self::UnknownOperation { .. } | Self::OperationNameRequired => Vec::new(),
            Self::UnknownFragment { at, .. }
            | Self::FragmentCycle { at, .. }
            | Self::UnusedFragment { at, .. }
            | Self::InputFieldRepeated { at, .. }
            | Self::UnknownType { at, .. } => vec![*at],
            Self::FieldConflict { at, .. } | Self::DirectiveRepeated { at, .. } => at.to_vec(),
        }
    }

    pub(super) fn exceeded(what: Limit, limit: usize, at: Option<Pos>) -> Self {
        Self::Exceeded { what, limit, at }
    }

    pub(super) fn syntax(message: &str, at: Pos) -> Self {
        Self::Syntax { message: message.to_owned(), line: at.line, column: at.column }
    }

    pub(super) fn unknown_operation(name: &str) -> Self {
        Self::UnknownOperation { name: clip(name) }
    }

    pub(super) fn unknown_fragment(name: &str, at: Pos) -> Self {
        Self::UnknownFragment { name: clip(name), at }
    }

    pub(super) fn fragment_cycle(name: &str, at: Pos) -> Self {
        Self::FragmentCycle { name: clip(name), at }
    }

    pub(super) fn unused_fragment(name: &str, at: Pos) -> Self {
        Self::UnusedFragment { name: clip(name), at }
    }

    pub(super) fn field_conflict(name: &str, at: [Pos; 2]) -> Self {
        Self::FieldConflict { name: clip(name), at }
    }

    pub(super) fn directive_repeated(name: &str, at: [Pos; 2]) -> Self {
        Self::DirectiveRepeated { name: clip(name), at }
    }

    pub(super) fn input_field_repeated(name: &str, at: Pos) -> Self {
        Self::InputFieldRepeated { name: clip(name), at }
    }

    pub(super) fn unknown_type(name: &str, at: Pos) -> Self {
        Self::UnknownType { name: clip(name), at }
    }

    pub(super) fn from_parser(error: parser::Error) -> Self {
        use parser::Error;
        match &error {
            Error::Syntax { message, start, .. } => Self::syntax(without_source(message), *start),
            Error::RecursionLimitExceeded => Self::exceeded(Limit::Nesting, super::NESTING_CEILING, None),
            Error::OperationDuplicated { operation, .. } => Self::Definitions {
                message: format!("operation \"{}\" is defined twice", clip(operation)),
                at: error.positions().collect(),
            },
            Error::FragmentDuplicated { fragment, .. } => Self::Definitions {
                message: format!("fragment \"{}\" is defined twice", clip(fragment)),
                at: error.positions().collect(),
            },
            Error::MultipleOperations { .. } => Self::Definitions {
                message: "an anonymous operation must be the only one".to_owned(),
                at: error.positions().collect(),
            },
            _ => Self::Definitions { message: error.to_string(), at: error.positions().collect() },
        }
    }
}

/// The part of the parser's message that says what the parser expected.
///
/// The rest of the message quotes the line with the error. The line may contain
/// a customer's text, and it may be as long as the document.
fn without_source(message: &str) -> &str {
    let last = message.lines().next_back().unwrap_or(message).trim();
    let last = last.strip_prefix("= ").unwrap_or(last);
    // For a malformed number, the message ends with a position inside the number, which reads like a location.
    last.split_once(" at line ").map_or(last, |(what, _)| what)
}

/// Clips a name from the document to the length that an error message repeats.
pub fn clip(name: &str) -> String {
    name.chars().take(NAME_CHARS).collect()
}
