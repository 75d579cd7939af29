//! Draws the next activity in a demo.

use std::time::Duration;

use rand::Rng;

use super::pick_weighted;

/// An activity of a customer or an agent. The caller chooses the person and the
/// conversation, and skips the activity if no conversation fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activity {
    /// A new customer writes: [`super::customer`] and [`super::opening`].
    NewCustomer,
    /// The customer of an open conversation writes again: [`super::follow_up`].
    FollowUp,
    /// The customer of a closed conversation writes, which reopens it:
    /// [`super::texts_back`].
    TextsBackAfterClose,
    /// An agent answers a customer who waits: [`super::reply`].
    AgentReplies,
    /// A rep claims an unassigned conversation, preferably the longest
    /// unassigned.
    AgentClaims,
    /// A manager assigns an unassigned conversation to a rep.
    ManagerAssigns,
    /// An owner assigns a conversation to another agent.
    AgentHandsOver,
    /// An owner returns a conversation to Unassigned.
    AgentUnassigns,
    /// An agent closes a conversation that has been answered.
    AgentCloses,
    /// An owner marks a conversation as read.
    AgentReads,
}

impl Activity {
    /// Every activity, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::NewCustomer,
        Self::FollowUp,
        Self::TextsBackAfterClose,
        Self::AgentReplies,
        Self::AgentClaims,
        Self::ManagerAssigns,
        Self::AgentHandsOver,
        Self::AgentUnassigns,
        Self::AgentCloses,
        Self::AgentReads,
    ];

    /// The relative frequency of this activity while `unassigned` open
    /// conversations have no owner.
    fn weight(self, unassigned: usize) -> u32 {
        // With few unassigned conversations, more customers write. With many,
        // the team claims more. So the list's length varies between the two.
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
            Self::AgentHandsOver => 3,
            Self::AgentUnassigns => 2,
            Self::AgentCloses => 12,
            Self::AgentReads => 8,
        }
    }
}

/// With fewer unassigned conversations than this, the team claims few.
const CALM: usize = 6;
/// With this many unassigned conversations or more, the team claims many.
const BUSY: usize = 14;

/// The shortest and the longest pause between two activities.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 1_000..=4_000;

/// Draws the next activity and the pause before it: one to four seconds.
///
/// `unassigned` is the current number of open, unassigned conversations. It
/// controls the mix of activities, so that the Unassigned list neither empties
/// nor grows without limit, also when the visitor changes it.
#[must_use]
pub fn next_activity(rng: &mut impl Rng, unassigned: usize) -> (Activity, Duration) {
    let chosen = pick_weighted(rng, Activity::ALL.into_iter(), |activity| activity.weight(unassigned));
    (chosen, Duration::from_millis(rng.random_range(PAUSE_MS)))
}
