//! Generates the events of past conversations from a [`Thread`]: assignments, reads, replies and closes.
//!
//! The result depends only on the arguments and the random number generator. Times are offsets from the first message
//! until [`History::beginning`] or [`History::ending`] makes them absolute.

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

/// The percentage of owners who claimed the conversation. A manager assigned it to the others.
const CLAIMED_PERCENT: u32 = 65;
/// The percentage of replies that another agent than the owner writes.
const COLLEAGUE_REPLIES_PERCENT: u32 = 6;
/// The probability in percent that an owner hands over a longer conversation before a reply.
const HANDED_OVER_PERCENT: u32 = 8;
/// The percentage of replies whose author read the conversation some time before.
const READ_FIRST_PERCENT: u32 = 30;
/// The percentage of conversations that an agent reads after the last message.
const BYSTANDER_PERCENT: u32 = 15;

/// The events of a conversation in order, at offsets in microseconds from its first message.
#[derive(Debug, Clone)]
pub struct History(Vec<(i64, PastEvent)>);

impl History {
    /// Generates the events of `thread`. `agents` are the agents who can access its phone number, at least one. Without
    /// an `owner` the conversation is never assigned, and random agents reply.
    pub fn generate(rng: &mut impl Rng, thread: Thread, agents: &[&Agent], owner: Option<AgentId>) -> Self {
        let mut builder = HistoryBuilder { rng, agents, owner, at: 0, steps: Vec::new() };
        let mut assigned = false;
        for (place, turn) in thread.turns.into_iter().enumerate() {
            let before = builder.at;
            builder.wait(turn.after_minutes);
            match turn.from {
                Speaker::Customer => builder.step(PastEvent::Received { body: turn.body }),
                Speaker::Team => {
                    if !std::mem::replace(&mut assigned, true) {
                        builder.assign(before);
                    } else if place > 3 {
                        builder.hand_over(before);
                    }
                    builder.reply(before, turn);
                }
            }
        }
        if !assigned {
            let before = builder.at;
            builder.pause(1..20);
            builder.assign(before);
        }
        builder.finish(thread.ending)
    }

    /// The duration from the first event to the last.
    pub fn length_micros(&self) -> i64 {
        self.0.last().map_or(0, |(at, _)| *at)
    }

    /// Compresses the offsets if the duration is longer than `micros`.
    #[must_use]
    pub fn within(mut self, micros: i64) -> Self {
        let length = self.length_micros();
        if length > micros {
            for (at, _) in &mut self.0 {
                // i128 holds the product of any two i64 values.
                *at = i64::try_from(i128::from(*at) * i128::from(micros) / i128::from(length)).unwrap_or(0);
            }
        }
        self
    }

    /// Returns the events with the first message at `began`.
    pub fn beginning(self, began: Timestamp) -> Vec<PastStep> {
        self.0.into_iter().map(|(at, what)| PastStep { at: began.plus_micros(at), what }).collect()
    }

    /// Returns the events with the last event at `ended`.
    pub fn ending(self, ended: Timestamp) -> Vec<PastStep> {
        let began = ended.plus_micros(-self.length_micros());
        self.beginning(began)
    }
}

/// Creates the import of a conversation with `customer` on a phone number.
///
/// # Errors
/// [`Error::BadInput`] when the customer's number is not in E.164 format; [`synthetic`] generates only valid
/// ones.
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

/// Builds a [`History`].
struct HistoryBuilder<'a, R> {
    rng: &'a mut R,
    agents: &'a [&'a Agent],
    owner: Option<AgentId>,
    at: i64,
    steps: Vec<(i64, PastEvent)>,
}

impl<R: Rng> HistoryBuilder<'_, R> {
    fn step(&mut self, what: PastEvent) {
        self.steps.push((self.at, what));
    }

    /// Advances the time by `minutes` and some seconds, so that no two messages have the same time.
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

    /// A random time between `before` and now.
    fn between(&mut self, before: i64) -> i64 {
        self.rng.random_range(before..=self.at)
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn random_agent(&mut self) -> AgentId {
        self.agents[self.rng.random_range(0..self.agents.len())].id
    }

    /// Assigns the conversation to its owner, at a random time since `before`.
    fn assign(&mut self, before: i64) {
        let Some(to) = self.owner else { return };
        let manager = self.agents.iter().find(|agent| agent.is_manager()).map(|agent| agent.id);
        let by = if self.percent(CLAIMED_PERCENT) { to } else { manager.unwrap_or(to) };
        let at = self.between(before);
        self.steps.push((at, PastEvent::Assigned { by, to }));
    }

    /// With some probability, hands the conversation over to another agent at a random time since `before`.
    fn hand_over(&mut self, before: i64) {
        let Some(by) = self.owner else { return };
        let to = self.random_agent();
        if to != by && self.percent(HANDED_OVER_PERCENT) {
            let at = self.between(before);
            self.steps.push((at, PastEvent::Assigned { by, to }));
            self.owner = Some(to);
        }
    }

    /// Adds a reply of the owner or of a random agent.
    fn reply(&mut self, before: i64, turn: Turn) {
        let by_colleague = self.percent(COLLEAGUE_REPLIES_PERCENT);
        let author = match self.owner {
            Some(owner) if !by_colleague => owner,
            _ => self.random_agent(),
        };
        if self.percent(READ_FIRST_PERCENT) {
            // Not before the assignment, if any. The sort is stable, so steps of the same time keep their order.
            let since = self.steps.last().map_or(before, |(at, _)| *at);
            let at = self.between(since);
            self.steps.push((at, PastEvent::Read { by: author }));
        }
        self.step(PastEvent::Replied { author, body: turn.body });
    }

    fn finish(mut self, ending: Ending) -> History {
        if self.percent(BYSTANDER_PERCENT) {
            self.pause(1..30);
            let by = self.random_agent();
            self.step(PastEvent::Read { by });
        }
        if ending == Ending::Closed {
            self.pause(1..40);
            let by = self.owner.unwrap_or_else(|| self.agents[0].id);
            self.step(PastEvent::Closed { by });
        }
        self.steps.sort_by_key(|(at, _)| *at);
        History(self.steps)
    }
}
