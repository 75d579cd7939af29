//! How much one agent may ask of this process.
//!
//! Agents spend points, which come back evenly, so many a minute; whoever has saved up a minute's worth may spend
//! it at once. A query and the start of a subscription cost [`QUERY_POINTS`], each mutation of a document
//! [`MUTATION_POINTS`]. Services deliver what customers text, and are never held up.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::Quota;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use uuid::Uuid;

/// What a query costs, and the start of a subscription.
pub const QUERY_POINTS: u32 = 1;
/// What a mutation costs.
pub const MUTATION_POINTS: u32 = 5;
/// After so many payments, agents who have all their points again are forgotten: this many may be known in vain.
const SWEEP_EVERY: u32 = 1_024;

const MINUTE: Duration = Duration::from_secs(60);

type Limiter<C> = governor::RateLimiter<Uuid, HashMapStateStore<Uuid>, C, StateInformationMiddleware>;

/// The points of all agents. Each process counts for itself.
pub struct RateLimiter<C: Clock = DefaultClock> {
    /// `None` when nobody is held up.
    account: Option<Account<C>>,
}

struct Account<C: Clock> {
    per_minute: NonZeroU32,
    limiter: Limiter<C>,
    clock: C,
    payments: AtomicU32,
}

/// Where an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Points a minute.
    pub limit: u32,
    /// Points left.
    pub remaining: u32,
    /// Until all points are there again.
    pub full_in: Duration,
}

/// There are not enough points left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    pub rate_limit_status: RateLimitStatus,
    /// Until there are enough.
    pub enough_in: Duration,
}

impl RateLimiter {
    /// 0 holds nobody up.
    pub fn new(points_per_minute: u32) -> Self {
        Self::with_clock(points_per_minute, DefaultClock::default())
    }
}

impl<C: Clock + Clone> RateLimiter<C> {
    fn with_clock(points_per_minute: u32, clock: C) -> Self {
        let account = NonZeroU32::new(points_per_minute).map(|per_minute| Account {
            per_minute,
            limiter: governor::RateLimiter::hashmap_with_clock(Quota::per_minute(per_minute), clock.clone())
                .with_middleware(),
            clock,
            payments: AtomicU32::new(0),
        });
        Self { account }
    }

    /// Takes `points` from an agent. `None` is a service, or that nobody is held up.
    ///
    /// What costs more than a minute's worth costs that much.
    ///
    /// # Errors
    /// [`RateLimited`]; nothing was taken.
    pub fn charge(&self, agent: Option<Uuid>, points: u32) -> Result<Option<RateLimitStatus>, RateLimited> {
        let (Some(account), Some(agent)) = (&self.account, agent) else { return Ok(None) };
        account.charge(agent, points).map(Some)
    }
}

impl<C: Clock> Account<C> {
    fn charge(&self, agent: Uuid, points: u32) -> Result<RateLimitStatus, RateLimited> {
        if self.payments.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let limit = self.per_minute.get();
        let points = NonZeroU32::new(points).map_or(NonZeroU32::MIN, |points| points.min(self.per_minute));
        let paid = match self.limiter.check_key_n(&agent, points) {
            Ok(paid) => paid,
            // Never: no payment is above a minute's worth.
            Err(_) => {
                return Err(RateLimited {
                    rate_limit_status: rate_limit_status(limit, 0),
                    enough_in: MINUTE,
                });
            }
        };
        match paid {
            Ok(after) => Ok(rate_limit_status(limit, after.remaining_burst_capacity())),
            Err(until) => {
                let enough_in = until.wait_time_from(self.clock.now());
                let missing = (enough_in.as_secs_f64() * f64::from(limit) / MINUTE.as_secs_f64()).ceil();
                // Rounded up and not negative: a cast is exact, and saturates.
                let remaining = points.get().saturating_sub(missing as u32);
                Err(RateLimited { rate_limit_status: rate_limit_status(limit, remaining), enough_in })
            }
        }
    }
}

fn rate_limit_status(limit: u32, remaining: u32) -> RateLimitStatus {
    let missing = limit.saturating_sub(remaining);
    RateLimitStatus { limit, remaining, full_in: MINUTE * missing / limit }
}

/// Whole seconds, never too few.
pub fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    const AGENT: Option<Uuid> = Some(Uuid::from_u128(1));

    fn of_60() -> (RateLimiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (RateLimiter::with_clock(60, clock.clone()), clock)
    }

    #[test]
    fn a_minutes_points_may_be_spent_at_once_and_come_back_evenly() {
        let (points, clock) = of_60();
        let rate_limit_status = points.charge(AGENT, 5).unwrap().unwrap();
        assert_eq!(
            rate_limit_status,
            RateLimitStatus { limit: 60, remaining: 55, full_in: Duration::from_secs(5) }
        );
        assert_eq!(points.charge(AGENT, 55).unwrap().unwrap().remaining, 0);
        let spent = points.charge(AGENT, 1).unwrap_err();
        assert_eq!((spent.rate_limit_status.remaining, seconds(spent.enough_in)), (0, 1));
        clock.advance(Duration::from_secs(3));
        let spent = points.charge(AGENT, 5).unwrap_err();
        assert_eq!((spent.rate_limit_status.remaining, seconds(spent.enough_in)), (3, 2));
        assert_eq!(points.charge(AGENT, 3).unwrap().unwrap().remaining, 0);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(
            points.charge(AGENT, 1).unwrap().unwrap().remaining,
            59,
            "no more than a minute's is saved"
        );
    }

    #[test]
    fn agents_are_counted_apart_and_services_not_at_all() {
        let (points, _) = of_60();
        points.charge(AGENT, 60).unwrap();
        assert!(points.charge(AGENT, 1).is_err());
        assert!(points.charge(Some(Uuid::from_u128(2)), 60).is_ok());
        for _ in 0..100 {
            assert_eq!(points.charge(None, 60), Ok(None));
        }
        let unlimited = RateLimiter::new(0);
        for _ in 0..100 {
            assert_eq!(unlimited.charge(AGENT, u32::MAX), Ok(None));
        }
    }

    #[test]
    fn what_costs_more_than_a_minute_takes_the_whole_minute() {
        let (points, _) = of_60();
        assert_eq!(points.charge(AGENT, u32::MAX).unwrap().unwrap().remaining, 0);
        assert_eq!(points.charge(AGENT, u32::MAX).unwrap_err().enough_in, MINUTE);
    }

    #[test]
    fn agents_who_have_all_their_points_again_are_forgotten() {
        let (points, clock) = of_60();
        for n in 0..10 * u128::from(SWEEP_EVERY) {
            points.charge(Some(Uuid::from_u128(n)), 1).unwrap();
            clock.advance(Duration::from_millis(10));
        }
        let known = points.account.as_ref().unwrap().limiter.len();
        assert!(known <= SWEEP_EVERY as usize + 200, "{known} agents are known");
    }
}
