//! Why the guard turned a document away, in words that go to its sender.
//!
//! A refusal never holds the text of the document beyond a clipped name, so it
//! may be logged: documents carry the customers' messages.

use std::fmt;

use async_graphql_parser::{self as parser, Pos};

/// How much of a name from the document is repeated in a message.
const NAME_CHARS: usize = 64;

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of the query text.
    QueryBytes,
    /// Brackets, or selection sets, inside each other.
    Nesting,
    /// Tokens of the query text.
    Tokens,
    /// Selections, expanded.
    Selections,
    /// Fields inside each other, expanded.
    Depth,
    /// Aliases, expanded.
    Aliases,
    /// Fields at the root of the operation, expanded.
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
            Self::RootFields => "fields at the root with fragments expanded",
            Self::Directives => "directives in the document",
            Self::Arguments => "arguments of one field or directive",
            Self::Values => "values in arguments with fragments expanded",
            Self::VariableUses => "uses of variables with fragments expanded",
            Self::IntrospectionCost => "points of introspection cost",
            Self::ListItems => "items in one list",
            Self::VariablesBytes => "bytes of variables",
            Self::VariableValues => "values in the variables",
        })
    }
}

/// Why a document was not admitted.
#[derive(Debug, thiserror::Error, Clone, PartialEq)]
pub enum DocumentError {
    /// The document or its variables are over a limit.
    #[error("Too many {what}: at most {limit} are allowed.")]
    Exceeded {
        /// What there was too much of.
        what: Limit,
        /// How much of it is allowed.
        limit: usize,
        /// Where the limit was passed, when it was passed at one place.
        at: Option<Pos>,
    },
    /// The text is not a GraphQL document.
    #[error("Syntax error: {message}")]
    Syntax {
        /// What the parser expected, or what it made of what it found.
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
        /// Where they stand.
        at: Vec<Pos>,
    },
    /// The document has no operation of the name that the request gives.
    #[error("Unknown operation named \"{name}\".")]
    UnknownOperation {
        /// The name in the request, clipped.
        name: String,
    },
    /// The document has several operations, and the request names none.
    #[error("The document has several operations: name the one to execute.")]
    OperationNameRequired,
    /// A spread names a fragment that the document does not define.
    #[error("Unknown fragment \"{name}\".")]
    UnknownFragment {
        /// The name in the spread, clipped.
        name: String,
        /// Where it is spread.
        at: Pos,
    },
    /// A fragment spreads itself, perhaps through others.
    #[error("Fragment \"{name}\" spreads itself.")]
    FragmentCycle {
        /// The name of the fragment, clipped.
        name: String,
        /// The spread that closes the circle.
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
    /// Two fields would be answered under one key, but ask for different things.
    #[error("Fields \"{name}\" conflict: give them different aliases to ask for both.")]
    FieldConflict {
        /// The key in the answer, clipped.
        name: String,
        /// The two fields.
        at: [Pos; 2],
    },
    /// A directive stands twice at one place, where none may (5.7.3, "Directives are unique per location").
    #[error("Directive \"@{name}\" stands twice at one place.")]
    DirectiveRepeated {
        /// The name of the directive, clipped.
        name: String,
        /// Both of them.
        at: [Pos; 2],
    },
    /// A literal object gives a field twice (5.6.3, "Input object field uniqueness").
    #[error("Input field \"{name}\" is given twice.")]
    InputFieldRepeated {
        /// The name of the field, clipped.
        name: String,
        /// Where it is given again.
        at: Pos,
    },
    /// A variable has a type that the schema lacks.
    #[error("Unknown type \"{name}\".")]
    UnknownType {
        /// The name of the type, clipped.
        name: String,
        /// Where the type stands.
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

    /// The `locations` of the error; empty when it concerns no one place.
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
            Error::Syntax { message, start, .. } => Self::syntax(essence(message), *start),
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

/// The part of the parser's message that says what was expected.
///
/// The rest of it draws the offending line, which may hold a customer's words
/// and be as long as the document.
fn essence(message: &str) -> &str {
    let last = message.lines().next_back().unwrap_or(message).trim();
    let last = last.strip_prefix("= ").unwrap_or(last);
    // A number says where in itself it is wrong, which reads like a location.
    last.split_once(" at line ").map_or(last, |(what, _)| what)
}

/// As much of a name from the document as a message repeats.
pub fn clip(name: &str) -> String {
    name.chars().take(NAME_CHARS).collect()
}
