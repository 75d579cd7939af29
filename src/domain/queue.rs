//! How the queue of unassigned work fills and empties, and whether it grows.
//!
//! The queue is the open conversations that nobody owns. [`flow`] says what an event did to it, [`TrendBuckets`] is
//! what happened over a while, and [`trend`] judges that. Nothing here asks the time or the database: the
//! verdict follows from the log and an instant alone, so that every process comes to the same one.

use super::PhoneNumber;
use super::conversation::Snapshot;
use crate::clock::Timestamp;

/// What an event did to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flow {
    /// A conversation began in it, or a closed one came back without an owner.
    Arrived,
    /// An open conversation lost its owner.
    Returned,
    /// One of its conversations got an owner.
    Claimed,
}
super::spelling::spelled!(Flow { Arrived = "ARRIVED", Returned = "RETURNED", Claimed = "CLAIMED" });

/// What an event did to the queue; `None` when it neither gained a conversation nor lost one to an owner.
///
/// A conversation that leaves by being closed was not claimed, and did not stay either: it is no flow.
pub fn flow(before: Option<&Snapshot>, after: &Snapshot) -> Option<Flow> {
    let queued = |it: &Snapshot| it.conversation.is_open() && it.conversation.assignee().is_none();
    match (before.is_some_and(queued), queued(after)) {
        (false, true) if before.is_some_and(|before| before.conversation.is_open()) => Some(Flow::Returned),
        (false, true) => Some(Flow::Arrived),
        (true, false) if after.conversation.assignee().is_some() => Some(Flow::Claimed),
        _ => None,
    }
}

/// How often each flow happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flows {
    pub arrived: i64,
    pub returned: i64,
    pub claimed: i64,
}

impl Flows {
    /// Counts `flow` another `n` times.
    pub fn add(&mut self, flow: Flow, n: i64) {
        match flow {
            Flow::Arrived => self.arrived += n,
            Flow::Returned => self.returned += n,
            Flow::Claimed => self.claimed += n,
        }
    }

    /// By how much the queue grew, closing left aside.
    pub fn net(&self) -> i64 {
        self.arrived + self.returned - self.claimed
    }

    /// How much came and went.
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

/// At how many instants of a window the verdict is formed.
pub const INSTANTS: usize = 12;
/// Two windows in parts of a twelfth of one: the first instant looks back over almost all of the first.
pub const TREND_BUCKETS: usize = 2 * INSTANTS;
const MICROS: i64 = 1_000_000;

/// A window of time that ends at an instant, and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    now: Timestamp,
    seconds: i32,
}

impl Window {
    /// The last `seconds`, more than none, before `now`.
    pub fn new(now: Timestamp, seconds: i32) -> Self {
        Self { now, seconds: seconds.max(1) }
    }

    /// Where it ends. What happens at this very instant is in it.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How long it is.
    pub fn micros(&self) -> i64 {
        i64::from(self.seconds) * MICROS
    }

    /// Where the window before it begins. What happened at this very instant is in neither.
    pub fn start(&self) -> Timestamp {
        self.now.plus_micros(-2 * self.micros())
    }

    /// In which of the [`TREND_BUCKETS`] an instant lies; `None` outside both windows.
    // The store computes the same in SQL; multiplied out, since a window may not divide by twelve.
    pub fn bucket(&self, at: Timestamp) -> Option<usize> {
        let since = at.as_micros() - self.start().as_micros();
        if since <= 0 || at > self.now {
            return None;
        }
        usize::try_from((since * INSTANTS as i64 - 1) / self.micros()).ok()
    }
}

/// What happened in each twelfth of two windows, the earliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrendBuckets(pub [Flows; TREND_BUCKETS]);

impl TrendBuckets {
    /// What happened in the window itself.
    pub fn in_window(&self) -> Flows {
        self.before(INSTANTS)
    }

    /// What happened in one window's length before the instant `n` twelfths into the window.
    fn before(&self, n: usize) -> Flows {
        self.0.iter().skip(n).take(INSTANTS).copied().sum()
    }
}

/// Whether more comes into the queue than is claimed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    Growing,
    Steady,
    Shrinking,
}

/// The least net change that is no accident.
const LEAST_BAND: i64 = 2;
/// One in so many of what came and went is no accident either: 20 %.
const BAND_DIVISOR: i64 = 5;

impl Trend {
    /// The verdict after this one, when `flows` is what the last window's length saw.
    ///
    /// The queue is growing or shrinking once its net change exceeds the band, which is 2 or 20 % of all that
    /// came and went, whichever is more. It stays so until the change falls to half the band: without the
    /// difference the verdict would flap while the change lies at the edge.
    pub fn after(self, flows: &Flows) -> Self {
        // All sides times five, so that a fifth stays a whole number.
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

/// The verdict at the end of the window: folded from steady over twelve instants spread evenly over the window,
/// the last being its end, each of which looks one window's length back.
pub fn trend(buckets: &TrendBuckets) -> Trend {
    (1..=INSTANTS).fold(Trend::Steady, |verdict, n| verdict.after(&buckets.before(n)))
}

/// What a workspace wants to be told of. `None` turns one off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueThresholds {
    /// How many open conversations may be unassigned.
    pub max_unassigned: Option<i32>,
    /// For how many seconds a customer may wait.
    pub max_wait_seconds: Option<i32>,
}

impl QueueThresholds {
    /// Whether more than may be are unassigned.
    pub fn unassigned_over(&self, unassigned: i64) -> bool {
        self.max_unassigned.is_some_and(|max| unassigned > i64::from(max))
    }

    /// How many microseconds are left until the one who has waited since `since` has waited too long, none once
    /// they have; `None` while nobody waits or the threshold is off.
    pub fn wait_left(&self, since: Option<Timestamp>, now: Timestamp) -> Option<i64> {
        let too_late = since?.plus_micros(i64::from(self.max_wait_seconds?) * MICROS + 1);
        Some((too_late.as_micros() - now.as_micros()).max(0))
    }
}

/// The queue of one number, or of several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queue {
    /// How many open conversations nobody owns.
    pub unassigned: i64,
    /// Since when the longest unassigned of them has been; `None` when there are none.
    pub oldest_unassigned_since: Option<Timestamp>,
    /// Since when the customer who has waited longest has, whoever owns the conversation.
    pub oldest_waiting_since: Option<Timestamp>,
    /// What went through it.
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

/// How the queue of some numbers is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueHealth {
    /// All of them together.
    pub queue: Queue,
    pub by_number: Vec<(PhoneNumber, Queue)>,
    pub trend: Trend,
    pub unassigned_over: bool,
    pub wait_over: bool,
    /// How many microseconds until `wait_over` turns true by itself; `None` when it will not or already has.
    pub wait_left: Option<i64>,
}

/// What a follower of the queue's health is told about when it changes: the verdict, whether too many are
/// unassigned, whether somebody has waited too long.
pub type Signals = (Trend, bool, bool);

impl QueueHealth {
    /// The health of the numbers' queues together, held against what the workspace tolerates.
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
