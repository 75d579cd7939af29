//! The order of fields in a document, and whether any have to be merged.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

use crate::graphql::document::operation;
use crate::graphql::schema_index;

/// The response keys of a selection, in order, each with the outline of the selection below it.
#[derive(Default)]
pub(super) struct Outline {
    fields: IndexMap<Name, Outline>,
    /// Whether a key on any level occurs in more than one place, so that selections have to be merged.
    pub merges: bool,
}

impl Outline {
    /// Empty if there is no such operation.
    pub fn of_operation(document: &ExecutableDocument, name: Option<&str>) -> Self {
        let operation = operation(document, name);
        operation.map_or_else(Self::default, |it| Self::of(document, &[&it.selection_set.node]))
    }

    /// The outline of selections that are merged into one object.
    fn of(document: &ExecutableDocument, sets: &[&SelectionSet]) -> Self {
        let mut below: IndexMap<&Name, Vec<Selected>> = IndexMap::new();
        for set in sets {
            gather(document, set, None, &mut below);
        }
        let mut merges = below.values().any(|selected| are_merged(selected));
        let outlined = |(key, selected): (&Name, Vec<Selected>)| {
            let sets: Vec<_> = selected.into_iter().map(|(_, set)| set).collect();
            let outline = Self::of(document, &sets);
            merges |= outline.merges;
            (key.clone(), outline)
        };
        let fields = below.into_iter().map(outlined).collect();
        Self { fields, merges }
    }

    /// Sorts the fields of every object into the order of the document.
    pub fn arrange(&self, data: &mut Value) {
        match data {
            _ if self.fields.is_empty() => {}
            Value::List(items) => items.iter_mut().for_each(|item| self.arrange(item)),
            Value::Object(fields) => {
                // Most fields are already in order; this comparison then needs no hashing. If one is not, the
                // fields before it are arranged twice.
                let mut expected = self.fields.iter();
                let is_arranged = fields.iter_mut().all(|(key, below)| {
                    let outline = expected.find(|(name, _)| *name == key);
                    outline.inspect(|(_, outline)| outline.arrange(below)).is_some()
                });
                if is_arranged {
                    return;
                }
                let index = |key: &Name| self.fields.get_index_of(key).unwrap_or(usize::MAX);
                fields.sort_by_cached_key(|key, _| index(key));
                for (key, below) in fields {
                    if let Some(outline) = self.fields.get(key) {
                        outline.arrange(below);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The selection of a field, with the type condition of the innermost fragment that contains the field.
type Selected<'a> = (Option<&'a str>, &'a SelectionSet);

/// Whether several of these selections can apply to the same object.
fn are_merged(selected: &[Selected]) -> bool {
    let objects = selected.iter().filter(|(_, set)| !set.items.is_empty());
    let conditions: Vec<Option<&str>> = objects.map(|(on, _)| *on).collect();
    let are_disjoint = |one: Option<&str>, other: Option<&str>| match (one, other) {
        (Some(one), Some(other)) => {
            one != other && schema_index::is_object(one) && schema_index::is_object(other)
        }
        _ => false,
    };
    conditions
        .iter()
        .enumerate()
        .any(|(index, one)| conditions[..index].iter().any(|other| !are_disjoint(*one, *other)))
}

fn gather<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    on: Option<&'a str>,
    below: &mut IndexMap<&'a Name, Vec<Selected<'a>>>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                below.entry(key).or_default().push((on, &field.node.selection_set.node));
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let on = condition.map_or(on, |condition| Some(condition.node.on.node.as_str()));
                gather(document, &fragment.node.selection_set.node, on, below);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    let on = Some(fragment.node.type_condition.node.on.node.as_str());
                    gather(document, &fragment.node.selection_set.node, on, below);
                }
            }
        }
    }
}
