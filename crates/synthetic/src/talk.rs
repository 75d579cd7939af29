//! Generates a message that fits the previous one: a rep's answer or a customer's next message.
//!
//! If the previous message comes from a script, the script continues. Otherwise
//! its topic is guessed from its words. A wrong guess only makes a demo's answer
//! slightly odd, so simple tables suffice ([`REPLIES`], [`FOLLOW_UPS`]). The
//! first rule that matches applies.

use rand::Rng;

use super::answers::REPLIES;
use super::phrases::{ACKNOWLEDGEMENTS, FOLLOW_UPS, NUDGES, OWN_ACCORD, RETURNING};
use super::slots::Placeholders;
use super::texture::{bounded, greeted, thumb_typed};
use super::threads::Speaker;
use super::{pick, scripts};

/// Lines that answer a text in which one of the marks occurs.
pub(super) struct Rule {
    /// In lower case. A mark that begins with an ASCII letter matches only at
    /// the beginning of a word (`hi` is not in `this`). Others match anywhere.
    pub(super) marks: &'static [&'static str],
    pub(super) lines: &'static [&'static str],
}

/// Generates a rep's answer to `last_customer_message`, in the same language if
/// the team speaks it.
///
/// If the answer mentions an order number, a weekday or a time, it uses those of
/// the message.
#[must_use]
pub fn reply(rng: &mut impl Rng, last_customer_message: &str) -> String {
    let lines = scripts::next_lines(Speaker::Team, last_customer_message)
        .or_else(|| lines_for(REPLIES, last_customer_message))
        .unwrap_or(ACKNOWLEDGEMENTS);
    let slots = Placeholders::draw(rng).echoing(last_customer_message);
    bounded(slots.fill(pick(rng, lines)))
}

/// Generates a customer's next message in a conversation.
///
/// `last_team_message` is the team's last message. With `None`, the customer has
/// not been answered, and asks again or adds something.
#[must_use]
pub fn follow_up(rng: &mut impl Rng, last_team_message: Option<&str>) -> String {
    let lines = match last_team_message {
        None => NUDGES,
        // Sometimes the customer changes the topic.
        Some(text) if rng.random_bool(0.9) => scripts::next_lines(Speaker::Customer, text)
            .or_else(|| lines_for(FOLLOW_UPS, text))
            .unwrap_or(OWN_ACCORD),
        Some(_) => OWN_ACCORD,
    };
    let slots = Placeholders::draw(rng).echoing(last_team_message.unwrap_or_default());
    let text = slots.fill(pick(rng, lines));
    bounded(thumb_typed(rng, text))
}

/// Generates a customer's message that reopens a closed conversation.
#[must_use]
pub fn texts_back(rng: &mut impl Rng) -> String {
    let text = Placeholders::draw(rng).fill(pick(rng, RETURNING));
    let text = greeted(rng, text);
    bounded(thumb_typed(rng, text))
}

/// The lines of the first rule that matches `text`.
fn lines_for(rules: &[Rule], text: &str) -> Option<&'static [&'static str]> {
    let text = text.to_lowercase();
    rules.iter().find(|rule| rule.marks.iter().any(|mark| occurs(mark, &text))).map(|rule| rule.lines)
}

/// Whether `mark` occurs in `text`. Both are in lower case.
fn occurs(mark: &str, text: &str) -> bool {
    let word_start = mark.starts_with(|letter: char| letter.is_ascii_alphabetic());
    text.match_indices(mark)
        .any(|(at, _)| !word_start || !text[..at].ends_with(|letter: char| letter.is_alphanumeric()))
}
