//! A text frame of a socket: parsed as a message, and its operation taken through the guard.

#![no_main]

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use switchboard::http::graphql_ws::fuzzing::{Read, admit, read};
use switchboard::http::transport::TransportSettings;

/// A control frame holds 125 bytes, two of which are the code.
const REASON_BYTES: usize = 123;

static SETTINGS: LazyLock<TransportSettings> = LazyLock::new(|| {
    let names = ["Boolean", "Float", "ID", "Int", "String"];
    TransportSettings {
        type_names: Some(Arc::new(HashSet::from(names.map(str::to_owned)))),
        ..TransportSettings::default()
    }
});

fuzz_target!(|text: &str| {
    match read(text) {
        Read::Closed { code, reason } => {
            assert_eq!(code, 4400);
            assert!(!reason.is_empty() && reason.len() <= REASON_BYTES);
        }
        Read::Init(token) => assert!(token.is_none_or(|token| token.len() <= text.len())),
        Read::Subscribe { id, parameters } => {
            assert!(!id.is_empty());
            if let Err(error) = admit(parameters, &SETTINGS) {
                assert!(error.extensions.is_some(), "a refusal without a code: {error:?}");
                assert!(!error.message.is_empty() && error.message.len() < 1_000, "{error:?}");
            }
        }
        Read::Other => {}
    }
});
