//! Texts presented as cursors and ids: whatever is read must be what is written, letter for letter.

#![no_main]

use base64::ConformingExecutor as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use switchboard::domain::{AgentId, ConversationId, WorkspaceId};
use switchboard::graphql::connection::{ConversationCursor, Cursor, HistoryNumber, MessageNumber};
use switchboard::graphql::ids;
use switchboard::service::live::cursor;
use switchboard::service::queries::violations::ViolationPosition;
use switchboard::store::Epoch;
use uuid::Uuid;

const EPOCH: Epoch = Epoch(Uuid::from_u128(0x0192_f0c1_7a3e_7c11_8a4b_0123_4567_89ab));
const WORKSPACE: WorkspaceId = WorkspaceId(Uuid::from_u128(0x0192_f0c1_7a3e_7d22_9b5c_fedc_ba98_7654));

fuzz_target!(|text: &str| {
    read_back::<MessageNumber>(text);
    read_back::<HistoryNumber>(text);
    read_back::<AgentId>(text);
    read_back::<ConversationCursor>(text);
    read_back::<ViolationPosition>(text);

    if let Some(seq) = cursor::decode(EPOCH, WORKSPACE, text) {
        assert!(seq >= 0);
        assert_eq!(cursor::encode(EPOCH, WORKSPACE, seq), text);
    }
    // The same bytes as a number: every cursor that is made is read, and by its own log only.
    if let Some(bytes) = text.as_bytes().first_chunk() {
        let seq = i64::from_be_bytes(*bytes);
        let made = cursor::encode(EPOCH, WORKSPACE, seq);
        assert_eq!(cursor::decode(EPOCH, WORKSPACE, &made), (seq >= 0).then_some(seq));
        assert_eq!(cursor::decode(Epoch(WORKSPACE.0), WorkspaceId(EPOCH.0), &made), None);
    }

    if let Some(id) = ids::decode::<ConversationId>(text) {
        assert_eq!(*ids::encode(id), text);
    }
    if let Some(ids::AnyId::Event(workspace, seq)) = ids::decode_any(text) {
        assert_eq!(*ids::encode_event(workspace, seq), text);
    }
});

/// Both as a client sends it, and as what is inside the base64.
fn read_back<C: Cursor>(text: &str) {
    let wrapped = URL_SAFE_NO_PAD.encode(format!("{}:{text}", C::TAG));
    for cursor in [text, &wrapped] {
        if let Some(place) = C::decode(cursor) {
            assert_eq!(place.encode(), cursor, "a cursor that was never handed out is read");
        }
    }
}
