//! The texts of whole conversations, as scripts of alternatives.
//!
//! A [`Script`] is a list of steps; each step says who texts, and offers
//! several lines of which one is drawn. The lines of a step are written to follow
//! whichever line came before, so a script of six steps with four lines each
//! tells four thousand stories before a single slot is filled. Braces name slots,
//! which [`super::slots`] fills.

mod abroad;
mod money;
mod orders;
mod people;
mod workshop;

use super::phrases::{NUDGES, THANKS, WELCOME};
use super::threads::{Speaker, Topic};

/// One way for a conversation to go.
pub(super) struct Script {
    pub(super) topic: Topic,
    /// How often it is drawn, compared with the others.
    pub(super) weight: u32,
    /// The first step is the customer's and never optional.
    pub(super) steps: &'static [Step],
}

/// One text of a script.
pub(super) struct Step {
    pub(super) from: Speaker,
    pub(super) told: Told,
    pub(super) lines: &'static [&'static str],
}

/// Whether a step of a script takes place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Always,
    /// Half of the time.
    Perhaps,
    /// Half of the time, and only right after the other side's text: a `you're
    /// welcome` needs a thank-you.
    InAnswer,
}

/// Every script, in a fixed order.
pub(super) fn all() -> impl Iterator<Item = &'static Script> + Clone {
    [money::SCRIPTS, orders::SCRIPTS, workshop::SCRIPTS, people::SCRIPTS, abroad::SCRIPTS]
        .into_iter()
        .flatten()
}

/// The customer texts one of `lines`.
const fn them(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Customer, told: Told::Always, lines }
}

/// The customer may text one of `lines`.
const fn them_maybe(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Customer, told: Told::Perhaps, lines }
}

/// The team texts one of `lines`.
const fn us(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Team, told: Told::Always, lines }
}

/// The team may answer with one of `lines`.
const fn us_maybe(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Team, told: Told::InAnswer, lines }
}

/// The team may add one of `lines` to what it has said.
const fn us_more(lines: &'static [&'static str]) -> Step {
    Step { from: Speaker::Team, told: Told::Perhaps, lines }
}

/// The lines with which `from` goes on after `text`, when `text` is the other
/// side's and comes from a script.
///
/// Slips and filled slots are in the way of comparing whole lines, so the line
/// whose longest stretch without a slot occurs in `text` counts; the longest
/// such stretch wins. `None` when no line comes close, or nothing follows it.
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

/// Stretches of fewer bytes than this are in too many texts to mean a line.
const STRETCH_MIN: usize = 9;

/// The longest part of `line` between slots, with no full stop at its end.
fn longest_stretch(line: &str) -> &str {
    line.split(['{', '}']).step_by(2).max_by_key(|part| part.len()).unwrap_or_default().trim_end_matches('.')
}
