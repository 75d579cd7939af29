//! The guard accepts a document exactly at a limit, and refuses one that is over the limit by one.

use async_graphql::parser::parse_query;
use async_graphql::{Value, Variables};

use super::super::{DocumentError, DocumentLimits, Limit, check_document, check_variables};
use super::assert_exceeds;

fn nested(count: usize) -> String {
    format!("{}a{}", "{a".repeat(count - 1) + "{", "}".repeat(count))
}

/// Limits so high that only the limit under test can be exceeded.
fn loose() -> DocumentLimits {
    DocumentLimits {
        query_bytes: 1 << 20,
        nesting: 64,
        tokens: 100_000,
        selections: 100_000,
        depth: 1_000,
        aliases: 10_000,
        root_fields: 10_000,
        directives: 10_000,
        arguments: 10_000,
        values: 100_000,
        variable_uses: 100_000,
        introspection_cost: usize::MAX,
        list_items: 10_000,
        variables_bytes: 1 << 20,
        variable_values: 100_000,
    }
}

#[track_caller]
fn passes_at_and_fails_over(limits: &DocumentLimits, what: Limit, text: impl Fn(usize) -> String) {
    let (at, over) = (text(0), text(1));
    parse_query(&over).expect("both texts are well-formed");
    if let Err(refusal) = check_document(limits, &at, None) {
        panic!("at the limit of {what:?}: {refusal:?}");
    }
    assert_exceeds(check_document(limits, &over, None), what);
}

#[test]
fn query_bytes_are_limited() {
    let limits = DocumentLimits { query_bytes: 1_000, ..loose() };
    passes_at_and_fails_over(&limits, Limit::QueryBytes, |over| format!("{{a}}{}", " ".repeat(997 + over)));
}

#[test]
fn nesting_is_limited_in_the_text() {
    let limits = DocumentLimits { nesting: 20, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Nesting, |over| nested(20 + over));
    for (open, close) in [("[", "]"), ("{a:", "}")] {
        // The brace of the operation and the parenthesis are two levels. The 18 others make 20.
        passes_at_and_fails_over(&limits, Limit::Nesting, |over| {
            format!("{{a(b:{}1{})}}", open.repeat(18 + over), close.repeat(18 + over))
        });
    }
    passes_at_and_fails_over(&limits, Limit::Nesting, |over| {
        format!("query($a:{}I{}){{a(b:$a)}}", "[".repeat(19 + over), "]".repeat(19 + over))
    });
}

#[test]
fn nesting_is_limited_through_fragments() {
    let limits = DocumentLimits { nesting: 20, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Nesting, |over| chain(20 + over));
}

/// A chain of fragments without fields, with `levels` nested selection sets.
fn chain(levels: usize) -> String {
    let mut text = "{...F1}".to_owned();
    for level in 1..levels - 1 {
        text += &format!("fragment F{level} on Q{{...F{}}}", level + 1);
    }
    text + &format!("fragment F{} on Q{{a}}", levels - 1)
}

#[test]
fn nesting_never_exceeds_the_ceiling() {
    let limits = DocumentLimits { nesting: usize::MAX, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Nesting, |over| {
        format!("{{a(b:{}1{})}}", "[".repeat(62 + over), "]".repeat(62 + over))
    });
}

#[test]
fn tokens_are_limited() {
    let limits = DocumentLimits { tokens: 100, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Tokens, |over| format!("{{{}}}", "a,".repeat(98 + over)));
    passes_at_and_fails_over(&limits, Limit::Tokens, |over| {
        // The braces are two tokens, `x:a` is three and `@d` is two. The 93 fields make 100.
        format!("{{x:a @d {}}}", "a ".repeat(93 + over))
    });
}

#[test]
fn tokens_are_counted_as_the_parser_divides_them() {
    // `{a(b:[])}` itself has nine tokens; `tokens` is the number in the list.
    let cases = [
        ("0 0 0", 3),
        ("000", 3),
        ("-0-0", 2),
        ("1.5e+10 2E5 3", 3),
        (r#""a b" "c\"d" """e "f" g""" "" "#, 4),
        ("\"\"\"\"\"\" \"\"\"\\\"\"\"\"\"\" \"x\"", 3),
        ("$a $b", 4),
        ("true, null,,, \u{feff} E # 1 2 3 [ {\n 4", 4),
        ("123 -456 0.5", 3),
    ];
    for (list, tokens) in cases {
        let text = format!("{{a(b:[{list}])}}");
        parse_query(&text).expect(list);
        let limits = DocumentLimits { tokens: 9 + tokens, ..loose() };
        assert!(check_document(&limits, &text, None).is_ok(), "{list}");
        let limits = DocumentLimits { tokens: 8 + tokens, ..loose() };
        assert_exceeds(check_document(&limits, &text, None), Limit::Tokens);
    }
}

#[test]
fn a_spread_is_one_token() {
    let limits = DocumentLimits { tokens: 8, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Tokens, |over| {
        format!("{{...on Q{{{}}}}}", "a ".repeat(1 + over))
    });
}

#[test]
fn expanded_selections_are_limited() {
    let limits = DocumentLimits { selections: 100, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Selections, |over| format!("{{{}}}", "a ".repeat(100 + over)));
    // `b`, its spread and the nine fields of the fragment are 11 selections, nine times. One more field makes 100.
    passes_at_and_fails_over(&limits, Limit::Selections, |over| {
        let spreads = "b{...F}".repeat(9);
        format!("{{{spreads}{}}}fragment F on Q{{{}}}", "a ".repeat(1 + over), "a ".repeat(9))
    });
    // The executor validates every operation, not only the chosen one.
    let text = format!("query A{{{0}}}query B{{{0}a}}", "a ".repeat(50));
    assert_exceeds(check_document(&limits, &text, Some("A")), Limit::Selections);
}

#[test]
fn depth_is_limited_through_fragments() {
    let limits = DocumentLimits { depth: 10, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Depth, |over| nested(10 + over));
    passes_at_and_fails_over(&limits, Limit::Depth, |over| {
        format!("{{a{{...F}}}}fragment F on Q{{...on Q{}}}", nested(9 + over))
    });
}

#[test]
fn aliases_are_limited_through_fragments() {
    let limits = DocumentLimits { aliases: 6, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Aliases, |over| {
        format!("{{{}}}", (0..6 + over).map(|i| format!("x{i}:a ")).collect::<String>())
    });
    passes_at_and_fails_over(&limits, Limit::Aliases, |over| {
        format!("{{{}}}fragment F on Q{{x:a y:b z:c}}", "q{...F}".repeat(2 + over))
    });
}

#[test]
fn aliases_and_root_fields_are_those_of_the_chosen_operation() {
    let limits = DocumentLimits { aliases: 1, root_fields: 2, ..loose() };
    let text = "query A{x:a y:b}query B{x:a b}query C{a b c}";
    assert_exceeds(check_document(&limits, text, Some("A")), Limit::Aliases);
    assert!(check_document(&limits, text, Some("B")).is_ok());
    assert_exceeds(check_document(&limits, text, Some("C")), Limit::RootFields);
}

#[test]
fn root_fields_are_limited_through_fragments() {
    let limits = DocumentLimits { root_fields: 6, ..loose() };
    passes_at_and_fails_over(&limits, Limit::RootFields, |over| {
        let fields = "a@skip(if:true)".repeat(1 + over);
        // The fields of the root are `q`, one from `...F`, one from the inline fragment, and two from `...G`. The field
        // with `@skip` is the sixth.
        format!("{{q{{a b c}}...F ...on Q{{...F}}...G {fields}}}fragment F on Q{{c}}fragment G on Q{{c d}}")
    });
}

#[test]
fn directives_are_limited_at_every_location() {
    let limits = DocumentLimits { directives: 6, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Directives, |over| {
        format!(
            "query($v:I @d)@d{{a(b:$v)@d ...F@d ...on Q@d{{a}}}}fragment F on Q{}{{a}}",
            "@d".repeat(1 + over)
        )
    });
}

#[test]
fn arguments_are_limited_on_fields_and_directives() {
    let limits = DocumentLimits { arguments: 5, ..loose() };
    let many = |count| (0..count).map(|i| format!("x{i}:1 ")).collect::<String>();
    passes_at_and_fails_over(&limits, Limit::Arguments, |over| format!("{{a({})}}", many(5 + over)));
    for place in [
        "{a@d(ARGS)}",
        "query@d(ARGS){a}",
        "{...F}fragment F on Q@d(ARGS){a}",
        "query($v:I@d(ARGS)){a(b:$v)}",
    ] {
        passes_at_and_fails_over(&limits, Limit::Arguments, |over| place.replace("ARGS", &many(5 + over)));
    }
}

#[test]
fn literal_values_are_limited_with_fragments_expanded() {
    let limits = DocumentLimits { values: 12, ..loose() };
    passes_at_and_fails_over(&limits, Limit::Values, |over| {
        // The list, its object and the value of `c` are three values. The nine other items make 12.
        format!("{{a(b:[{{c:1}}{}])}}", " 1".repeat(9 + over))
    });
    passes_at_and_fails_over(&limits, Limit::Values, |over| {
        format!("{{{}}}fragment F on Q{{a(b:1 c:2 d:3 e:4)}}", "x{...F}".repeat(3 + over))
    });
    passes_at_and_fails_over(&limits, Limit::Values, |over| {
        format!("query($v:I=[{}]){{a}}", "1 ".repeat(11 + over))
    });
}

#[test]
fn uses_of_variables_are_limited_with_fragments_expanded() {
    let limits = DocumentLimits { variable_uses: 6, ..loose() };
    passes_at_and_fails_over(&limits, Limit::VariableUses, |over| {
        format!("query($v:I){{a(b:[{{c:$v}}{}])}}", "$v".repeat(5 + over))
    });
    passes_at_and_fails_over(&limits, Limit::VariableUses, |over| {
        format!("query($v:I){{{}}}fragment F on Q{{a(b:$v)@skip(if:$v)}}", "x{...F}".repeat(3 + over))
    });
}

#[test]
fn lists_are_limited_in_arguments_directives_and_defaults() {
    let limits = DocumentLimits { list_items: 5, ..loose() };
    for place in [
        "{a(b:[LIST])}",
        "{a(b:{c:[[LIST]]})}",
        "{a@d(b:[LIST])}",
        "query@d(b:[LIST]){a}",
        "query($v:I=[LIST]){a(b:$v)}",
        "query($v:I={c:[LIST]}){a(b:$v)}",
        "{...F}fragment F on Q{a(b:[LIST])}",
    ] {
        passes_at_and_fails_over(&limits, Limit::ListItems, |over| {
            place.replace("LIST", &"1 ".repeat(5 + over))
        });
    }
}

fn variables(json: &str) -> Variables {
    serde_json::from_str(json).expect("the variables are well-formed")
}

#[track_caller]
fn assert_variables_exceed(limits: &DocumentLimits, bytes: usize, json: &str, expected: Limit) {
    match check_variables(limits, bytes, &variables(json)) {
        Err(DocumentError::Exceeded { what, .. }) => assert_eq!(what, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn variables_are_limited() {
    let limits = DocumentLimits::default();
    let list = |count: usize| format!(r#"{{"a":[{}0]}}"#, "0,".repeat(count - 1));
    assert_eq!(check_variables(&limits, 65_536, &variables("{}")), Ok(()));
    assert_variables_exceed(&limits, 65_537, "{}", Limit::VariablesBytes);
    assert_eq!(check_variables(&limits, 0, &variables(&list(100))), Ok(()));
    assert_variables_exceed(&limits, 0, &list(101), Limit::ListItems);

    let deep = |levels: usize| format!(r#"{{"a":{}0{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert_eq!(check_variables(&limits, 0, &variables(&deep(32))), Ok(()));
    assert_variables_exceed(&limits, 0, &deep(33), Limit::Nesting);

    // An object with a list of 98 items is 100 values, so ten of them are exactly at the limit.
    let row = format!(r#"{{"x":[{}0]}}"#, "0,".repeat(97));
    let rows = |more: &str| {
        let rows: Vec<String> = (0..10).map(|i| format!(r#""v{i}":{row}"#)).collect();
        format!("{{{}{more}}}", rows.join(","))
    };
    assert_eq!(check_variables(&limits, 0, &variables(&rows(""))), Ok(()));
    assert_variables_exceed(&limits, 0, &rows(r#","one":"more""#), Limit::VariableValues);
}

#[test]
fn variables_nested_without_end_are_refused_without_following_them() {
    let mut value = Value::Null;
    for _ in 0..1_000 {
        value = Value::List(vec![value]);
    }
    let mut variables = Variables::default();
    variables.insert(async_graphql::Name::new("a"), value);
    let refusal = check_variables(&DocumentLimits::default(), 0, &variables).unwrap_err();
    assert_eq!(refusal.code(), "LIMIT_EXCEEDED");
}
