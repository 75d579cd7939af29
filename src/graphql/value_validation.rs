//! Validates the values in a document.
//!
//! Implements two rules of the specification that async-graphql implements incompletely. async-graphql accepts a string
//! literal for an enum value ("Values of Correct Type"), because it validates literals in the same way as variables. It
//! also accepts a variable whose default is `null` in a non-null position ("All Variable Usages Are Allowed").

use std::collections::HashSet;

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type,
    VariableDefinition,
};
use async_graphql::parser::{Pos, Positioned};
use async_graphql::{Name, ServerError};
use async_graphql_value::Value;

use super::schema_index::{self, Input, InputValueDef, InputValueDefs};

/// The error for the first value in the document that is not valid in its position.
pub fn validate_values(document: &ExecutableDocument) -> Option<ServerError> {
    document.operations.iter().find_map(|(_, operation)| {
        let operation = &operation.node;
        let validator = ValueValidator { document, operation, visited: HashSet::new() };
        validator.operation().err().map(|InvalidValue { message, at }| ServerError::new(message, Some(at)))
    })
}

struct InvalidValue {
    message: String,
    at: Pos,
}

type Validation = Result<(), InvalidValue>;

/// Validates each value of one operation.
struct ValueValidator<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    /// The fragments already validated. Their values are in the same positions wherever they are spread.
    visited: HashSet<&'a Name>,
}

impl<'a> ValueValidator<'a> {
    fn operation(mut self) -> Validation {
        let operation = self.operation;
        for variable in &operation.variable_definitions {
            if let Some(default) = &variable.node.default_value {
                let input =
                    InputValueDef { of_type: variable.node.var_type.node.clone(), has_default: false };
                self.value(&input, &default.node.clone().into_value(), default.pos)?;
            }
        }
        self.directives(&operation.directives)?;
        self.selections(schema_index::root(operation.ty), &operation.selection_set.node)
    }

    fn selections(&mut self, parent: &str, set: &'a SelectionSet) -> Validation {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.directives(&field.directives)?;
                    let Some(declared) = schema_index::field(parent, &field.name.node) else { continue };
                    self.arguments(&declared.arguments, &field.arguments)?;
                    self.selections(base_name(&declared.of_type), &field.selection_set.node)?;
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    self.directives(&fragment.directives)?;
                    let condition = fragment.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.selections(parent, &fragment.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives)?;
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.visited.insert(name)
                    {
                        let fragment = &fragment.node;
                        self.directives(&fragment.directives)?;
                        self.selections(&fragment.type_condition.node.on.node, &fragment.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn arguments(
        &self,
        input_values: &InputValueDefs,
        actual: &[(Positioned<Name>, Positioned<Value>)],
    ) -> Validation {
        for (name, value) in actual {
            if let Some(input) = input_values.get(&name.node) {
                self.value(input, &value.node, value.pos)?;
            }
        }
        Ok(())
    }

    /// `@skip` and `@include` are the only directives. Both have one argument, `if`.
    fn directives(&self, directives: &[Positioned<Directive>]) -> Validation {
        for (name, value) in directives.iter().flat_map(|directive| &directive.node.arguments) {
            if name.node == "if" {
                let of_type = Type { base: BaseType::Named(Name::new("Boolean")), nullable: false };
                self.value(&InputValueDef { of_type, has_default: false }, &value.node, value.pos)?;
            }
        }
        Ok(())
    }

    fn value(&self, input: &InputValueDef, value: &Value, at: Pos) -> Validation {
        match (value, &input.of_type.base) {
            (Value::Variable(name), _) => self.variable(input, name, at),
            (Value::List(items), BaseType::List(item)) => {
                let input = InputValueDef { of_type: Type::clone(item), has_default: false };
                items.iter().try_for_each(|item| self.value(&input, item, at))
            }
            // A single value is coerced to a list with one item.
            (value, BaseType::List(item)) => {
                self.value(&InputValueDef { of_type: Type::clone(item), has_default: false }, value, at)
            }
            (value, BaseType::Named(name)) => match (schema_index::input(name), value) {
                (Some(Input::Enum(_)), Value::String(_)) => {
                    let message = format!("A value of {name} must be written without quotes.");
                    Err(InvalidValue { message, at })
                }
                (Some(Input::Object(input_values)), Value::Object(actual)) => actual
                    .iter()
                    .filter_map(|(name, value)| Some((input_values.get(name)?, value)))
                    .try_for_each(|(input, value)| self.value(input, value, at)),
                _ => Ok(()),
            },
        }
    }

    fn variable(&self, input: &InputValueDef, name: &Name, at: Pos) -> Validation {
        let mut definitions = self.operation.variable_definitions.iter().map(|variable| &variable.node);
        match definitions.find(|definition| definition.name.node == *name) {
            // async-graphql refuses an undefined variable.
            None => Ok(()),
            Some(definition) if is_allowed(definition, input) => Ok(()),
            Some(definition) => {
                let (actual, expected) = (&definition.var_type.node, &input.of_type);
                let name: String = name.chars().take(64).collect();
                let message = format!(
                    "Variable \"${name}\" of type \"{actual}\" used in position expecting type \"{expected}\"."
                );
                Err(InvalidValue { message, at })
            }
        }
    }
}

/// `IsVariableUsageAllowed` in the specification.
fn is_allowed(variable: &VariableDefinition, input: &InputValueDef) -> bool {
    let (actual, expected) = (&variable.var_type.node, &input.of_type);
    if expected.nullable || !actual.nullable {
        return is_compatible(actual, expected);
    }
    let has_default =
        variable.default_value.as_ref().is_some_and(|value| value.node != async_graphql::Value::Null);
    (has_default || input.has_default) && is_same_kind(&actual.base, &expected.base)
}

/// `AreTypesCompatible` in the specification.
fn is_compatible(actual: &Type, expected: &Type) -> bool {
    (expected.nullable || !actual.nullable) && is_same_kind(&actual.base, &expected.base)
}

fn is_same_kind(actual: &BaseType, expected: &BaseType) -> bool {
    match (actual, expected) {
        (BaseType::Named(actual), BaseType::Named(expected)) => actual == expected,
        (BaseType::List(actual), BaseType::List(expected)) => is_compatible(actual, expected),
        _ => false,
    }
}

fn base_name(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base_name(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn reason(query: &str) -> Option<String> {
        validate_values(&parse_query(query).unwrap()).map(|error| error.message)
    }

    #[test]
    fn an_enum_value_is_not_a_string() {
        for good in [
            "{ conversations(view: INBOX, filter: { status: OPEN }) { totalCount } }",
            "query($view: ConversationView = INBOX) { conversations(view: $view) { totalCount } }",
            "{ nodes(ids: [\"a\"]) { id } node(id: \"INBOX\") { id } }",
        ] {
            assert_eq!(reason(good), None, "{good}");
        }
        for bad in [
            "{ conversations(view: \"INBOX\") { totalCount } }",
            "{ conversations(filter: { status: \"OPEN\" }) { totalCount } }",
            "{ ... on Query { ...f } } fragment f on Query { conversations(view: \"INBOX\") { totalCount } }",
            "query($view: ConversationView = \"INBOX\") { conversations(view: $view) { totalCount } }",
            "query A { viewer { id } } query B { conversations(view: \"INBOX\") { totalCount } }",
        ] {
            assert!(reason(bad).is_some_and(|reason| reason.contains("without quotes")), "{bad}");
        }
    }

    #[test]
    fn a_nullable_variable_is_allowed_only_in_a_nullable_position() {
        for good in [
            "query($id: ID!) { node(id: $id) { id } }",
            "query($id: ID = \"a\") { node(id: $id) { id } }",
            "query($view: ConversationView) { conversations(view: $view) { totalCount } }",
            "query($ids: [ID!]!) { conversations(filter: { phoneNumberIds: $ids }) { totalCount } }",
            "query($on: Boolean = true) { viewer @include(if: $on) { id } }",
            "query($id: ID!) { nodes(ids: [$id]) { id } }",
        ] {
            assert_eq!(reason(good), None, "{good}");
        }
        for bad in [
            "query($id: ID) { node(id: $id) { id } }",
            "query($id: ID = null) { node(id: $id) { id } }",
            "query($id: ID = null) { nodes(ids: [$id]) { id } }",
            "query($ids: [ID]!) { nodes(ids: $ids) { id } }",
            "query($id: String!) { node(id: $id) { id } }",
            "query($on: Boolean = null) { viewer @include(if: $on) { id } }",
            "mutation($id: ID = null) { claimConversation(input: { conversationId: $id }) { changed } }",
            "query($id: ID = null) { ...f } fragment f on Query { node(id: $id) { id } }",
        ] {
            assert!(reason(bad).is_some_and(|reason| reason.contains("expecting type")), "{bad}");
        }
    }
}
