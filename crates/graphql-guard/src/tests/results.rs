//! The results of the guard: introspection, the chosen operation, and the
//! messages and positions of errors.

use async_graphql::parser::Pos;
use async_graphql::parser::types::OperationType;

use super::super::{DocumentError, DocumentLimits, Limit, NESTING_CEILING, check_document};
use super::{INTROSPECTION, assert_code, assert_exceeds, check};

#[test]
fn introspection_as_tools_send_it_is_accepted() {
    let checked = check(INTROSPECTION).expect("introspection is within the limits");
    assert!(checked.introspection_only);
    assert_eq!(checked.root_fields, 1);
    let limits = |depth| DocumentLimits { depth, ..DocumentLimits::default() };
    assert!(check_document(&limits(15), INTROSPECTION, None).is_ok());
    assert_exceeds(check_document(&limits(14), INTROSPECTION, None), Limit::Depth);
}

#[test]
fn introspection_that_multiplies_is_refused() {
    let nested = |times: usize| {
        format!("{{__schema{{types{{{}name{}}}}}}}", "fields{type{".repeat(times), "}}".repeat(times))
    };
    assert!(check(&nested(2)).is_ok());
    assert_exceeds(check(&nested(5)), Limit::IntrospectionCost);
    let twice = format!("{INTROSPECTION}query B{{__schema{{types{{...FullType}}}}}}");
    assert!(check_document(&DocumentLimits::default(), &twice, Some("B")).is_ok());
    let thrice = format!("{twice}query C{{__schema{{types{{...FullType}}}}}}");
    let result = check_document(&DocumentLimits::default(), &thrice, Some("B"));
    assert!(matches!(result, Err(DocumentError::Exceeded { .. })));
    // Outside `__schema`, fields of the same names are ordinary fields.
    assert!(check(&nested(5).replace("__schema", "schema")).is_ok());
}

#[test]
fn the_operation_is_chosen_by_its_name() {
    let limits = DocumentLimits::default();
    let text = "query A{a}mutation B{b c}subscription C{...F}fragment F on S{d e@skip(if:true)}";
    let chosen = check_document(&limits, text, Some("B")).unwrap();
    assert_eq!(chosen.operation, OperationType::Mutation);
    assert_eq!(chosen.operation_name.as_deref(), Some("B"));
    assert_eq!((chosen.root_fields, chosen.root_in_fragment), (2, false));
    let chosen = check_document(&limits, text, Some("C")).unwrap();
    assert_eq!(chosen.operation, OperationType::Subscription);
    assert_eq!((chosen.root_fields, chosen.root_in_fragment), (2, true));
    // Fragments below the root add no root fields.
    let chosen = check("{a{...F}}fragment F on Q{b c}").unwrap();
    assert_eq!((chosen.root_fields, chosen.root_in_fragment), (1, false));

    let refusal = assert_code(check_document(&limits, text, None), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(refusal, DocumentError::OperationNameRequired);
    for (text, name) in [(text, "D"), (text, ""), ("{a}", "A")] {
        let refusal = assert_code(check_document(&limits, text, Some(name)), "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(refusal, DocumentError::UnknownOperation { name: name.to_owned() });
    }
    assert_eq!(check("{a}").unwrap().operation_name, None);
    assert_eq!(check("query A{a}").unwrap().operation_name.as_deref(), Some("A"));
}

#[test]
fn the_flag_introspection_only_considers_fragments_and_every_field() {
    let only = |text: &str| check(text).unwrap().introspection_only;
    assert!(only("{__typename x:__typename ...F}fragment F on Q{__type(name:\"A\"){name}}"));
    assert!(!only("{__typename a}"));
    assert!(!only("{__typename a:a@skip(if:true)}"));
    assert!(!only("{__schema:a}"));
    assert!(!only("{__typename ...on Q{...F}}fragment F on Q{__typename a}"));
}

#[test]
fn contradictory_documents_are_refused_as_invalid() {
    let cases: [(&str, &[(usize, usize)]); 12] = [
        ("{a}{b}", &[(1, 4), (1, 1)]),
        ("query A{a}query A{b}", &[(1, 11), (1, 1)]),
        ("{...F}fragment F on Q{a}fragment F on Q{b}", &[(1, 25), (1, 7)]),
        ("fragment F on Q{a}", &[]),
        ("{...F}", &[(1, 2)]),
        ("{...F}fragment F on Q{...G}", &[(1, 23)]),
        ("{...F}fragment F on Q{...F}", &[(1, 23)]),
        ("{...F}fragment F on Q{...G}fragment G on Q{a{...F}}", &[(1, 46)]),
        ("{a}fragment F on Q{a}", &[(1, 4)]),
        ("{a}fragment F on Q{...G}fragment G on Q{...F}", &[(1, 4)]),
        ("{a:b a:c}", &[(1, 2), (1, 6)]),
        ("{a\n...F}fragment F on Q{...on Q{b}b(c:1)}", &[(2, 30), (2, 32)]),
    ];
    for (text, places) in cases {
        let refusal = assert_code(check(text), "GRAPHQL_VALIDATION_FAILED");
        let expected: Vec<Pos> = places.iter().map(|&place| place.into()).collect();
        assert_eq!(refusal.locations(), expected, "{text}: {refusal:?}");
    }
}

#[test]
fn a_directive_is_unique_per_location() {
    for (text, places) in [
        ("{a@skip(if:true)@skip(if:false)}", [(1, 3), (1, 17)]),
        ("query@d@e@d{a}", [(1, 6), (1, 10)]),
        ("query($v:I@d@d){a(b:$v)}", [(1, 11), (1, 13)]),
        ("{...F}fragment F on Q@d@d{a}", [(1, 22), (1, 24)]),
        ("{...F@d@d}fragment F on Q{a}", [(1, 6), (1, 8)]),
        ("{...@d@d{a}}", [(1, 5), (1, 7)]),
        ("{a{b@d\n@d}}", [(1, 5), (2, 1)]),
        // The rule also holds in an operation that is not executed.
        ("query A{a}query B{a@d@d}", [(1, 20), (1, 22)]),
    ] {
        let name = text.starts_with("query A").then_some("A");
        let refusal =
            assert_code(check_document(&DocumentLimits::default(), text, name), "GRAPHQL_VALIDATION_FAILED");
        assert!(matches!(refusal, DocumentError::DirectiveRepeated { .. }), "{text}: {refusal:?}");
        assert_eq!(refusal.locations(), places.map(Pos::from), "{text}");
    }
    assert!(check("query@d{a@d@e b@d ...@d{c@d}}").is_ok());
}

#[test]
fn fields_of_a_literal_object_are_unique() {
    for (text, column) in [
        ("{a(b:{c:1 c:1})}", 11),
        ("{a(b:{c:{d:1} c:2})}", 15),
        ("{a(b:[{c:{d:$v e:[] d:1}}])}", 21),
        ("query($v:I={c:1,d:2,c:3}){a(b:$v)}", 21),
        ("{a@d(b:{c:\"c:1}\" c:2})}", 18),
        ("{a(b:{c:1 #c:2\r c:3})}", 2),
        // The end of an object is not the end of the arguments.
        ("{a(b:{c:1} d:{e:1 e:2})}", 19),
    ] {
        let refusal = assert_code(check(text), "GRAPHQL_VALIDATION_FAILED");
        assert!(matches!(refusal, DocumentError::InputFieldRepeated { .. }), "{text}: {refusal:?}");
        assert_eq!(refusal.locations()[0].column, column, "{text}");
    }
    for text in [
        "{a(b:{c:{c:[{c:1}{c:1}]} d:c e:c})}",
        "{a(b:{c:1} c:{c:1}){c:a c:a}}",
        "query($b:I={c:1} $c:I={c:1}){a(b:$b c:$c)}",
        "{a(b:{c:\"{c:1 c:2}\"}){b c}}",
        // Braces after the arguments are a selection set, in which aliases may repeat.
        "{a(b:1){c:a c:a}}",
    ] {
        assert!(check(text).is_ok(), "{text}");
    }
}

#[test]
fn equal_fields_may_share_a_response_key() {
    for text in [
        "{a a}",
        "{a(b:1,c:[2])...F}fragment F on Q{a(c:[2],b:1)}",
        "{x:a(b:$v)...on Q{x:a(b:$v)}}",
        "{...on A{x:a}...on B{x:b}}",
        "{a{x:b}c{x:d}}",
    ] {
        assert!(check(text).is_ok(), "{text}");
    }
}

#[test]
fn a_syntax_error_has_a_position_but_never_quotes_the_text() {
    let refusal = assert_code(
        check("mutation {\n  sendMessage(body: \"secret words\" ?) { id }\n}"),
        "GRAPHQL_PARSE_FAILED",
    );
    assert_eq!(refusal.locations(), vec![Pos { line: 2, column: 36 }]);
    assert!(refusal.to_string().contains("expected"), "{refusal}");
    assert!(!refusal.to_string().contains("secret"), "{refusal}");
}

#[test]
fn names_are_clipped_in_messages() {
    let name = "n".repeat(10_000);
    let refusal = check_document(&DocumentLimits::default(), "{a}", Some(&name)).unwrap_err();
    assert!(refusal.to_string().len() < 200);
}

#[test]
fn an_unknown_type_of_a_variable_is_refused_through_lists() {
    let checked = check("query($a:[[Nope!]!]=[1] $b:Int){a(b:[$a $b])}").unwrap();
    let refusal = checked.check_types(|name| name == "Int").unwrap_err();
    assert_eq!(refusal.code(), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(refusal.locations(), vec![Pos { line: 1, column: 10 }]);
    assert_eq!(checked.check_types(|_| true), Ok(()));
}

#[test]
fn positions_count_every_kind_of_line_ending_once() {
    // The unterminated string is on the line that follows the line endings.
    for (endings, line) in
        [("", 1), ("\n", 2), ("\r", 2), ("\r\n", 2), ("\n\n", 3), ("\r\r", 3), ("\r\n\r\n", 3), ("\n\r", 3)]
    {
        let refusal = assert_code(check(&format!("{endings}  \"")), "GRAPHQL_PARSE_FAILED");
        assert_eq!(refusal.locations(), vec![Pos { line, column: 3 }], "{endings:?}");
    }
}

#[test]
fn a_message_names_the_definitions_that_contradict_each_other() {
    for (text, message) in [
        ("{a}{b}", "an anonymous operation must be the only one"),
        ("query A{a}query A{b}", "operation \"A\" is defined twice"),
        ("{...F}fragment F on Q{a}fragment F on Q{b}", "fragment \"F\" is defined twice"),
    ] {
        let refusal = check(text).unwrap_err();
        assert_eq!(refusal.to_string(), format!("Invalid document: {message}."));
    }
}

#[test]
fn a_message_names_the_limit_and_its_value() {
    let refusal = check(&format!("{{{}}}", "a ".repeat(21))).unwrap_err();
    let message = "Too many root fields with fragments expanded: at most 20 are allowed.";
    assert_eq!(refusal.to_string(), message);
}

#[test]
fn the_parsers_own_limit_is_a_limit_too() {
    // The scan refuses such documents before the parser does, so this test constructs the parser's error.
    let refusal = DocumentError::from_parser(async_graphql_parser::Error::RecursionLimitExceeded);
    let limit = NESTING_CEILING;
    assert_eq!(refusal, DocumentError::Exceeded { what: Limit::Nesting, limit, at: None });
}

#[test]
fn equal_strings_in_two_spellings_are_no_conflict() {
    assert!(check(r#"{ a(id: "w") { b } a(id: "\u{77}") { c } }"#).is_ok());
    assert!(check(r#"{ a(id: "w") { b } a(id: "v") { c } }"#).is_err());
}
