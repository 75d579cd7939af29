//! Any text as a GraphQL document: the guard never panics, never overflows a small stack, and its work is
//! linear in the length of the text.
//!
//! Work is counted, not timed: the calls of the parser's rules, and the bytes that the guard allocates.

#![no_main]

use std::alloc::System;
use std::num::NonZeroUsize;

use graphql_guard::{DocumentError, DocumentLimits, check_document};
use libfuzzer_sys::fuzz_target;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// The maximum calls of rules: per byte of the text, and in addition.
const CALLS: (usize, usize) = (64, 1_024);

/// Much less than the stack of a worker thread. A guard page follows it.
const STACK_BYTES: usize = 512 * 1024;

/// The maximum bytes allocated: per byte of the text, and in addition.
const ALLOCATED: (usize, usize) = (1_024, 16 * 1024);

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fuzz_target!(|text: &str| {
    stacker::grow(STACK_BYTES, || check(text));
});

fn check(text: &str) {
    // With the default limits, and with unlimited lengths, so that more texts reach the later steps.
    let defaults = DocumentLimits::default();
    let long = DocumentLimits {
        query_bytes: usize::MAX,
        tokens: usize::MAX,
        directives: usize::MAX,
        ..DocumentLimits::default()
    };
    pest::set_call_limit(NonZeroUsize::new(CALLS.0 * text.len() + CALLS.1));
    for limits in [&defaults, &long] {
        let region = Region::new(ALLOCATOR);
        let result = check_document(limits, text, None);
        let allocated = region.change().bytes_allocated;
        assert!(
            allocated <= ALLOCATED.0 * text.len() + ALLOCATED.1,
            "{allocated} bytes allocated for a text of {} bytes",
            text.len()
        );
        match result {
            Ok(checked) => {
                assert!(checked.root_fields <= limits.root_fields);
                assert!(checked.check_types(|name| !name.is_empty()).is_ok());
            }
            Err(error) => {
                if let DocumentError::Syntax { message, .. } = &error {
                    assert!(!message.contains("limit reached"), "the parser reached its limit: {message}");
                }
                assert!(error.to_string().len() < 1_000, "{error}");
                let lines = text.len() + 1;
                assert!(error.locations().iter().all(|at| (1..=lines).contains(&at.line) && at.column >= 1));
            }
        }
    }
}
