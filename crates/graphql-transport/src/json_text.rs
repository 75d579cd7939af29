//! JSON whose strings contain half of a surrogate pair, such as `"\ud83d"`.
//!
//! Such a text is well-formed JSON, and JavaScript writes it for a string that was cut in the middle of a character.
//! Rust's strings cannot hold the half, so it is replaced by U+FFFD.

use std::borrow::Cow;

/// The text with `\ufffd` in the place of each escape that is half of a surrogate pair. Borrowed if no escape is
/// replaced.
pub(crate) fn replace_lone_surrogates(text: &str) -> Cow<'_, str> {
    let mut replaced = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(offset) = text[at..].find('\\') {
        let start = at + offset;
        at = match (unit(&text[start..]), text.get(start + 6..).and_then(unit)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => start + 12,
            (Some(0xD800..0xE000), _) => {
                replaced.push_str(&text[copied..start]);
                replaced.push_str("\\ufffd");
                copied = start + 6;
                copied
            }
            // An escaped backslash must not be taken for the beginning of another escape.
            _ => start + 1 + text[start + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    replaced.push_str(&text[copied..]);
    Cow::Owned(replaced)
}

/// The UTF-16 code unit of a `\uXXXX` at the beginning of `text`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_replaced_and_pairs_are_kept() {
        for (text, wanted) in [
            (r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"\uDE00 \ud83d\ud83d\ude00x"}"#, r#"{"a":"\ufffd \ufffd\ud83d\ude00x"}"#),
            (r#"{"a":"\ud83d\n"}"#, r#"{"a":"\ufffd\n"}"#),
        ] {
            assert_eq!(replace_lone_surrogates(text), wanted);
            assert!(serde_json::from_str::<serde_json::Value>(wanted).is_ok(), "{wanted}");
        }
        for kept in [r#"{"a":"\ud83d\ude00"}"#, r#"{"a":"\\ud83d"}"#, r#"{"a":"\u00e9\\"}"#, "é\\", r"\u12é"]
        {
            assert!(matches!(replace_lone_surrogates(kept), Cow::Borrowed(_)), "{kept}");
        }
    }
}
