//! The `Node` interface.

use std::sync::Arc;

use async_graphql::{ID, Interface, Result};

use super::agent::Agent;
use super::contact::Contact;
use super::conversation::{Conversation, ConversationFields};
use super::event::ConversationEvent;
use super::message::Message;
use super::phone_number::PhoneNumber;
use super::service_token::ServiceToken;
use super::workspace::Workspace;
use crate::graphql::error;
use crate::graphql::ids::{self, AnyId};
use crate::graphql::loaders::Loaders;

/// An object with a globally unique id.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The globally unique id of the object."))]
pub enum Node {
    Agent(Agent),
    Contact(Contact),
    Conversation(Conversation),
    Event(ConversationEvent),
    Message(Message),
    PhoneNumber(PhoneNumber),
    ServiceToken(ServiceToken),
    Workspace(Workspace),
}

impl Node {
    /// Finds the object with this id. `None` if the id is malformed or the agent cannot see the object.
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
                let visible = loaders.conversation(id).await?;
                visible.map(|visible| Self::Conversation(ConversationFields::object(visible, loaders)))
            }
            AnyId::Contact(id) => {
                let found = services.contact(access, id).await.map_err(error::of_service)?;
                found.map(Contact).map(Self::Contact)
            }
            AnyId::Message(id) => {
                let found = services.message(access, id).await.map_err(error::of_service)?;
                found.map(|message| Self::Message(Message::new(message, loaders)))
            }
            AnyId::ServiceToken(id) => {
                let found = services.service_token(access, id).await.map_err(error::of_service)?;
                found.map(ServiceToken).map(Self::ServiceToken)
            }
            AnyId::Event(workspace, seq) if workspace == access.workspace.id => {
                let found = services.event(access, seq).await.map_err(error::of_service)?;
                found.and_then(|event| ConversationEvent::new(event, loaders)).map(Self::Event)
            }
            AnyId::Event(..) => None,
        })
    }
}
