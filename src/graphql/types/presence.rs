//! Presence: the agents who are viewing a conversation or writing a reply in it.

use std::sync::Arc;

use async_graphql::{Enum, Object, Result};

use super::agent::Agent;
use crate::clock::Timestamp;
use crate::domain;
use crate::graphql::error;
use crate::graphql::loaders::Loaders;
use crate::service::PresentAgent;

/// What an agent is doing in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::PresenceState")]
pub enum PresenceState {
    /// The agent has the conversation open.
    Viewing,
    /// The agent is writing a reply.
    Replying,
}

/// The agents who are viewing a conversation or writing a reply in it.
#[derive(Clone)]
pub struct ConversationPresence {
    present: Vec<PresentAgent>,
    loaders: Arc<Loaders>,
}

impl ConversationPresence {
    pub fn new(present: Vec<PresentAgent>, loaders: &Arc<Loaders>) -> Self {
        Self { present, loaders: loaders.clone() }
    }
}

/// The agents who are viewing a conversation or writing a reply in it.
#[Object]
impl ConversationPresence {
    /// The agents, including you, ordered by `since` from the earliest to the latest. At most 100.
    async fn viewers(&self) -> Vec<ConversationViewer> {
        let viewer =
            |present: &PresentAgent| ConversationViewer { present: *present, loaders: self.loaders.clone() };
        self.present.iter().map(viewer).collect()
    }
}

/// An agent who is viewing a conversation or writing a reply in it.
pub struct ConversationViewer {
    present: PresentAgent,
    loaders: Arc<Loaders>,
}

/// An agent who is viewing a conversation or writing a reply in it.
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

    /// When the agent began to view the conversation, or to write a reply.
    async fn since(&self) -> Timestamp {
        self.present.since
    }
}
