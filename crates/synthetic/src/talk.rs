//! One text that fits the one before: a rep's answer, a customer's next.
//!
//! A text that comes from a script is answered as the script goes on. For any
//! other, what it is about is guessed from words in it. A wrong guess costs a
//! slightly odd answer in a demo, so the rules stay plain tables ([`REPLIES`],
//! [`FOLLOW_UPS`]), tried from the top.

use rand::Rng;

use super::answers::REPLIES;
use super::phrases::{ACKNOWLEDGEMENTS, FOLLOW_UPS, NUDGES, OWN_ACCORD, RETURNING};
use super::slots::Placeholders;
use super::texture::{bounded, greeted, thumb_typed};
use super::threads::Speaker;
use super::{pick, scripts};

/// Lines for a text in which one of some marks occurs.
pub(super) struct Rule {
    /// In small letters. A mark that begins with an ASCII letter counts only
    /// at the beginning of a word (`hi` is not in `this`), any other anywhere.
    pub(super) marks: &'static [&'static str],
    pub(super) lines: &'static [&'static str],
}

/// What a rep would answer to `last_customer_message`, in its language where
/// the team speaks it.
///
/// An order number, a weekday or a time of the message returns in the answer
/// where the answer mentions one.
#[must_use]
pub fn reply(rng: &mut impl Rng, last_customer_message: &str) -> String {
    let lines = scripts::next_lines(Speaker::Team, last_customer_message)
        .or_else(|| lines_for(REPLIES, last_customer_message))
        .unwrap_or(ACKNOWLEDGEMENTS);
    let slots = Placeholders::draw(rng).echoing(last_customer_message);
    bounded(slots.fill(pick(rng, lines)))
}

/// A customer's next text in a conversation.
///
/// `last_team_message` is what the team texted last; `None` when nobody has
/// answered since the customer's own last text, who then asks again or adds
/// something.
#[must_use]
pub fn follow_up(rng: &mut impl Rng, last_team_message: Option<&str>) -> String {
    let lines = match last_team_message {
        None => NUDGES,
        // People also come back with something else entirely.
        Some(text) if rng.random_bool(0.9) => scripts::next_lines(Speaker::Customer, text)
            .or_else(|| lines_for(FOLLOW_UPS, text))
            .unwrap_or(OWN_ACCORD),
        Some(_) => OWN_ACCORD,
    };
    let slots = Placeholders::draw(rng).echoing(last_team_message.unwrap_or_default());
    let text = slots.fill(pick(rng, lines));
    bounded(thumb_typed(rng, text))
}

/// What a customer texts whose conversation was closed, which reopens it.
#[must_use]
pub fn texts_back(rng: &mut impl Rng) -> String {
    let text = Placeholders::draw(rng).fill(pick(rng, RETURNING));
    let text = greeted(rng, text);
    bounded(thumb_typed(rng, text))
}

/// The lines of the first of `rules` that knows `text`.
fn lines_for(rules: &[Rule], text: &str) -> Option<&'static [&'static str]> {
    let text = text.to_lowercase();
    rules.iter().find(|rule| rule.marks.iter().any(|mark| occurs(mark, &text))).map(|rule| rule.lines)
}

/// Whether `mark` occurs in `text`, both in small letters.
fn occurs(mark: &str, text: &str) -> bool {
    let word_start = mark.starts_with(|letter: char| letter.is_ascii_alphabetic());
    text.match_indices(mark)
        .any(|(at, _)| !word_start || !text[..at].ends_with(|letter: char| letter.is_alphanumeric()))
}
