//! Whether the queue of unassigned work grows.

use async_graphql::{Enum, SimpleObject};

use super::phone_number::PhoneNumber;
use crate::clock::Timestamp;
use crate::domain;
use crate::domain::queue::{Queue, trend};
use crate::graphql::scalars::EventCursor;

/// Whether more comes into the queue than is claimed from it.
///
/// The verdict is formed twelve times over the window. It turns when the net change exceeds 2 and 20 % of all
/// that came and went, and turns back only at half of that, so that it does not flap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::queue::Trend")]
pub enum QueueTrend {
    /// Conversations are coming in faster than the team is claiming them.
    Growing,
    /// What comes in is claimed, more or less.
    Steady,
    /// The team claims more than comes in.
    Shrinking,
}

/// How the queue of open, unassigned conversations is, over the phone numbers that you have access to.
#[derive(Debug, Clone, SimpleObject)]
pub struct QueueHealth {
    /// How many open conversations nobody owns.
    unassigned: i32,
    /// Since when the longest unassigned of them has been; null when there are none.
    oldest_unassigned_since: Option<Timestamp>,
    /// Since when the customer who has waited longest for an answer has, in any open conversation; null when
    /// nobody waits.
    oldest_waiting_since: Option<Timestamp>,
    /// How often, in the window, an unassigned conversation began or was reopened.
    arrived: i32,
    /// How often, in the window, an open, unassigned conversation got an owner. Closing one is no claim.
    claimed: i32,
    /// How often, in the window, an open conversation lost its owner.
    returned: i32,
    /// Whether the queue grows.
    trend: QueueTrend,
    /// The same for each phone number, in the order of `phoneNumbers`.
    by_phone_number: Vec<PhoneNumberQueueHealth>,
    /// Whether more conversations are unassigned than the workspace tolerates; false when it has set no limit.
    unassigned_over_threshold: bool,
    /// Whether a customer has waited for longer than the workspace tolerates; false when it has set no limit.
    wait_over_threshold: bool,
    /// The position at which this holds.
    as_of: EventCursor,
}

/// How the queue of open, unassigned conversations of one phone number is.
#[derive(Debug, Clone, SimpleObject)]
pub struct PhoneNumberQueueHealth {
    /// The phone number.
    phone_number: PhoneNumber,
    /// How many of its open conversations nobody owns.
    unassigned: i32,
    /// Since when the longest unassigned of them has been; null when there are none.
    oldest_unassigned_since: Option<Timestamp>,
    /// Since when the customer who has waited longest for an answer has, in any of its open conversations; null
    /// when nobody waits.
    oldest_waiting_since: Option<Timestamp>,
    /// How often, in the window, an unassigned conversation of its began or was reopened.
    arrived: i32,
    /// How often, in the window, one of its open, unassigned conversations got an owner.
    claimed: i32,
    /// How often, in the window, one of its open conversations lost its owner.
    returned: i32,
    /// Whether its queue grows.
    trend: QueueTrend,
}

impl PhoneNumberQueueHealth {
    fn new((number, queue): (domain::PhoneNumber, Queue)) -> Self {
        let flows = queue.buckets.in_window();
        Self {
            phone_number: PhoneNumber(number),
            unassigned: fit(queue.unassigned),
            oldest_unassigned_since: queue.oldest_unassigned_since,
            oldest_waiting_since: queue.oldest_waiting_since,
            arrived: fit(flows.arrived),
            claimed: fit(flows.claimed),
            returned: fit(flows.returned),
            trend: trend(&queue.buckets).into(),
        }
    }
}

/// A count as the API tells it.
fn fit(n: i64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

impl QueueHealth {
    pub fn new(health: domain::QueueHealth, as_of: EventCursor) -> Self {
        let (queue, flows) = (health.queue, health.queue.buckets.in_window());
        Self {
            unassigned: fit(queue.unassigned),
            oldest_unassigned_since: queue.oldest_unassigned_since,
            oldest_waiting_since: queue.oldest_waiting_since,
            arrived: fit(flows.arrived),
            claimed: fit(flows.claimed),
            returned: fit(flows.returned),
            trend: health.trend.into(),
            by_phone_number: health.by_number.into_iter().map(PhoneNumberQueueHealth::new).collect(),
            unassigned_over_threshold: health.unassigned_over,
            wait_over_threshold: health.wait_over,
            as_of,
        }
    }
}
