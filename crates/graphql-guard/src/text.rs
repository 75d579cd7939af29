//! Syntax that the parser does not know: descriptions of operations, and newer escapes in strings.
//!
//! Both are replaced by white space of the same length, so that every position stays the position in the document.

use std::borrow::Cow;

use crate::scan::{Lexer, Token};

/// The document without the descriptions of its operations, fragments and variables, which mean nothing to the
/// execution.
pub(super) fn without_descriptions(text: &str) -> Cow<'_, str> {
    if !text.contains('"') {
        return Cow::Borrowed(text);
    }
    let mut spans = Vec::new();
    let mut lexer = Lexer::new(text);
    let mut open = Vec::new();
    let mut previous = None;
    let mut next = lexer.next_token();
    while let Some((start, token)) = next {
        let end = lexer.at;
        next = lexer.next_token();
        let first = text.as_bytes()[start];
        // Within a character, there is no token that matters here.
        let following = next.and_then(|(at, _)| text.get(at..)).unwrap_or_default();
        match token {
            Token::Open(bracket) => open.push(bracket),
            Token::Close => _ = open.pop(),
            Token::Other if first == b'"' => {
                let describes = match open.as_slice() {
                    [] => is_definition(following),
                    [b'('] => following.starts_with('$') && !matches!(previous, Some(b'=' | b':')),
                    _ => false,
                };
                if describes {
                    spans.push((start, end));
                }
            }
            _ => {}
        }
        previous = Some(first);
    }
    blanked(text, &spans)
}

fn is_definition(text: &str) -> bool {
    let keyword = text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next();
    matches!(keyword, Some("query" | "mutation" | "subscription" | "fragment"))
}

/// The document in the syntax of the parser: without `\u{…}`, surrogate pairs and `-0`. The values change, so this text
/// is only good for counting.
pub(super) fn for_counting(text: &str) -> Cow<'_, str> {
    let mut spans = Vec::new();
    let mut lexer = Lexer::new(text);
    while let Some((start, token)) = lexer.next_token() {
        let Some(value) = text.get(start..lexer.at) else { continue };
        match token {
            Token::Other if value == "-0" => spans.push((start, start + 1)),
            Token::Other if value.starts_with('"') && !value.starts_with("\"\"\"") => {
                escapes(value).for_each(|(from, to)| spans.push((start + from, start + to)));
            }
            _ => {}
        }
    }
    blanked(text, &spans)
}

/// The spans of the newer escapes of a string.
fn escapes(string: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(offset) = string[at..].find('\\') {
            let start = at + offset;
            let rest = &string[start..];
            if let Some(length) = variable_width(rest).or_else(|| surrogate_pair(rest)) {
                at = start + length;
                return Some((start, at));
            }
            // Skips the escaped character, which may be a backslash.
            at = start + 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
        }
        None
    })
}

/// The length of a `\u{…}` at the beginning of `text`.
fn variable_width(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("\\u{")?;
    let digits = &digits[..digits.find('}')?];
    let code =
        u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|it| it.is_ascii_hexdigit()))?;
    char::from_u32(code)?;
    Some("\\u{}".len() + digits.len())
}

/// The length of a pair of surrogates at the beginning of `text`.
fn surrogate_pair(text: &str) -> Option<usize> {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (high, low) = (unit(text)?, unit(text.get(6..)?)?);
    let is_pair = (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low);
    is_pair.then_some(12)
}

/// `text` with a space for each character of the spans, line breaks aside.
fn blanked<'a>(text: &'a str, spans: &[(usize, usize)]) -> Cow<'a, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut blanked = String::with_capacity(text.len());
    let mut at = 0;
    for &(start, end) in spans {
        blanked.push_str(&text[at..start]);
        blanked.extend(text[start..end].chars().map(|c| if matches!(c, '\n' | '\r') { c } else { ' ' }));
        at = end;
    }
    blanked.push_str(&text[at..]);
    Cow::Owned(blanked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_blanked_and_values_are_kept() {
        let text = "\"Öne\" query A(\"two\" $a: Int = 1, \"three\" $b: String = \"four\" $c: [Int]) @d(x: \"five\") { f(x: \"six\") }\n\
                    \"\"\"seven\n\"\"\" fragment F on Query { f }";
        let without = without_descriptions(text);
        for gone in ["Öne", "two", "three", "seven"] {
            assert!(!without.contains(gone), "{without}");
        }
        for kept in ["four", "five", "six"] {
            assert!(without.contains(kept), "{without}");
        }
        assert_eq!(without.chars().count(), text.chars().count());
        assert_eq!(without.lines().count(), text.lines().count());
        assert!(matches!(without_descriptions("{ f(x: \"query\") }"), Cow::Borrowed(_)));
    }

    #[test]
    fn newer_escapes_are_blanked_and_others_are_kept() {
        let text = r#"{ f(a: "\u{1F600} \uD83D\uDE00 \u0041 \\u{41}", b: -0, c: -0.5) }"#;
        let counted = for_counting(text);
        assert_eq!(counted.len(), text.len());
        assert!(
            !counted.contains("1F600") && !counted.contains("D83D") && !counted.contains("-0,"),
            "{counted}"
        );
        assert!(counted.contains(r"\u0041 \\u{41}") && counted.contains("-0.5"), "{counted}");
        for kept in [
            r#"{ f(a: "\uD83D") }"#,
            r#"{ f(a: "\u{D83D}") }"#,
            r#"{ f(a: "\u{110000}") }"#,
            r#"{ f(a: "\u{}") }"#,
        ] {
            assert_eq!(for_counting(kept), kept);
        }
    }
}
