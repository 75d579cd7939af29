//! What a list is, and the walks along indexes that make it; no query.
//!
//! Conversations without the key that a list is ordered by come last in both directions, so a list has two segments,
//! one after the other: those with the key, and those without, by id. A segment is one walk over the workspace that
//! skips the numbers that are not looked at, or one walk for each number. Every walk has an index that yields exactly
//! its rows in its order; a test reads the plans.

use crate::clock::Timestamp;
use crate::domain::counts::{Bucket, Holder};
use crate::domain::{AgentId, Conversation, ConversationId, PhoneNumberId, Status, View, WorkspaceId};

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderField {
    LastActivity,
    WaitingSince,
    UnassignedSince,
}

impl OrderField {
    /// Whether some conversations lack the key.
    fn is_nullable(self) -> bool {
        !matches!(self, Self::LastActivity)
    }
}

/// A place between two rows of a list: the key of the row there, if it has one, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub key: Option<Timestamp>,
    pub id: ConversationId,
}

/// Which conversations, in which order.
#[derive(Debug, Clone)]
pub struct List {
    pub workspace_id: WorkspaceId,
    /// The agent who looks.
    pub viewer: AgentId,
    /// The numbers to look at; those that the viewer cannot access are the caller's to leave out.
    pub phone_number_ids: Vec<PhoneNumberId>,
    /// Whether each number is walked by itself, because together they hold little of the workspace.
    pub per_number_scans: bool,
    /// Whether the few that the viewer has not read, should they be few, are looked up slot by slot, because there
    /// are too many open ones to walk past.
    pub use_unread_buckets: bool,
    pub view: View,
    pub status: Option<Status>,
    pub unread: Option<bool>,
    /// About how many conversations the workspace has.
    pub row_estimate: i64,
    /// Folded words, each of which has to begin some word of the conversation.
    pub words: Vec<String>,
    pub field: OrderField,
    pub ascending: bool,
}

/// Which part of a list, and from which end.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub after: Option<Position>,
    pub before: Option<Position>,
    /// From the end of the list towards its beginning.
    pub backward: bool,
    pub limit: usize,
}

/// One of the two parts that make a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    WithKey,
    WithoutKey,
}

/// A walk along one index; all numbers and all statuses where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexScan {
    pub number: Option<PhoneNumberId>,
    pub status: Option<Status>,
}

impl List {
    /// Where a conversation stands in this list.
    pub fn position(&self, conversation: &Conversation) -> Position {
        let key = match self.field {
            OrderField::LastActivity => Some(conversation.last_activity_at),
            OrderField::WaitingSince => conversation.waiting_since(),
            OrderField::UnassignedSince => conversation.unassigned_since(),
        };
        Position { key, id: conversation.id }
    }

    /// The segments that can reach into `window`, in the order of the walk.
    pub(super) fn segments(&self, window: &Window) -> Vec<Segment> {
        let mut segments = vec![Segment::WithKey];
        if self.field.is_nullable() {
            segments.push(Segment::WithoutKey);
        }
        match (self.field, self.view, self.status) {
            // A closed conversation waits for nobody, and an owned one is not unassigned.
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

    /// The one status that the list shows; an unread list shows open conversations only.
    pub(super) fn walked_status(&self) -> Option<Status> {
        if self.unread == Some(true) { Some(Status::Open) } else { self.status }
    }

    /// The walks that a segment consists of, so that each has an index of its own.
    pub(super) fn index_scans(&self, segment: Segment) -> Vec<IndexScan> {
        let per_number_scans = self.per_number_scans
            && match (segment, self.view, self.field) {
                (Segment::WithoutKey, ..) => false,
                (_, View::Inbox, _) => true,
                // An agent's own are few, and mostly on numbers that the agent has.
                (_, View::AssignedToMe, _) => false,
                (_, View::Unassigned, field) => field != OrderField::WaitingSince,
            };
        let numbers: Vec<Option<PhoneNumberId>> = if per_number_scans {
            self.phone_number_ids.iter().copied().map(Some).collect()
        } else {
            vec![None]
        };
        let is_unassigned = self.view == View::Unassigned || self.field == OrderField::UnassignedSince;
        // Some indexes hold the two statuses one after the other.
        let by_status = match segment {
            Segment::WithKey => per_number_scans && is_unassigned,
            Segment::WithoutKey => self.view != View::Inbox,
        };
        let statuses = match self.walked_status() {
            // Only open ones wait.
            _ if self.field == OrderField::WaitingSince && segment == Segment::WithKey => vec![None],
            None if by_status => vec![Some(Status::Open), Some(Status::Closed)],
            status => vec![status],
        };
        let of_number = |number| statuses.iter().map(move |&status| IndexScan { number, status });
        numbers.into_iter().flat_map(of_number).collect()
    }

    /// The columns that order the walks of a segment, each with whether it ascends.
    pub(super) fn order(&self, segment: Segment, window: &Window) -> Vec<(&'static str, bool)> {
        let ascending = self.ascending != window.backward;
        let key = match (segment, self.field) {
            (Segment::WithoutKey, _) => None,
            (_, OrderField::LastActivity) => Some("last_activity_at"),
            (_, OrderField::WaitingSince) => Some("waiting_since"),
            (_, OrderField::UnassignedSince) => Some("unassigned_since"),
        };
        let per_number_scans = self.index_scans(segment).iter().any(|walk| walk.number.is_some());
        let by_assignee =
            self.view == View::Unassigned && self.field != OrderField::UnassignedSince && !per_number_scans;
        // PostgreSQL does not see that a column that is null in all rows orders nothing, and would sort.
        let constant = by_assignee.then_some("assignee_id");
        [constant, key, Some("id")].into_iter().flatten().map(|column| (column, ascending)).collect()
    }

    /// Whose counters count the list, and among which the viewer's reading is counted.
    pub(super) fn counters(&self) -> (Holder, Vec<Bucket>) {
        match self.view {
            View::Inbox => (Holder::Everybody, vec![Bucket::Mine, Bucket::Unassigned, Bucket::Others]),
            View::AssignedToMe => (Holder::Agent(self.viewer), vec![Bucket::Mine]),
            View::Unassigned => (Holder::Nobody, vec![Bucket::Unassigned]),
        }
    }
}
