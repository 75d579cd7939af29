//! The fields of literal objects, each of which may be given once.
//!
//! The rule is the specification's 5.6.3, "Input object field uniqueness". It is judged on the text, because
//! the parser keeps only the last of several values.

use std::collections::HashSet;

use super::scan::{Lexer, Token};
use super::{DocumentError, position};

/// Refuses a document in which a literal object gives a field twice.
///
/// Needs a text that the parser has accepted: then braces inside parentheses are objects, and a name before a
/// colon is the name of a field.
pub(super) fn check(text: &str) -> Result<(), DocumentError> {
    let mut lexer = Lexer::new(text);
    let mut parentheses = 0_usize;
    // For each open bracket the names given in it, if it is an object.
    let mut open: Vec<Option<HashSet<&str>>> = Vec::new();
    let mut last_name = None;
    while let Some((start, token)) = lexer.next_token() {
        match token {
            Token::Open(b'(') => {
                parentheses += 1;
                open.push(None);
            }
            Token::Open(bracket) => open.push((bracket == b'{' && parentheses > 0).then(HashSet::new)),
            Token::Close => {
                open.pop();
                let closes = usize::from(text.as_bytes().get(start) == Some(&b')'));
                parentheses = parentheses.saturating_sub(closes);
            }
            Token::Colon => {
                if let (Some(Some(names)), Some((at, name))) = (open.last_mut(), last_name)
                    && !names.insert(name)
                {
                    return Err(DocumentError::input_field_repeated(name, position(text, at)));
                }
            }
            Token::Name => last_name = text.get(start..lexer.at).map(|name| (start, name)),
            Token::At | Token::Unterminated | Token::Other => {}
        }
    }
    Ok(())
}
