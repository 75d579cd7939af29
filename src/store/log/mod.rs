//! The tail of every transaction that changes something.

pub mod events;

use super::{Conn, StoreError, StoreResult};
use crate::clock::Timestamp;
use crate::domain::conversation::Change;
use crate::domain::counts::{Deltas, delta};
use crate::domain::{
    AccessChange, AgentId, ConversationEvent, Event, EventBody, MessageId, Snapshot, WorkspaceId,
};
use crate::failpoint::failpoint;
use crate::store::db::backend::pipelined;
use crate::store::log::events::EventRow;
use crate::store::tables::{conversations, counts, queue, read_markers, workspaces};

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
    store_snapshot(conn, change.before.as_ref(), &change.after).await
}

/// [`store`] and [`append`] of the one change of a conversation that `draft` tells of, and the end of the transaction:
/// nothing may follow.
///
/// All of it is one round trip, so that on PostgreSQL the workspace's row is locked for as long as the server works
/// on it, and not for as long as the network takes: the event takes its number from the row itself. Were the
/// conversation not as `draft` has it, the log would refuse a second event of its version, and nothing were stored.
pub async fn store_and_commit(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    draft: Draft,
) -> StoreResult<Event> {
    let event = Event { workspace_id, seq: 0, at: draft.at, actor: draft.actor, body: draft.body };
    let change = match &event.body {
        EventBody::Conversation(body) if body.before.is_some() => Some((body.before.as_ref(), &body.after)),
        EventBody::Access(_) => None,
        // Whether it is the first of its contact is known when it is stored, and then it is too late.
        EventBody::Conversation(_) => {
            return Err(StoreError::Damaged("a conversation that begins is not concluded at once".into()));
        }
    };
    // What cannot be written has to be known before anything is sent.
    let row = EventRow::try_from(&event)?;
    let mut deltas = Deltas::new();
    if let Some((before, after)) = change {
        delta(before, after, &mut deltas);
    }
    failpoint!("before_commit");
    let ((), ((seq, at), ())) = pipelined!(conn;
        |c| async {
            match change {
                Some((before, after)) => store_snapshot(c, before, after).await,
                None => Ok(()),
            }
        },
        |c| workspaces::take_numbers(c, workspace_id, 1, event.at),
        |c| write_next(c, &event, row, &deltas),
    );
    Ok(Event { seq, at, ..event })
}

/// Writes an event under the number, and at the time, that its workspace has taken last, and ends the transaction.
async fn write_next(conn: &mut Conn, event: &Event, row: EventRow, deltas: &Deltas) -> StoreResult<()> {
    let ((), ((), ((), ()))) = pipelined!(conn;
        |c| counts::apply(c, event.workspace_id, deltas),
        |c| events::insert_next(c, row),
        |c| queue::record_next(c, event),
        |c| c.commit(),
    );
    Ok(())
}

async fn store_snapshot(conn: &mut Conn, before: Option<&Snapshot>, after: &Snapshot) -> StoreResult<()> {
    let next = &after.conversation;
    let Some(before) = before else {
        let added = conversations::insert(conn, next).await?;
        return if added { Ok(()) } else { Err(StoreError::Changed) };
    };
    let version = before.conversation.version;
    let moved = moved_markers(before, after);
    if before.conversation == *next {
        return read_markers::set(conn, next, &moved).await;
    }
    let ((), ()) = pipelined!(conn;
        |c| conversations::replace(c, next, version),
        |c| read_markers::set(c, next, &moved),
    );
    Ok(())
}

/// How far each agent has read who became, or ceased to be, a reader by their own doing. An inbound message
/// leaves all markers behind it without touching any.
fn moved_markers(before: &Snapshot, after: &Snapshot) -> Vec<(AgentId, i32)> {
    let Some(last_inbound) = after.conversation.last_inbound else { return Vec::new() };
    let came = after.readers.iter().filter(|reader| !before.is_reader(**reader));
    let mut moved: Vec<_> = came.map(|reader| (*reader, last_inbound)).collect();
    if before.conversation.last_inbound == after.conversation.last_inbound {
        let left = before.readers.iter().filter(|reader| !after.is_reader(**reader));
        moved.extend(left.map(|reader| (*reader, last_inbound - 1)));
    }
    moved
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
    let n = i64::try_from(drafts.len()).unwrap_or(i64::MAX);
    let numbers = workspaces::take_numbers(conn, workspace_id, n, newest).await?;
    write(conn, workspace_id, drafts, numbers).await
}

/// Writes events under the numbers that were just taken for them, of which `numbers` holds the last, with the instant
/// of the workspace's last event.
async fn write(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    drafts: Vec<Draft>,
    numbers: (i64, Timestamp),
) -> StoreResult<Vec<Event>> {
    let mut deltas = Deltas::new();
    for draft in &drafts {
        if let EventBody::Conversation(body) = &draft.body {
            delta(body.before.as_ref(), &body.after, &mut deltas);
        }
    }
    let newest = drafts.iter().map(|draft| draft.at).max();
    let (last, stored) = numbers;
    let first = last + 1 - i64::try_from(drafts.len()).unwrap_or(i64::MAX);
    // The log was already past the clock: another process's runs ahead, or ours was set back.
    let mut at = if Some(stored) > newest { stored } else { Timestamp::from_micros(i64::MIN) };
    let mut new = Vec::with_capacity(drafts.len());
    for (seq, draft) in (first..).zip(drafts) {
        at = at.max(draft.at);
        new.push(Event { workspace_id, seq, at, actor: draft.actor, body: draft.body });
    }
    let ((), ((), ())) = pipelined!(conn;
        |c| counts::apply(c, workspace_id, &deltas),
        |c| events::insert(c, &new),
        |c| queue::record(c, &new),
    );
    failpoint!("before_commit");
    Ok(new)
}
