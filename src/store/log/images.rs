//! The stored form of changes of access.
//!
//! While a release is rolled out, processes of the previous release read the same log, and fail on a change that they do
//! not know. A change that was added later is therefore stored as one that they do know and that has the same effect,
//! with the name of the actual change next to it. They ignore the name.

use serde::{Deserialize, Serialize};

use crate::domain::{AccessChange, AccessChangeKind};

/// Revoked tokens, which have the effect of a changed role: the agent's streams are reset, and their access is read again.
const TOKENS_REVOKED: &str = "tokens_revoked";

/// A change of access with its actual name, if it was added later.
#[derive(Serialize, Deserialize)]
struct Image {
    #[serde(flatten)]
    change: AccessChange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// The stored form of a change.
///
/// # Errors
/// If the change cannot be serialised.
pub(super) fn write(change: &AccessChange) -> serde_json::Result<String> {
    let (kind, name) = match change.kind {
        AccessChangeKind::TokensRevoked => (AccessChangeKind::RoleChanged, Some(TOKENS_REVOKED.to_owned())),
        kind => (kind, None),
    };
    serde_json::to_string(&Image { change: AccessChange { agent_id: change.agent_id, kind }, name })
}

/// Reads a stored change. A name of a later release is ignored.
///
/// # Errors
/// If the text is not a change of access.
pub(super) fn read(text: &str) -> serde_json::Result<AccessChange> {
    let Image { change, name } = serde_json::from_str(text)?;
    Ok(match name.as_deref() {
        Some(TOKENS_REVOKED) => AccessChange { kind: AccessChangeKind::TokensRevoked, ..change },
        _ => change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AgentId, PhoneNumberId};
    use uuid::Uuid;

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
        ] {
            let change = AccessChange { agent_id: AgentId(Uuid::from_u128(7)), kind };
            let text = write(&change).unwrap();
            assert_eq!(read(&text).unwrap(), change, "{text}");
            let older: AccessChange = serde_json::from_str(&text).unwrap();
            assert_eq!(older.agent_id, change.agent_id, "{text}");
        }
    }
}
