//! The GraphQL documents that the pages of this server send.

use std::collections::HashMap;

const KEYWORDS: [&str; 3] = ["query", "mutation", "subscription"];

/// The documents in a JavaScript file: its string literals that begin with an operation, with constants inserted.
///
/// A constant is `const NAME = …` with a template literal or a number, and is defined before its use.
pub(super) fn documents_in(source: &str) -> Vec<String> {
    let mut constants: HashMap<&str, String> = HashMap::new();
    let mut documents = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['`', '\'', '"', '=', '/']) {
        let (before, found) = rest.split_at(at);
        let name = before.trim_end_matches([' ', '=']).rsplit([' ', '\n']).next().unwrap_or_default();
        if let Some(comment) = found.strip_prefix("//") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]);
        } else if let Some(comment) = found.strip_prefix("/*") {
            rest = comment.find("*/").map_or("", |end| &comment[end + 2..]);
        } else if let Some(value) = found.strip_prefix('=') {
            let number = value.trim_start();
            let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            if end > 0 && number[end..].starts_with(';') {
                constants.insert(name, number[..end].to_owned());
            }
            // Keeps the name before a literal.
            let next = value.trim_start();
            if let Some(literal) = next.strip_prefix('`') {
                let Some(end) = literal.find('`') else { break };
                let text = insert(&literal[..end], &constants);
                if is_document(&text) {
                    documents.push(text.clone());
                }
                constants.insert(name, text);
                rest = &literal[end + 1..];
            } else {
                rest = value;
            }
        } else {
            let Some(quote) = found.chars().next().filter(|quote| *quote != '/') else {
                rest = &found[1..];
                continue;
            };
            let literal = &found[1..];
            let Some(end) = literal.find(quote) else { break };
            let text = insert(&literal[..end], &constants);
            if is_document(&text) {
                documents.push(text);
            }
            rest = &literal[end + 1..];
        }
    }
    documents
}

fn is_document(text: &str) -> bool {
    let is_operation = KEYWORDS
        .iter()
        .any(|keyword| text.strip_prefix(keyword).is_some_and(|rest| rest.starts_with([' ', '(', '{'])));
    is_operation && text.contains('{')
}

/// Replaces each `${NAME}`.
fn insert(template: &str, constants: &HashMap<&str, String>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        text.push_str(constants.get(name).map_or("", String::as_str));
        rest = after;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_with_their_constants() {
        let source = r"
            // `query { comment }`, and an apostrophe's end
            /* 'query { comment }' */
            const MANY = 50;
            export const ROW = `fragment Row on Conversation { id }`;
            export const PAGE = `query ($n: Int) {
              conversations(first: ${MANY}) { nodes { ...Row } }
            }
            ${ROW}`;
            send('mutation { close }', { query: 'queryable' });
        ";
        let page = "query ($n: Int) {
              conversations(first: 50) { nodes { ...Row } }
            }
            fragment Row on Conversation { id }";
        assert_eq!(documents_in(source), [page, "mutation { close }"]);
    }
}
