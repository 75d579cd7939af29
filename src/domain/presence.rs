//! Presence: which agents are viewing a conversation or replying in it.
//!
//! Presence is neither an event nor part of the conversation's state. It expires unless the client renews it, and
//! losing it does little harm.

use super::ids::AgentId;
use crate::clock::Timestamp;

/// How many seconds a presence lasts after its last renewal. Clients renew it before that.
pub const TTL_SECONDS: i64 = 30;

/// What an agent is doing with a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PresenceState {
    /// The agent has the conversation open.
    Viewing,
    /// The agent is writing a reply.
    Replying,
}
super::spelling::spelled!(PresenceState { Viewing = "VIEWING", Replying = "REPLYING" });

/// One agent's presence in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    pub agent_id: AgentId,
    pub state: PresenceState,
    /// When the agent entered this state.
    pub since: Timestamp,
    pub expires_at: Timestamp,
}

impl Presence {
    /// Sets or renews an agent's presence. If `last`, the agent's previous presence, has the same state and has
    /// not expired, `since` is kept.
    pub fn renewed(last: Option<&Self>, agent_id: AgentId, state: PresenceState, now: Timestamp) -> Self {
        let same = last.filter(|last| last.expires_at > now && last.state == state);
        let since = same.map_or(now, |last| last.since);
        Self { agent_id, state, since, expires_at: now.plus_micros(TTL_SECONDS * 1_000_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn renewed(last: Option<&Presence>, state: PresenceState, second: i64) -> Presence {
        let agent = AgentId(uuid::Uuid::nil());
        Presence::renewed(last, agent, state, Timestamp::from_micros(second * SECOND))
    }

    #[test]
    fn renewing_the_same_state_prolongs_it_and_keeps_since() {
        let first = renewed(None, PresenceState::Viewing, 0);
        let again = renewed(Some(&first), PresenceState::Viewing, 20);
        assert_eq!((again.since.as_micros(), again.expires_at.as_micros()), (0, 50 * SECOND));
    }

    #[test]
    fn another_state_and_a_return_after_the_expiry_begin_anew() {
        let first = renewed(None, PresenceState::Viewing, 0);
        assert_eq!(renewed(Some(&first), PresenceState::Replying, 5).since.as_micros(), 5 * SECOND);
        assert_eq!(renewed(Some(&first), PresenceState::Viewing, TTL_SECONDS).since.as_micros(), 30 * SECOND);
    }
}
