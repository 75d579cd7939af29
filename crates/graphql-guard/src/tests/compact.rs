//! Compaction releases the spare capacity of directives and of their arguments.

use async_graphql_parser::parse_query;
use async_graphql_parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::super::compact;

/// The unused capacity of the lists of directives and arguments in a set and in the sets nested in it, in entries.
fn spare_capacity(set: &SelectionSet) -> usize {
    let of_item = |item: &Selection| {
        let directives = match item {
            Selection::Field(field) => &field.node.directives,
            Selection::InlineFragment(inline) => &inline.node.directives,
            Selection::FragmentSpread(spread) => &spread.node.directives,
        };
        let in_nested = match item {
            Selection::Field(field) => spare_capacity(&field.node.selection_set.node),
            Selection::InlineFragment(inline) => spare_capacity(&inline.node.selection_set.node),
            Selection::FragmentSpread(_) => 0,
        };
        let arguments = directives.iter().map(|directive| &directive.node.arguments);
        let in_arguments: usize = arguments.map(|list| list.capacity() - list.len()).sum();
        in_nested + in_arguments + directives.capacity() - directives.len()
    };
    set.items.iter().map(|item| of_item(&item.node)).sum()
}

fn spare_capacity_of(document: &ExecutableDocument) -> usize {
    let sets = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    sets.chain(fragments).map(spare_capacity).sum()
}

#[test]
fn directives_of_a_compact_document_have_no_spare_capacity() {
    for text in [
        "{a @skip(if: true)}",
        "{...@skip(if: true) {a}}",
        "{...F @skip(if: true)} fragment F on Q {a {b @d @e(x: 1, y: 2)}}",
    ] {
        let mut document = parse_query(text).unwrap();
        assert!(spare_capacity_of(&document) > 0, "the parser left no spare capacity in {text}");
        compact(&mut document);
        assert_eq!(spare_capacity_of(&document), 0, "{text}");
    }
}
