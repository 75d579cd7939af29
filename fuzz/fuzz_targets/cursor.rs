//! Any text as a cursor or an id: whatever decodes must encode to exactly the same text.

#![no_main]

use base64::Engine as _;
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
    round_trip::<MessageNumber>(text);
    round_trip::<HistoryNumber>(text);
    round_trip::<AgentId>(text);
    round_trip::<ConversationCursor>(text);
    round_trip::<ViolationPosition>(text);

    if let Some(seq) = cursor::decode(EPOCH, WORKSPACE, text) {
        assert!(seq >= 0);
        assert_eq!(cursor::encode(EPOCH, WORKSPACE, seq), text);
    }
    // The same bytes as a sequence number: every encoded cursor decodes, but only with its own epoch and workspace.
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

/// Decodes `text` as a client would send it, and as the content of the base64.
fn round_trip<C: Cursor>(text: &str) {
    let wrapped = URL_SAFE_NO_PAD.encode(format!("{}:{text}", C::TAG));
    for cursor in [text, &wrapped] {
        if let Some(position) = C::decode(cursor) {
            assert_eq!(position.encode(), cursor, "a text that the server never encoded decodes");
        }
    }
}
