//! Step 3 of the guard, second half: fields that share a response key.
//!
//! The executor checks this rule too ("overlapping fields can be merged"), but it
//! reports every argument of every pair of fields, once for each enclosing
//! fragment. A few kilobytes of text would produce millions of errors and use
//! gigabytes of memory. This check stops at the first conflict.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{ExecutableDocument, Field, Selection, SelectionSet};

use super::DocumentError;

/// Refuses a document in which two fields have the same response key but differ
/// in name or arguments.
///
/// The expanded nesting of the document must be bounded, and its fragments must
/// be free of cycles.
pub(super) fn check(document: &ExecutableDocument) -> Result<(), DocumentError> {
    let operations = document.operations.iter();
    let operations = operations.map(|(_, operation)| &operation.node.selection_set);
    let fragments = document.fragments.values();
    let fragments = fragments.map(|fragment| &fragment.node.selection_set);
    // In the order of the text, so that the same text always gives the same error.
    let mut sets: Vec<_> = operations.chain(fragments).collect();
    sets.sort_unstable_by_key(|set| set.pos);
    sets.into_iter().try_for_each(|set| check_set(document, &set.node))
}

/// Checks `set`, and then each selection set nested in it separately.
fn check_set(document: &ExecutableDocument, set: &SelectionSet) -> Result<(), DocumentError> {
    ResponseKeys { document, first: HashMap::new(), expanded: HashSet::new() }.collect(None, set)?;
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                check_set(document, &field.node.selection_set.node)?;
            }
            Selection::InlineFragment(inline) => {
                check_set(document, &inline.node.selection_set.node)?;
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

/// The response keys of one selection set, with its fragments expanded.
struct ResponseKeys<'a> {
    document: &'a ExecutableDocument,
    /// The first field of each key, by type condition and key.
    first: HashMap<(Option<&'a str>, &'a str), &'a Positioned<Field>>,
    /// The fragments that were expanded.
    expanded: HashSet<&'a str>,
}

impl<'a> ResponseKeys<'a> {
    fn collect(&mut self, on: Option<&'a str>, set: &'a SelectionSet) -> Result<(), DocumentError> {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.add(on, field)?,
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    let on = condition.map_or(on, |condition| Some(condition.node.on.node.as_str()));
                    self.collect(on, &inline.node.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let Some(fragment) = self.document.fragments.get(name) else {
                        continue;
                    };
                    if self.expanded.insert(name) {
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
        if can_merge(&first.node, &field.node) {
            return Ok(());
        }
        Err(DocumentError::field_conflict(key, [first.pos, field.pos]))
    }
}

fn can_merge(one: &Field, other: &Field) -> bool {
    one.name == other.name
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| other.get_argument(&name.node) == Some(value))
}
