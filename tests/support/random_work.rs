//! Random operations by several agents at once. The seed repeats what each agent tries, but not the interleaving.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::agent::Agent;
use super::outcome::Payload;
use super::world::{Workspace, customer};

/// The codes of expected refusals. Any other refusal is a bug of the server.
const EXPECTED: [&str; 5] =
    ["ALREADY_ASSIGNED", "STALE", "STALE_REPLY", "AGENT_INACTIVE", "AGENT_LACKS_ACCESS"];

/// An operation on a conversation.
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

/// All operations of agents and customers. Repeated ones are more likely.
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

/// Random operations on the conversations of the first phone number.
pub struct RandomWork<'a> {
    pub world: &'a Workspace,
    pub conversations: &'a [String],
    pub acts: &'a [Act],
}

impl RandomWork<'_> {
    /// Runs one random operation by one of `agents`.
    ///
    /// Conversation `i` must belong to customer `i + 1`, as [`Workspace::conversations`] creates them.
    pub async fn run_one(&self, rng: &mut StdRng, agents: &[Agent]) {
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

    /// Runs `workers` in parallel, each with `operations` operations by any of `agents`.
    pub async fn run_parallel(&self, seed: u64, workers: u64, operations: u32, agents: &[Agent]) {
        let work = (0..workers).map(|worker| async move {
            let mut rng = StdRng::seed_from_u64(seed.wrapping_add(worker));
            for _ in 0..operations {
                self.run_one(&mut rng, agents).await;
            }
        });
        futures_util::future::join_all(work).await;
    }
}

/// Whether `code` is the code of an expected refusal.
pub fn is_ordinary(code: &str) -> bool {
    EXPECTED.contains(&code)
}

/// Asserts that `outcome` succeeded or was refused with an expected code.
fn assert_expected(act: Act, outcome: &Payload) {
    let ordinary = outcome.codes().into_iter().all(is_ordinary);
    assert!(ordinary, "{act:?} was refused with an unexpected code: {outcome}");
}
