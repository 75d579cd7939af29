//! The items of `queueChanges` and `conversationChanged`.

use std::sync::Arc;

use async_graphql::{Enum, ID, Interface, SimpleObject, Union};

use super::conversation::{Conversation, ConversationFields};
use super::event::ConversationEvent;
use crate::domain::view;
use crate::graphql::ids;
use crate::graphql::loaders::Loaders;
use crate::graphql::scalars::EventCursor;
use crate::service::{QueueItem, ResetReason, ThreadItem};

/// The reason why a subscription ended. Query the data again after each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ResetReason")]
pub enum QueueResetReason {
    /// Your access has changed.
    AccessChanged,
    /// The cursor in `after` does not belong to this workspace.
    CursorInvalid,
    /// The cursor in `after` is older than the events that the server keeps.
    LogTruncated,
}

/// A conversation was added to the list.
#[derive(Clone, SimpleObject)]
pub struct ConversationEntered {
    /// The position in the event log after this change.
    cursor: EventCursor,
    /// The conversation after the change.
    conversation: Conversation,
    /// The event that caused the change.
    cause: Option<ConversationEvent>,
}

/// A conversation in the list has changed.
#[derive(Clone, SimpleObject)]
pub struct ConversationUpdated {
    /// The position in the event log after this change.
    cursor: EventCursor,
    /// The conversation after the change.
    conversation: Conversation,
    /// The event that caused the change.
    cause: Option<ConversationEvent>,
}

/// A conversation was removed from the list.
#[derive(Clone, SimpleObject)]
pub struct ConversationLeft {
    /// The position in the event log after this change.
    cursor: EventCursor,
    /// The id of the conversation that was removed.
    conversation_id: ID,
    /// The conversation's version after the change. Ignore the removal if you hold a copy with a higher version.
    version: i32,
    /// The event that caused the change.
    cause: Option<ConversationEvent>,
}

/// A position up to which you have received every change. The server sends a checkpoint when the replay is complete,
/// and periodically while the list does not change, so that your cursor stays valid.
#[derive(Clone, SimpleObject)]
pub struct QueueCheckpoint {
    /// The position in the event log up to which you have received every change.
    cursor: EventCursor,
}

/// The last item of a subscription that has ended. Query the list again, then subscribe with the new `asOf` of the
/// list.
#[derive(Clone, SimpleObject)]
pub struct QueueReset {
    /// The position in the event log at which the subscription ended.
    cursor: EventCursor,
    /// Why the subscription ended.
    reason: QueueResetReason,
}

/// A change to a live list. An item contains the whole conversation, so applying the item twice is harmless.
#[derive(Clone, Union)]
pub enum QueueChange {
    Entered(ConversationEntered),
    Updated(ConversationUpdated),
    Left(ConversationLeft),
    Checkpoint(QueueCheckpoint),
    Reset(QueueReset),
}

/// The fields that every item of `queueChanges` has.
#[derive(Clone, Interface)]
#[graphql(field(
    name = "cursor",
    ty = "&EventCursor",
    desc = "The position in the event log after this item. Pass it as `after` to resume."
))]
pub enum QueueEvent {
    Entered(ConversationEntered),
    Updated(ConversationUpdated),
    Left(ConversationLeft),
    Checkpoint(QueueCheckpoint),
    Reset(QueueReset),
}

impl QueueChange {
    /// Converts an item of a live list. The item gets its own loaders.
    pub fn new(item: QueueItem, loaders: &Arc<Loaders>) -> Self {
        match item {
            QueueItem::Checkpoint { seq } => {
                Self::Checkpoint(QueueCheckpoint { cursor: cursor(loaders, seq) })
            }
            QueueItem::Reset { seq, reason } => {
                Self::Reset(QueueReset { cursor: cursor(loaders, seq), reason: reason.into() })
            }
            QueueItem::Changed { seq, change, visible, cause } => {
                let cursor = cursor(loaders, seq);
                let loaders = loaders.renewed(Some(cause.related));
                let cause = ConversationEvent::new(cause.event, &loaders);
                let (id, version) = (visible.conversation.id, visible.conversation.version);
                let conversation = ConversationFields::object(visible, &loaders);
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

/// A change to one conversation: a message, a new assignee or a new status.
#[derive(Clone, SimpleObject)]
pub struct ConversationChange {
    /// The position in the event log after this item. Pass it as `after` to resume.
    cursor: EventCursor,
    /// The event that caused the change. Null on the first item of a subscription without `after`, on an item that says
    /// that you have received every event up to `cursor`, and on the last item (see `reset`).
    event: Option<ConversationEvent>,
    /// The conversation after the event. The first item of a subscription without `after` has no event and contains the
    /// current conversation. Null on every other item without an event.
    conversation: Option<Conversation>,
    /// Why the subscription has ended. Query the conversation again, then subscribe again. Null on all items except the
    /// last.
    reset: Option<QueueResetReason>,
}

impl ConversationChange {
    /// Converts an item of a conversation's stream. The item gets its own loaders.
    pub fn new(item: ThreadItem, loaders: &Arc<Loaders>) -> Self {
        let loaders = loaders.renewed(item.event.as_ref().map(|feed_event| feed_event.related.clone()));
        Self {
            cursor: cursor(&loaders, item.seq),
            event: item.event.and_then(|feed_event| ConversationEvent::new(feed_event.event, &loaders)),
            conversation: item.visible.map(|visible| ConversationFields::object(visible, &loaders)),
            reset: item.reset.map(Into::into),
        }
    }
}

/// The cursor of position `seq` in the event log of the caller's workspace.
pub fn cursor(loaders: &Loaders, seq: i64) -> EventCursor {
    EventCursor(loaders.services().cursor(loaders.caller().workspace_id(), seq))
}
