//! The executor validates and executes the most expensive documents that the
//! guard accepts.

use std::panic::AssertUnwindSafe;

use async_graphql::{EmptyMutation, Object, Request, Schema, Subscription};
use futures_util::FutureExt as _;
use futures_util::stream::{self, Stream};

use super::super::{CheckedDocument, DocumentError, DocumentLimits, Limit, check_document};
use super::hostile::doubling;
use super::{INTROSPECTION, WORKER_STACK, assert_exceeds, check, on_stack};

struct Q;

#[Object]
impl Q {
    async fn a(&self, b: Option<Vec<i32>>) -> i32 {
        b.map_or(1, |list| list.len() as i32)
    }

    async fn q(&self) -> Q {
        Q
    }
}

struct S;

#[Subscription]
impl S {
    async fn ticks(&self) -> impl Stream<Item = i32> {
        stream::iter([1, 2])
    }
}

fn schema() -> Schema<Q, EmptyMutation, S> {
    Schema::build(Q, EmptyMutation, S).limit_complexity(5_000).limit_depth(16).finish()
}

/// The messages of the errors that the executor returns for a checked document.
/// The executor receives the parsed document without the text.
fn errors(checked: CheckedDocument) -> Vec<String> {
    on_stack(WORKER_STACK, move || {
        let mut request = Request::new("");
        request.operation_name = checked.operation_name.map(|name| name.to_string());
        request.set_parsed_query(checked.document);
        let response = futures_util::FutureExt::now_or_never(schema().execute(request));
        let response = response.expect("no resolver waits");
        response.errors.into_iter().map(|error| error.message).collect()
    })
}

#[test]
fn the_parsed_document_executes_without_its_text() {
    let checked = check("query A{a(b:[1 2])q{...F}}fragment F on Q{x:a}").unwrap();
    assert_eq!(errors(checked), Vec::<String>::new());
    let checked = check_document(&DocumentLimits::default(), "query A{a}query B{q{a}}", Some("B"));
    assert_eq!(errors(checked.unwrap()), Vec::<String>::new());
}

#[test]
fn introspection_passes_the_guard_and_executes() {
    assert_eq!(errors(check(INTROSPECTION).unwrap()), Vec::<String>::new());
}

#[test]
fn the_deepest_nesting_accepted_is_within_the_executors_recursion() {
    let mut text = "{...F1}".to_owned();
    for level in 1..31 {
        text += &format!("fragment F{level} on Q{{...F{}}}", level + 1);
    }
    text += "fragment F31 on Q{a}";
    assert_eq!(errors(check(&text).unwrap()), Vec::<String>::new());
    let inline = format!("{}{{a}}{}", "{...on Q".repeat(31), "}".repeat(31));
    assert_eq!(errors(check(&inline).unwrap()), Vec::<String>::new());
    let fields = format!("{}{{a}}{}", "{q".repeat(15), "}".repeat(15));
    assert_eq!(errors(check(&fields).unwrap()), Vec::<String>::new());
}

#[test]
fn the_largest_expansion_accepted_executes() {
    // The fragments expand to 766 selections. The field with the spread and the spread itself make 768.
    let text = doubling(8, 1_000 - 768);
    assert_eq!(errors(check(&text).unwrap()), Vec::<String>::new());
    assert_exceeds(check(&doubling(8, 1_001 - 768)), Limit::Selections);
}

#[test]
fn lists_of_the_longest_length_accepted_execute() {
    let nested = format!("{{a(b:{}1{})}}", "[".repeat(30), "]".repeat(30));
    assert_eq!(errors(check(&nested).unwrap()).len(), 1);
    let long = format!("{{a(b:[{}])}}", "1 ".repeat(100));
    assert_eq!(errors(check(&long).unwrap()), Vec::<String>::new());
}

/// A document with conflicting fields. For a document of one kilobyte, the executor can report millions of errors.
fn conflicts(inline: usize, arguments: usize, fields: usize) -> String {
    let arguments: String = (0..arguments).map(|i| format!("x{i}:1 ")).collect();
    format!(
        "{{q{}{{a({arguments}){}}}{}}}",
        "{...on Q".repeat(inline),
        "a ".repeat(fields),
        "}".repeat(inline)
    )
}

#[test]
fn conflicting_fields_multiply_in_the_executor_and_are_refused_before_it() {
    let text = conflicts(9, 20, 50);
    let response = on_stack(WORKER_STACK, {
        let text = text.clone();
        move || schema().execute(text).now_or_never().expect("no resolver waits")
    });
    // Without the guard, the executor reports 21 conflicts for each of 50 fields at each of 10 levels:
    // one for the number of arguments, and one for each of 20 arguments.
    let reported = response.errors.iter().filter(|error| error.message.contains("conflict"));
    assert!(reported.count() >= 50 * 21 * 10);
    assert!(matches!(check(&text), Err(DocumentError::FieldConflict { .. })));
}

#[test]
fn the_executor_reports_no_conflicts_in_accepted_documents() {
    for text in [
        "{...on Q{a a(b:1)}}",
        "{a...F}fragment F on Q{a(b:1)}",
        "{q{a...F}}fragment F on Q{...on Q{a(b:1)}}",
        "{...on Q{a}...F}fragment F on Q{a(b:2)}",
        "{a}query B{x:a x:q{a}}",
        "{x:a(b:1 b:1)}",
        "{x:a(b:[1 2])x:a(b:[1 2])}",
    ] {
        let reported = |messages: Vec<String>| messages.iter().any(|m| m.contains("conflict"));
        let unguarded = on_stack(WORKER_STACK, move || {
            let response = schema().execute(text).now_or_never().expect("no resolver waits");
            response.errors.into_iter().map(|error| error.message).collect::<Vec<_>>()
        });
        match check(text) {
            Ok(checked) => assert!(!reported(errors(checked)), "{text}"),
            Err(DocumentError::FieldConflict { .. }) => assert!(reported(unguarded), "{text}"),
            Err(DocumentError::Definitions { .. }) => assert!(text.contains("query B")),
            Err(other) => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_default_for_a_list_of_an_unknown_type_panics_in_the_executor_alone() {
    let text = "query($v:[Nope]=[1]){a(b:$v)}";
    let unguarded = AssertUnwindSafe(schema().execute(text)).catch_unwind().now_or_never();
    assert!(unguarded.expect("no resolver waits").is_err());
    let known = |name: &str| ["Int", "Boolean", "Q"].contains(&name);
    assert!(check(text).unwrap().check_types(known).is_err());
}

#[test]
fn a_variable_cannot_be_copied_without_limit() {
    let rows = "[$v $v $v $v $v $v $v $v $v $v]".repeat(31);
    let text = format!("query($v:[Int]){{a(b:[{rows}])}}");
    assert_exceeds(check(&text), Limit::VariableUses);
}

#[test]
fn a_subscription_in_a_fragment_ends_at_once_and_is_marked() {
    use futures_util::StreamExt as _;
    let answers = |text: &str| {
        let checked = check(text).unwrap();
        let marked = checked.root_in_fragment;
        let mut request = Request::new("");
        request.set_parsed_query(checked.document);
        let stream = schema().execute_stream(request).count();
        (stream.now_or_never().expect("the stream is ready"), marked)
    };
    assert_eq!(answers("subscription{ticks}"), (2, false));
    assert_eq!(answers("subscription{...on S{ticks}}"), (0, true));
}
