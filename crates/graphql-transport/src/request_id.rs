//! Names one HTTP request, or one operation of a socket, in answers and in the log.

use std::fmt::{self, Write as _};

use axum::http::{HeaderMap, HeaderName};
use uuid::Uuid;

/// Where a client may send an id, and where it gets it back.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that a client may choose.
const MAX_BYTES: usize = 64;

/// An id of the server's, or one that the client chose: letters, digits, `-`, `_` and `.`.
// In place and not on the heap, so that it is handed around as a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    text: [u8; MAX_BYTES],
    length: usize,
}

impl RequestId {
    /// A new random id.
    pub fn random() -> Self {
        let mut text = [0; MAX_BYTES];
        let length = Uuid::new_v4().as_hyphenated().encode_lower(&mut text).len();
        Self { text, length }
    }

    /// The id that the client sent, if it is short and cannot confuse a log; a random one otherwise.
    pub fn of_headers(headers: &HeaderMap) -> Self {
        let sent = headers.get(X_REQUEST_ID).and_then(|value| Self::read(value.as_bytes()));
        sent.unwrap_or_else(Self::random)
    }

    fn read(sent: &[u8]) -> Option<Self> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let mut text = [0; MAX_BYTES];
        if sent.is_empty() || !sent.iter().all(is_plain) {
            return None;
        }
        text.get_mut(..sent.len())?.copy_from_slice(sent);
        Some(Self { text, length: sent.len() })
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text[..self.length].iter().try_for_each(|byte| f.write_char(char::from(*byte)))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_is_taken_when_it_is_short_and_plain() {
        for sent in ["a", "7f3c-11_x.9", &"x".repeat(MAX_BYTES)] {
            assert_eq!(RequestId::read(sent.as_bytes()).unwrap().to_string(), sent);
        }
        for sent in ["", "a b", "a\"b", "a\nb", "é", &"x".repeat(MAX_BYTES + 1)] {
            assert_eq!(RequestId::read(sent.as_bytes()), None, "{sent:?}");
        }
    }

    #[test]
    fn a_random_id_is_a_uuid() {
        assert!(Uuid::parse_str(&RequestId::random().to_string()).is_ok());
    }
}
