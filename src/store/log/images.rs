//! The stored form of changes of access and of administrative acts.
//!
//! While a release is rolled out, processes of the previous release read the same log, and fail on a change that they do
//! not know. A change that was added later is therefore stored as one that they do know and that has the right effect
//! there, with the name of the actual change next to it. They ignore the name.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::workspace_event::{Target, WorkspaceChange};
use crate::domain::{AccessChange, AccessChangeKind, AgentId, EventBody};

/// Revoked tokens, which have the effect of a changed role: the agent's streams are reset, and their access is read again.
const TOKENS_REVOKED: &str = "tokens_revoked";
/// The revoked token of a service. It has the same effect.
const SERVICE_TOKEN_REVOKED: &str = "service_token_revoked";

/// A change of access, and the actual change if it was added later.
#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(flatten)]
    change: AccessChange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
}

impl Image {
    fn of_access(change: &AccessChange) -> Self {
        let (kind, name) = match change.kind {
            AccessChangeKind::TokensRevoked => {
                (AccessChangeKind::RoleChanged, Some(TOKENS_REVOKED.to_owned()))
            }
            AccessChangeKind::ServiceTokenRevoked => {
                (AccessChangeKind::RoleChanged, Some(SERVICE_TOKEN_REVOKED.to_owned()))
            }
            kind => (kind, None),
        };
        Self { change: AccessChange { kind, ..change.clone() }, name, target: None }
    }

    /// An act that changes nobody's access: for older processes, a changed role of an agent who does not exist.
    fn of_workspace(change: &WorkspaceChange) -> Self {
        let nobody = AccessChange::new(AgentId(Uuid::nil()), AccessChangeKind::RoleChanged);
        let values = nobody.with(change.before.clone(), change.after.clone());
        Self { change: values, name: Some(change.kind.to_string()), target: change.target }
    }
}

/// The stored form of a change of access.
///
/// # Errors
/// If the change cannot be serialised.
pub(super) fn write_access(change: &AccessChange) -> serde_json::Result<String> {
    serde_json::to_string(&Image::of_access(change))
}

/// The stored form of an administrative act.
///
/// # Errors
/// If the act cannot be serialised.
pub(super) fn write_workspace(change: &WorkspaceChange) -> serde_json::Result<String> {
    serde_json::to_string(&Image::of_workspace(change))
}

/// Reads a stored change. A name of a later release is ignored.
///
/// # Errors
/// If the text is not a stored change.
pub(super) fn read(text: &str) -> serde_json::Result<EventBody> {
    let Image { change, name, target } = serde_json::from_str(text)?;
    Ok(match name.as_deref() {
        Some(TOKENS_REVOKED) => {
            EventBody::Access(AccessChange { kind: AccessChangeKind::TokensRevoked, ..change })
        }
        Some(SERVICE_TOKEN_REVOKED) => {
            EventBody::Access(AccessChange { kind: AccessChangeKind::ServiceTokenRevoked, ..change })
        }
        Some(name) => match name.parse() {
            Ok(kind) => {
                let act = WorkspaceChange::new(kind, target).with(change.before, change.after);
                EventBody::Workspace(Box::new(act))
            }
            Err(_) => EventBody::Access(change),
        },
        None => EventBody::Access(change),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PhoneNumberId;
    use crate::domain::workspace_event::WorkspaceEventKind;

    #[test]
    fn a_change_is_read_as_it_was_written_and_older_processes_read_every_change() {
        let number = PhoneNumberId(Uuid::from_u128(5));
        for kind in [
            AccessChangeKind::Granted(number),
            AccessChangeKind::Revoked(number),
            AccessChangeKind::Deactivated,
            AccessChangeKind::Reactivated,
            AccessChangeKind::RoleChanged,
            AccessChangeKind::TokensRevoked,
            AccessChangeKind::ServiceTokenRevoked,
        ] {
            let change = AccessChange::new(AgentId(Uuid::from_u128(7)), kind).with(None, Some("b".into()));
            let text = write_access(&change).unwrap();
            assert_eq!(read(&text).unwrap(), EventBody::Access(change.clone()), "{text}");
            let older: AccessChange = serde_json::from_str(&text).unwrap();
            assert_eq!(older.agent_id, change.agent_id, "{text}");
        }
        for kind in WorkspaceEventKind::ALL {
            for target in [None, Some(Target::PhoneNumber(number)), Some(Target::Agent(AgentId(Uuid::max())))]
            {
                let change = WorkspaceChange::new(*kind, target).with(Some("a".into()), None);
                let text = write_workspace(&change).unwrap();
                assert_eq!(read(&text).unwrap(), EventBody::Workspace(Box::new(change)), "{text}");
                let older: AccessChange = serde_json::from_str(&text).unwrap();
                assert_eq!(older.agent_id, AgentId(Uuid::nil()), "{text}");
            }
        }
    }

    #[test]
    fn an_act_of_a_later_release_is_read_as_what_older_processes_take_it_for() {
        let text =
            r#"{"agent_id":"00000000-0000-0000-0000-000000000000","change":"role_changed","name":"LATER"}"#;
        assert!(matches!(read(text), Ok(EventBody::Access(_))));
    }
}
