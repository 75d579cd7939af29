//! Generates whole past conversations, and first messages of new ones.

use rand::Rng;

use super::scripts::{self, Occurrence, Script, Step};
use super::slots::Placeholders;
use super::texture::{bounded, greeted, thumb_typed};
use super::{pick, pick_weighted};

/// The topic of a conversation.
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

/// The author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speaker {
    Customer,
    /// Any agent. The caller chooses the agent.
    Team,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub from: Speaker,
    /// 1 to [`super::BODY_CHARS_MAX`] characters.
    pub body: String,
    /// Minutes since the previous turn; 0 for the first.
    pub after_minutes: u32,
}

/// The current state of a past conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Open; the last message is from the customer.
    Waiting,
    /// Open; the last message is from the team.
    Answered,
    /// Closed.
    Closed,
}

/// A past conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub topic: Topic,
    /// 1 to 12 turns. The first is from the customer.
    pub turns: Vec<Turn>,
    pub ending: Ending,
}

/// Generates a whole conversation.
///
/// About 24 % wait for an answer, 26 % are answered and 50 % are closed.
#[must_use]
pub fn thread(rng: &mut impl Rng) -> Thread {
    let script = draw_script(rng);
    let steps = draw_steps(rng, script);
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

/// Generates the first message of a new customer.
#[must_use]
pub fn opening(rng: &mut impl Rng) -> String {
    let script = draw_script(rng);
    let slots = Placeholders::draw(rng);
    body(rng, &script.steps[0], &slots, true)
}

/// Draws a script by weight.
fn draw_script(rng: &mut impl Rng) -> &'static Script {
    pick_weighted(rng, scripts::all(), |script| script.weight)
}

/// Draws the steps of `script` that take place.
fn draw_steps(rng: &mut impl Rng, script: &'static Script) -> Vec<&'static Step> {
    let mut drawn: Vec<&Step> = Vec::with_capacity(script.steps.len());
    for step in script.steps {
        let is_reply = drawn.last().is_none_or(|before| before.from != step.from);
        let takes_place = match step.occurrence {
            Occurrence::Always => true,
            Occurrence::Sometimes => rng.random_bool(0.5),
            Occurrence::InReply => is_reply && rng.random_bool(0.5),
        };
        if takes_place {
            drawn.push(step);
        }
    }
    drawn
}

/// Draws the number of `steps` to keep for the given `ending`.
///
/// A waiting conversation ends after any step of the customer, an answered one
/// after any step of the team. A closed one keeps all steps.
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

/// Draws the minutes between a message of `before` and the next one, of `now`.
fn pause(rng: &mut impl Rng, before: Speaker, now: Speaker) -> u32 {
    if before == now {
        // The same author continues soon, or asks again after a long wait.
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
