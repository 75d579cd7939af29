//! Property tests of the guard, with random texts and random valid documents.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use proptest::prelude::*;

use super::super::scan::scan;
use super::super::{DocumentLimits, check_document};

/// A text of random tokens. It passes more of the grammar than a text of random characters.
fn text_of_tokens() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            "(",
            ")",
            "\"",
            "\"\"\"",
            "\\",
            "\\\"\"\"",
            "#",
            "\n",
            "\r",
            "@d",
            "$v",
            ":",
            "!",
            "...",
            "...F",
            " on Q",
            "fragment F",
            "query",
            "subscription",
            "{a}",
            "a",
            "b:",
            "(c:",
            "1",
            "0",
            "-",
            ".5",
            "e9",
            "=",
            "\u{feff}",
            "\\u00e9",
            "\\uD800",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// A literal for any argument: the guard does not check types.
fn literal() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|n| n.to_string()),
        (-1e6..1e6_f64).prop_map(|n| format!("{n:?}")),
        "[ -~&&[^\"\\\\]]{0,12}".prop_map(|text| format!("\"{text}\"")),
        "[a-z \n{(\\[#]{0,12}".prop_map(|text| format!("\"\"\"{text}\"\"\"")),
        Just("$v".to_owned()),
        Just("null".to_owned()),
        Just("SOME_ENUM".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(inner, 0..4).prop_map(|items| {
                let fields = items.iter().enumerate().map(|(i, item)| format!("k{i}: {item}"));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(" "))
            }),
        ]
    })
}

/// A field that cannot conflict with another: its name contains a hash of its argument.
fn field() -> impl Strategy<Value = String> {
    let leaf = (0..8_u8, prop::option::of(literal()), any::<bool>()).prop_map(|(name, argument, skipped)| {
        let directive = if skipped { " @include(if: $v)" } else { "" };
        match argument {
            Some(value) => {
                let mut key = DefaultHasher::new();
                value.hash(&mut key);
                let key = key.finish();
                format!("f{name}_{key:x}(x: {value}){directive}")
            }
            None => format!("f{name}{directive}"),
        }
    });
    leaf.prop_recursive(4, 24, 3, |inner| {
        (0..4_u8, prop::collection::vec(inner, 1..4)).prop_map(|(kind, selections)| {
            let set = selections.join("\n");
            match kind {
                0 => format!("...on Q {{ {set} }}"),
                1 => format!("... @skip(if: $v) {{ {set} }}"),
                _ => format!("nest {{ {set} }}"),
            }
        })
    })
}

/// A document with one operation and up to three fragments, all of them used.
fn document() -> impl Strategy<Value = String> {
    let sets = prop::collection::vec(prop::collection::vec(field(), 1..4), 1..4);
    (sets, prop::sample::select(vec!["query", "mutation", "subscription"])).prop_map(|(sets, operation)| {
        let mut text = format!("{operation} Op($v: Boolean = true) {{ ...F0 }}\n");
        for (number, set) in sets.iter().enumerate() {
            let next = number + 1;
            let spread = if next < sets.len() { format!("down {{ ...F{next} }}") } else { String::new() };
            text += &format!("fragment F{number} on Q {{ {} {spread} }} # {{[(\n", set.join(", "));
        }
        text
    })
}

/// The default limits, with more room for what grows with the size of a generated [`document`].
fn wide_limits() -> DocumentLimits {
    DocumentLimits {
        query_bytes: 1 << 20,
        tokens: 20_000,
        directives: 1_000,
        root_fields: 1_000,
        ..DocumentLimits::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_scan_or_the_guard_panic(text in any::<String>(), pieces in text_of_tokens()) {
        for text in [text, pieces] {
            let scanned = scan(&DocumentLimits::default(), &text);
            let checked = check_document(&DocumentLimits::default(), &text, None);
            prop_assert!(scanned.is_ok() || checked.is_err());
        }
    }

    #[test]
    fn valid_documents_within_the_limits_are_accepted(text in document()) {
        if let Err(refusal) = check_document(&wide_limits(), &text, Some("Op")) {
            return Err(TestCaseError::fail(format!("{refusal:?} for {text}")));
        }
    }

    #[test]
    fn a_valid_document_cut_anywhere_does_not_cause_a_panic(text in document(), at in any::<prop::sample::Index>()) {
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let cut = &text[..ends[at.index(ends.len())]];
        let result = check_document(&wide_limits(), cut, Some("Op"));
        if let Ok(checked) = result {
            // A prefix is valid only if it ends between definitions, in white space or in a comment.
            prop_assert!(checked.document.fragments.len() <= 4);
            prop_assert!(cut.contains("fragment F0"));
        }
    }
}
