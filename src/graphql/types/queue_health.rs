//! The health of the queue of unassigned conversations.

use async_graphql::{Enum, SimpleObject};

use super::phone_number::PhoneNumber;
use crate::clock::Timestamp;
use crate::domain;
use crate::domain::queue::{Queue, trend};
use crate::graphql::scalars::EventCursor;

/// Whether the queue grows or shrinks.
///
/// The server divides the window into twelve equal parts. The trend starts at `STEADY` and is updated at the end of
/// each part. An update uses the arrivals, returns and claims in the last `window` seconds before that point:
///
/// - The net change is arrivals plus returns minus claims.
/// - The threshold is 2, or 20 % of the sum of arrivals, returns and claims, whichever is more.
/// - The trend becomes `GROWING` or `SHRINKING` when the net change exceeds the threshold in that direction.
/// - The trend becomes `STEADY` again when the net change falls to half the threshold. A net change near the
///   threshold therefore does not make the trend alternate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::queue::Trend")]
pub enum QueueTrend {
    /// Conversations arrive faster than the team claims them.
    Growing,
    /// Conversations arrive about as fast as the team claims them.
    Steady,
    /// The team claims conversations faster than they arrive.
    Shrinking,
}

/// The health of the queue of open, unassigned conversations on the phone numbers that you have access to.
#[derive(Debug, Clone, SimpleObject)]
pub struct QueueHealth {
    /// The number of open, unassigned conversations.
    unassigned: i32,
    /// The earliest `unassignedSince` in the queue. Null if the queue is empty.
    oldest_unassigned_since: Option<Timestamp>,
    /// The earliest `waitingSince` of all open conversations, assigned or not. Null if no customer is waiting.
    oldest_waiting_since: Option<Timestamp>,
    /// How many times in the window an unassigned conversation was created or reopened.
    arrived: i32,
    /// How many times in the window an open, unassigned conversation got an assignee. Closing does not count.
    claimed: i32,
    /// How many times in the window an open conversation lost its assignee.
    returned: i32,
    /// Whether the queue grows or shrinks in the window.
    trend: QueueTrend,
    /// The same values for each phone number, in the order of `phoneNumbers`.
    by_phone_number: Vec<PhoneNumberQueueHealth>,
    /// Whether `unassigned` exceeds the workspace's `maxUnassigned` threshold. False if the threshold is off.
    unassigned_over_threshold: bool,
    /// Whether a customer has been waiting longer than the workspace's `maxWaitSeconds` threshold. False if the
    /// threshold is off.
    wait_over_threshold: bool,
    /// The position in the event log that these values reflect.
    as_of: EventCursor,
}

/// The health of the queue of open, unassigned conversations on one phone number.
#[derive(Debug, Clone, SimpleObject)]
pub struct PhoneNumberQueueHealth {
    /// The phone number.
    phone_number: PhoneNumber,
    /// The number of open, unassigned conversations on this phone number.
    unassigned: i32,
    /// The earliest `unassignedSince` in the queue of this phone number. Null if the queue is empty.
    oldest_unassigned_since: Option<Timestamp>,
    /// The earliest `waitingSince` of all open conversations on this phone number, assigned or not. Null if no
    /// customer is waiting.
    oldest_waiting_since: Option<Timestamp>,
    /// How many times in the window an unassigned conversation on this phone number was created or reopened.
    arrived: i32,
    /// How many times in the window an open, unassigned conversation on this phone number got an assignee.
    claimed: i32,
    /// How many times in the window an open conversation on this phone number lost its assignee.
    returned: i32,
    /// Whether the queue of this phone number grows or shrinks.
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

/// Converts a count to a GraphQL `Int`; larger counts become the largest one.
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
