//! Phone numbers, and the validation of agents' input.
//!
//! Inbound messages are not validated: their content never causes a refusal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::input_field::InputField;
use super::refusal::Refusal;

/// The longest message an agent may send, in characters: the carriers' limit for a concatenated SMS.
pub const MAX_BODY_CHARS: usize = 1_600;
/// The longest name, title or label, in characters.
pub const MAX_NAME_CHARS: usize = 200;
/// The longest search text, in characters.
pub const MAX_SEARCH_CHARS: usize = 100;
/// The longest e-mail address, in characters (RFC 5321).
pub const MAX_EMAIL_CHARS: usize = 254;
/// The longest idempotency key or provider's message id, in characters.
pub const MAX_KEY_CHARS: usize = 255;
/// The maximum number of ids in one list.
pub const MAX_IDS: usize = 100;

/// A phone number in E.164 format: `+` and 2 to 15 digits, of which the first is not 0.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct E164(String);

impl E164 {
    /// `None` unless the text matches `^\+[1-9]\d{1,14}$`.
    pub fn parse(text: impl AsRef<str> + Into<String>) -> Option<Self> {
        let digits = text.as_ref().strip_prefix('+')?.as_bytes();
        let valid = (2..=15).contains(&digits.len())
            && digits.iter().all(u8::is_ascii_digit)
            && digits.first() != Some(&b'0');
        valid.then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows the last two digits only: full phone numbers do not belong in logs.
impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E164(…{})", &self.0[self.0.len() - 2..])
    }
}

/// Validates the text of a message, and replaces each `\r\n` by `\n`. All other white space is kept.
///
/// # Errors
/// [`Refusal::Invalid`] if the text is blank or too long, or if it contains a control character other than newline and
/// tab.
pub fn body(text: &str) -> Result<String, Refusal> {
    let text = text.replace("\r\n", "\n");
    if text.chars().all(is_blank) {
        return Err(Refusal::invalid(InputField::Body, "Must not be blank."));
    }
    printable(InputField::Body, &text, MAX_BODY_CHARS)?;
    Ok(text)
}

/// Whether the character is white space or has no width. A text of such characters looks empty.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Validates and trims a name, title or label.
///
/// # Errors
/// [`Refusal::Invalid`] if the text is blank or too long, or if it contains a control character, newline and tab
/// included.
pub fn name(field: InputField, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().all(is_blank) {
        return Err(Refusal::invalid(field, "Must not be blank."));
    }
    if text.contains(['\n', '\t']) {
        return Err(Refusal::invalid(field, "Must be a single line without tabs."));
    }
    printable(field, text, MAX_NAME_CHARS)?;
    Ok(text.to_owned())
}

/// Validates an e-mail address, trims it and converts it to lower case, so that one address identifies one agent.
///
/// # Errors
/// [`Refusal::Invalid`] if the text is not an e-mail address, is too long, or contains a control character.
pub fn email(text: &str) -> Result<String, Refusal> {
    // By ASCII alone: other letters change into ASCII letters, such as the Kelvin sign into a k, and two addresses would
    // become one.
    let text = text.trim().to_ascii_lowercase();
    printable(InputField::Email, &text, MAX_EMAIL_CHARS)?;
    let valid = text.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    });
    if valid { Ok(text) } else { Err(Refusal::invalid(InputField::Email, "Not an e-mail address.")) }
}

/// Validates an idempotency key or a provider's message id.
///
/// # Errors
/// [`Refusal::Invalid`] if the key is empty or too long, or if it contains a control character other than newline and
/// tab.
pub fn key(field: InputField, text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::invalid(field, "Must not be empty."));
    }
    printable(field, text, MAX_KEY_CHARS)
}

/// Validates and trims a search text. Returns `None` for a blank text.
///
/// # Errors
/// [`Refusal::Invalid`] if the text is too long.
pub fn search(text: &str) -> Result<Option<&str>, Refusal> {
    let text = text.trim();
    if text.chars().count() > MAX_SEARCH_CHARS {
        return Err(too_long(InputField::Search, MAX_SEARCH_CHARS));
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Validates the length `n` of a list of ids.
///
/// # Errors
/// [`Refusal::Invalid`] if the list has more than [`MAX_IDS`] ids.
pub fn ids(field: InputField, n: usize) -> Result<(), Refusal> {
    if n <= MAX_IDS {
        Ok(())
    } else {
        Err(Refusal::invalid(field, format!("At most {MAX_IDS} ids are allowed.")))
    }
}

/// Removes NUL characters from an inbound text, because PostgreSQL cannot store them.
pub fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

fn printable(field: InputField, text: &str, max_chars: usize) -> Result<(), Refusal> {
    if text.chars().count() > max_chars {
        return Err(too_long(field, max_chars));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Refusal::invalid(
            field,
            "Must not contain control characters other than newline and tab.",
        ));
    }
    Ok(())
}

fn too_long(field: InputField, max_chars: usize) -> Refusal {
    Refusal::invalid(field, format!("At most {max_chars} characters are allowed."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e164_is_a_plus_and_two_to_fifteen_digits() {
        for good in ["+12", "+14155550123", "+123456789012345"] {
            assert!(E164::parse(good).is_some(), "{good}");
        }
        for bad in
            ["", "+", "+1", "+0123", "14155550123", "+1415555012a", "+1234567890123456", "+1 415", "+١٢٣"]
        {
            assert!(E164::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn agents_input_has_limits() {
        assert_eq!(body("Hi\r\n\tthere 👋").unwrap(), "Hi\n\tthere 👋");
        assert!(body(&"é".repeat(MAX_BODY_CHARS)).is_ok());
        for bad in ["", "  \n", "\u{200b}", "a\u{7}b", "nul\0", &"x".repeat(MAX_BODY_CHARS + 1)] {
            assert!(matches!(body(bad), Err(Refusal::Invalid { field: InputField::Body, .. })));
        }
        assert_eq!(name(InputField::Name, "  Ada  ").unwrap(), "Ada");
        for bad in [" ", "\u{200b}", "Ada\nLovelace"] {
            assert!(name(InputField::Name, bad).is_err(), "{bad:?}");
        }
        assert_eq!(email(" Ada@Example.TEST ").unwrap(), "ada@example.test");
        for bad in ["", "ada", "@x", "a@", "a@b@c", "a b@c"] {
            assert!(email(bad).is_err(), "{bad}");
        }
        assert_eq!(search("  ").unwrap(), None);
        assert!(search(&"x".repeat(101)).is_err());
    }
}
