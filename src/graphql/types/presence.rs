//! Who is at a conversation.

use std::sync::Arc;

use async_graphql::{Enum, Object, Result};

use super::agent::Agent;
use crate::clock::Timestamp;
use crate::domain;
use crate::graphql::error;
use crate::graphql::loaders::Loaders;
use crate::service::Present;

/// What an agent is doing with a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::PresenceState")]
pub enum PresenceState {
    /// It is open before them.
    Viewing,
    /// They are writing an answer.
    Replying,
}

/// Who is at a conversation now.
#[derive(Clone)]
pub struct ConversationPresence {
    present: Vec<Present>,
    loaders: Arc<Loaders>,
}

impl ConversationPresence {
    pub fn new(present: Vec<Present>, loaders: &Arc<Loaders>) -> Self {
        Self { present, loaders: loaders.clone() }
    }
}

/// Who is at a conversation now.
#[Object]
impl ConversationPresence {
    /// The agents who have said so, you among them, the longest there first; at most 100.
    async fn viewers(&self) -> Vec<ConversationViewer> {
        let viewer =
            |present: &Present| ConversationViewer { present: *present, loaders: self.loaders.clone() };
        self.present.iter().map(viewer).collect()
    }
}

/// An agent who is at a conversation.
pub struct ConversationViewer {
    present: Present,
    loaders: Arc<Loaders>,
}

/// An agent who is at a conversation.
#[Object]
impl ConversationViewer {
    /// The agent.
    async fn agent(&self) -> Result<Agent> {
        let found = self.loaders.agent(self.present.agent_id).await?;
        found.map(Agent).ok_or_else(|| error::missing("the agent of a presence"))
    }

    /// What the agent is doing.
    async fn state(&self) -> PresenceState {
        self.present.state.into()
    }

    /// Since when the agent has been doing it.
    async fn since(&self) -> Timestamp {
        self.present.since
    }
}
