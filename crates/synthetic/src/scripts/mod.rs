//! The messages of whole conversations, as scripts with alternatives.
//!
//! A [`Script`] is a list of steps. Each step has an author and several lines, of
//! which one is drawn. Each line of a step fits every line of the step before, so
//! six steps with four lines each make four thousand conversations, before any
//! placeholder is replaced. Braces name placeholders, which [`super::slots`]
//! replaces.

mod abroad;
mod money;
mod orders;
mod people;
mod workshop;

use super::phrases::{NUDGES, THANKS, WELCOME};
use super::threads::{Speaker, Topic};

/// A script of a conversation.
pub(super) struct Script {
    pub(super) topic: Topic,
    /// The relative frequency of this script.
    pub(super) weight: u32,
    /// The first step is from the customer and always takes place.
    pub(super) steps: &'static [Step],
}

/// A message of a script.
pub(super) struct Step {
    pub(super) from: Speaker,
    pub(super) occurrence: Occurrence,
    pub(super) lines: &'static [&'static str],
}

/// Whether a step of a script takes place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurrence {
    Always,
    /// In half of the conversations.
    Sometimes,
    /// Half of the time, and only directly after a message of the other side: a
    /// `you're welcome` needs a thank-you.
    InReply,
}

/// Every script, in a fixed order.
pub(super) fn all() -> impl Iterator<Item = &'static Script> + Clone {
    [money::SCRIPTS, orders::SCRIPTS, workshop::SCRIPTS, people::SCRIPTS, abroad::SCRIPTS]
        .into_iter()
        .flatten()
}

/// The customer sends one of `lines`.
const fn them(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Customer, occurrence: Occurrence::Always, lines }
}

/// The customer may send one of `lines`.
const fn them_maybe(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Customer, occurrence: Occurrence::Sometimes, lines }
}

/// The team sends one of `lines`.
const fn us(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Team, occurrence: Occurrence::Always, lines }
}

/// The team may answer with one of `lines`.
const fn us_maybe(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Team, occurrence: Occurrence::InReply, lines }
}

/// The team may send one of `lines`, also directly after its own message.
const fn us_more(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Team, occurrence: Occurrence::Sometimes, lines }
}

/// The lines with which `from` continues after `text`, when `text` is a message
/// of the other side and comes from a script.
///
/// Typos and placeholders prevent a comparison of whole lines. So a line matches
/// when its longest part without a placeholder occurs in `text`, and the line with
/// the longest such part wins. `None` when no line matches or the script ends.
pub(super) fn next_lines(from: Speaker, text: &str) -> Option<&'static [&'static str]> {
    let text = text.to_lowercase();
    let mut best: Option<(usize, &'static [&'static str])> = None;
    for script in all() {
        for (at, step) in script.steps.iter().enumerate().filter(|(_, step)| step.from != from) {
            let Some(next) = script.steps[at + 1..].iter().find(|next| next.from == from) else {
                continue;
            };
            for stretch in step.lines.iter().map(|line| longest_stretch(line)) {
                let long_enough =
                    stretch.len() >= STRETCH_MIN && best.is_none_or(|(length, _)| stretch.len() > length);
                if long_enough && text.contains(&stretch.to_lowercase()) {
                    best = Some((stretch.len(), next.lines));
                }
            }
        }
    }
    best.map(|(_, lines)| lines)
}

/// Parts with fewer bytes than this occur in too many texts to identify a line.
const STRETCH_MIN: usize = 9;

/// The longest part of `line` between placeholders, without a full stop at its end.
fn longest_stretch(line: &str) -> &str {
    line.split(['{', '}']).step_by(2).max_by_key(|part| part.len()).unwrap_or_default().trim_end_matches('.')
}
