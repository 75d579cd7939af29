//! Releases the spare capacity of a parsed document.
//!
//! The parser allocates every list with a capacity of four or eight entries of 184 bytes each. A typical
//! subscription takes 13 KiB for as long as it runs, and more than half of that is spare capacity.

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};

/// Shrinks every list of `document` to its length.
pub fn compact(document: &mut ExecutableDocument) {
    use async_graphql_parser::types::DocumentOperations::{Multiple, Single};
    match &mut document.operations {
        Single(operation) => compact_set(&mut operation.node.selection_set.node),
        Multiple(operations) => {
            operations.values_mut().for_each(|it| compact_set(&mut it.node.selection_set.node));
        }
    }
    document.fragments.values_mut().for_each(|it| compact_set(&mut it.node.selection_set.node));
}

/// The recursion is bounded, because the guard has limited the nesting.
fn compact_set(set: &mut SelectionSet) {
    set.items.shrink_to_fit();
    for selection in &mut set.items {
        match &mut selection.node {
            Selection::Field(field) => {
                field.node.arguments.shrink_to_fit();
                compact_directives(&mut field.node.directives);
                compact_set(&mut field.node.selection_set.node);
            }
            Selection::InlineFragment(fragment) => {
                compact_directives(&mut fragment.node.directives);
                compact_set(&mut fragment.node.selection_set.node);
            }
            Selection::FragmentSpread(spread) => compact_directives(&mut spread.node.directives),
        }
    }
}

fn compact_directives(directives: &mut Vec<Positioned<Directive>>) {
    directives.iter_mut().for_each(|directive| directive.node.arguments.shrink_to_fit());
    directives.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql_parser::parse_query;

    #[test]
    fn no_list_of_a_compact_document_has_spare_capacity() {
        let query = "subscription { a(x: 1) { b ... on C @d(e: 2) { f { g } } ...h } } fragment h on C { i }";
        let mut document = parse_query(query).unwrap();
        let before = document.clone();
        compact(&mut document);
        assert_eq!(format!("{document:?}"), format!("{before:?}"));
        fn spare(set: &SelectionSet) -> usize {
            let below: usize = set
                .items
                .iter()
                .map(|selection| match &selection.node {
                    Selection::Field(field) => spare(&field.node.selection_set.node),
                    Selection::InlineFragment(fragment) => spare(&fragment.node.selection_set.node),
                    Selection::FragmentSpread(_) => 0,
                })
                .sum();
            below + set.items.capacity() - set.items.len()
        }
        let operations = document.operations.iter().map(|(_, it)| spare(&it.node.selection_set.node));
        let fragments = document.fragments.values().map(|it| spare(&it.node.selection_set.node));
        assert_eq!(operations.chain(fragments).sum::<usize>(), 0);
    }
}
