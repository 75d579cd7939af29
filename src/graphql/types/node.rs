//! What `node` answers with.

use std::sync::Arc;

use async_graphql::{ID, Interface, Result};

use super::agent::Agent;
use super::contact::Contact;
use super::conversation::{Conversation, ConversationFields};
use super::event::ConversationEvent;
use super::message::Message;
use super::phone_number::PhoneNumber;
use super::workspace::Workspace;
use crate::graphql::error;
use crate::graphql::ids::{self, AnyId};
use crate::graphql::loaders::Loaders;

/// Something with an id of its own.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "An id that is unique among everything."))]
pub enum Node {
    Agent(Agent),
    Contact(Contact),
    Conversation(Conversation),
    Event(ConversationEvent),
    Message(Message),
    PhoneNumber(PhoneNumber),
    Workspace(Workspace),
}

impl Node {
    /// What an agent finds under `id`; `None` for what they cannot see and for what is no id.
    pub async fn find(id: &str, loaders: &Arc<Loaders>) -> Result<Option<Self>> {
        let Some(id) = ids::decode_any(id) else { return Ok(None) };
        let access = loaders.access().await?;
        let services = loaders.services();
        Ok(match id {
            AnyId::Workspace(id) => {
                (id == access.workspace.id).then(|| Self::Workspace(Workspace(access.workspace.clone())))
            }
            AnyId::Agent(id) => loaders.agent(id).await?.map(Agent).map(Self::Agent),
            AnyId::PhoneNumber(id) => {
                let number = access.phone_numbers.iter().find(|number| number.id == id);
                number.map(|number| Self::PhoneNumber(PhoneNumber(number.clone())))
            }
            AnyId::Conversation(id) => {
                let seen = loaders.conversation(id).await?;
                seen.map(|seen| Self::Conversation(ConversationFields::object(seen, loaders)))
            }
            AnyId::Contact(id) => {
                let found = services.contact(access, id).await.map_err(error::of_service)?;
                found.map(Contact).map(Self::Contact)
            }
            AnyId::Message(id) => {
                let found = services.message(access, id).await.map_err(error::of_service)?;
                found.map(|message| Self::Message(Message::new(message, loaders)))
            }
            AnyId::Event(workspace, seq) if workspace == access.workspace.id => {
                let found = services.event(access, seq).await.map_err(error::of_service)?;
                found.and_then(|event| ConversationEvent::new(event, loaders)).map(Self::Event)
            }
            AnyId::Event(..) => None,
        })
    }
}
