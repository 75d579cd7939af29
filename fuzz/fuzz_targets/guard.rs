//! Any text as a GraphQL document: the guard never panics, never overflows a small stack, and its work is
//! linear in the text.
//!
//! Work is counted, not timed: the calls of the parser's rules, and the bytes that the guard allocates.

#![no_main]

use std::alloc::System;
use std::num::NonZeroUsize;

use libfuzzer_sys::fuzz_target;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use graphql_guard::{DocumentLimits, DocumentError, check_document};

/// Calls of rules for each byte of the text, and for the shortest one.
const CALLS: (usize, usize) = (64, 1_024);

/// Far less than a worker of the server has. Beyond it lies a page that must not be touched.
const STACK_BYTES: usize = 512 * 1024;

/// Bytes allocated for each byte of the text, and for the shortest one.
const ALLOCATED: (usize, usize) = (1_024, 16 * 1024);

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fuzz_target!(|text: &str| {
    stacker::grow(STACK_BYTES, || judge(text));
});

fn judge(text: &str) {
    // As it runs, and again with nothing refused for its length, so that more reaches the later gates.
    let usual = DocumentLimits::default();
    let long = DocumentLimits {
        query_bytes: usize::MAX,
        tokens: usize::MAX,
        directives: usize::MAX,
        ..DocumentLimits::default()
    };
    pest::set_call_limit(NonZeroUsize::new(CALLS.0 * text.len() + CALLS.1));
    for limits in [&usual, &long] {
        let region = Region::new(ALLOCATOR);
        let verdict = check_document(limits, text, None);
        let allocated = region.change().bytes_allocated;
        assert!(
            allocated <= ALLOCATED.0 * text.len() + ALLOCATED.1,
            "{allocated} bytes allocated for a text of {}",
            text.len()
        );
        match verdict {
            Ok(admitted) => {
                assert!(admitted.root_fields <= limits.root_fields);
                assert!(admitted.check_types(|name| !name.is_empty()).is_ok());
            }
            Err(refusal) => {
                if let Refusal::Syntax { message, .. } = &refusal {
                    assert!(!message.contains("limit reached"), "the parser's work or stack: {message}");
                }
                assert!(refusal.to_string().len() < 1_000, "{refusal}");
                let lines = text.len() + 1;
                assert!(
                    refusal.locations().iter().all(|at| (1..=lines).contains(&at.line) && at.column >= 1)
                );
            }
        }
    }
}
