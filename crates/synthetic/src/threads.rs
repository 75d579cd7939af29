//! Whole conversations of the past, and first texts of new ones.

use rand::Rng;

use super::scripts::{self, Script, Step, Told};
use super::slots::Placeholders;
use super::texture::{bounded, greeted, thumb_typed};
use super::{pick, pick_weighted};

/// What a conversation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Billing,
    Scheduling,
    OrderStatus,
    Returns,
    Quote,
    Question,
    Complaint,
    Thanks,
    WrongNumber,
}

impl Topic {
    /// Every topic, in the order of declaration.
    pub const ALL: [Self; 9] = [
        Self::Billing,
        Self::Scheduling,
        Self::OrderStatus,
        Self::Returns,
        Self::Quote,
        Self::Question,
        Self::Complaint,
        Self::Thanks,
        Self::WrongNumber,
    ];
}

/// Who sent a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    Customer,
    /// Any agent; who it was is for the caller to say.
    Team,
}

/// One text of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub from: Speaker,
    /// 1 to [`super::BODY_CHARS_MAX`] characters.
    pub body: String,
    /// Minutes since the turn before; 0 for the first.
    pub after_minutes: u32,
}

/// How a past conversation stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Open, and the last text is the customer's.
    Waiting,
    /// Open, and the last text is the team's.
    Answered,
    /// Closed, whoever had the last word.
    Closed,
}

/// A conversation of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub topic: Topic,
    /// 1 to 12 turns, of which the first is the customer's.
    pub turns: Vec<Turn>,
    pub ending: Ending,
}

/// A whole believable conversation.
///
/// Of a hundred, about 24 wait for an answer, 26 are answered, 50 are closed.
#[must_use]
pub fn thread(rng: &mut impl Rng) -> Thread {
    let script = draw_script(rng);
    let steps = told_steps(rng, script);
    let ending = match rng.random_range(0..100_u32) {
        0..24 => Ending::Waiting,
        24..50 => Ending::Answered,
        _ => Ending::Closed,
    };
    let kept = length(rng, &steps, ending);
    let slots = Placeholders::draw(rng);
    let mut turns: Vec<Turn> = Vec::with_capacity(kept);
    for step in &steps[..kept] {
        let before = turns.last().map(|turn| turn.from);
        turns.push(Turn {
            from: step.from,
            body: body(rng, step, &slots, turns.is_empty()),
            after_minutes: before.map_or(0, |before| pause(rng, before, step.from)),
        });
    }
    Thread { topic: script.topic, turns, ending }
}

/// A first text from a new customer.
#[must_use]
pub fn opening(rng: &mut impl Rng) -> String {
    let script = draw_script(rng);
    let slots = Placeholders::draw(rng);
    body(rng, &script.steps[0], &slots, true)
}

/// One script, drawn by weight.
fn draw_script(rng: &mut impl Rng) -> &'static Script {
    pick_weighted(rng, scripts::all(), |script| script.weight)
}

/// The steps of `script` that take place this time.
fn told_steps(rng: &mut impl Rng, script: &'static Script) -> Vec<&'static Step> {
    let mut told: Vec<&Step> = Vec::with_capacity(script.steps.len());
    for step in script.steps {
        let in_answer = told.last().is_none_or(|before| before.from != step.from);
        let takes_place = match step.told {
            Told::Always => true,
            Told::Perhaps => rng.random_bool(0.5),
            Told::InAnswer => in_answer && rng.random_bool(0.5),
        };
        if takes_place {
            told.push(step);
        }
    }
    told
}

/// How many of `steps` have been told when the conversation stands at `ending`.
///
/// A waiting one stops anywhere on the customer's side and an answered one on
/// the team's; a closed one was told to its end, or nearly.
fn length(rng: &mut impl Rng, steps: &[&Step], ending: Ending) -> usize {
    let speaker = match ending {
        Ending::Waiting => Speaker::Customer,
        Ending::Answered => Speaker::Team,
        Ending::Closed => return steps.len(),
    };
    let stops: Vec<usize> =
        (0..steps.len()).filter(|&at| steps[at].from == speaker).map(|at| at + 1).collect();
    stops[rng.random_range(0..stops.len())]
}

fn body(rng: &mut impl Rng, step: &Step, slots: &Placeholders, first: bool) -> String {
    let text = slots.fill(pick(rng, step.lines));
    match step.from {
        Speaker::Customer if first => {
            let text = greeted(rng, text);
            bounded(thumb_typed(rng, text))
        }
        Speaker::Customer => bounded(thumb_typed(rng, text)),
        Speaker::Team => bounded(text),
    }
}

/// Minutes between a text of `before` and the next one, by `now`.
fn pause(rng: &mut impl Rng, before: Speaker, now: Speaker) -> u32 {
    if before == now {
        // The same thumb, still typing; or somebody who is tired of waiting.
        return if rng.random_bool(0.7) { rng.random_range(0..4) } else { rng.random_range(20..300) };
    }
    match (now, rng.random_range(0..10_u32)) {
        (Speaker::Team, 0..7) => rng.random_range(1..25),
        (Speaker::Team, 7..9) => rng.random_range(25..180),
        (Speaker::Team, _) => rng.random_range(600..1_200),
        (Speaker::Customer, 0..6) => rng.random_range(1..15),
        (Speaker::Customer, 6..9) => rng.random_range(15..240),
        (Speaker::Customer, _) => rng.random_range(480..2_900),
    }
}
