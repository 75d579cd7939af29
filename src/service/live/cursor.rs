//! Cursors: positions in a log, as clients carry them.
//!
//! A cursor names the epoch of the store, the workspace and the number of the last event seen. It grants
//! nothing: whoever presents one is checked as if they had none. One of another epoch, of another workspace or
//! that was never handed out reads as `None`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::WorkspaceId;
use crate::store::Epoch;

/// The first byte, so that another form can be told apart later.
const FORM: u8 = 1;

/// The cursor for event number `seq`.
pub fn encode(epoch: Epoch, workspace: WorkspaceId, seq: i64) -> String {
    let mut bytes = [0; 17];
    bytes[0] = FORM;
    bytes[1..9].copy_from_slice(&log_tag(epoch, workspace));
    bytes[9..].copy_from_slice(&seq.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The event number in a cursor of this log.
pub fn decode(epoch: Epoch, workspace: WorkspaceId, cursor: &str) -> Option<i64> {
    let bytes: [u8; 17] = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
    let seq = i64::from_be_bytes(bytes[9..].try_into().ok()?);
    (bytes[0] == FORM && bytes[1..9] == log_tag(epoch, workspace) && seq >= 0).then_some(seq)
}

/// Tells logs apart. Both ids are mostly random, so folding them keeps chance collisions out of reach.
fn log_tag(epoch: Epoch, workspace: WorkspaceId) -> [u8; 8] {
    let (epoch_high, epoch_low) = epoch.0.as_u64_pair();
    let (high, low) = workspace.0.as_u64_pair();
    (epoch_high ^ epoch_low.rotate_left(17) ^ high.rotate_left(31) ^ low.rotate_left(47)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use crate::service::live::cursor::*;
    use uuid::Uuid;

    #[test]
    fn a_cursor_is_good_for_its_own_log_only() {
        let (epoch, workspace) = (Epoch(Uuid::now_v7()), WorkspaceId(Uuid::now_v7()));
        let cursor = encode(epoch, workspace, 42);
        assert_eq!(decode(epoch, workspace, &cursor), Some(42));
        assert_eq!(decode(Epoch(Uuid::now_v7()), workspace, &cursor), None);
        assert_eq!(decode(epoch, WorkspaceId(Uuid::now_v7()), &cursor), None);
        for forged in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAA", &cursor[1..], &format!("{cursor}A")] {
            assert_eq!(decode(epoch, workspace, forged), None, "{forged}");
        }
    }
}
