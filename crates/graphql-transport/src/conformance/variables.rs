//! Whether the variables of a request fit their types, before anything is executed.
//!
//! The engine reads a variable where it is used, so a mutation could be carried out although a later field's
//! variable cannot be read. The specification wants variables to be coerced first: a value that does not fit
//! refuses the whole request.

use std::collections::HashSet;

use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{ErrorExtensionValues, Name, ServerError, Value, Variables};
use async_graphql_value::Value as Literal;

use super::document::operation;
use super::schema_index::{Input, InputValueDef, InputValueDefs, SchemaIndex};
use crate::errors::Code;

/// The first variable of the operation that does not fit its type, as an error to answer with.
pub fn coerce_variables(
    schema: &SchemaIndex,
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    variables: &Variables,
) -> Option<ServerError> {
    let operation = operation(document, operation_name)?;
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        let Some(value) = variables.get(&definition.name.node) else { continue };
        if let Err(reason) = check(schema, &definition.var_type.node, value) {
            let message = format!("Variable \"${}\" cannot be used: {reason}.", definition.name.node);
            let mut error = ServerError::new(message, Some(definition.name.pos));
            let mut extensions = ErrorExtensionValues::default();
            extensions.set("code", Code::BadUserInput.as_str());
            error.extensions = Some(extensions);
            return Some(error);
        }
    }
    None
}

/// The document without the arguments, and the fields of literal objects, whose variable was not given; `None` when
/// all were. The specification takes them for absent and the engine for null, which is something else where there is a
/// default, and where null means nobody.
///
/// A document of several operations stays as it is: they share fragments, and may not give the same.
pub fn omit_unprovided(
    schema: &SchemaIndex,
    document: &ExecutableDocument,
    variables: &Variables,
) -> Option<ExecutableDocument> {
    let absent: HashSet<Name> = match &document.operations {
        DocumentOperations::Single(operation) => absent(&operation.node, variables),
        DocumentOperations::Multiple(operations) if operations.len() == 1 => {
            operations.values().flat_map(|operation| absent(&operation.node, variables)).collect()
        }
        DocumentOperations::Multiple(_) => return None,
    };
    if absent.is_empty() {
        return None;
    }
    let mut document = document.clone();
    let mut abridged = OmitUnprovided { schema, absent, left_out: HashSet::new() };
    for fragment in document.fragments.values_mut() {
        let on = fragment.node.type_condition.node.on.node.clone();
        abridged.set(&on, &mut fragment.node.selection_set.node);
    }
    let operations: Vec<&mut OperationDefinition> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![&mut operation.node],
        DocumentOperations::Multiple(operations) => operations.values_mut().map(|it| &mut it.node).collect(),
    };
    for operation in operations {
        abridged.set(schema.root(operation.ty), &mut operation.selection_set.node);
        // What is not used at all is a mistake, and stays one.
        operation.variable_definitions.retain(|it| !abridged.left_out.contains(&it.node.name.node));
    }
    Some(document)
}

fn absent(operation: &OperationDefinition, variables: &Variables) -> HashSet<Name> {
    let definitions = operation.variable_definitions.iter().map(|it| &it.node);
    let absent = definitions.filter(|it| {
        it.var_type.node.nullable && it.default_value.is_none() && !variables.contains_key(&it.name.node)
    });
    absent.map(|it| it.name.node.clone()).collect()
}

/// A document from which the places of absent variables are taken. Places that the schema does not have stay: validation
/// is to say so.
struct OmitUnprovided<'a> {
    schema: &'a SchemaIndex,
    absent: HashSet<Name>,
    /// Those that had a place.
    left_out: HashSet<Name>,
}

impl OmitUnprovided<'_> {
    /// A selection on the type `parent`.
    fn set(&mut self, parent: &str, set: &mut SelectionSet) {
        for selection in &mut set.items {
            match &mut selection.node {
                Selection::Field(field) => {
                    let Some(declared) = self.schema.field(parent, &field.node.name.node) else { continue };
                    let arguments = &mut field.node.arguments;
                    arguments.retain(|(name, value)| {
                        !self.leaves_out(&declared.arguments, &name.node, &value.node)
                    });
                    for (name, value) in arguments {
                        self.value(declared.arguments.get(&name.node), &mut value.node);
                    }
                    self.set(base(&declared.of_type), &mut field.node.selection_set.node);
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &mut fragment.node;
                    let condition =
                        fragment.type_condition.as_ref().map(|condition| condition.node.on.node.clone());
                    let on = condition.as_ref().map_or(parent, |on| on.as_str());
                    self.set(on, &mut fragment.selection_set.node);
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    fn value(&mut self, place: Option<&InputValueDef>, value: &mut Literal) {
        let Some(place) = place else { return };
        match value {
            Literal::Object(fields) => {
                let Some(Input::Object(places)) = self.schema.input(base(&place.of_type)) else { return };
                fields.retain(|name, value| !self.leaves_out(places, name, value));
                fields.iter_mut().for_each(|(name, value)| self.value(places.get(name), value));
            }
            // Nothing can be missing from a list.
            Literal::List(items) => items.iter_mut().for_each(|item| match self.is_absent(item) {
                true => *item = Literal::Null,
                false => self.value(Some(place), item),
            }),
            _ => {}
        }
    }

    fn leaves_out(&mut self, places: &InputValueDefs, name: &Name, value: &Literal) -> bool {
        places.contains_key(name) && self.is_absent(value)
    }

    fn is_absent(&mut self, value: &Literal) -> bool {
        let Literal::Variable(name) = value else { return false };
        let is_absent = self.absent.contains(name);
        if is_absent {
            self.left_out.insert(name.clone());
        }
        is_absent
    }
}

/// The name inside all the lists.
fn base(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(item),
    }
}

/// # Errors
/// Why the value does not fit, to end a sentence with. Never says the value itself.
fn check(schema: &SchemaIndex, of: &Type, value: &Value) -> Result<(), String> {
    match (value, &of.base) {
        (Value::Null, _) if of.nullable => Ok(()),
        (Value::Null, _) => Err(format!("{of} may not be null")),
        (Value::List(items), BaseType::List(of)) => items.iter().try_for_each(|item| check(schema, of, item)),
        // One value stands for a list of one.
        (value, BaseType::List(of)) => check(schema, of, value),
        (value, BaseType::Named(name)) => check_named(schema, name, value),
    }
}

fn check_named(schema: &SchemaIndex, name: &str, value: &Value) -> Result<(), String> {
    let fits = match (name, value) {
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        ("Float", Value::Number(_)) | ("Boolean", Value::Boolean(_)) => true,
        ("String" | "ID", Value::String(_)) => true,
        ("ID", Value::Number(number)) => number.is_i64(),
        ("Int" | "Float" | "Boolean" | "String" | "ID", _) => false,
        _ => return check_declared(schema, name, value),
    };
    if fits { Ok(()) } else { Err(format!("this is not of type {name}")) }
}

fn check_declared(schema: &SchemaIndex, name: &str, value: &Value) -> Result<(), String> {
    match (schema.input(name), value) {
        (Some(Input::Enum(values)), Value::String(text)) if values.iter().any(|name| name == text) => Ok(()),
        (Some(Input::Enum(values)), Value::Enum(text)) if values.contains(text) => Ok(()),
        (Some(Input::Enum(_)), _) => Err(format!("this is no value of {name}")),
        (Some(Input::Object(fields)), Value::Object(given)) => {
            if let Some(unknown) = given.keys().find(|key| !fields.contains_key(*key)) {
                let unknown: String = unknown.chars().take(64).collect();
                return Err(format!("{name} has no field \"{unknown}\""));
            }
            fields.iter().try_for_each(|(field, InputValueDef { of_type, has_default })| {
                match given.get(field) {
                    Some(value) => {
                        check(schema, of_type, value).map_err(|reason| format!("at \"{field}\", {reason}"))
                    }
                    None if of_type.nullable || *has_default => Ok(()),
                    None => Err(format!("{name} needs the field \"{field}\"")),
                }
            })
        }
        (Some(Input::Object(_)), _) => Err(format!("this is no {name}")),
        (Some(Input::Scalar), value) if schema.scalar(name).is_some_and(|fits| !fits(value)) => {
            Err(format!("this is not of type {name}"))
        }
        // Unknown types are refused by validation, and scalars without a rule here take anything.
        (Some(Input::Scalar) | None, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema_index::test_schema;
    use super::*;
    use async_graphql::parser::parse_query;
    use serde_json::json;

    fn reason(query: &str, variables: serde_json::Value) -> Option<String> {
        let variables = Variables::from_json(variables);
        coerce_variables(&test_schema(), &parse_query(query).unwrap(), None, &variables)
            .map(|error| error.message)
    }

    #[test]
    fn values_fit_their_types_or_refuse_the_request() {
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
            let message = reason(query, variables).unwrap_or_else(|| panic!("{name}: {bad} was taken"));
            assert!(message.starts_with(&format!("Variable \"${name}\"")), "{message}");
        }
    }
}
