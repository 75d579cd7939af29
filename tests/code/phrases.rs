//! No text file and no script contains a phrase or a name that is out of use. `tests/phrases.txt` lists them.

use super::repository;

/// The list.
const LIST: &str = "tests/phrases.txt";
/// The endings of text files.
const EXTENSIONS: [&str; 14] =
    ["rs", "md", "graphql", "sql", "js", "mjs", "ts", "tsx", "toml", "sh", "yml", "yaml", "html", "css"];
/// Text files without such an ending.
const SCRIPTS: [&str; 4] = [".ci/release-notes", ".ci/run", "benches/run", "justfile"];
/// The marks at the beginning of a comment's line.
const COMMENT_MARKS: [&str; 7] = ["///", "//!", "//", "--", "#", "/*", "*"];

/// A phrase of the list.
struct Phrase {
    text: String,
    /// A phrase with a capital letter is a name: its case counts.
    is_name: bool,
    /// A phrase after `+` is plain English: a match inside it is not a breach.
    is_allowed: bool,
}

/// Parses the list: one phrase per line, with each `(a|b)` expanded.
fn phrases(list: &str) -> Vec<Phrase> {
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let phrase = |text: String| {
        let is_allowed = text.starts_with('+');
        let text = text.trim_start_matches('+').to_owned();
        Phrase { is_name: text.contains(char::is_uppercase), is_allowed, text }
    };
    lines.flat_map(expanded).map(phrase).collect()
}

/// Expands the group of alternatives of a line into one phrase for each.
fn expanded(line: &str) -> Vec<String> {
    let Some((before, rest)) = line.split_once('(') else { return vec![line.to_owned()] };
    let (group, after) = rest.split_once(')').unwrap_or_else(|| panic!("{LIST}: {line}: a group has an end"));
    group.split('|').map(|choice| format!("{before}{choice}{after}")).collect()
}

/// Joins a text into one line, so that a wrapped phrase is found, and returns the line number of each byte.
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

/// Returns where a phrase stands in a text, as whole words.
fn places(text: &str, phrase: &str) -> Vec<usize> {
    let is_whole = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    };
    text.match_indices(phrase).map(|(at, _)| at).filter(|at| is_whole(*at)).collect()
}

/// Returns the phrases that stand in a text, with their lines.
fn found<'a>(text: &str, phrases: &'a [Phrase]) -> Vec<(usize, &'a str)> {
    let (joined, lines) = unwrapped(text);
    let lowered = joined.to_ascii_lowercase();
    let (allowed, refused): (Vec<_>, Vec<_>) = phrases.iter().partition(|phrase| phrase.is_allowed);
    let ranges = |phrase: &Phrase| {
        let length = phrase.text.len();
        places(&lowered, &phrase.text).into_iter().map(move |start| start..start + length)
    };
    let allowed: Vec<_> = allowed.into_iter().flat_map(ranges).collect();
    let mut found = Vec::new();
    for phrase in refused {
        let searched = if phrase.is_name { &joined } else { &lowered };
        let breaches = places(searched, &phrase.text).into_iter();
        let breaches = breaches.filter(|at| !allowed.iter().any(|range| range.contains(at)));
        found.extend(breaches.map(|at| (lines[at], phrase.text.as_str())));
    }
    found.sort_unstable();
    found
}

#[test]
fn phrases_that_are_out_of_use_are_nowhere() {
    let phrases = phrases(include_str!("../phrases.txt"));
    assert!(phrases.len() > 20, "{LIST} holds {} phrases", phrases.len());
    let mut breaches = Vec::new();
    let scripts = SCRIPTS.map(|file| (file.to_owned(), repository::text(file)));
    for (file, text) in repository::texts(&EXTENSIONS).into_iter().chain(scripts) {
        let in_file = found(&text, &phrases).into_iter();
        breaches.extend(in_file.map(|(line, phrase)| format!("{file}:{line}: {phrase}")));
    }
    assert!(breaches.is_empty(), "{} phrases out of use:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn a_phrase_is_found_as_whole_words_in_any_case_and_over_lines() {
    let phrases = phrases("# a comment\nin a hat\nis no (cat|dog)\n+there is no\nZebra\n");
    let lines = |text: &str| found(text, &phrases).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!(lines("She is In A Hat.\n"), [1]);
    assert_eq!(lines("/// It is\n/// no cat at all\n"), [1]);
    assert_eq!(lines("a\nIt is no\n  dog.\n"), [2]);
    assert_eq!(lines("struct Zebra;\n"), [1]);
    assert_eq!(lines("There is no cat.\nThat is no dog.\n"), [2]);
    assert_eq!(lines("in a hatch; let x = y.is_no_cat(); a zebra; Zebras; is no category\n"), [0; 0]);
}
