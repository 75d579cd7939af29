//! Fields of one response key whose arguments are lists of different lengths.
//!
//! apollo-compiler 1 regards two lists as equal if one begins with the other. This module validates a copy of the
//! document in which each list is an object, whose values apollo-compiler compares by their keys. The copy is invalid
//! for other reasons, so only conflicts of arguments are reported.

use apollo_compiler::ast::{self, Definition, Selection, Value};
use apollo_compiler::{Name, Node};
use async_graphql::ServerError;

use super::schema::ApiSchema;
use super::validation::server_error;

/// The first conflict of arguments in a valid document, if it has lists.
pub(super) fn conflict(schema: &ApiSchema, document: &ast::Document) -> Option<ServerError> {
    let mut copy = document.clone();
    let mut lists = 0;
    for definition in &mut copy.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                replace_lists(&mut operation.make_mut().selection_set, &mut lists);
            }
            Definition::FragmentDefinition(fragment) => {
                replace_lists(&mut fragment.make_mut().selection_set, &mut lists);
            }
            _ => {}
        }
    }
    if lists < 2 {
        return None;
    }
    let invalid = copy.to_executable_validate(schema.schema()).err()?;
    let mut errors = invalid.errors.iter();
    let conflict = errors.find(|it| it.error.unstable_error_name() == Some("ConflictingFieldArgument"));
    conflict.map(|diagnostic| server_error(&diagnostic))
}

fn replace_lists(selections: &mut [Selection], lists: &mut usize) {
    for selection in selections {
        match selection {
            Selection::Field(field) => {
                let field = field.make_mut();
                for argument in &mut field.arguments {
                    replace_lists_in(&mut argument.make_mut().value, lists);
                }
                replace_lists(&mut field.selection_set, lists);
            }
            Selection::InlineFragment(fragment) => {
                replace_lists(&mut fragment.make_mut().selection_set, lists);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn replace_lists_in(value: &mut Node<Value>, lists: &mut usize) {
    if !matches!(&**value, Value::List(_) | Value::Object(_)) {
        return;
    }
    let value = value.make_mut();
    match value {
        Value::List(items) => {
            *lists += 1;
            items.iter_mut().for_each(|item| replace_lists_in(item, lists));
            let keyed = std::mem::take(items).into_iter().enumerate();
            let keyed = keyed.map(|(index, item)| (Name::new_unchecked(&format!("item{index}")), item));
            *value = Value::Object(keyed.collect());
        }
        Value::Object(fields) => fields.iter_mut().for_each(|(_, value)| replace_lists_in(value, lists)),
        _ => {}
    }
}
