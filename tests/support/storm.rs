//! Random work by several agents at once, repeatable by its seed as far as what each of them tries.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::agent::Agent;
use super::outcome::Payload;
use super::world::{Workspace, customer};

/// What refuses an agent in an ordinary day. Anything else is a fault of the server.
const EXPECTED: [&str; 5] =
    ["ALREADY_ASSIGNED", "STALE", "STALE_REPLY", "AGENT_INACTIVE", "AGENT_LACKS_ACCESS"];

/// Something that happens to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Text,
    Reply,
    Assign,
    Claim,
    Unassign,
    Close,
    Reopen,
    Read,
    Unread,
}

/// Everything that agents and customers do.
pub const ALL: &[Act] = &[
    Act::Text,
    Act::Text,
    Act::Reply,
    Act::Assign,
    Act::Assign,
    Act::Claim,
    Act::Unassign,
    Act::Close,
    Act::Reopen,
    Act::Read,
    Act::Read,
    Act::Unread,
];

/// A team at work on the first number's conversations with customers 1 to `customers`.
pub struct Storm<'a> {
    pub world: &'a Workspace,
    pub conversations: &'a [String],
    pub acts: &'a [Act],
}

impl Storm<'_> {
    /// One random act by one of `agents`.
    ///
    /// Conversation `i` is customer `i + 1`'s, as [`Workspace::conversations`] makes them.
    pub async fn strike(&self, rng: &mut StdRng, agents: &[Agent]) {
        let at = rng.random_range(0..self.conversations.len());
        let conversation = &self.conversations[at];
        let actor = agents.choose(rng).expect("an agent");
        let other = agents.choose(rng).expect("an agent");
        let act = *self.acts.choose(rng).expect("an act");
        let outcome = match act {
            Act::Text => self.world.text(&customer(at as u32 + 1), "And another thing").await,
            Act::Reply => actor.send(conversation, "Let me look into that").await,
            Act::Assign => actor.assign(conversation, other).await,
            Act::Claim => actor.claim(conversation).await,
            Act::Unassign => actor.unassign(conversation).await,
            Act::Close => actor.close(conversation).await,
            Act::Reopen => actor.reopen(conversation).await,
            Act::Read => actor.read(conversation).await,
            Act::Unread => actor.unread(conversation).await,
        };
        assert_expected(act, &outcome);
    }

    /// `workers` in parallel, each with `strikes` acts by any of `agents`.
    pub async fn rage(&self, seed: u64, workers: u64, strikes: u32, agents: &[Agent]) {
        let work = (0..workers).map(|worker| async move {
            let mut rng = StdRng::seed_from_u64(seed.wrapping_add(worker));
            for _ in 0..strikes {
                self.strike(&mut rng, agents).await;
            }
        });
        futures_util::future::join_all(work).await;
    }
}

/// Whether `code` refuses an agent in an ordinary day.
pub fn is_ordinary(code: &str) -> bool {
    EXPECTED.contains(&code)
}

/// Asserts that `outcome` succeeded or was refused for an ordinary reason.
fn assert_expected(act: Act, outcome: &Payload) {
    let ordinary = outcome.codes().into_iter().all(is_ordinary);
    assert!(ordinary, "{act:?} was refused for no good reason: {outcome}");
}
