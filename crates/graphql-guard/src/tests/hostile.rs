//! Documents that would crash or stall a server, checked on a server's stack size.

use async_graphql::parser::Pos;

use super::super::{DocumentError, DocumentLimits, Limit, check_document};
use super::{SMALL_STACK, WORKER_STACK, assert_code, assert_exceeds, check, on_stack};

/// Limits that accept a text of any length, so that another limit is tested.
fn any_length() -> DocumentLimits {
    DocumentLimits { query_bytes: usize::MAX, tokens: usize::MAX, ..DocumentLimits::default() }
}

#[test]
fn thousands_of_nested_literals_are_refused_before_the_parser() {
    on_stack(SMALL_STACK, || {
        let places = [
            "{a(b:VALUE)}",
            "query($v:I=VALUE){a(b:$v)}",
            "{a@d(b:VALUE)}",
            "query@d(b:VALUE){a}",
            "query($v:I@d(b:VALUE)){a(b:$v)}",
            "{...F}fragment F on Q@d(b:VALUE){a}",
            "{...F@d(b:VALUE)}fragment F on Q{a}",
        ];
        for place in places {
            for (open, close) in [("[", "]"), ("{a:", "}")] {
                let closed = format!("{}1{}", open.repeat(3_200), close.repeat(3_200));
                for value in [closed, open.repeat(3_200)] {
                    let text = place.replace("VALUE", &value);
                    assert_exceeds(check_document(&any_length(), &text, None), Limit::Nesting);
                    assert_code(check(&text), "LIMIT_EXCEEDED");
                }
            }
        }
    });
}

#[test]
fn thousands_of_nested_selections_and_types_are_refused_before_the_parser() {
    on_stack(SMALL_STACK, || {
        for (open, close) in [("{a", "}"), ("{...on Q", "}"), ("{...@d", "}")] {
            let text = format!("{}{{a}}{}", open.repeat(3_200), close.repeat(3_200));
            assert_exceeds(check_document(&any_length(), &text, None), Limit::Nesting);
        }
        let text = format!("query($v:{}I{}){{a}}", "[".repeat(3_200), "]".repeat(3_200));
        assert_exceeds(check_document(&any_length(), &text, None), Limit::Nesting);
    });
}

#[test]
fn brackets_cannot_be_hidden_from_the_scan() {
    on_stack(SMALL_STACK, || {
        let deep = "[".repeat(3_200);
        for disguise in [
            r#""a" "#,
            r#""a\"" "#,
            r#""\\" "#,
            "\"# in a string\" ",
            r#""""block " with " quotes""" "#,
            r#""""ends in an escaped \"""""" "#,
            r#""" "" "#,
            "# a comment with \" and \"\"\"\n",
            "# a comment\r",
            "#\r\n",
            "\u{feff}",
            "] ] ] ]",
        ] {
            let text = format!("{{a(b:[{disguise}{deep}");
            assert_exceeds(check_document(&any_length(), &text, None), Limit::Nesting);
        }
        // Unmatched closing brackets do not lower the count of later ones.
        let text = format!("{}{{a(b:{deep}", "}".repeat(4_000));
        assert_exceeds(check_document(&any_length(), &text, None), Limit::Nesting);
    });
}

#[test]
fn a_string_that_does_not_end_is_refused_before_the_parser() {
    // The parser would read the first text as `""`, `" "` and nested lists.
    on_stack(SMALL_STACK, || {
        let deep = "[".repeat(3_200);
        for start in [r#"{a(b:[""" "#, "{a(b:[\"", "{a(b:[\"\n\"", "{a(b:[\"\\\n"] {
            let text = format!("{start}{deep}");
            let refusal = assert_code(check_document(&any_length(), &text, None), "GRAPHQL_PARSE_FAILED");
            assert_eq!(refusal.locations(), vec![Pos { line: 1, column: 7 }]);
        }
    });
}

#[test]
fn brackets_in_strings_and_comments_are_not_nesting() {
    let deep = "[{(".repeat(100);
    for text in [
        format!("{{a(b:\"{deep}\")}}"),
        format!("{{a(b:\"\"\"{deep}\"\"\")}}"),
        format!("#{deep}\n{{a}}"),
        format!("{{a}}#{deep}"),
        format!("{{a(b:\"\\\"{deep}\")}}"),
    ] {
        assert!(check(&text).is_ok(), "{text}");
    }
}

/// `levels` fragments that each spread the next one twice, and `fields` fields
/// next to the spread of the first fragment.
pub(super) fn doubling(levels: usize, fields: usize) -> String {
    let mut text = format!("{{q{{...F0 {}}}}}", "a ".repeat(fields));
    for level in 0..levels {
        let next = level + 1;
        text += &format!("fragment F{level} on Q{{...F{next}...F{next}}}");
    }
    text + &format!("fragment F{levels} on Q{{a}}")
}

#[test]
fn doubling_fragments_are_refused() {
    on_stack(SMALL_STACK, || {
        for levels in [9, 12, 20, 29] {
            assert_exceeds(check(&doubling(levels, 0)), Limit::Selections);
        }
        // The sums saturate: this expands to 2^200 selections.
        let text = doubling(200, 0);
        assert_exceeds(check_document(&any_length(), &text, None), Limit::Selections);
    });
}

#[test]
fn doubling_by_inline_fragments_and_fields_is_refused() {
    let mut text = "{...F0}".to_owned();
    for level in 0..8 {
        let next = level + 1;
        text += &format!("fragment F{level} on Q{{x{{...F{next}}}y{{...on Q{{...F{next}}}}}}}");
    }
    text += "fragment F8 on Q{a}";
    assert_exceeds(check(&text), Limit::Selections);
}

#[test]
fn long_chains_of_fragments_do_not_recurse() {
    let mut text = "{...F0}".to_owned();
    for level in 0..50_000 {
        text += &format!("fragment F{level} on Q{{...F{}}}", level + 1);
    }
    let cycle = text.clone() + "fragment F50000 on Q{...F0}";
    text += "fragment F50000 on Q{a}";
    on_stack(SMALL_STACK, move || {
        assert_exceeds(check_document(&any_length(), &text, None), Limit::Nesting);
        let refusal = assert_code(check_document(&any_length(), &cycle, None), "GRAPHQL_VALIDATION_FAILED");
        assert!(matches!(refusal, DocumentError::FragmentCycle { .. }));
    });
}

#[test]
fn fragment_cycles_are_refused_with_the_spread_that_closes_them() {
    for (text, name) in [
        ("{...A}fragment A on Q{...A}", "A"),
        ("{...A}fragment A on Q{a{...B}}fragment B on Q{...on Q{...A}}", "A"),
        ("{...A}fragment A on Q{...B}fragment B on Q{...C}fragment C on Q{...B}", "B"),
        ("{...A}fragment A on Q{...A...A...A}", "A"),
    ] {
        match check(text) {
            Err(DocumentError::FragmentCycle { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{text}: {other:?}"),
        }
    }
    // Two paths to the same fragment are not a cycle.
    assert!(check("{...A...B}fragment A on Q{...C}fragment B on Q{...C}fragment C on Q{a}").is_ok());
}

#[test]
fn floods_are_refused() {
    on_stack(WORKER_STACK, || {
        let aliases: String = (0..10_000).map(|i| format!("x{i}:a ")).collect();
        let text = format!("{{{aliases}}}");
        assert_exceeds(check(&text), Limit::QueryBytes);
        let limits = DocumentLimits { selections: usize::MAX, ..any_length() };
        assert_exceeds(check_document(&limits, &text, None), Limit::Aliases);

        let text = format!("{{a{}}}", "@d".repeat(50_000));
        assert_exceeds(check(&text), Limit::QueryBytes);
        assert_exceeds(check_document(&any_length(), &text, None), Limit::Directives);

        let text = format!("#{}\n{{a}}", "x".repeat(3_000_000));
        assert_exceeds(check(&text), Limit::QueryBytes);
        assert!(check_document(&any_length(), &text, None).is_ok());
    });
}

#[test]
fn odd_input_is_parsed_or_refused_but_never_fatal() {
    on_stack(SMALL_STACK, || {
        let run = |unit: &str| unit.repeat(1_500);
        for text in [
            format!("{{a(b:-{}.{})}}", "9".repeat(300), run("9")),
            "{a(b:1e-999999999)}".to_owned(),
            format!("{{a{}}}", run(",\u{feff},")),
            "\u{feff}{a}".to_owned(),
            r#"{a(b:"\u0000\uD7FF\uE000\uFFFF\b\f\/")}"#.to_owned(),
            "{a(b:\"\u{1F600}\u{0}\u{7f}\")}".to_owned(),
            "{a(b:\"\"\"\r\n\t \u{a0} x\r \u{2003}y\n\"\"\")}".to_owned(),
            format!("{{a(b:\"\"\"{}\"\"\")}}", run("\n ")),
            format!("{{a(b:\"{}\")}}", run(r"\u00e9")),
            "{a(b:[-0 0.0 -0.0e0])}".to_owned(),
            "{a(b:9223372036854775808 c:-99999999999999999999)}".to_owned(),
        ] {
            if let Err(refusal) = check(&text) {
                panic!("{refusal:?} for {text}");
            }
        }
        let digits = format!("{{a(b:{})}}", run("9"));
        let refusal = assert_code(check(&digits), "GRAPHQL_PARSE_FAILED");
        assert_eq!(refusal.locations(), vec![Pos { line: 1, column: 6 }]);
        for text in [
            "",
            " ",
            "\u{feff}",
            "{",
            "}",
            "{}",
            "{a(b:1e999999999)}",
            "{a(b:1e)}",
            "{a(b:01a)}",
            "{a(b:-)}",
            r#"{a(b:"\uD800")}"#,
            r#"{a(b:"\uDE00\uD83D")}"#,
            r#"{a(b:"\u{D83D}")}"#,
            r#"{a(b:"\u{110000}")}"#,
            r#"{a(b:"\u12")}"#,
            r#"{a(b:"\x")}"#,
            "{a(b:$)}",
            "{a@}",
            "{...}",
            "{a\u{e9}}",
            "query($v:Int!!){a}",
            "type A { a: Int }",
            "{a} type A { a: Int }",
        ] {
            assert_code(check(text), "GRAPHQL_PARSE_FAILED");
        }
        let bangs = format!("query($v:I{}){{a}}", run("!"));
        assert_code(check(&bangs), "GRAPHQL_PARSE_FAILED");
        let zeros = format!("{{a(b:[{}])}}", run("00"));
        assert_exceeds(check(&zeros), Limit::Tokens);
    });
}
