//! Syntax that parsers do not know: descriptions of operations, newer escapes in strings, and ignored characters in
//! unusual places.
//!
//! Each is replaced by white space of the same length, so that every position stays the position in the document.

use std::borrow::Cow;

use crate::scan::{Lexer, Token};

/// The document without what means nothing to its execution: the descriptions of operations, fragments and variables,
/// commas, comments and byte order marks.
pub(super) fn without_ignored(text: &str) -> Cow<'_, str> {
    let mut spans = Vec::new();
    let mut lexer = Lexer::new(text);
    let mut end_of_previous = 0;
    let mut open = Vec::new();
    let mut previous = None;
    let mut next = lexer.next_token();
    while let Some((start, token)) = next {
        let end = lexer.at;
        next = lexer.next_token();
        if end_of_previous < start {
            spans.push((end_of_previous, start));
        }
        end_of_previous = end;
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
                // An invalid string stays, so that the parser refuses it.
                if describes && text.get(start..end).is_some_and(is_string) {
                    spans.push((start, end));
                }
            }
            _ => {}
        }
        previous = Some(first);
    }
    if end_of_previous < text.len() {
        spans.push((end_of_previous, text.len()));
    }
    // A document without anything ignored but white space stays as it is.
    spans.retain(|&(start, end)| {
        text.get(start..end).is_some_and(|it| it.contains(|c: char| !c.is_ascii_whitespace()))
    });
    blanked(text, &spans)
}

/// Whether each escape of a string is valid. A block string has only one escape, which is always valid.
fn is_string(string: &str) -> bool {
    if string.starts_with("\"\"\"") {
        return true;
    }
    let mut rest = string;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at..];
        let length = match escape.as_bytes().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                match variable_width(escape).or_else(|| surrogate_pair(escape)).or_else(|| code_unit(escape))
                {
                    Some(length) => length,
                    None => return false,
                }
            }
            _ => return false,
        };
        rest = &escape[length..];
    }
    true
}

/// The length of a `\uXXXX` at the beginning of `text` that is no half of a surrogate pair.
fn code_unit(text: &str) -> Option<usize> {
    let digits =
        text.strip_prefix("\\u")?.get(..4).filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    Some("\\u".len() + digits.len())
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
    compact_types(blanked(text, &spans))
}

/// `text` with the parts of each variable's type next to each other: the parser allows no space within a type.
fn compact_types(text: Cow<'_, str>) -> Cow<'_, str> {
    let mut types = Vec::new();
    let mut lexer = Lexer::new(&text);
    let mut open = 0_usize;
    let mut previous = None;
    let mut next = lexer.next_token();
    while let Some((start, token)) = next {
        let first = text.as_bytes()[start];
        if open == 1 && previous == Some(b':') && matches!(first, b'[' | b'_' | b'a'..=b'z' | b'A'..=b'Z') {
            let (mut parts, mut end, mut has_space) = (String::new(), start, false);
            // A type has one name. Anything else that looks like a type is a value, which stays as it is.
            let mut names = 0;
            while let Some((at, part)) = next {
                let is_part =
                    matches!(text.as_bytes()[at], b'[' | b']' | b'!') || (part == Token::Name && names == 0);
                let Some(text) = text.get(at..lexer.at).filter(|_| is_part) else { break };
                names += usize::from(part == Token::Name);
                has_space |= !parts.is_empty() && at > end;
                parts.push_str(text);
                end = lexer.at;
                next = lexer.next_token();
            }
            if has_space && names == 1 {
                types.push((start, end, parts));
            }
            previous = None;
            continue;
        }
        match token {
            Token::Open(_) => open += 1,
            Token::Close => open = open.saturating_sub(1),
            _ => {}
        }
        previous = Some(first);
        next = lexer.next_token();
    }
    if types.is_empty() {
        return text;
    }
    let mut compact = text.clone().into_owned();
    for (start, end, parts) in types {
        let line_breaks: String = text[start..end].chars().filter(|c| matches!(c, '\n' | '\r')).collect();
        let spaces = " ".repeat(end - start - parts.len() - line_breaks.len());
        compact.replace_range(start..end, &format!("{parts}{spaces}{line_breaks}"));
    }
    Cow::Owned(compact)
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

/// `text` with a space for each character of the spans, line breaks aside. Its length in characters stays the same.
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
        let without = without_ignored(text);
        for gone in ["Öne", "two", "three", "seven"] {
            assert!(!without.contains(gone), "{without}");
        }
        for kept in ["four", "five", "six"] {
            assert!(without.contains(kept), "{without}");
        }
        assert_eq!(without.chars().count(), text.chars().count());
        assert_eq!(without.lines().count(), text.lines().count());
        assert!(matches!(without_ignored("{ f(x: \"query\") }"), Cow::Borrowed(_)));
    }

    #[test]
    fn ignored_characters_are_blanked_outside_of_strings() {
        let text = "\u{feff}{,a,:,b(x: \"c,#d\") # e,f\n ...,on # g\n Q,{ h } } # i";
        let without = without_ignored(text);
        assert_eq!(without.split_whitespace().collect::<String>(), "{a:b(x:\"c,#d\")...onQ{h}}");
        assert_eq!(without.chars().count(), text.chars().count());
    }

    #[test]
    fn a_required_type_may_have_space_before_its_sign() {
        let text = "query($a: [ [ ID ! ]\n!]  ! = 1, $b: Int!) @d(x: [A B]) { a(x: [B C]) }";
        let counted = for_counting(text);
        assert_eq!(
            counted.split_whitespace().collect::<String>(),
            text.split_whitespace().collect::<String>()
        );
        assert!(counted.contains("$a: [[ID!]!]!") && counted.contains("[A B]"), "{counted}");
        assert_eq!((counted.len(), counted.lines().count()), (text.len(), text.lines().count()));
        assert!(async_graphql_parser::parse_query(counted).is_ok());
        assert_eq!(for_counting("{ é ! }"), "{ é ! }");
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
