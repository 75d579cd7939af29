//! What live lists and open threads are told.

use std::sync::Arc;

use async_graphql::{Enum, ID, Interface, SimpleObject, Union};

use super::conversation::{Conversation, ConversationFields};
use super::event::ConversationEvent;
use crate::domain::view;
use crate::graphql::ids;
use crate::graphql::loaders::Loaders;
use crate::graphql::scalars::EventCursor;
use crate::service::{QueueItem, ResetReason, ThreadItem};

/// Why a live list ends and has to be fetched anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ResetReason")]
pub enum QueueResetReason {
    /// What you may see has changed.
    AccessChanged,
    /// The cursor in `after` is not one of this workspace.
    CursorInvalid,
    /// The cursor in `after` is older than what is kept.
    LogTruncated,
}

/// A conversation has come into the list.
#[derive(Clone, SimpleObject)]
pub struct ConversationEntered {
    /// The position after this change.
    cursor: EventCursor,
    /// The conversation as the change left it.
    conversation: Conversation,
    /// What happened to it.
    cause: Option<ConversationEvent>,
}

/// A conversation of the list has changed, and stays in it.
#[derive(Clone, SimpleObject)]
pub struct ConversationUpdated {
    /// The position after this change.
    cursor: EventCursor,
    /// The conversation as the change left it.
    conversation: Conversation,
    /// What happened to it.
    cause: Option<ConversationEvent>,
}

/// A conversation is no longer in the list.
#[derive(Clone, SimpleObject)]
pub struct ConversationLeft {
    /// The position after this change.
    cursor: EventCursor,
    /// The conversation that left.
    conversation_id: ID,
    /// Its version as the change left it. Ignore the removal when you hold a higher one.
    version: i32,
    /// What happened to it.
    cause: Option<ConversationEvent>,
}

/// You have everything up to here. Sent when you have caught up, and every now and then while nothing
/// happens, so that your cursor stays fresh.
#[derive(Clone, SimpleObject)]
pub struct QueueCheckpoint {
    /// The position you have come to.
    cursor: EventCursor,
}

/// The list has to be fetched anew: query it, then subscribe after its `asOf`. Nothing follows this.
#[derive(Clone, SimpleObject)]
pub struct QueueReset {
    /// The position at which the list ended.
    cursor: EventCursor,
    /// Why it ended.
    reason: QueueResetReason,
}

/// What happens to a live list. Rows are whole, so applying one twice does no harm.
#[derive(Clone, Union)]
pub enum QueueChange {
    Entered(ConversationEntered),
    Updated(ConversationUpdated),
    Left(ConversationLeft),
    Checkpoint(QueueCheckpoint),
    Reset(QueueReset),
}

/// What every item of a live list has.
#[derive(Clone, Interface)]
#[graphql(field(name = "cursor", ty = "&EventCursor", desc = "The position after this item."))]
pub enum QueueEvent {
    Entered(ConversationEntered),
    Updated(ConversationUpdated),
    Left(ConversationLeft),
    Checkpoint(QueueCheckpoint),
    Reset(QueueReset),
}

impl QueueChange {
    /// An item of a live list; it gets loaders of its own.
    pub fn new(item: QueueItem, loaders: &Arc<Loaders>) -> Self {
        match item {
            QueueItem::Checkpoint { seq } => {
                Self::Checkpoint(QueueCheckpoint { cursor: cursor(loaders, seq) })
            }
            QueueItem::Reset { seq, reason } => {
                Self::Reset(QueueReset { cursor: cursor(loaders, seq), reason: reason.into() })
            }
            QueueItem::Changed { seq, change, seen, cause } => {
                let cursor = cursor(loaders, seq);
                let loaders = loaders.renewed(Some(cause.related));
                let cause = ConversationEvent::new(cause.event, &loaders);
                let (id, version) = (seen.conversation.id, seen.conversation.version);
                let conversation = ConversationFields::object(seen, &loaders);
                match change {
                    view::QueueChange::Entered => {
                        Self::Entered(ConversationEntered { cursor, conversation, cause })
                    }
                    view::QueueChange::Updated => {
                        Self::Updated(ConversationUpdated { cursor, conversation, cause })
                    }
                    view::QueueChange::Left => {
                        let conversation_id = ids::encode(id);
                        Self::Left(ConversationLeft { cursor, conversation_id, version, cause })
                    }
                }
            }
        }
    }
}

/// What happens to one open thread: messages, assignment, status.
#[derive(Clone, SimpleObject)]
pub struct ConversationChange {
    /// The position after this item.
    cursor: EventCursor,
    /// What happened; null when you have merely caught up.
    event: Option<ConversationEvent>,
    /// The conversation as the event left it; null when you have merely caught up.
    conversation: Option<Conversation>,
    /// Set on the last item of all, when the thread has to be fetched anew.
    reset: Option<QueueResetReason>,
}

impl ConversationChange {
    /// An item of a thread; it gets loaders of its own.
    pub fn new(item: ThreadItem, loaders: &Arc<Loaders>) -> Self {
        let loaders = loaders.renewed(item.event.as_ref().map(|feed_event| feed_event.related.clone()));
        Self {
            cursor: cursor(&loaders, item.seq),
            event: item.event.and_then(|feed_event| ConversationEvent::new(feed_event.event, &loaders)),
            conversation: item.seen.map(|seen| ConversationFields::object(seen, &loaders)),
            reset: item.reset.map(Into::into),
        }
    }
}

/// The cursor of position `seq` in the caller's workspace.
pub fn cursor(loaders: &Loaders, seq: i64) -> EventCursor {
    EventCursor(loaders.services().cursor(loaders.caller().workspace_id(), seq))
}
