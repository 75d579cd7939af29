//! The third gate, second half: fields that would be answered under one key.
//!
//! The rule is the executor's own ("overlapping fields can be merged"), and a
//! document that breaks it is invalid either way. It is judged here because the
//! executor reports every argument of every pair, once for each fragment around
//! it: a few kilobytes of text make millions of errors and gigabytes of memory.
//! Here the first conflict ends the matter.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{ExecutableDocument, Field, Selection, SelectionSet};

use super::DocumentError;

/// Refuses a document with two fields of one key that differ in name or
/// arguments.
///
/// Needs a document whose nesting, expanded, is bounded and free of cycles.
pub(super) fn check(document: &ExecutableDocument) -> Result<(), DocumentError> {
    let operations = document.operations.iter();
    let operations = operations.map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values();
    let fragments = fragments.map(|fragment| &fragment.node.selection_set);
    // In the order of the text, so that the same text gets the same answer.
    let mut sets: Vec<_> = operations.chain(fragments).collect();
    sets.sort_unstable_by_key(|set| set.pos);
    sets.into_iter().try_for_each(|set| check_inside(document, &set.node))
}

/// Checks `set` and the sets written inside it, each as a set of its own.
fn check_inside(document: &ExecutableDocument, set: &SelectionSet) -> Result<(), DocumentError> {
    Keys { document, first: HashMap::new(), spread: HashSet::new() }.collect(None, set)?;
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                check_inside(document, &field.node.selection_set.node)?;
            }
            Selection::InlineFragment(inline) => {
                check_inside(document, &inline.node.selection_set.node)?;
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

/// The fields that one selection set answers.
struct Keys<'a> {
    document: &'a ExecutableDocument,
    /// The first field of each key, apart for each type condition.
    first: HashMap<(Option<&'a str>, &'a str), &'a Positioned<Field>>,
    spread: HashSet<&'a str>,
}

impl<'a> Keys<'a> {
    fn collect(&mut self, on: Option<&'a str>, set: &'a SelectionSet) -> Result<(), DocumentError> {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.add(on, field)?,
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let on = condition.map(|condition| condition.node.on.node.as_str());
                    self.collect(on, &inline.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let Some(fragment) = self.document.fragments.get(name) else {
                        continue;
                    };
                    if self.spread.insert(name) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.collect(Some(on), &fragment.node.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, on: Option<&'a str>, field: &'a Positioned<Field>) -> Result<(), DocumentError> {
        let key = field.node.response_key().node.as_str();
        let first = match self.first.entry((on, key)) {
            Entry::Vacant(free) => {
                free.insert(field);
                return Ok(());
            }
            Entry::Occupied(taken) => *taken.get(),
        };
        if ask_the_same(&first.node, &field.node) {
            return Ok(());
        }
        Err(DocumentError::field_conflict(key, [first.pos, field.pos]))
    }
}

fn ask_the_same(one: &Field, other: &Field) -> bool {
    one.name == other.name
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| other.get_argument(&name.node) == Some(value))
}
