//! Coerces the variables of a request before execution.
//!
//! async-graphql coerces a variable where it is used, so a mutation could run although the variable of a later field is
//! invalid. The specification requires all variables to be coerced first: an invalid one refuses the whole request.

use std::collections::HashSet;

use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{ErrorExtensionValues, Name, ServerError, Value, Variables};
use async_graphql_value::Value as Literal;

use super::document::operation;
use super::error::BAD_USER_INPUT;
use super::schema_index::{self, Input, InputValueDef, InputValueDefs};
use crate::clock::Timestamp;
use crate::domain::input::E164;

/// The error for the first variable of the operation that does not match its type.
pub fn coerce_variables(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
) -> Option<ServerError> {
    let operation = operation(document, operation_name)?;
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        let Some(value) = variables.get(&definition.name.node) else { continue };
        if let Err(reason) = check(&definition.var_type.node, value) {
            let message = format!("Variable \"${}\" is invalid: {reason}.", definition.name.node);
            let mut error = ServerError::new(message, Some(definition.name.pos));
            let mut extensions = ErrorExtensionValues::default();
            extensions.set("code", BAD_USER_INPUT);
            error.extensions = Some(extensions);
            return Some(error);
        }
    }
    None
}

/// Removes the arguments and the fields of object literals whose variable was not provided. Returns `None` if nothing
/// has to be removed. The specification treats them as omitted, but async-graphql as null. The difference matters for
/// a default, and for an argument in which null has a meaning.
///
/// A document with several operations is not changed: they share fragments, and their variables may differ.
pub fn omit_unprovided(document: &ExecutableDocument, variables: &Variables) -> Option<ExecutableDocument> {
    let unprovided: HashSet<Name> = match &document.operations {
        DocumentOperations::Single(operation) => unprovided_variables(&operation.node, variables),
        DocumentOperations::Multiple(operations) if operations.len() == 1 => operations
            .values()
            .flat_map(|operation| unprovided_variables(&operation.node, variables))
            .collect(),
        DocumentOperations::Multiple(_) => return None,
    };
    if unprovided.is_empty() {
        return None;
    }
    let mut document = document.clone();
    let mut rewriter = OmitUnprovided { unprovided, omitted: HashSet::new() };
    for fragment in document.fragments.values_mut() {
        let on = fragment.node.type_condition.node.on.node.clone();
        rewriter.selections(&on, &mut fragment.node.selection_set.node);
    }
    let operations: Vec<&mut OperationDefinition> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![&mut operation.node],
        DocumentOperations::Multiple(operations) => operations.values_mut().map(|it| &mut it.node).collect(),
    };
    for operation in operations {
        rewriter.selections(schema_index::root(operation.ty), &mut operation.selection_set.node);
        // A variable that was never used stays defined, so that validation reports it.
        operation.variable_definitions.retain(|it| !rewriter.omitted.contains(&it.node.name.node));
    }
    Some(document)
}

fn unprovided_variables(operation: &OperationDefinition, variables: &Variables) -> HashSet<Name> {
    let definitions = operation.variable_definitions.iter().map(|it| &it.node);
    let unprovided = definitions.filter(|it| {
        it.var_type.node.nullable && it.default_value.is_none() && !variables.contains_key(&it.name.node)
    });
    unprovided.map(|it| it.name.node.clone()).collect()
}

/// Removes unprovided variables from a document. Keeps unknown arguments and fields, so that validation reports
/// them.
struct OmitUnprovided {
    unprovided: HashSet<Name>,
    /// The unprovided variables that were removed from at least one position.
    omitted: HashSet<Name>,
}

impl OmitUnprovided {
    /// Rewrites a selection on the type `parent`.
    fn selections(&mut self, parent: &str, set: &mut SelectionSet) {
        for selection in &mut set.items {
            match &mut selection.node {
                Selection::Field(field) => {
                    let Some(declared) = schema_index::field(parent, &field.node.name.node) else { continue };
                    let arguments = &mut field.node.arguments;
                    arguments
                        .retain(|(name, value)| !self.omits(&declared.arguments, &name.node, &value.node));
                    for (name, value) in arguments {
                        self.value(declared.arguments.get(&name.node), &mut value.node);
                    }
                    self.selections(base(&declared.of_type), &mut field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &mut fragment.node;
                    let condition =
                        fragment.type_condition.as_ref().map(|condition| condition.node.on.node.clone());
                    let on = condition.as_ref().map_or(parent, |on| on.as_str());
                    self.selections(on, &mut fragment.selection_set.node);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn value(&mut self, input: Option<&InputValueDef>, value: &mut Literal) {
        let Some(input) = input else { return };
        match value {
            Literal::Object(fields) => {
                let Some(Input::Object(input_values)) = schema_index::input(base(&input.of_type)) else {
                    return;
                };
                fields.retain(|name, value| !self.omits(input_values, name, value));
                fields.iter_mut().for_each(|(name, value)| self.value(input_values.get(name), value));
            }
            // An item of a list cannot be omitted, so it becomes null.
            Literal::List(items) => items.iter_mut().for_each(|item| match self.is_unprovided(item) {
                true => *item = Literal::Null,
                false => self.value(Some(input), item),
            }),
            _ => {}
        }
    }

    fn omits(&mut self, input_values: &InputValueDefs, name: &Name, value: &Literal) -> bool {
        input_values.contains_key(name) && self.is_unprovided(value)
    }

    fn is_unprovided(&mut self, value: &Literal) -> bool {
        let Literal::Variable(name) = value else { return false };
        let is_unprovided = self.unprovided.contains(name);
        if is_unprovided {
            self.omitted.insert(name.clone());
        }
        is_unprovided
    }
}

/// The named type inside all lists.
fn base(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(item),
    }
}

/// Checks a value against its type.
///
/// # Errors
/// The reason, as the end of a sentence. It never contains the value itself.
fn check(of: &Type, value: &Value) -> Result<(), String> {
    match (value, &of.base) {
        (Value::Null, _) if of.nullable => Ok(()),
        (Value::Null, _) => Err(format!("{of} must not be null")),
        (Value::List(items), BaseType::List(of)) => items.iter().try_for_each(|item| check(of, item)),
        // A single value is coerced to a list with one item.
        (value, BaseType::List(of)) => check(of, value),
        (value, BaseType::Named(name)) => check_named(name, value),
    }
}

fn check_named(name: &str, value: &Value) -> Result<(), String> {
    let is_valid = match (name, value) {
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        ("Float", Value::Number(_)) | ("Boolean", Value::Boolean(_)) => true,
        ("String" | "ID" | "EventCursor", Value::String(_)) => true,
        ("ID", Value::Number(number)) => number.is_i64(),
        ("DateTime", Value::String(text)) => Timestamp::parse(text).is_some(),
        ("E164", Value::String(text)) => E164::parse(text).is_some(),
        ("Int" | "Float" | "Boolean" | "String" | "ID" | "EventCursor" | "DateTime" | "E164", _) => false,
        _ => return check_declared(name, value),
    };
    if is_valid { Ok(()) } else { Err(format!("not a value of type {name}")) }
}

fn check_declared(name: &str, value: &Value) -> Result<(), String> {
    match (schema_index::input(name), value) {
        (Some(Input::Enum(values)), Value::String(text)) if values.iter().any(|name| name == text) => Ok(()),
        (Some(Input::Enum(values)), Value::Enum(text)) if values.contains(text) => Ok(()),
        (Some(Input::Enum(_)), _) => Err(format!("not a value of {name}")),
        (Some(Input::Object(fields)), Value::Object(given)) => {
            if let Some(unknown) = given.keys().find(|key| !fields.contains_key(*key)) {
                let unknown: String = unknown.chars().take(64).collect();
                return Err(format!("{name} has no field \"{unknown}\""));
            }
            fields.iter().try_for_each(|(field, InputValueDef { of_type, has_default })| {
                match given.get(field) {
                    Some(value) => {
                        check(of_type, value).map_err(|reason| format!("in field \"{field}\": {reason}"))
                    }
                    None if of_type.nullable || *has_default => Ok(()),
                    None => Err(format!("{name} requires the field \"{field}\"")),
                }
            })
        }
        (Some(Input::Object(_)), _) => Err(format!("not an object of type {name}")),
        // Validation refuses unknown types. A scalar without a rule here accepts any value.
        (Some(Input::Scalar) | None, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;
    use serde_json::json;

    fn reason(query: &str, variables: serde_json::Value) -> Option<String> {
        let variables = Variables::from_json(variables);
        coerce_variables(&parse_query(query).unwrap(), None, &variables).map(|error| error.message)
    }

    #[test]
    fn a_variable_that_does_not_match_its_type_refuses_the_request() {
        let query = "mutation($n: E164!, $i: Int, $t: DateTime, $v: ConversationView, $f: ConversationFilter, \
                     $ids: [ID!], $input: CloseConversationInput!) { x }";
        let good = json!({ "n": "+14155550123", "i": 1, "t": "2026-01-01T00:00:00Z", "v": "INBOX",
            "f": { "status": "OPEN", "phoneNumberIds": ["a"], "unread": null }, "ids": "one",
            "input": { "conversationId": "x" } });
        assert_eq!(reason(query, good.clone()), None);
        for (name, bad) in [
            ("n", json!("garbage")),
            ("n", json!(null)),
            ("i", json!(99_999_999_999_i64)),
            ("i", json!(1.5)),
            ("t", json!("nope")),
            ("v", json!("NONSENSE")),
            ("f", json!({ "status": "AJAR" })),
            ("f", json!({ "nonsense": 1 })),
            ("f", json!("OPEN")),
            ("ids", json!([null])),
            ("input", json!({})),
            ("input", json!({ "conversationId": "x", "expectedVersion": "1" })),
        ] {
            let mut variables = good.clone();
            variables[name] = bad.clone();
            let message = reason(query, variables).unwrap_or_else(|| panic!("{name}: {bad} was accepted"));
            assert!(message.starts_with(&format!("Variable \"${name}\"")), "{message}");
        }
    }
}
