//! The badges of the sidebar.

use async_graphql::SimpleObject;

use crate::domain::counts;
use crate::graphql::scalars::EventCursor;

/// How many conversations a view holds.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct StatusCounts {
    /// All of them.
    total: i32,
    /// Those with work to do.
    open: i32,
    /// Those that are done.
    closed: i32,
    /// Those that are unread for you.
    unread: i32,
}

/// The badges of the sidebar, for you.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ViewCounts {
    /// Everything you have access to.
    inbox: StatusCounts,
    /// What you own.
    assigned_to_me: StatusCounts,
    /// What nobody owns.
    unassigned: StatusCounts,
    /// The position at which these counts hold.
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
