//! Limits on sockets: the open sockets of the process, the open sockets of each agent, and the new sockets per second.
//!
//! A socket holds its permits until it ends. Dropping a permit releases it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::time::{Duration, Instant};
use uuid::Uuid;

use crate::settings::TransportSettings;

const ARRIVALS_WINDOW: Duration = Duration::from_secs(1);

/// Counts the sockets of the process and enforces their limits.
#[derive(Debug)]
pub struct SocketLimits {
    shared: Arc<Shared>,
    per_process: usize,
    per_agent: usize,
    arrivals_per_second: u32,
}

#[derive(Debug)]
struct Shared {
    open: AtomicUsize,
    arrivals: Mutex<Arrivals>,
    by_agent: Mutex<HashMap<Uuid, usize>>,
}

#[derive(Debug)]
struct Arrivals {
    since: Instant,
    count: u32,
}

impl SocketLimits {
    pub(crate) fn new(settings: &TransportSettings) -> Self {
        Self {
            shared: Arc::new(Shared {
                open: AtomicUsize::new(0),
                arrivals: Mutex::new(Arrivals { since: Instant::now(), count: 0 }),
                by_agent: Mutex::default(),
            }),
            per_process: settings.sockets_per_process,
            per_agent: settings.sockets_per_agent,
            arrivals_per_second: settings.new_sockets_per_second,
        }
    }

    /// The number of open sockets.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// Acquires a permit for a new socket. Returns `None` if the process has reached its limit of open sockets, or of
    /// new sockets in the current second.
    pub(crate) fn acquire(&self, now: Instant) -> Option<SocketPermit> {
        if !self.count_arrival(now) {
            return None;
        }
        let permit = SocketPermit(Arc::clone(&self.shared));
        // Incremented before the comparison, so that two arrivals cannot both take the last permit.
        let before = self.shared.open.fetch_add(1, Ordering::Relaxed);
        (before < self.per_process).then_some(permit)
    }

    /// Counts a new socket. Returns `false` if the limit for the current second is reached.
    fn count_arrival(&self, now: Instant) -> bool {
        let mut arrivals = locked(&self.shared.arrivals);
        if now.saturating_duration_since(arrivals.since) >= ARRIVALS_WINDOW {
            *arrivals = Arrivals { since: now, count: 0 };
        }
        let fits = arrivals.count < self.arrivals_per_second;
        arrivals.count += u32::from(fits);
        fits
    }

    /// Acquires a permit for a socket of this agent. Returns `None` if the agent has reached the limit of open sockets.
    pub(crate) fn acquire_for_agent(&self, agent: Uuid) -> Option<AgentPermit> {
        let mut by_agent = locked(&self.shared.by_agent);
        let open = by_agent.entry(agent).or_default();
        if *open >= self.per_agent {
            return None;
        }
        *open += 1;
        Some(AgentPermit { shared: Arc::clone(&self.shared), agent })
    }
}

/// Counts as one open socket of the process until it is dropped.
#[derive(Debug)]
pub(crate) struct SocketPermit(Arc<Shared>);

impl Drop for SocketPermit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts as one open socket of the agent until it is dropped.
#[derive(Debug)]
pub(crate) struct AgentPermit {
    shared: Arc<Shared>,
    agent: Uuid,
}

impl Drop for AgentPermit {
    fn drop(&mut self) {
        let mut by_agent = locked(&self.shared.by_agent);
        if let Some(open) = by_agent.get_mut(&self.agent) {
            *open -= 1;
            if *open == 0 {
                by_agent.remove(&self.agent);
            }
        }
    }
}

/// Ignores poisoning: the counters stay valid if a thread panics while it holds the lock.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_is_released_when_it_is_dropped() {
        let now = Instant::now();
        let limits = SocketLimits::new(&TransportSettings {
            sockets_per_process: 1,
            sockets_per_agent: 1,
            ..TransportSettings::default()
        });
        let permit = limits.acquire(now);
        assert!(permit.is_some() && limits.acquire(now).is_none());
        drop(permit);
        assert!(limits.acquire(now).is_some());
        assert_eq!(limits.open(), 0);

        let agent = Uuid::from_u128(1);
        let held = limits.acquire_for_agent(agent);
        assert!(held.is_some() && limits.acquire_for_agent(agent).is_none());
        assert!(limits.acquire_for_agent(Uuid::from_u128(2)).is_some());
        drop(held);
        assert!(limits.acquire_for_agent(agent).is_some());
    }

    #[test]
    fn arrivals_are_counted_per_second() {
        let limits = SocketLimits::new(&TransportSettings {
            new_sockets_per_second: 2,
            ..TransportSettings::default()
        });
        let now = Instant::now();
        assert!(limits.acquire(now).is_some() && limits.acquire(now).is_some());
        assert!(limits.acquire(now).is_none());
        assert!(limits.acquire(now + 2 * ARRIVALS_WINDOW).is_some());
    }
}
