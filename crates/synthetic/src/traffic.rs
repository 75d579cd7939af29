//! What happens next in a demo that is alive.

use std::time::Duration;

use rand::Rng;

use super::pick_weighted;

/// Something that somebody does. Who does it, and where, is for the caller to
/// choose; where nothing fits (no closed conversation yet), it is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Beat {
    /// A new customer texts: [`super::customer`] and [`super::opening`].
    NewCustomer,
    /// The customer of an open conversation texts again: [`super::follow_up`].
    FollowUp,
    /// The customer of a closed conversation texts, which reopens it:
    /// [`super::texts_back`].
    TextsBackAfterClose,
    /// An agent answers a customer who waits: [`super::reply`].
    AgentReplies,
    /// A rep claims an unassigned conversation, best the longest unassigned.
    AgentClaims,
    /// A manager assigns an unassigned conversation to a rep.
    ManagerAssigns,
    /// An owner hands a conversation on to a colleague.
    AgentHandsOn,
    /// An owner gives a conversation back to Unassigned.
    AgentGivesBack,
    /// An agent closes a conversation that has been answered.
    AgentCloses,
    /// An agent opens a conversation that is unread for them.
    AgentReads,
}

impl Beat {
    /// Every beat, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::NewCustomer,
        Self::FollowUp,
        Self::TextsBackAfterClose,
        Self::AgentReplies,
        Self::AgentClaims,
        Self::ManagerAssigns,
        Self::AgentHandsOn,
        Self::AgentGivesBack,
        Self::AgentCloses,
        Self::AgentReads,
    ];

    /// How often this happens, compared with the others, while `unassigned`
    /// open conversations have no owner.
    fn weight(self, unassigned: usize) -> u32 {
        // Few unassigned: customers come and nobody is in a hurry. Many: the
        // team catches up. So the list breathes between the two by itself.
        let (arrive, pick_up) = match unassigned {
            0..CALM => (20, 4),
            CALM..BUSY => (14, 14),
            _ => (8, 26),
        };
        match self {
            Self::NewCustomer => arrive,
            Self::FollowUp => 22,
            Self::TextsBackAfterClose => 6,
            Self::AgentReplies => 20,
            Self::AgentClaims => pick_up,
            Self::ManagerAssigns => pick_up / 4,
            Self::AgentHandsOn => 3,
            Self::AgentGivesBack => 2,
            Self::AgentCloses => 12,
            Self::AgentReads => 8,
        }
    }
}

/// Below this many unassigned conversations the team takes its time.
const CALM: usize = 6;
/// From this many on the team catches up.
const BUSY: usize = 14;

/// The shortest and the longest pause between two beats.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 1_000..=4_000;

/// What happens next, and how long to wait before it does: one to four
/// seconds.
///
/// `unassigned` is how many open conversations have no owner now. It steers
/// the mix so that the Unassigned list neither empties nor grows for good,
/// whatever the person who watches does to it.
#[must_use]
pub fn next_beat(rng: &mut impl Rng, unassigned: usize) -> (Beat, Duration) {
    let chosen = pick_weighted(rng, Beat::ALL.into_iter(), |beat| beat.weight(unassigned));
    (chosen, Duration::from_millis(rng.random_range(PAUSE_MS)))
}
