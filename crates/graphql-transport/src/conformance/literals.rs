//! Conversions from the syntax tree of apollo-compiler to that of async-graphql.

use apollo_compiler::Node;
use apollo_compiler::ast;
use apollo_compiler::parser::SourceMap;
use async_graphql::parser::types as parsed;
use async_graphql::{Name, Pos};
use async_graphql_value::{Number, Value as Literal};

/// A literal without variables.
pub(super) fn constant_literal(value: &ast::Value) -> Literal {
    match value {
        ast::Value::Null | ast::Value::Variable(_) => Literal::Null,
        ast::Value::Enum(name) => Literal::Enum(Name::new(name.as_str())),
        ast::Value::String(text) => Literal::String(text.clone()),
        ast::Value::Boolean(value) => Literal::Boolean(*value),
        ast::Value::Int(number) => Literal::Number(json_number(number.as_str())),
        ast::Value::Float(number) => Literal::Number(json_number(number.as_str())),
        ast::Value::List(items) => Literal::List(items.iter().map(|item| constant_literal(item)).collect()),
        ast::Value::Object(fields) => Literal::Object(
            fields.iter().map(|(name, value)| (Name::new(name.as_str()), constant_literal(value))).collect(),
        ),
    }
}

/// Returns zero for a number that JSON cannot represent. Validation rejects such numbers for `Int` and `Float`.
fn json_number(text: &str) -> Number {
    // As a float, `-0` would not be an `Int`.
    if text == "-0" { Number::from(0) } else { text.parse().unwrap_or_else(|_| Number::from(0)) }
}

pub(super) fn parsed_type(ty: &ast::Type) -> parsed::Type {
    let nullable = !ty.is_non_null();
    let base = match ty {
        ast::Type::Named(name) | ast::Type::NonNullNamed(name) => {
            parsed::BaseType::Named(Name::new(name.as_str()))
        }
        ast::Type::List(item) | ast::Type::NonNullList(item) => {
            parsed::BaseType::List(Box::new(parsed_type(item)))
        }
    };
    parsed::Type { base, nullable }
}

/// The position of a node in the document. Lines and columns count from 1.
pub(super) fn position<T>(node: &Node<T>, sources: &SourceMap) -> Pos {
    node.line_column_range(sources)
        .map_or_else(Pos::default, |range| Pos { line: range.start.line, column: range.start.column })
}
