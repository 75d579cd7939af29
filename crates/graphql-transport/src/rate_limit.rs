//! The rate limit of each agent in this process.
//!
//! An agent spends points, which are refilled continuously at a fixed rate per minute. An agent who has all points may
//! spend a full minute's points at once. A query and the start of a subscription cost [`QUERY_POINTS`]; each mutation
//! of a document costs [`MUTATION_POINTS`]. Services deliver the customers' messages and are not limited.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::Quota;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use uuid::Uuid;

/// The price of a query, and of starting a subscription.
pub const QUERY_POINTS: u32 = 1;
/// The price of a mutation.
pub const MUTATION_POINTS: u32 = 5;
/// After this many charges, agents who have all their points again are removed from the map. At most this many
/// unneeded entries accumulate in between.
const SWEEP_EVERY: u32 = 1_024;

const MINUTE: Duration = Duration::from_secs(60);

type Limiter<C> = governor::RateLimiter<Uuid, HashMapStateStore<Uuid>, C, StateInformationMiddleware>;

/// The points of all agents. Processes do not share them.
pub struct RateLimiter<C: Clock = DefaultClock> {
    /// `None` if the limit is disabled.
    inner: Option<Inner<C>>,
}

struct Inner<C: Clock> {
    per_minute: NonZeroU32,
    limiter: Limiter<C>,
    clock: C,
    charges: AtomicU32,
}

/// The rate limit of an agent after a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Points per minute.
    pub limit: u32,
    /// Points left.
    pub remaining: u32,
    /// The time until all points are refilled.
    pub reset_in: Duration,
}

/// The error of an agent who has too few points left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    pub status: RateLimitStatus,
    /// The time until the agent has enough points.
    pub retry_after: Duration,
}

impl RateLimiter {
    /// Creates a limiter; 0 disables the limit.
    pub fn new(points_per_minute: u32) -> Self {
        Self::with_clock(points_per_minute, DefaultClock::default())
    }
}

impl<C: Clock + Clone> RateLimiter<C> {
    fn with_clock(points_per_minute: u32, clock: C) -> Self {
        let inner = NonZeroU32::new(points_per_minute).map(|per_minute| Inner {
            per_minute,
            limiter: governor::RateLimiter::hashmap_with_clock(Quota::per_minute(per_minute), clock.clone())
                .with_middleware(),
            clock,
            charges: AtomicU32::new(0),
        });
        Self { inner }
    }

    /// Takes `points` from an agent. A service has no `agent`. Returns `None` if the caller is not limited.
    ///
    /// The price is capped at a full minute's points.
    ///
    /// # Errors
    /// [`RateLimited`]; no points were taken.
    pub fn charge(&self, agent: Option<Uuid>, points: u32) -> Result<Option<RateLimitStatus>, RateLimited> {
        let (Some(inner), Some(agent)) = (&self.inner, agent) else { return Ok(None) };
        inner.charge(agent, points).map(Some)
    }
}

impl<C: Clock> Inner<C> {
    fn charge(&self, agent: Uuid, points: u32) -> Result<RateLimitStatus, RateLimited> {
        if self.charges.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let limit = self.per_minute.get();
        let points = NonZeroU32::new(points).map_or(NonZeroU32::MIN, |points| points.min(self.per_minute));
        let charged = match self.limiter.check_key_n(&agent, points) {
            Ok(charged) => charged,
            // Unreachable: `points` does not exceed the limit.
            Err(_) => return Err(RateLimited { status: status(limit, 0), retry_after: MINUTE }),
        };
        match charged {
            Ok(snapshot) => Ok(status(limit, snapshot.remaining_burst_capacity())),
            Err(not_until) => {
                let retry_after = not_until.wait_time_from(self.clock.now());
                let missing = (retry_after.as_secs_f64() * f64::from(limit) / MINUTE.as_secs_f64()).ceil();
                // `missing` is a whole number and not negative, so that the cast is exact or saturates.
                let remaining = points.get().saturating_sub(missing as u32);
                Err(RateLimited { status: status(limit, remaining), retry_after })
            }
        }
    }
}

fn status(limit: u32, remaining: u32) -> RateLimitStatus {
    let missing = limit.saturating_sub(remaining);
    RateLimitStatus { limit, remaining, reset_in: MINUTE * missing / limit }
}

/// The duration in whole seconds, rounded up.
pub fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const AGENT: Option<Uuid> = Some(Uuid::from_u128(1));

    fn limiter_of_60() -> (RateLimiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (RateLimiter::with_clock(60, clock.clone()), clock)
    }

    #[test]
    fn a_minutes_points_may_be_spent_at_once_and_are_refilled_evenly() {
        let (limiter, clock) = limiter_of_60();
        let status = limiter.charge(AGENT, 5).unwrap().unwrap();
        assert_eq!(status, RateLimitStatus { limit: 60, remaining: 55, reset_in: Duration::from_secs(5) });
        assert_eq!(limiter.charge(AGENT, 55).unwrap().unwrap().remaining, 0);
        let limited = limiter.charge(AGENT, 1).unwrap_err();
        assert_eq!((limited.status.remaining, seconds(limited.retry_after)), (0, 1));
        clock.advance(Duration::from_secs(3));
        let limited = limiter.charge(AGENT, 5).unwrap_err();
        assert_eq!((limited.status.remaining, seconds(limited.retry_after)), (3, 2));
        assert_eq!(limiter.charge(AGENT, 3).unwrap().unwrap().remaining, 0);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(
            limiter.charge(AGENT, 1).unwrap().unwrap().remaining,
            59,
            "points are capped at one minute's"
        );
    }

    #[test]
    fn agents_are_counted_separately_and_services_not_at_all() {
        let (limiter, _) = limiter_of_60();
        limiter.charge(AGENT, 60).unwrap();
        assert!(limiter.charge(AGENT, 1).is_err());
        assert!(limiter.charge(Some(Uuid::from_u128(2)), 60).is_ok());
        for _ in 0..100 {
            assert_eq!(limiter.charge(None, 60), Ok(None));
        }
        let unlimited = RateLimiter::new(0);
        for _ in 0..100 {
            assert_eq!(unlimited.charge(AGENT, u32::MAX), Ok(None));
        }
    }

    #[test]
    fn a_price_above_a_minutes_points_is_capped() {
        let (limiter, _) = limiter_of_60();
        assert_eq!(limiter.charge(AGENT, u32::MAX).unwrap().unwrap().remaining, 0);
        assert_eq!(limiter.charge(AGENT, u32::MAX).unwrap_err().retry_after, MINUTE);
    }

    #[test]
    fn agents_who_have_all_their_points_again_are_removed() {
        let (limiter, clock) = limiter_of_60();
        for n in 0..10 * u128::from(SWEEP_EVERY) {
            limiter.charge(Some(Uuid::from_u128(n)), 1).unwrap();
            clock.advance(Duration::from_millis(10));
        }
        let tracked = limiter.inner.as_ref().unwrap().limiter.len();
        assert!(tracked <= SWEEP_EVERY as usize + 200, "{tracked} agents are in the map");
    }
}
