//! The numbers of conversations in each view, for the badges in the sidebar.

use async_graphql::SimpleObject;

use crate::domain::counts;
use crate::graphql::scalars::EventCursor;

/// The number of conversations in a view, by status.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct StatusCounts {
    /// All conversations.
    total: i32,
    /// Open conversations.
    open: i32,
    /// Closed conversations.
    closed: i32,
    /// Conversations that are unread for you.
    unread: i32,
}

/// The number of conversations in each of your views, for the badges in the sidebar.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ViewCounts {
    /// The counts of the `INBOX` view.
    inbox: StatusCounts,
    /// The counts of the `ASSIGNED_TO_ME` view.
    assigned_to_me: StatusCounts,
    /// The counts of the `UNASSIGNED` view.
    unassigned: StatusCounts,
    /// The position in the event log that these counts reflect.
    as_of: EventCursor,
}

impl ViewCounts {
    pub fn new(counts: counts::ViewCounts, as_of: EventCursor) -> Self {
        let counts::ViewCounts { inbox, assigned_to_me, unassigned } = counts;
        Self {
            inbox: inbox.into(),
            assigned_to_me: assigned_to_me.into(),
            unassigned: unassigned.into(),
            as_of,
        }
    }
}

impl From<counts::StatusCounts> for StatusCounts {
    fn from(counts: counts::StatusCounts) -> Self {
        let fit = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
        Self {
            total: fit(counts.total),
            open: fit(counts.open),
            closed: fit(counts.closed),
            unread: fit(counts.unread),
        }
    }
}
