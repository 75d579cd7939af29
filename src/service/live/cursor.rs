//! Cursors: opaque positions in a log.
//!
//! A cursor contains the epoch of the store, the workspace and the number of the last event that the client has
//! received. A cursor grants no access: a caller with a cursor is checked like any other. A malformed cursor, and a
//! cursor of another epoch or workspace, decodes to `None`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::WorkspaceId;
use crate::store::Epoch;

/// The version of the format, in the first byte.
const FORMAT_VERSION: u8 = 1;

/// Encodes a cursor at event number `seq`.
pub fn encode(epoch: Epoch, workspace: WorkspaceId, seq: i64) -> String {
    let mut bytes = [0; 17];
    bytes[0] = FORMAT_VERSION;
    bytes[1..9].copy_from_slice(&log_tag(epoch, workspace));
    bytes[9..].copy_from_slice(&seq.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes the event number of a cursor; `None` when it is not a cursor of this log.
pub fn decode(epoch: Epoch, workspace: WorkspaceId, cursor: &str) -> Option<i64> {
    let bytes: [u8; 17] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
    let seq = i64::from_be_bytes(bytes[9..].try_into().ok()?);
    (bytes[0] == FORMAT_VERSION && bytes[1..9] == log_tag(epoch, workspace) && seq >= 0).then_some(seq)
}

/// A hash that identifies a log. Both ids are mostly random, so a collision is very unlikely.
fn log_tag(epoch: Epoch, workspace: WorkspaceId) -> [u8; 8] {
    let (epoch_high, epoch_low) = epoch.0.as_u64_pair();
    let (high, low) = workspace.0.as_u64_pair();
    (epoch_high ^ epoch_low.rotate_left(17) ^ high.rotate_left(31) ^ low.rotate_left(47)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use crate::service::live::cursor::*;

    #[test]
    fn a_cursor_is_valid_for_its_own_log_only() {
        let (epoch, workspace) = (Epoch(crate::random::unique()), WorkspaceId::generate());
        let cursor = encode(epoch, workspace, 42);
        assert_eq!(decode(epoch, workspace, &cursor), Some(42));
        assert_eq!(decode(Epoch(crate::random::unique()), workspace, &cursor), None);
        assert_eq!(decode(epoch, WorkspaceId::generate(), &cursor), None);
        for forged in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAA", &cursor[1..], &format!("{cursor}A")] {
            assert_eq!(decode(epoch, workspace, forged), None, "{forged}");
        }
    }
}
