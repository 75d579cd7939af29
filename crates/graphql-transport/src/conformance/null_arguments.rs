//! Null where an argument requires a value.
//!
//! The value comes from a variable that may be null and has a default, so validation accepts it. By the specification, it
//! is an error of the field or, for the condition of a directive, of the object.

use std::collections::HashSet;

use apollo_compiler::ast;
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Node, ty};

use super::literals::position;
use super::normal_form::Builder;
use super::response_shape::NullArgument;

impl<'a> Builder<'a> {
    /// The first argument of a field that is null where its type does not allow null.
    pub(super) fn null_argument(&self, field: &'a Node<Field>) -> Option<NullArgument> {
        if self.inputs.nulls.is_empty() {
            return None;
        }
        field.arguments.iter().find_map(|argument| {
            let definition = field.definition.argument_by_name(&argument.name)?;
            self.has_null(&definition.ty, &argument.value).then(|| {
                let at = position(&argument.value, &self.document.sources);
                NullArgument::new(&argument.name, &definition.ty, at)
            })
        })
    }

    /// Whether a variable in `value` is null where the type `ty` does not allow null.
    fn has_null(&self, ty: &ast::Type, value: &ast::Value) -> bool {
        match (ty, value) {
            (_, ast::Value::Variable(name)) => ty.is_non_null() && self.inputs.nulls.contains(name.as_str()),
            (ast::Type::List(item) | ast::Type::NonNullList(item), ast::Value::List(values)) => {
                values.iter().any(|value| self.has_null(item, value))
            }
            (ast::Type::List(item) | ast::Type::NonNullList(item), value) => self.has_null(item, value),
            (ast::Type::Named(name) | ast::Type::NonNullNamed(name), ast::Value::Object(values)) => {
                let Some(ExtendedType::InputObject(input)) = self.schema.definition(name) else {
                    return false;
                };
                values.iter().any(|(field, value)| {
                    input.fields.get(field).is_some_and(|field| self.has_null(&field.ty, value))
                })
            }
            _ => false,
        }
    }

    /// The first `@skip` or `@include` in selection sets whose condition is null.
    pub(super) fn null_condition(&self, sets: &[&'a SelectionSet]) -> Option<NullArgument> {
        if self.inputs.nulls.is_empty() {
            return None;
        }
        let mut visited = HashSet::new();
        let mut sets = sets.to_vec();
        while let Some(set) = sets.pop() {
            for selection in &set.selections {
                for directive in selection.directives().iter() {
                    if let Some(value) = directive.specified_argument_by_name("if")
                        && let ast::Value::Variable(name) = &**value
                        && self.inputs.nulls.contains(name.as_str())
                    {
                        let at = position(value, &self.document.sources);
                        return Some(NullArgument::new("if", &ty!(Boolean!), at));
                    }
                }
                if !self.is_included(selection.directives()) {
                    continue;
                }
                match selection {
                    Selection::Field(_) => {}
                    Selection::InlineFragment(fragment) => sets.push(&fragment.selection_set),
                    Selection::FragmentSpread(spread) => {
                        if let Some(fragment) = self.document.fragments.get(&spread.fragment_name)
                            && visited.insert(spread.fragment_name.as_str())
                        {
                            sets.push(&fragment.selection_set);
                        }
                    }
                }
            }
        }
        None
    }
}
