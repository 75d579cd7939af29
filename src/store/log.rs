//! The tail of every transaction that changes something.

use super::{Conn, StoreResult, conversations, counts, events, queue, read_markers, workspaces};
use crate::clock::Timestamp;
use crate::domain::conversation::Change;
use crate::domain::counts::{Deltas, delta};
use crate::domain::{
    AccessChange, AgentId, ConversationEvent, Event, EventBody, MessageId, Snapshot, WorkspaceId,
};
use crate::failpoint::failpoint;

/// An event that has no number yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// When it was decided. The event is never earlier than the one before it.
    pub at: Timestamp,
    pub actor: Option<AgentId>,
    pub body: EventBody,
}

impl Draft {
    /// What the log says of a change of a conversation.
    pub fn of(change: Change, at: Timestamp, actor: Option<AgentId>, message_id: Option<MessageId>) -> Self {
        let body = ConversationEvent {
            kind: change.kind,
            before: change.before,
            after: change.after,
            message_id,
            reason: change.reason.map(str::to_owned),
            note: None,
        };
        Self { at, actor, body: EventBody::Conversation(Box::new(body)) }
    }

    /// The same, with what the actor wrote beside it for colleagues.
    pub fn with_note(mut self, note: Option<String>) -> Self {
        if let EventBody::Conversation(body) = &mut self.body {
            body.note = note;
        }
        self
    }

    /// What the log says of a change of access.
    pub fn access(change: AccessChange, at: Timestamp, actor: Option<AgentId>) -> Self {
        Self { at, actor, body: EventBody::Access(change) }
    }
}

/// Stores the conversation that a change leads to. Its row, unless the change begins it, is locked by the
/// caller. Comes before [`append`].
pub async fn store(conn: &mut Conn, change: &Change) -> StoreResult<()> {
    let Some(before) = &change.before else {
        let added = conversations::insert(conn, &change.after.conversation).await?;
        return if added { Ok(()) } else { Err(super::StoreError::Changed) };
    };
    if before.conversation != change.after.conversation {
        conversations::replace(conn, &change.after.conversation, before.conversation.version).await?;
    }
    store_readers(conn, before, &change.after).await
}

/// Moves the markers of the agents who became, or ceased to be, readers by their own doing. An inbound message
/// leaves all markers behind it without touching any.
async fn store_readers(conn: &mut Conn, before: &Snapshot, after: &Snapshot) -> StoreResult<()> {
    let Some(last_inbound) = after.conversation.last_inbound else { return Ok(()) };
    for reader in after.readers.iter().filter(|reader| !before.is_reader(**reader)) {
        read_markers::set(conn, &after.conversation, *reader, last_inbound).await?;
    }
    if before.conversation.last_inbound == after.conversation.last_inbound {
        for reader in before.readers.iter().filter(|reader| !after.is_reader(**reader)) {
            read_markers::set(conn, &after.conversation, *reader, last_inbound - 1).await?;
        }
    }
    Ok(())
}

/// Numbers the events, moves the counters and writes the log, and what of it concerns the queue beside it.
///
/// This is the last thing a transaction does: the workspace's row is locked from here to the commit, so number
/// order is commit order, without gaps. Nothing may be locked after it and nothing slow may follow.
pub async fn append(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    drafts: Vec<Draft>,
) -> StoreResult<Vec<Event>> {
    let Some(newest) = drafts.iter().map(|draft| draft.at).max() else { return Ok(Vec::new()) };
    let mut deltas = Deltas::new();
    for draft in &drafts {
        if let EventBody::Conversation(body) = &draft.body {
            delta(body.before.as_ref(), &body.after, &mut deltas);
        }
    }
    let n = i64::try_from(drafts.len()).unwrap_or(i64::MAX);
    let (last, stored) = workspaces::take_numbers(conn, workspace_id, n, newest).await?;
    counts::apply(conn, workspace_id, &deltas).await?;
    // The log was already past the clock: another process's runs ahead, or ours was set back.
    let mut at = if stored > newest { stored } else { Timestamp::from_micros(i64::MIN) };
    let mut new = Vec::with_capacity(drafts.len());
    for (seq, draft) in (last - n + 1..).zip(drafts) {
        at = at.max(draft.at);
        new.push(Event { workspace_id, seq, at, actor: draft.actor, body: draft.body });
    }
    events::insert(conn, &new).await?;
    queue::record(conn, &new).await?;
    failpoint!("before_commit");
    Ok(new)
}
