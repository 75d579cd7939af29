//! Phrases that plain English and the names of the project leave out; they stand in `tests/phrases.txt`.

use super::repository;

/// The list itself.
const LIST: &str = "tests/phrases.txt";
/// What is text that people read or write.
const EXTENSIONS: [&str; 14] =
    ["rs", "md", "graphql", "sql", "js", "mjs", "ts", "tsx", "toml", "sh", "yml", "yaml", "html", "css"];
/// What a line of a comment may begin with.
const COMMENT_MARKS: [&str; 7] = ["///", "//!", "//", "--", "#", "/*", "*"];

/// A phrase of the list.
struct Phrase {
    text: String,
    /// A phrase with a capital letter is a name: its case counts.
    is_name: bool,
}

/// The phrases of the list: one a line, `(a|b)` written out, comments left out.
fn phrases(list: &str) -> Vec<Phrase> {
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .flat_map(written_out)
        .map(|text| Phrase { is_name: text.contains(char::is_uppercase), text })
        .collect()
}

/// A line with one group of alternatives, as a phrase for each.
fn written_out(line: &str) -> Vec<String> {
    let Some((before, rest)) = line.split_once('(') else { return vec![line.to_owned()] };
    let (group, after) = rest.split_once(')').unwrap_or_else(|| panic!("{LIST}: {line}: a group has an end"));
    group.split('|').map(|choice| format!("{before}{choice}{after}")).collect()
}

/// A text as one line, so that a phrase is found where it is wrapped, with the number of the line that each byte is
/// from.
fn unwrapped(text: &str) -> (String, Vec<usize>) {
    let (mut joined, mut lines) = (String::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let mut line = line.trim();
        if let Some(mark) = COMMENT_MARKS.iter().find(|mark| line.starts_with(**mark)) {
            line = line[mark.len()..].trim_start();
        }
        for word in line.split_whitespace() {
            joined.push_str(word);
            joined.push(' ');
            lines.resize(joined.len(), number);
        }
    }
    (joined, lines)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The lines of `text` that hold a phrase, as whole words.
fn found<'a>(text: &str, phrases: &'a [Phrase]) -> Vec<(usize, &'a str)> {
    let (joined, lines) = unwrapped(text);
    let lowered = joined.to_ascii_lowercase();
    let mut found = Vec::new();
    for phrase in phrases {
        let searched = if phrase.is_name { &joined } else { &lowered };
        for (at, _) in searched.match_indices(phrase.text.as_str()) {
            let before = searched[..at].chars().next_back();
            let after = searched[at + phrase.text.len()..].chars().next();
            if !before.is_some_and(is_word) && !after.is_some_and(is_word) {
                found.push((lines[at], phrase.text.as_str()));
            }
        }
    }
    found.sort_unstable();
    found
}

#[test]
fn phrases_that_are_out_of_use_are_nowhere() {
    let phrases = phrases(include_str!("../phrases.txt"));
    assert!(phrases.len() > 20, "{LIST} holds {} phrases", phrases.len());
    let mut breaches = Vec::new();
    for (file, text) in repository::texts(&EXTENSIONS) {
        let in_file = found(&text, &phrases).into_iter();
        breaches.extend(in_file.map(|(line, phrase)| format!("{file}:{line}: {phrase}")));
    }
    assert!(breaches.is_empty(), "{} phrases out of use:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn a_phrase_is_found_as_whole_words_in_any_case_and_over_lines() {
    let phrases = phrases("# a comment\nin a hat\nis no (cat|dog)\nZebra\n");
    let lines = |text: &str| found(text, &phrases).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!(lines("She is In A Hat.\n"), [1]);
    assert_eq!(lines("/// It is\n/// no cat at all\n"), [1]);
    assert_eq!(lines("a\nIt is no\n  dog.\n"), [2]);
    assert_eq!(lines("struct Zebra;\n"), [1]);
    assert_eq!(lines("in a hatch; let x = y.is_no_cat(); a zebra; Zebras; is no category\n"), [0; 0]);
}
