//! Null propagation: failed fields become null, or their nearest nullable parent does.

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, PathSegment, Response, Value};

use crate::graphql::schema_index;

/// Inserts a null for every error in the response and propagates it.
pub(super) fn repair(
    response: &mut Response,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) {
    let failed = response.errors.iter().filter(|error| !error.path.is_empty());
    let failed: Vec<_> = failed
        .filter_map(|error| Some((&error.path, nullability(document, operation, &error.path)?)))
        .collect();
    // Insert all nulls before propagating any, so that none is inserted into a parent that is null by then.
    for (path, _) in &failed {
        insert_null(&mut response.data, path);
    }
    for (path, nullable) in &failed {
        propagate_null(&mut response.data, path, nullable);
    }
}

/// For each segment of `path`, whether its type is nullable. `None` if the path does not belong to the operation.
fn nullability(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    path: &[PathSegment],
) -> Option<Vec<bool>> {
    let mut selected = vec![(schema_index::root(operation.ty).to_owned(), &operation.selection_set.node)];
    let mut here: Option<Type> = None;
    let mut nullable = Vec::with_capacity(path.len());
    for segment in path {
        let next = match segment {
            PathSegment::Index(_) => match here?.base {
                BaseType::List(item) => *item,
                BaseType::Named(_) => return None,
            },
            PathSegment::Field(key) => {
                let mut found = Vec::new();
                for (parent, set) in &selected {
                    fields_under(document, parent, set, key, &mut found);
                }
                let next = found.first()?.0.clone();
                selected = found.into_iter().map(|(ty, set)| (base_name(&ty.base), set)).collect();
                next
            }
        };
        nullable.push(next.nullable);
        here = Some(next);
    }
    Some(nullable)
}

/// Collects the fields with the response key `key` in a selection on `parent`: their types and selections.
fn fields_under<'a>(
    document: &'a ExecutableDocument,
    parent: &str,
    set: &'a SelectionSet,
    key: &str,
    found: &mut Vec<(Type, &'a SelectionSet)>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) if field.node.response_key().node.as_str() == key => {
                let declared = schema_index::field(parent, &field.node.name.node);
                found.extend(declared.map(|it| (it.of_type.clone(), &field.node.selection_set.node)));
            }
            Selection::Field(_) => {}
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                fields_under(document, parent, &fragment.node.selection_set.node, key, found);
            }
            // Validation refuses recursive fragments, so this terminates.
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    let parent = fragment.node.type_condition.node.on.node.as_str();
                    fields_under(document, parent, &fragment.node.selection_set.node, key, found);
                }
            }
        }
    }
}

fn base_name(base: &BaseType) -> String {
    match base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(item) => base_name(&item.base),
    }
}

/// Inserts null at `path` unless it has a value.
fn insert_null(data: &mut Value, path: &[PathSegment]) {
    let Some((segment, rest)) = path.split_first() else { return };
    match segment {
        PathSegment::Field(key) => {
            // async-graphql represents an object all of whose fields failed as null.
            if *data == Value::Null {
                *data = Value::Object(Default::default());
            }
            if let Value::Object(fields) = data {
                let below = fields.entry(Name::new(key)).or_insert(Value::Null);
                // A missing value in the middle of a path is a list that failed as a whole.
                if matches!(rest.first(), Some(PathSegment::Field(_))) || *below != Value::Null {
                    insert_null(below, rest);
                }
            }
        }
        PathSegment::Index(index) => {
            if let Value::List(items) = data
                && let Some(item) = items.get_mut(*index)
            {
                insert_null(item, rest);
            }
        }
    }
}

/// If the value at the end of `path` is null but not nullable, sets its nearest nullable parent to null.
fn propagate_null(data: &mut Value, path: &[PathSegment], nullable: &[bool]) {
    let mut here = &*data;
    let mut reached = 0;
    for segment in path {
        let below = match (segment, here) {
            (PathSegment::Field(key), Value::Object(fields)) => fields.get(key.as_str()),
            (PathSegment::Index(index), Value::List(items)) => items.get(*index),
            _ => None,
        };
        let Some(below) = below else { break };
        here = below;
        reached += 1;
    }
    if *here != Value::Null {
        return;
    }
    let kept = nullable[..reached].iter().rposition(|nullable| *nullable).map_or(0, |last| last + 1);
    let mut here = data;
    for segment in &path[..kept] {
        let below = match (segment, here) {
            (PathSegment::Field(key), Value::Object(fields)) => fields.get_mut(key.as_str()),
            (PathSegment::Index(index), Value::List(items)) => items.get_mut(*index),
            _ => None,
        };
        let Some(below) = below else { return };
        here = below;
    }
    *here = Value::Null;
}
