//! The believable people, numbers and texts that `demo` and `seed` fill a store with.
//!
//! Everything here is data, or a pure function over the random numbers its
//! caller hands in: the same generator state gives the same output, so a demo
//! can be replayed and a benchmark repeated. There is deliberately no
//! database, no GraphQL, no async and no clock: a [`Thread`] says how many
//! minutes passed between two texts, never when they were sent, and a
//! [`Beat`] says what should happen next, never how.
//!
//! The company is a bicycle shop, because a shop's customers write about
//! everything: bills, appointments, orders, returns, quotes and complaints.
//!
//! Nobody in here exists. People are random pairs of common names, mail goes
//! to the reserved `.example` domain, and numbers lie in ranges that are kept
//! free for fiction for as long as those last (see [`customer_number`]).
//!
//! | module | holds |
//! |---|---|
//! | `people` | [`demo_team`], [`team`], [`customer`] |
//! | `names` | given and family names of many languages |
//! | `numbers` | [`workspace_number`], [`customer_number`] |
//! | `threads` | [`thread`], [`opening`]: scripts walked to some point |
//! | `talk` | [`reply`], [`follow_up`], [`texts_back`]: one text that fits the one before |
//! | `answers`, `phrases` | the texts that `talk` chooses from, by what they answer |
//! | `slots`, `texture` | what fills the blanks, and how people really type |
//! | `scripts` | the texts themselves |
//! | `traffic` | [`next_beat`]: what happens next in a lively demo |

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
pub use traffic::{Beat, next_beat};

/// The most characters that a generated text has; the least is one.
pub const BODY_CHARS_MAX: usize = 480;

/// One of `items`, each as likely as the others.
///
/// Only ever called with the non-empty tables of this module; an empty one
/// would panic, and the tests walk all of them.
fn pick<'a, T: ?Sized>(rng: &mut impl Rng, items: &[&'a T]) -> &'a T {
    items[rng.random_range(0..items.len())]
}

/// One of `items`, each as likely as its share of all weights.
///
/// Only ever called with this module's tables, whose weights are not all zero.
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
