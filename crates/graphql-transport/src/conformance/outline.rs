//! The order in which a document asks for fields, and whether some are asked for twice.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Value};

use super::document::operation;
use super::schema_index::SchemaIndex;

/// What a selection answers with, in order, and what is selected in each in turn.
#[derive(Default)]
pub(super) struct Outline {
    fields: IndexMap<Name, Outline>,
    /// Whether a key here or below is asked for in more than one place.
    pub merges: bool,
}

impl Outline {
    /// Empty when there is no such operation.
    pub fn of_operation(schema: &SchemaIndex, document: &ExecutableDocument, name: Option<&str>) -> Self {
        let operation = operation(document, name);
        operation.map_or_else(Self::default, |it| Self::of(schema, document, &[&it.selection_set.node]))
    }

    /// The outline of selections that are answered together.
    fn of(schema: &SchemaIndex, document: &ExecutableDocument, sets: &[&SelectionSet]) -> Self {
        let mut below: IndexMap<&Name, Vec<Selected>> = IndexMap::new();
        for set in sets {
            gather(document, set, None, &mut below);
        }
        let mut merges = below.values().any(|selected| are_merged(schema, selected));
        let outlined = |(key, selected): (&Name, Vec<Selected>)| {
            let sets: Vec<_> = selected.into_iter().map(|(_, set)| set).collect();
            let outline = Self::of(schema, document, &sets);
            merges |= outline.merges;
            (key.clone(), outline)
        };
        let fields = below.into_iter().map(outlined).collect();
        Self { fields, merges }
    }

    /// Puts the fields of every object in order.
    pub fn arrange(&self, data: &mut Value) {
        match data {
            _ if self.fields.is_empty() => {}
            Value::List(items) => items.iter_mut().for_each(|item| self.arrange(item)),
            Value::Object(fields) => {
                // They mostly stand as they were asked for, and are found then without a hash. What comes before the
                // first that does not is looked at twice.
                let mut prepared = self.fields.iter();
                let is_arranged = fields.iter_mut().all(|(key, below)| {
                    let outline = prepared.find(|(name, _)| *name == key);
                    outline.inspect(|(_, outline)| outline.arrange(below)).is_some()
                });
                if is_arranged {
                    return;
                }
                let place = |key: &Name| self.fields.get_index_of(key).unwrap_or(usize::MAX);
                fields.sort_by_cached_key(|key, _| place(key));
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

/// What a field selects, with the type that the fragment around it is on, if there is one.
type Selected<'a> = (Option<&'a str>, &'a SelectionSet);

/// Whether the answer may have one object for several of these.
fn are_merged(schema: &SchemaIndex, selected: &[Selected]) -> bool {
    let objects = selected.iter().filter(|(_, set)| !set.items.is_empty());
    let ons: Vec<Option<&str>> = objects.map(|(on, _)| *on).collect();
    let is_apart = |one: Option<&str>, other: Option<&str>| match (one, other) {
        (Some(one), Some(other)) => one != other && schema.is_object(one) && schema.is_object(other),
        _ => false,
    };
    ons.iter().enumerate().any(|(place, one)| ons[..place].iter().any(|other| !is_apart(*one, *other)))
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
