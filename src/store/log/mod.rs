//! The last step of every transaction that changes something: it writes the events.

pub mod events;
mod images;
mod transaction;

use super::{Conn, StoreError, StoreResult};
use crate::clock::Timestamp;
use crate::domain::conversation::Change;
use crate::domain::counts::{Deltas, delta};
use crate::domain::{AgentId, ConversationEvent, Event, EventBody, MessageId, Snapshot, WorkspaceId};
use crate::failpoint::failpoint;
use crate::store::db::conn::pipelined;
use crate::store::log::events::EventRow;
use crate::store::tables::{conversations, counts, queue, read_markers, workspaces};

pub use transaction::{Appended, LogTx};

/// An event that has no sequence number yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// When the change was decided. The event gets a later time if the log already has a later event.
    pub at: Timestamp,
    pub actor: Option<AgentId>,
    pub body: EventBody,
}

impl Draft {
    /// The event of a change of a conversation.
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

    /// Adds the note that the actor wrote for their colleagues.
    pub fn with_note(mut self, note: Option<String>) -> Self {
        if let EventBody::Conversation(body) = &mut self.body {
            body.note = note;
        }
        self
    }

    /// The event of a change of access or an administrative act.
    pub fn act(body: EventBody, at: Timestamp, actor: Option<AgentId>) -> Self {
        Self { at, actor, body }
    }
}

/// Stores a conversation as it is after a change.
///
/// Must be called before [`append`]. Unless the change creates the conversation, the caller must have locked its row.
pub async fn store(conn: &mut Conn, change: &Change) -> StoreResult<()> {
    store_snapshot(conn, change.before.as_ref(), &change.after).await
}

/// Does [`store`] and [`append`] for the single change in `draft`, and commits. No statement can follow.
///
/// Everything is sent in one round trip, because the event takes its sequence number from the workspace's row inside
/// the database. So on PostgreSQL the row is locked only while the server works, and not while the network does.
///
/// If the stored conversation differs from the one in `draft`, the log already has an event of that version. Then its
/// unique index rejects the new event, and nothing is stored.
pub async fn store_and_commit(tx: LogTx<'_>, workspace_id: WorkspaceId, draft: Draft) -> StoreResult<Event> {
    let event = Event { workspace_id, seq: 0, at: draft.at, actor: draft.actor, body: draft.body };
    let change = match &event.body {
        EventBody::Conversation(body) if body.before.is_some() => Some((body.before.as_ref(), &body.after)),
        EventBody::Access(_) | EventBody::Workspace(_) => None,
        // Only the insertion shows whether the contact already has a conversation, and by then all is sent.
        EventBody::Conversation(_) => {
            let why = "a new conversation cannot be stored and committed in one step";
            return Err(StoreError::Damaged(why.into()));
        }
    };
    // Serialisation may fail, so it comes before the first statement.
    let row = EventRow::try_from(&event)?;
    let mut deltas = Deltas::new();
    if let Some((before, after)) = change {
        delta(before, after, &mut deltas);
    }
    failpoint!("before_commit");
    let conn = tx.appending();
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

/// Writes an event with the workspace's newest sequence number and timestamp, and commits.
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

/// The new read markers of the agents who read or unread the conversation in this change.
///
/// An inbound message makes a conversation unread for all agents without changing a marker.
fn moved_markers(before: &Snapshot, after: &Snapshot) -> Vec<(AgentId, i32)> {
    let Some(last_inbound) = after.conversation.last_inbound else { return Vec::new() };
    let added = after.readers.iter().filter(|reader| !before.is_reader(**reader));
    let mut moved: Vec<_> = added.map(|reader| (*reader, last_inbound)).collect();
    if before.conversation.last_inbound == after.conversation.last_inbound {
        let removed = before.readers.iter().filter(|reader| !after.is_reader(**reader));
        moved.extend(removed.map(|reader| (*reader, last_inbound - 1)));
    }
    moved
}

/// Numbers the events, updates the counters, and writes the log and the queue flows.
///
/// This is the last step of a transaction, which it consumes. The workspace's row is locked from here to the commit, so
/// sequence numbers are in commit order and without gaps. Do nothing slow after this call.
pub async fn append(tx: LogTx<'_>, workspace_id: WorkspaceId, drafts: Vec<Draft>) -> StoreResult<Vec<Event>> {
    let Some(newest) = drafts.iter().map(|draft| draft.at).max() else { return Ok(Vec::new()) };
    let conn = tx.appending();
    let n = i64::try_from(drafts.len()).unwrap_or(i64::MAX);
    let numbers = workspaces::take_numbers(conn, workspace_id, n, newest).await?;
    write(conn, workspace_id, drafts, numbers).await
}

/// Appends to the logs of several workspaces. Takes their locks in the order of their ids, as every transaction on several
/// workspaces must.
pub async fn append_to_each(tx: LogTx<'_>, mut logs: Vec<(WorkspaceId, Vec<Draft>)>) -> StoreResult<()> {
    logs.sort_by_key(|(workspace, _)| *workspace);
    let conn = tx.appending();
    for (workspace_id, drafts) in logs {
        let Some(newest) = drafts.iter().map(|draft| draft.at).max() else { continue };
        let n = i64::try_from(drafts.len()).unwrap_or(i64::MAX);
        let numbers = workspaces::take_numbers(conn, workspace_id, n, newest).await?;
        write(conn, workspace_id, drafts, numbers).await?;
    }
    Ok(())
}

/// Writes events with the sequence numbers that were just taken for them.
///
/// `numbers` holds the last of these numbers and the timestamp of the workspace's last event.
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
    // The last event may be later than this process's clock: another process's clock is ahead, or this one was set
    // back.
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
