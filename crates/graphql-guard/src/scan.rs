//! Step 1 of the guard: one pass over the bytes, without recursion or allocation.
//!
//! The scan divides the text into the same tokens as the parser, so that its
//! counts hold for the parser. The two could disagree at an unterminated string,
//! because the parser would backtrack and read the opening `"""` as `""` and the
//! start of another string. The scan therefore refuses unterminated strings.
//!
//! The scan does not check the grammar. After a character that the parser
//! refuses, the counts mean nothing, but the parser does not read further either.

use super::{DocumentError, DocumentLimits, Limit, position};

/// Refuses a text that is too long, nests too deep, has too many tokens or
/// directives, or contains an unterminated string.
pub(super) fn scan(limits: &DocumentLimits, text: &str) -> Result<(), DocumentError> {
    if text.len() > limits.query_bytes {
        return Err(DocumentError::exceeded(Limit::QueryBytes, limits.query_bytes, None));
    }
    let mut lexer = Lexer::new(text);
    let (mut depth, mut tokens, mut directives) = (0_usize, 0_usize, 0_usize);
    while let Some((start, token)) = lexer.next_token() {
        tokens += 1;
        match token {
            Token::Open(_) => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            Token::At => directives += 1,
            Token::Unterminated => {
                let at = position(text, start);
                return Err(DocumentError::syntax("unterminated string", at));
            }
            Token::Name | Token::Colon | Token::Other => {}
        }
        for (what, count, limit) in [
            (Limit::Nesting, depth, limits.bracket_levels()),
            (Limit::Tokens, tokens, limits.tokens),
            (Limit::Directives, directives, limits.directives),
        ] {
            if count > limit {
                let at = position(text, start);
                return Err(DocumentError::exceeded(what, limit, Some(at)));
            }
        }
    }
    Ok(())
}

/// The kinds of tokens that [`scan`] and [`super::objects`] distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// An opening bracket: `{`, `[` or `(`.
    Open(u8),
    Close,
    At,
    Name,
    Colon,
    Unterminated,
    Other,
}

pub(super) struct Lexer<'a> {
    text: &'a [u8],
    /// The offset of the end of the last token.
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: text.as_bytes(), at: 0 }
    }

    /// The next token and the offset at which it starts; `None` at the end.
    pub(super) fn next_token(&mut self) -> Option<(usize, Token)> {
        self.skip_ignored();
        let start = self.at;
        let first = *self.text.get(start)?;
        self.at += 1;
        let token = match first {
            b'{' | b'[' | b'(' => Token::Open(first),
            b'}' | b']' | b')' => Token::Close,
            b'@' => Token::At,
            b':' => Token::Colon,
            b'"' => self.string(),
            b'.' => {
                if self.rest().starts_with(b"..") {
                    self.at += 2;
                }
                Token::Other
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.skip_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                Token::Name
            }
            b'-' | b'0'..=b'9' => {
                self.number(first);
                Token::Other
            }
            _ => Token::Other,
        };
        Some((start, token))
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_while(&mut self, accepts: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&accepts) {
            self.at += 1;
        }
    }

    /// Skips white space, commas, byte order marks and comments.
    fn skip_ignored(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b',' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'#') => self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
                Some(0xEF) if self.rest().starts_with("\u{feff}".as_bytes()) => self.at += 3,
                _ => return,
            }
        }
    }

    /// Skips to the end of the number that starts with `first`.
    ///
    /// A leading zero ends the integer, as in the grammar: the parser reads `[00]`
    /// as two numbers, so each zero of a sequence is a token.
    fn number(&mut self, mut first: u8) {
        if first == b'-' {
            match self.peek() {
                Some(digit) if digit.is_ascii_digit() => first = digit,
                _ => return,
            }
            self.at += 1;
        }
        if first != b'0' {
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        if let [b'.', b'0'..=b'9', ..] = self.rest() {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        let exponent = match self.rest() {
            [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] => 2,
            [b'e' | b'E', b'0'..=b'9', ..] => 1,
            _ => return,
        };
        self.at += exponent;
        self.skip_while(|byte| byte.is_ascii_digit());
    }

    /// Skips to the end of the string literal whose first quotation mark has been read.
    fn string(&mut self) -> Token {
        if self.rest().starts_with(b"\"\"") {
            self.at += 2;
            return self.block_string();
        }
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Token::Other,
                b'\n' | b'\r' => return Token::Unterminated,
                // The parser checks the escapes. Here, an escaped quotation mark
                // must not end the string.
                b'\\' if !matches!(self.peek(), Some(b'\n' | b'\r')) => self.at += 1,
                _ => {}
            }
        }
        Token::Unterminated
    }

    fn block_string(&mut self) -> Token {
        while self.at < self.text.len() {
            if self.rest().starts_with(b"\"\"\"") {
                self.at += 3;
                return Token::Other;
            }
            let escaped = self.rest().starts_with(b"\\\"\"\"");
            self.at += if escaped { 4 } else { 1 };
        }
        Token::Unterminated
    }
}
