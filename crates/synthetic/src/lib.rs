//! Generates believable people, phone numbers and messages for `demo` and `seed`.
//!
//! This module contains data and pure functions of a random number generator.
//! The same generator state gives the same output, so a demo can be replayed
//! and a benchmark repeated. The module uses no database, no GraphQL, no async
//! and no clock: a [`Thread`] contains the minutes between messages, not their
//! times, and a [`Activity`] is what happens next, not how to do it.
//!
//! The company is a bicycle shop, because a shop's customers write about many
//! topics: bills, appointments, orders, returns, quotes and complaints.
//!
//! All people are fictitious. Names are random pairs of common names, e-mail
//! addresses use the reserved domain `.example`, and phone numbers come from
//! ranges for fiction as long as these suffice (see [`customer_number`]).
//!
//! | module | contents |
//! |---|---|
//! | `people` | [`demo_team`], [`team`], [`customer`] |
//! | `names` | given and family names of many languages |
//! | `numbers` | [`workspace_number`], [`customer_number`] |
//! | `threads` | [`thread`], [`opening`]: conversations from scripts |
//! | `talk` | [`reply`], [`follow_up`], [`texts_back`]: a message that fits the previous one |
//! | `answers`, `phrases` | the messages that `talk` chooses from |
//! | `slots`, `texture` | values for placeholders, and typing habits |
//! | `scripts` | the messages of whole conversations |
//! | `traffic` | [`next_activity`]: what happens next in a demo |

mod answers;
mod names;
mod numbers;
mod people;
mod phrases;
mod scripts;
mod slots;
mod talk;
mod texture;
mod threads;
mod traffic;

#[cfg(test)]
mod tests;

use rand::Rng;

pub use numbers::{customer_number, workspace_number};
pub use people::{AgentProfile, Customer, NumberProfile, Role, Team, customer, demo_team, team};
pub use talk::{follow_up, reply, texts_back};
pub use threads::{Ending, Speaker, Thread, Topic, Turn, opening, thread};
pub use traffic::{Activity, next_activity};

/// The maximum length of a generated message in characters. The minimum is one.
pub const BODY_CHARS_MAX: usize = 480;

/// Draws one of `items` with equal probability.
///
/// # Panics
/// When `items` is empty. Callers pass the tables of this module, and the tests
/// use all of them.
fn pick<'a, T: ?Sized>(rng: &mut impl Rng, items: &[&'a T]) -> &'a T {
    items[rng.random_range(0..items.len())]
}

/// Draws one of `items` with a probability proportional to its weight.
///
/// # Panics
/// When all weights are zero. Callers pass the tables of this module.
fn pick_weighted<T>(
    rng: &mut impl Rng,
    items: impl Iterator<Item = T> + Clone,
    weight: impl Fn(&T) -> u32,
) -> T {
    let total: u32 = items.clone().map(|item| weight(&item)).sum();
    let mut left = rng.random_range(0..total);
    for item in items {
        match left.checked_sub(weight(&item)) {
            Some(rest) => left = rest,
            None => return item,
        }
    }
    unreachable!("the draw is below the sum of the weights")
}
