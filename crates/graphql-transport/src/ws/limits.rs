//! How many sockets there may be: in the process, in a second, and for one agent.
//!
//! A place is given back when it is dropped, wherever its socket's life ends.

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

/// The sockets of a process.
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
    of_agents: Mutex<HashMap<Uuid, usize>>,
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
                of_agents: Mutex::default(),
            }),
            per_process: settings.sockets_per_process,
            per_agent: settings.sockets_per_agent,
            arrivals_per_second: settings.new_sockets_per_second,
        }
    }

    /// The sockets that are open now.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// A place for one more socket; `None` when the process is full, or when too many
    /// have arrived within this second.
    pub(super) fn admit(&self, now: Instant) -> Option<SocketPermit> {
        if !self.arrives(now) {
            return None;
        }
        let place = SocketPermit(Arc::clone(&self.shared));
        // Counted before it is compared, so that two arrivals cannot share the last place.
        let before = self.shared.open.fetch_add(1, Ordering::Relaxed);
        (before < self.per_process).then_some(place)
    }

    fn arrives(&self, now: Instant) -> bool {
        let mut arrivals = locked(&self.shared.arrivals);
        if now.saturating_duration_since(arrivals.since) >= ARRIVALS_WINDOW {
            *arrivals = Arrivals { since: now, count: 0 };
        }
        let fits = arrivals.count < self.arrivals_per_second;
        arrivals.count += u32::from(fits);
        fits
    }

    /// One more socket of this agent; `None` when the agent has too many.
    pub(super) fn admit_agent(&self, agent: Uuid) -> Option<AgentPermit> {
        let mut of_agents = locked(&self.shared.of_agents);
        let open = of_agents.entry(agent).or_default();
        if *open >= self.per_agent {
            return None;
        }
        *open += 1;
        Some(AgentPermit { shared: Arc::clone(&self.shared), agent })
    }
}

/// A socket's place among those of the process.
#[derive(Debug)]
pub(super) struct SocketPermit(Arc<Shared>);

impl Drop for SocketPermit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket's place among those of its agent.
#[derive(Debug)]
pub(super) struct AgentPermit {
    shared: Arc<Shared>,
    agent: Uuid,
}

impl Drop for AgentPermit {
    fn drop(&mut self) {
        let mut of_agents = locked(&self.shared.of_agents);
        if let Some(open) = of_agents.get_mut(&self.agent) {
            *open -= 1;
            if *open == 0 {
                of_agents.remove(&self.agent);
            }
        }
    }
}

/// The counters hold whatever happened to the thread that last touched them.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_when_it_is_dropped() {
        let now = Instant::now();
        let limits = SocketLimits::new(&TransportSettings {
            sockets_per_process: 1,
            sockets_per_agent: 1,
            ..TransportSettings::default()
        });
        let place = limits.admit(now);
        assert!(place.is_some() && limits.admit(now).is_none());
        drop(place);
        assert!(limits.admit(now).is_some());
        assert_eq!(limits.open(), 0);

        let agent = Uuid::from_u128(1);
        let held = limits.admit_agent(agent);
        assert!(held.is_some() && limits.admit_agent(agent).is_none());
        assert!(limits.admit_agent(Uuid::from_u128(2)).is_some());
        drop(held);
        assert!(limits.admit_agent(agent).is_some());
    }

    #[test]
    fn arrivals_are_counted_by_the_second() {
        let limits = SocketLimits::new(&TransportSettings {
            new_sockets_per_second: 2,
            ..TransportSettings::default()
        });
        let now = Instant::now();
        assert!(limits.admit(now).is_some() && limits.admit(now).is_some());
        assert!(limits.admit(now).is_none());
        assert!(limits.admit(now + 2 * ARRIVALS_WINDOW).is_some());
    }
}
