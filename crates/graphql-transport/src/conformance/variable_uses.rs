//! The rule "all variable usages are allowed", for variables on all levels of an argument.
//!
//! apollo-compiler 1 checks only variables that are a whole argument, and does not distinguish the default `null` from
//! other defaults.

use apollo_compiler::ast::{self, Definition, Type};
use apollo_compiler::{Name, Node};
use async_graphql::Pos;

/// A variable in an argument, or in a list or an input object of an argument.
pub(super) struct VariableUse<'a> {
    pub variable: &'a Name,
    /// The type that is expected there.
    pub ty: Type,
    /// Whether the argument or the input field has a default.
    pub has_default: bool,
    /// The index of the operation or fragment.
    pub definition: usize,
    pub at: Pos,
}

/// The first use of a variable that its type does not allow, with the definition of the variable.
pub(super) fn first_misuse<'a, 'u>(
    document: &'a ast::Document,
    uses: &'u [VariableUse<'a>],
) -> Option<(&'u VariableUse<'a>, &'a Node<ast::VariableDefinition>)> {
    document.definitions.iter().enumerate().find_map(|(index, definition)| {
        let Definition::OperationDefinition(operation) = definition else { return None };
        let reached = reached_from(document, index);
        uses.iter().filter(|usage| reached.contains(&usage.definition)).find_map(|usage| {
            let definition = operation.variables.iter().find(|it| it.name == *usage.variable)?;
            (!is_allowed(definition, usage)).then_some((usage, definition))
        })
    })
}

/// `IsVariableUsageAllowed` of the specification.
fn is_allowed(definition: &ast::VariableDefinition, usage: &VariableUse<'_>) -> bool {
    if !usage.ty.is_non_null() || definition.ty.is_non_null() {
        return definition.ty.is_assignable_to(&usage.ty);
    }
    let has_value = definition.default_value.as_ref().is_some_and(|value| !value.is_null());
    (has_value || usage.has_default) && definition.ty.is_assignable_to(&usage.ty.clone().nullable())
}

/// The indexes of an operation and of the fragments that it uses.
fn reached_from(document: &ast::Document, operation: usize) -> Vec<usize> {
    let mut reached = vec![operation];
    let mut next = 0;
    while let Some(&index) = reached.get(next) {
        next += 1;
        for spread in spreads_of(&document.definitions[index]) {
            let fragment = document.definitions.iter().position(
                |definition| matches!(definition, Definition::FragmentDefinition(it) if it.name == *spread),
            );
            reached.extend(fragment.filter(|fragment| !reached.contains(fragment)));
        }
    }
    reached
}

/// The names of the fragments that a definition refers to.
fn spreads_of(definition: &Definition) -> Vec<&Name> {
    let mut spreads = Vec::new();
    let mut sets = match definition {
        Definition::OperationDefinition(operation) => vec![&operation.selection_set],
        Definition::FragmentDefinition(fragment) => vec![&fragment.selection_set],
        _ => Vec::new(),
    };
    while let Some(set) = sets.pop() {
        for selection in set {
            match selection {
                ast::Selection::Field(field) => sets.push(&field.selection_set),
                ast::Selection::InlineFragment(fragment) => sets.push(&fragment.selection_set),
                ast::Selection::FragmentSpread(spread) => spreads.push(&spread.fragment_name),
            }
        }
    }
    spreads
}
