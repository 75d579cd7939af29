//! The id of an HTTP request or of a socket's operation, in responses and in the log.

use std::fmt::{self, Write as _};

use axum::http::{HeaderMap, HeaderName};
use uuid::Uuid;

/// The header in which a client may send an id, and in which the server returns it.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The maximum length of an id that a client sends.
const MAX_BYTES: usize = 64;

/// A request id, chosen by the server or by the client. It consists of letters, digits, `-`, `_` and `.`.
// A fixed-size array makes the id `Copy`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    text: [u8; MAX_BYTES],
    length: usize,
}

impl RequestId {
    /// A new random id.
    #[expect(clippy::disallowed_methods, reason = "clients and tests can send an id of their own")]
    pub fn random() -> Self {
        let mut text = [0; MAX_BYTES];
        let length = Uuid::new_v4().as_hyphenated().encode_lower(&mut text).len();
        Self { text, length }
    }

    /// The id in the headers if it is short and safe to log, or else a random id.
    pub fn from_headers(headers: &HeaderMap) -> Self {
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
    fn a_clients_id_is_used_when_it_is_short_and_plain() {
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
