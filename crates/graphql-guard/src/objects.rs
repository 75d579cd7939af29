//! Checks that the fields of a literal object are unique.
//!
//! This is rule 5.6.3 of the specification, "Input object field uniqueness". The check reads the text, because the
//! parser keeps only the last value of a repeated field.

use std::collections::HashSet;

use super::scan::{Lexer, Token};
use super::{DocumentError, position};

/// Refuses a document in which a literal object has a field twice.
///
/// The parser must have accepted `text`: then braces inside parentheses are objects, and a name before a colon is
/// the name of a field.
pub(super) fn check(text: &str) -> Result<(), DocumentError> {
    let mut lexer = Lexer::new(text);
    let mut parentheses = 0_usize;
    // One entry per open bracket: the field names so far for an object, `None` for anything else.
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
