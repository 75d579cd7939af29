//! The flow and the trend of the queue of unassigned work.
//!
//! The queue is the set of open, unassigned conversations. [`flow`] returns how an event changed the queue,
//! [`TrendBuckets`] counts the flows of two windows, and [`trend`] computes the trend from them. This module reads
//! neither the clock nor the database: the trend depends only on the log and a timestamp, so every process computes
//! the same trend.

use super::PhoneNumber;
use super::conversation::Snapshot;
use crate::clock::Timestamp;

/// How an event changed the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flow {
    /// A conversation began, or a closed one was reopened without an owner.
    Arrived,
    /// An open conversation lost its owner.
    Returned,
    /// A conversation in the queue got an owner.
    Claimed,
}
super::spelling::spelled!(Flow { Arrived = "ARRIVED", Returned = "RETURNED", Claimed = "CLAIMED" });

/// Returns how an event changed the queue; `None` if no conversation entered it or got an owner.
///
/// Closing a conversation in the queue does not count as a flow.
pub fn flow(before: Option<&Snapshot>, after: &Snapshot) -> Option<Flow> {
    let queued = |it: &Snapshot| it.conversation.is_open() && it.conversation.assignee().is_none();
    match (before.is_some_and(queued), queued(after)) {
        (false, true) if before.is_some_and(|before| before.conversation.is_open()) => Some(Flow::Returned),
        (false, true) => Some(Flow::Arrived),
        (true, false) if after.conversation.assignee().is_some() => Some(Flow::Claimed),
        _ => None,
    }
}

/// The number of times that each flow happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flows {
    pub arrived: i64,
    pub returned: i64,
    pub claimed: i64,
}

impl Flows {
    /// Adds `n` to the count of `flow`.
    pub fn add(&mut self, flow: Flow, n: i64) {
        match flow {
            Flow::Arrived => self.arrived += n,
            Flow::Returned => self.returned += n,
            Flow::Claimed => self.claimed += n,
        }
    }

    /// The growth of the queue, not counting closed conversations.
    pub fn net(&self) -> i64 {
        self.arrived + self.returned - self.claimed
    }

    /// The number of flows of all kinds.
    pub fn total(&self) -> i64 {
        self.arrived + self.returned + self.claimed
    }
}

impl std::iter::Sum for Flows {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, it| Self {
            arrived: sum.arrived + it.arrived,
            returned: sum.returned + it.returned,
            claimed: sum.claimed + it.claimed,
        })
    }
}

/// The number of evenly spaced points in a window at which the trend is computed.
pub const INSTANTS: usize = 12;
/// The number of buckets in two windows; each bucket is a twelfth of a window. The previous window is needed because
/// the trend at each point covers one window's length before the point.
pub const TREND_BUCKETS: usize = 2 * INSTANTS;
const MICROS: i64 = 1_000_000;

/// A window of time that ends at `now`, and the previous window of the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    now: Timestamp,
    seconds: i32,
}

impl Window {
    /// The last `seconds`, at least one, before `now`.
    pub fn new(now: Timestamp, seconds: i32) -> Self {
        Self { now, seconds: seconds.max(1) }
    }

    /// The end of the window (inclusive).
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The length in microseconds.
    pub fn micros(&self) -> i64 {
        i64::from(self.seconds) * MICROS
    }

    /// The start of the previous window (exclusive).
    pub fn start(&self) -> Timestamp {
        self.now.plus_micros(-2 * self.micros())
    }

    /// The index of the bucket that contains `at`; `None` outside both windows.
    // The store computes the same in SQL. It multiplies before it divides, because a window may not be divisible by 12.
    pub fn bucket(&self, at: Timestamp) -> Option<usize> {
        let since = at.as_micros() - self.start().as_micros();
        if since <= 0 || at > self.now {
            return None;
        }
        usize::try_from((since * INSTANTS as i64 - 1) / self.micros()).ok()
    }
}

/// The flows in each twelfth of two windows, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrendBuckets(pub [Flows; TREND_BUCKETS]);

impl TrendBuckets {
    /// The flows in the current window.
    pub fn in_window(&self) -> Flows {
        self.before(INSTANTS)
    }

    /// The flows in one window's length before the point `n` twelfths into the current window.
    fn before(&self, n: usize) -> Flows {
        self.0.iter().skip(n).take(INSTANTS).copied().sum()
    }
}

/// Whether more conversations enter the queue than are claimed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    Growing,
    Steady,
    Shrinking,
}

/// The minimum width of the band within which a net change is noise.
const LEAST_BAND: i64 = 2;
/// The band is this fraction of all flows, if that is wider: one in five, or 20 %.
const BAND_DIVISOR: i64 = 5;

impl Trend {
    /// Returns the trend that follows this one when `flows` happened in the last window's length.
    ///
    /// The queue starts to grow or shrink when its net change exceeds the band: 2 or 20 % of all flows, whichever
    /// is more. The trend lasts until the net change falls to half the band. This hysteresis keeps the trend from
    /// flapping while the net change is close to the band's edge.
    pub fn after(self, flows: &Flows) -> Self {
        // Both sides are multiplied by five, which keeps 20 % an integer.
        let band = (LEAST_BAND * BAND_DIVISOR).max(flows.total());
        let net = flows.net() * BAND_DIVISOR;
        match self {
            _ if net > band => Self::Growing,
            _ if net < -band => Self::Shrinking,
            Self::Growing if 2 * net > band => Self::Growing,
            Self::Shrinking if 2 * net < -band => Self::Shrinking,
            _ => Self::Steady,
        }
    }
}

/// Returns the trend at the end of the window.
///
/// Starts at [`Trend::Steady`] and applies [`Trend::after`] at twelve evenly spaced points of the window, of which
/// the last is its end.
pub fn trend(buckets: &TrendBuckets) -> Trend {
    (1..=INSTANTS).fold(Trend::Steady, |trend, n| trend.after(&buckets.before(n)))
}

/// The limits above which a workspace warns. `None` turns a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueThresholds {
    /// The maximum number of open, unassigned conversations.
    pub max_unassigned: Option<i32>,
    /// The maximum time in seconds that a customer may wait.
    pub max_wait_seconds: Option<i32>,
}

impl QueueThresholds {
    /// Whether too many conversations are unassigned.
    pub fn unassigned_over(&self, unassigned: i64) -> bool {
        self.max_unassigned.is_some_and(|max| unassigned > i64::from(max))
    }

    /// The time in microseconds until a customer who has waited since `since` has waited too long; 0 if they
    /// already have. `None` when `since` is `None` or the threshold is off.
    pub fn wait_left(&self, since: Option<Timestamp>, now: Timestamp) -> Option<i64> {
        let too_late = since?.plus_micros(i64::from(self.max_wait_seconds?) * MICROS + 1);
        Some((too_late.as_micros() - now.as_micros()).max(0))
    }
}

/// The queue of one phone number or of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queue {
    /// The number of open, unassigned conversations.
    pub unassigned: i64,
    /// When the oldest conversation in the queue became unassigned; `None` when the queue is empty.
    pub oldest_unassigned_since: Option<Timestamp>,
    /// When the longest wait of a customer began, in assigned and unassigned conversations.
    pub oldest_waiting_since: Option<Timestamp>,
    /// The flows over time.
    pub buckets: TrendBuckets,
}

impl std::iter::Sum for Queue {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let earlier = |a: Option<Timestamp>, b: Option<Timestamp>| a.into_iter().chain(b).min();
        all.fold(Self::default(), |sum, it| Self {
            unassigned: sum.unassigned + it.unassigned,
            oldest_unassigned_since: earlier(sum.oldest_unassigned_since, it.oldest_unassigned_since),
            oldest_waiting_since: earlier(sum.oldest_waiting_since, it.oldest_waiting_since),
            buckets: TrendBuckets(std::array::from_fn(|n| {
                [sum.buckets.0[n], it.buckets.0[n]].into_iter().sum()
            })),
        })
    }
}

/// The health of the queue of some phone numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueHealth {
    /// The sum of the queues of all numbers.
    pub queue: Queue,
    pub by_number: Vec<(PhoneNumber, Queue)>,
    pub trend: Trend,
    pub unassigned_over: bool,
    pub wait_over: bool,
    /// The time in microseconds until `wait_over` becomes true without any event; `None` when it is true already
    /// or will not become true.
    pub wait_left: Option<i64>,
}

/// The part of a queue's health whose changes subscribers receive: the trend, whether too many conversations are
/// unassigned, and whether a customer has waited too long.
pub type Signals = (Trend, bool, bool);

impl QueueHealth {
    /// Sums the queues and compares the sum with the workspace's thresholds.
    pub fn new(by_number: Vec<(PhoneNumber, Queue)>, thresholds: QueueThresholds, now: Timestamp) -> Self {
        let queue: Queue = by_number.iter().map(|(_, queue)| *queue).sum();
        let wait_left = thresholds.wait_left(queue.oldest_waiting_since, now);
        Self {
            trend: trend(&queue.buckets),
            unassigned_over: thresholds.unassigned_over(queue.unassigned),
            wait_over: wait_left == Some(0),
            wait_left: wait_left.filter(|left| *left > 0),
            queue,
            by_number,
        }
    }

    pub fn signals(&self) -> Signals {
        (self.trend, self.unassigned_over, self.wait_over)
    }
}

#[cfg(test)]
mod tests;
