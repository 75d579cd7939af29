//! Typing habits: greetings, missing capitals, typos and emoji.

use rand::Rng;

use super::{BODY_CHARS_MAX, pick};

/// Changes a text as if it had been typed on a phone.
///
/// Changes only ASCII text, because the changes do not suit other scripts.
pub(super) fn thumb_typed(rng: &mut impl Rng, text: String) -> String {
    let mut text = text;
    if is_plain(&text) {
        if rng.random_bool(0.3) {
            text = without_capital(&text);
        }
        if rng.random_bool(0.35) && text.ends_with('.') {
            text.pop();
        }
        if rng.random_bool(0.06) {
            text = with_slip(rng, &text);
        }
        if rng.random_bool(0.07) {
            text.push(' ');
            text.push_str(pick(rng, EMOJI));
        }
    }
    bounded(text)
}

/// Puts a greeting before `text` in about half of the cases.
pub(super) fn greeted(rng: &mut impl Rng, text: String) -> String {
    if !is_plain(&text) || rng.random_bool(0.45) || starts_with_greeting(&text) {
        return text;
    }
    let greeting = pick(rng, GREETINGS);
    if greeting.ends_with(", ") {
        return format!("{greeting}{}", without_capital(&text));
    }
    format!("{greeting}{text}")
}

/// Truncates `text` to [`BODY_CHARS_MAX`] characters.
pub(super) fn bounded(text: String) -> String {
    match text.char_indices().nth(BODY_CHARS_MAX) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

/// Whether `text` is a single line of ASCII.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && !text.contains('\n')
}

fn starts_with_greeting(text: &str) -> bool {
    let first = text.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    ["hi", "hey", "hello", "good", "sorry", "morning"]
        .iter()
        .any(|greeting| first.eq_ignore_ascii_case(greeting))
}

/// Converts the first letter to lower case, unless the first word is `I` or an
/// abbreviation.
fn without_capital(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_ascii_lowercase() => {
            format!("{}{}", first.to_ascii_lowercase(), &text[first.len_utf8()..])
        }
        _ => text.to_owned(),
    }
}

/// Swaps two adjacent letters inside a long word.
///
/// Words that contain other characters than letters, such as amounts, are not
/// changed.
fn with_slip(rng: &mut impl Rng, text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let long: Vec<usize> = (0..words.len())
        .filter(|&at| words[at].len() >= 5 && words[at].bytes().all(|b| b.is_ascii_lowercase()))
        .collect();
    if !long.is_empty() {
        let word = &mut words[long[rng.random_range(0..long.len())]];
        let at = rng.random_range(1..word.len() - 2);
        let swapped = format!("{}{}{}", &word[at + 1..at + 2], &word[at..=at], &word[at + 2..]);
        word.replace_range(at.., &swapped);
    }
    words.join(" ")
}

const GREETINGS: &[&str] = &[
    "Hi! ",
    "Hi, ",
    "Hey, ",
    "Hello, ",
    "Good morning, ",
    "hi there, ",
    "Hey there! ",
    "Hiya, ",
    "Hello! ",
    "Good evening. ",
    "Hi again, ",
    "Hi folks, ",
];
const EMOJI: &[&str] = &["🙏", "😊", "👍", "🚲", "😅", "🙂", "🤞", "❤️", "😬", "🚴‍♀️", "☔"];
