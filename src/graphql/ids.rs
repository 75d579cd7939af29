//! Ids as clients see them: opaque, and valid for one type only.
//!
//! An id is the base64url encoding of a letter for the type and the bytes of the UUID. A ConversationEvent has no
//! UUID: its id contains the workspace's UUID and the event's position in the log. This module does no look-ups.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{ID, InputType, InputValueError, InputValueResult, Value};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::domain::{
    AgentId, ContactId, ConversationId, MessageId, PhoneNumberId, RebalancePlanId, ServiceTokenId,
    WorkspaceId,
};

const EVENT_TAG: u8 = b'E';

/// An id type with its own letter.
pub trait Tagged: Copy {
    const TAG: u8;
    fn uuid(self) -> Uuid;
    fn from_uuid(uuid: Uuid) -> Self;
}

macro_rules! tagged {
    ($($name:ident = $tag:literal),+ $(,)?) => {$(
        impl Tagged for $name {
            const TAG: u8 = $tag;

            fn uuid(self) -> Uuid {
                self.0
            }

            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }
    )+};
}

tagged! {
    WorkspaceId = b'W',
    AgentId = b'A',
    PhoneNumberId = b'P',
    ContactId = b'K',
    ConversationId = b'C',
    MessageId = b'M',
    RebalancePlanId = b'R',
    ServiceTokenId = b'S',
}

/// An id of any type, as `node` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnyId {
    Workspace(WorkspaceId),
    Agent(AgentId),
    PhoneNumber(PhoneNumberId),
    Contact(ContactId),
    Conversation(ConversationId),
    Message(MessageId),
    ServiceToken(ServiceTokenId),
    Event(WorkspaceId, i64),
}

/// Encodes an id for clients.
pub fn encode<T: Tagged>(id: T) -> ID {
    ID(opaque(T::TAG, id.uuid(), &[]))
}

/// Encodes the id of the event at position `seq` of a workspace's log.
pub fn encode_event(workspace: WorkspaceId, seq: i64) -> ID {
    ID(opaque(EVENT_TAG, workspace.0, &seq.to_be_bytes()))
}

/// `None` if the id is malformed or of another type. Report both as not found.
pub fn decode<T: Tagged>(id: &str) -> Option<T> {
    let (tag, uuid, rest) = parts(id)?;
    (tag == T::TAG && rest.is_empty()).then(|| T::from_uuid(uuid))
}

/// An argument or input field of the type `ID` that names an object of one type.
///
/// A malformed id, and an id of another type, become the nil id, which never exists. A command then runs its checks in
/// the usual order and fails with the usual NOT_FOUND.
#[derive(Debug, Clone)]
pub struct IdOf<T> {
    id: T,
    given: ID,
}

impl<T: Tagged> IdOf<T> {
    pub fn id(&self) -> T {
        self.id
    }

    /// The id as the client wrote it.
    pub fn given(self) -> ID {
        self.given
    }
}

impl<T: Tagged + Send + Sync> InputType for IdOf<T> {
    type RawValueType = T;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let given = <ID as InputType>::parse(value).map_err(InputValueError::propagate)?;
        Ok(Self { id: decode(&given).unwrap_or(T::from_uuid(Uuid::nil())), given })
    }

    fn to_value(&self) -> Value {
        InputType::to_value(&self.given)
    }

    fn as_raw_value(&self) -> Option<&T> {
        Some(&self.id)
    }
}

/// `None` if the id is malformed or of an unknown type.
pub fn decode_any(id: &str) -> Option<AnyId> {
    let (tag, uuid, rest) = parts(id)?;
    if tag == EVENT_TAG {
        return Some(AnyId::Event(WorkspaceId(uuid), i64::from_be_bytes(rest.try_into().ok()?)));
    }
    let any = match tag {
        WorkspaceId::TAG => AnyId::Workspace(WorkspaceId(uuid)),
        AgentId::TAG => AnyId::Agent(AgentId(uuid)),
        PhoneNumberId::TAG => AnyId::PhoneNumber(PhoneNumberId(uuid)),
        ContactId::TAG => AnyId::Contact(ContactId(uuid)),
        ConversationId::TAG => AnyId::Conversation(ConversationId(uuid)),
        MessageId::TAG => AnyId::Message(MessageId(uuid)),
        ServiceTokenId::TAG => AnyId::ServiceToken(ServiceTokenId(uuid)),
        _ => return None,
    };
    rest.is_empty().then_some(any)
}

fn opaque(tag: u8, uuid: Uuid, rest: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([&[tag], uuid.as_bytes().as_slice(), rest].concat())
}

fn parts(id: &str) -> Option<(u8, Uuid, Vec<u8>)> {
    // The longest id has 25 bytes, which are 34 characters.
    if id.len() > 40 {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(id).ok()?;
    let (tag, rest) = bytes.split_first()?;
    let (uuid, rest) = rest.split_at_checked(16)?;
    Some((*tag, Uuid::from_slice(uuid).ok()?, rest.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument<T: Tagged + Send + Sync>(id: &ID) -> IdOf<T> {
        InputType::parse(Some(id.0.clone().into())).ok().expect("an id")
    }

    #[test]
    fn an_id_is_valid_for_its_own_type_only() {
        let agent = AgentId(Uuid::from_u128(7));
        let id = encode(agent);
        assert_eq!(decode::<AgentId>(&id), Some(agent));
        assert_eq!(decode::<ContactId>(&id), None);
        let (right, wrong) = (argument::<AgentId>(&id), argument::<ContactId>(&id));
        assert_eq!((right.id(), wrong.id()), (agent, ContactId(Uuid::nil())));
        assert_eq!(wrong.given(), id);
        assert_eq!(decode_any(&id), Some(AnyId::Agent(agent)));
        assert!(!id.contains("0007"), "the id is not opaque: {}", *id);
    }

    #[test]
    fn every_type_has_its_own_letter() {
        let uuid = Uuid::from_u128(9);
        let ids = [
            encode(WorkspaceId(uuid)),
            encode(AgentId(uuid)),
            encode(PhoneNumberId(uuid)),
            encode(ContactId(uuid)),
            encode(ConversationId(uuid)),
            encode(MessageId(uuid)),
            encode(ServiceTokenId(uuid)),
            encode_event(WorkspaceId(uuid), 9),
        ];
        let distinct: std::collections::HashSet<_> =
            ids.iter().map(|id| decode_any(id).unwrap()).map(|id| format!("{id:?}")).collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn an_event_id_contains_workspace_and_position() {
        let workspace = WorkspaceId(Uuid::from_u128(3));
        let id = encode_event(workspace, 41);
        assert_eq!(decode_any(&id), Some(AnyId::Event(workspace, 41)));
        assert_eq!(decode::<WorkspaceId>(&id), None);
    }

    #[test]
    fn malformed_ids_are_not_decoded() {
        let id = encode(AgentId(Uuid::from_u128(7)));
        let cut = &id[..id.len() - 4];
        let long = format!("{}AAAA", *id);
        let unknown = opaque(b'?', Uuid::nil(), &[]);
        for bad in
            ["", "A", "1", "not an id", "\u{1F600}", cut, long.as_str(), unknown.as_str(), &"A".repeat(5_000)]
        {
            assert_eq!(decode::<AgentId>(bad), None, "{bad}");
            assert_eq!(decode_any(bad), None, "{bad}");
        }
    }
}
