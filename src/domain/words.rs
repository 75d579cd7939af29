//! Splits text into searchable words.
//!
//! Stored text and search text are folded in the same way: compatibility decomposition, combining marks removed,
//! lower case, split into runs of letters and digits. Both databases compare only folded words, so a search finds the
//! same on both.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words are truncated to this many characters, the length of the longest search text.
pub const MAX_WORD_CHARS: usize = 100;

/// Removes marks and case, for ordering names.
pub fn folded(text: &str) -> String {
    fold(text).collect()
}

fn fold(text: &str) -> impl Iterator<Item = char> {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).map(plain)
}

/// Replaces letters with a stroke, which Unicode does not decompose, by their base letters.
fn plain(c: char) -> char {
    match c {
        'đ' => 'd',
        'ł' => 'l',
        'ø' => 'o',
        'ħ' => 'h',
        'ı' => 'i',
        other => other,
    }
}

/// The distinct words of a text in sorted order.
pub fn words(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut word = String::new();
    let mut chars = 0;
    for c in fold(text) {
        if c.is_alphanumeric() {
            if chars < MAX_WORD_CHARS {
                word.push(c);
                chars += 1;
            }
        } else if !is_combining_mark(c) && !word.is_empty() {
            found.insert(std::mem::take(&mut word));
            chars = 0;
        }
    }
    if !word.is_empty() {
        found.insert(word);
    }
    found
}

/// The single word of a phone number: its digits.
pub fn phone_word(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// The words of a search text. An international phone number is one word.
pub fn query_words(search: &str) -> BTreeSet<String> {
    let search = search.trim();
    let is_phone =
        search.starts_with('+') && search[1..].chars().all(|c| c.is_ascii_digit() || " ()-./".contains(c));
    if is_phone {
        let digits = phone_word(search);
        return if digits.is_empty() { BTreeSet::new() } else { BTreeSet::from([digits]) };
    }
    let words = words(search);
    // A word that is a prefix of another word of the search is redundant.
    let is_redundant =
        |word: &String| words.range(word.clone()..).nth(1).is_some_and(|next| next.starts_with(word));
    words.iter().filter(|word| !is_redundant(word)).cloned().collect()
}

/// Whether every word of the query is a prefix of a word of the text.
pub fn all_begin<'a>(query: &BTreeSet<String>, text: impl IntoIterator<Item = &'a String> + Clone) -> bool {
    query.iter().all(|word| text.clone().into_iter().any(|candidate| candidate.starts_with(word.as_str())))
}

/// Returns an upper bound for all words that start with `prefix`, in byte order.
///
/// The bound is `prefix` and the greatest character, which is not alphanumeric and so occurs in no word.
pub fn prefix_end(prefix: &str) -> String {
    let mut end = prefix.to_owned();
    end.push(char::MAX);
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        words(text).into_iter().collect()
    }

    #[test]
    fn marks_case_and_punctuation_do_not_matter() {
        assert_eq!(list("Café, José! CAFE"), ["cafe", "jose"]);
        assert_eq!(list("ﬁx İstanbul"), ["fix", "istanbul"]);
        assert_eq!(list("Łukasz Đức"), ["duc", "lukasz"]);
        assert_eq!(list("Ѐлка 東京 ①"), ["1", "елка", "東京"]);
        assert_eq!(list(" %_\\ "), [] as [&str; 0]);
    }

    #[test]
    fn a_phone_number_is_one_word_however_it_is_written() {
        let number = phone_word("+14155550123");
        for search in ["+14155550123", "+1 (415) 555-0123", "+1415"] {
            assert!(all_begin(&query_words(search), [&number]), "{search}");
        }
        assert!(query_words("+").is_empty());
        assert_eq!(query_words("b abc a ab bx").into_iter().collect::<Vec<_>>(), ["abc", "bx"]);
        assert!(!all_begin(&query_words("4155"), [&number]));
    }

    #[test]
    fn prefixes_lie_between_their_word_and_its_end() {
        for (prefix, word) in [("a", "a"), ("a", "azzz"), ("東", "東京"), ("z", "z𝟿")] {
            assert!(prefix <= word && word < prefix_end(prefix).as_str());
        }
        assert!("b" > prefix_end("a").as_str());
    }
}
