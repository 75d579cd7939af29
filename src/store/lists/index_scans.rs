//! The definition of a list, and the index scans that read it. The queries are in the parent module.
//!
//! A list may be ordered by a key that some conversations do not have. Those come last in both directions. So a list
//! has two segments, one after the other: the conversations with the key, and those without it, ordered by id.
//!
//! A segment is either one scan of the workspace that skips the other phone numbers, or one scan per phone number.
//! Every scan has an index that returns exactly its rows in its order; a test checks the query plans.

use crate::clock::Timestamp;
use crate::domain::counts::{Bucket, Holder};
use crate::domain::{AgentId, Conversation, ConversationId, PhoneNumberId, Status, View, WorkspaceId};

/// The key by which a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderField {
    LastActivity,
    WaitingSince,
    UnassignedSince,
}

impl OrderField {
    /// Whether some conversations do not have the key.
    fn is_nullable(self) -> bool {
        !matches!(self, Self::LastActivity)
    }
}

/// The keyset position of a row in a list: its key, if it has one, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub key: Option<Timestamp>,
    pub id: ConversationId,
}

/// The filters and the order of a list of conversations.
#[derive(Debug, Clone)]
pub struct List {
    pub workspace_id: WorkspaceId,
    /// The agent who reads the list.
    pub viewer: AgentId,
    /// The phone numbers of the list. The caller must leave out the numbers that the viewer cannot access.
    pub phone_number_ids: Vec<PhoneNumberId>,
    /// Whether to scan each phone number separately, because they have only a small part of the workspace's
    /// conversations.
    pub per_number_scans: bool,
    /// Whether to look up the viewer's unread conversations by the unread buckets, because there are too many open
    /// conversations to scan.
    pub use_unread_buckets: bool,
    pub view: View,
    pub status: Option<Status>,
    pub unread: Option<bool>,
    /// An estimate of the number of conversations in the workspace.
    pub row_estimate: i64,
    /// Folded words. Each must be the beginning of some word of the conversation.
    pub words: Vec<String>,
    pub field: OrderField,
    pub ascending: bool,
}

/// A part of a list, and the direction in which to read it.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub after: Option<Position>,
    pub before: Option<Position>,
    /// Read from the end of the list towards its beginning.
    pub backward: bool,
    pub limit: usize,
}

/// One of the two parts of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    WithKey,
    WithoutKey,
}

/// A scan of one index. `None` stands for all phone numbers and all statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexScan {
    pub number: Option<PhoneNumberId>,
    pub status: Option<Status>,
}

impl List {
    /// The position of a conversation in this list.
    pub fn position(&self, conversation: &Conversation) -> Position {
        let key = match self.field {
            OrderField::LastActivity => Some(conversation.last_activity_at),
            OrderField::WaitingSince => conversation.waiting_since(),
            OrderField::UnassignedSince => conversation.unassigned_since(),
        };
        Position { key, id: conversation.id }
    }

    /// The segments that overlap `window`, in scan order.
    pub(super) fn segments(&self, window: &Window) -> Vec<Segment> {
        let mut segments = vec![Segment::WithKey];
        if self.field.is_nullable() {
            segments.push(Segment::WithoutKey);
        }
        match (self.field, self.view, self.status) {
            // In a closed conversation no customer waits, and an owned conversation is not unassigned.
            (OrderField::WaitingSince, _, Some(Status::Closed))
            | (OrderField::UnassignedSince, View::AssignedToMe, _) => {
                segments.retain(|segment| *segment == Segment::WithoutKey);
            }
            (OrderField::UnassignedSince, View::Unassigned, _) => {
                segments.retain(|segment| *segment == Segment::WithKey);
            }
            _ => {}
        }
        if window.after.is_some_and(|after| after.key.is_none()) {
            segments.retain(|segment| *segment == Segment::WithoutKey);
        }
        if window.before.is_some_and(|before| before.key.is_some()) {
            segments.retain(|segment| *segment == Segment::WithKey);
        }
        if window.backward {
            segments.reverse();
        }
        segments
    }

    /// The only status in the list, if it has one. An unread list has only open conversations.
    pub(super) fn scanned_status(&self) -> Option<Status> {
        if self.unread == Some(true) { Some(Status::Open) } else { self.status }
    }

    /// The scans of a segment. Each scan has an index in exactly its order.
    pub(super) fn index_scans(&self, segment: Segment) -> Vec<IndexScan> {
        let per_number_scans = self.per_number_scans
            && match (segment, self.view, self.field) {
                (Segment::WithoutKey, ..) => false,
                (_, View::Inbox, _) => true,
                // An agent owns few conversations, and most of them are on phone numbers that the agent can access.
                (_, View::AssignedToMe, _) => false,
                (_, View::Unassigned, field) => field != OrderField::WaitingSince,
            };
        let numbers: Vec<Option<PhoneNumberId>> = if per_number_scans {
            self.phone_number_ids.iter().copied().map(Some).collect()
        } else {
            vec![None]
        };
        let is_unassigned = self.view == View::Unassigned || self.field == OrderField::UnassignedSince;
        // Some indexes are ordered by status first.
        let by_status = match segment {
            Segment::WithKey => per_number_scans && is_unassigned,
            Segment::WithoutKey => self.view != View::Inbox,
        };
        let statuses = match self.scanned_status() {
            // A customer waits only in an open conversation.
            _ if self.field == OrderField::WaitingSince && segment == Segment::WithKey => vec![None],
            None if by_status => vec![Some(Status::Open), Some(Status::Closed)],
            status => vec![status],
        };
        let of_number = |number| statuses.iter().map(move |&status| IndexScan { number, status });
        numbers.into_iter().flat_map(of_number).collect()
    }

    /// The columns that order the scans of a segment, each with whether it is ascending.
    pub(super) fn order(&self, segment: Segment, window: &Window) -> Vec<(&'static str, bool)> {
        let ascending = self.ascending != window.backward;
        let key = match (segment, self.field) {
            (Segment::WithoutKey, _) => None,
            (_, OrderField::LastActivity) => Some("last_activity_at"),
            (_, OrderField::WaitingSince) => Some("waiting_since"),
            (_, OrderField::UnassignedSince) => Some("unassigned_since"),
        };
        let per_number_scans = self.index_scans(segment).iter().any(|scan| scan.number.is_some());
        let by_assignee =
            self.view == View::Unassigned && self.field != OrderField::UnassignedSince && !per_number_scans;
        // PostgreSQL does not know that a column which is null in all rows does not affect the order, and would sort.
        let constant = by_assignee.then_some("assignee_id");
        [constant, key, Some("id")].into_iter().flatten().map(|column| (column, ascending)).collect()
    }

    /// The counters of the list: whose conversations, and in which buckets the viewer's read conversations are counted.
    pub(super) fn counters(&self) -> (Holder, Vec<Bucket>) {
        match self.view {
            View::Inbox => (Holder::All, vec![Bucket::Mine, Bucket::Unassigned, Bucket::Others]),
            View::AssignedToMe => (Holder::Agent(self.viewer), vec![Bucket::Mine]),
            View::Unassigned => (Holder::Unassigned, vec![Bucket::Unassigned]),
        }
    }
}
