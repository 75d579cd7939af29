//! Who is looking at a conversation, for as long as they say so.
//!
//! Presence is no event and no state of the conversation: it expires by itself, and losing it costs a moment.

use super::ids::AgentId;
use crate::clock::Timestamp;

/// For how many seconds a presence holds after it was last said. Clients say it again before that.
pub const TTL_SECONDS: i64 = 30;

/// What an agent is doing with a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PresenceState {
    /// It is open before them.
    Viewing,
    /// They are writing an answer.
    Replying,
}
super::spelling::spelled!(PresenceState { Viewing = "VIEWING", Replying = "REPLYING" });

/// An agent at a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    pub agent_id: AgentId,
    pub state: PresenceState,
    /// Since when they have been in this state.
    pub since: Timestamp,
    pub expires_at: Timestamp,
}

impl Presence {
    /// An agent who says at `now` that they are in `state`. `last` is what they said before, if it is known:
    /// unless it has expired, saying the same again leaves `since` as it is.
    pub fn said(last: Option<&Self>, agent_id: AgentId, state: PresenceState, now: Timestamp) -> Self {
        let same = last.filter(|last| last.expires_at > now && last.state == state);
        let since = same.map_or(now, |last| last.since);
        Self { agent_id, state, since, expires_at: now.plus_micros(TTL_SECONDS * 1_000_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn said(last: Option<&Presence>, state: PresenceState, second: i64) -> Presence {
        let agent = AgentId(uuid::Uuid::nil());
        Presence::said(last, agent, state, Timestamp::from_micros(second * SECOND))
    }

    #[test]
    fn saying_the_same_again_prolongs_it_and_keeps_since() {
        let first = said(None, PresenceState::Viewing, 0);
        let again = said(Some(&first), PresenceState::Viewing, 20);
        assert_eq!((again.since.as_micros(), again.expires_at.as_micros()), (0, 50 * SECOND));
    }

    #[test]
    fn another_state_and_a_return_after_the_expiry_begin_anew() {
        let first = said(None, PresenceState::Viewing, 0);
        assert_eq!(said(Some(&first), PresenceState::Replying, 5).since.as_micros(), 5 * SECOND);
        assert_eq!(said(Some(&first), PresenceState::Viewing, TTL_SECONDS).since.as_micros(), 30 * SECOND);
    }
}
