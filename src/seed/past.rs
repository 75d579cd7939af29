//! Past conversations made from a [`Thread`]: who took it, who read it, who answered, who closed it.
//!
//! Pure but for the random numbers that are handed in. Instants are offsets until
//! [`Tale::beginning`] or [`Tale::ending`] places them.

use rand::Rng;

use crate::clock::Timestamp;
use crate::domain::{Agent, AgentId, PhoneNumberId};
use crate::service::Error;
use crate::service::operator::import::{PastConversation, PastEvent, PastStep};
use synthetic::{Customer, Ending, Speaker, Thread, Turn};

pub const SECOND_MICROS: i64 = 1_000_000;
pub const MINUTE_MICROS: i64 = 60 * SECOND_MICROS;
pub const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;
pub const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// Of a hundred owners, so many took the conversation themselves; the others were given it.
const CLAIMED_PERCENT: u32 = 65;
/// Of a hundred replies, so many are a colleague's.
const COLLEAGUE_REPLIES_PERCENT: u32 = 6;
/// Of a hundred longer conversations, so many change hands.
const HANDED_ON_PERCENT: u32 = 8;
/// Of a hundred answers, so many were preceded by opening the conversation a while before.
const READ_FIRST_PERCENT: u32 = 30;
/// Of a hundred conversations, so many are looked at by somebody else at the end.
const BYSTANDER_PERCENT: u32 = 15;

/// What happened in a conversation, at offsets in microseconds from its first text, in order.
#[derive(Debug, Clone)]
pub struct Tale(Vec<(i64, PastEvent)>);

impl Tale {
    /// What became of `thread` among `crew`, the agents who can access its number. Without an `owner` nobody
    /// ever took it, and whoever had time answered.
    ///
    /// `crew` is not empty.
    pub fn tell(rng: &mut impl Rng, thread: Thread, crew: &[&Agent], owner: Option<AgentId>) -> Self {
        let mut telling = Telling { rng, crew, owner, at: 0, steps: Vec::new() };
        let mut taken = false;
        for (place, turn) in thread.turns.into_iter().enumerate() {
            let before = telling.at;
            telling.wait(turn.after_minutes);
            match turn.from {
                Speaker::Customer => telling.step(PastEvent::Received { body: turn.body }),
                Speaker::Team => {
                    if !std::mem::replace(&mut taken, true) {
                        telling.take(before);
                    } else if place > 3 {
                        telling.hand_on(before);
                    }
                    telling.answer(before, turn);
                }
            }
        }
        if !taken {
            let before = telling.at;
            telling.pause(1..20);
            telling.take(before);
        }
        telling.conclude(thread.ending)
    }

    /// How long it took.
    pub fn length_micros(&self) -> i64 {
        self.0.last().map_or(0, |(at, _)| *at)
    }

    /// The same, told faster if it took longer than `micros`.
    #[must_use]
    pub fn within(mut self, micros: i64) -> Self {
        let length = self.length_micros();
        if length > micros {
            for (at, _) in &mut self.0 {
                // Wide enough for any product of two spans of time.
                *at = i64::try_from(i128::from(*at) * i128::from(micros) / i128::from(length)).unwrap_or(0);
            }
        }
        self
    }

    /// With the first text at `began`.
    pub fn beginning(self, began: Timestamp) -> Vec<PastStep> {
        self.0.into_iter().map(|(at, what)| PastStep { at: began.plus_micros(at), what }).collect()
    }

    /// With the last step at `ended`.
    pub fn ending(self, ended: Timestamp) -> Vec<PastStep> {
        let began = ended.plus_micros(-self.length_micros());
        self.beginning(began)
    }
}

/// The conversation of `customer` on a number.
///
/// # Errors
/// Bad input when the customer's number is not in E.164, which those of [`crate::synthetic`] are.
pub fn conversation(
    number: PhoneNumberId,
    customer: Customer,
    steps: Vec<PastStep>,
) -> Result<PastConversation, Error> {
    Ok(PastConversation {
        phone_number_id: number,
        contact_number: super::e164(&customer.number)?,
        contact_name: customer.name,
        steps,
    })
}

/// A tale in the making.
struct Telling<'a, R> {
    rng: &'a mut R,
    crew: &'a [&'a Agent],
    owner: Option<AgentId>,
    at: i64,
    steps: Vec<(i64, PastEvent)>,
}

impl<R: Rng> Telling<'_, R> {
    fn step(&mut self, what: PastEvent) {
        self.steps.push((self.at, what));
    }

    /// Lets `minutes` pass, and some seconds, so that no two texts come at once.
    fn wait(&mut self, minutes: u32) {
        if !self.steps.is_empty() {
            self.at +=
                i64::from(minutes) * MINUTE_MICROS + self.rng.random_range(4 * SECOND_MICROS..MINUTE_MICROS);
        }
    }

    fn pause(&mut self, minutes: std::ops::Range<u32>) {
        let minutes = self.rng.random_range(minutes);
        self.wait(minutes);
    }

    /// Somewhere between `before` and now.
    fn between(&mut self, before: i64) -> i64 {
        self.rng.random_range(before..=self.at)
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn anyone(&mut self) -> AgentId {
        self.crew[self.rng.random_range(0..self.crew.len())].id
    }

    /// Makes the owner the owner, since `before`.
    fn take(&mut self, before: i64) {
        let Some(to) = self.owner else { return };
        let manager = self.crew.iter().find(|agent| agent.is_manager()).map(|agent| agent.id);
        let by = if self.percent(CLAIMED_PERCENT) { to } else { manager.unwrap_or(to) };
        let at = self.between(before);
        self.steps.push((at, PastEvent::Assigned { by, to }));
    }

    /// Perhaps gives the conversation to a colleague, since `before`.
    fn hand_on(&mut self, before: i64) {
        let Some(by) = self.owner else { return };
        let to = self.anyone();
        if to != by && self.percent(HANDED_ON_PERCENT) {
            let at = self.between(before);
            self.steps.push((at, PastEvent::Assigned { by, to }));
            self.owner = Some(to);
        }
    }

    /// The owner answers, or whoever has time.
    fn answer(&mut self, before: i64, turn: Turn) {
        let by_colleague = self.percent(COLLEAGUE_REPLIES_PERCENT);
        let author = match self.owner {
            Some(owner) if !by_colleague => owner,
            _ => self.anyone(),
        };
        if self.percent(READ_FIRST_PERCENT) {
            // After the assignment, if there was one: steps that are equally old keep their order.
            let since = self.steps.last().map_or(before, |(at, _)| *at);
            let at = self.between(since);
            self.steps.push((at, PastEvent::Read { by: author }));
        }
        self.step(PastEvent::Replied { author, body: turn.body });
    }

    fn conclude(mut self, ending: Ending) -> Tale {
        if self.percent(BYSTANDER_PERCENT) {
            self.pause(1..30);
            let by = self.anyone();
            self.step(PastEvent::Read { by });
        }
        if ending == Ending::Closed {
            self.pause(1..40);
            let by = self.owner.unwrap_or_else(|| self.crew[0].id);
            self.step(PastEvent::Closed { by });
        }
        self.steps.sort_by_key(|(at, _)| *at);
        Tale(self.steps)
    }
}
