//! Any text frame of a socket: parsed as a message, and its operation checked by the guard.

#![no_main]

use std::sync::LazyLock;

use graphql_transport::settings::TransportSettings;
use graphql_transport::ws::fuzzing::{Frame, parse, prepare};
use libfuzzer_sys::fuzz_target;

/// The maximum length of a close reason: a control frame has up to 125 bytes, two of which are the code.
const REASON_BYTES: usize = 123;

static SETTINGS: LazyLock<TransportSettings> = LazyLock::new(TransportSettings::default);

fuzz_target!(|text: &str| {
    match parse(text) {
        Frame::Closed { code, reason } => {
            assert_eq!(code, 4400);
            assert!(!reason.is_empty() && reason.len() <= REASON_BYTES);
        }
        Frame::Init(token) => assert!(token.is_none_or(|token| token.len() <= text.len())),
        Frame::Subscribe { id, parameters } => {
            assert!(!id.is_empty());
            if let Err(error) = prepare(parameters, &SETTINGS) {
                assert!(error.extensions.is_some(), "an error without a code: {error:?}");
                assert!(!error.message.is_empty() && error.message.len() < 1_000, "{error:?}");
            }
        }
        Frame::Other => {}
    }
});
