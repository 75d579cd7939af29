//! What the numbers of agents were a moment ago.
//!
//! Which numbers an agent can access is read each time they sign in. What those numbers are, their digits and labels,
//! nothing changes but an operator by hand, so on PostgreSQL it is read again only once in a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::{AgentId, PhoneNumber, WorkspaceId};

/// How old what is known may be.
const FRESH: Duration = Duration::from_secs(60);
/// The room for it, in bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// About how many agents that are.
const AGENTS: usize = 10_000;
/// What an agent takes beside their numbers, and a number beside its label.
const BYTES_OF_AGENT: usize = 192;
const BYTES_OF_NUMBER: usize = 128;

/// The numbers of agents, oldest first, as they were read last. Cheap to clone.
#[derive(Clone)]
pub(in crate::service) struct PhoneNumberCache(Arc<Cache<Who, Then, ByteWeighter>>);

type Who = (WorkspaceId, AgentId);
type Then = (Arc<[PhoneNumber]>, Instant);

#[derive(Clone)]
struct ByteWeighter;

impl Weighter<Who, Then> for ByteWeighter {
    fn weight(&self, _: &Who, (numbers, _): &Then) -> u64 {
        let each = numbers.iter().map(|number| BYTES_OF_NUMBER + number.label.len());
        (BYTES_OF_AGENT + each.sum::<usize>()) as u64
    }
}

impl Default for PhoneNumberCache {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(AGENTS, MOST_BYTES, ByteWeighter)))
    }
}

impl PhoneNumberCache {
    /// `None` when they have to be read.
    pub fn of(&self, who: Who, now: Instant) -> Option<Arc<[PhoneNumber]>> {
        let (numbers, since) = self.0.get(&who)?;
        (now.duration_since(since) < FRESH).then_some(numbers)
    }

    /// Keeps what was `read`, unless that is what was `known`.
    pub fn keep(
        &self,
        who: Who,
        known: Option<&Arc<[PhoneNumber]>>,
        read: &Arc<[PhoneNumber]>,
        now: Instant,
    ) {
        if known.is_none_or(|known| !Arc::ptr_eq(known, read)) {
            self.0.insert(who, (read.clone(), now));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::clock::Timestamp;
    use crate::domain::PhoneNumberId;
    use crate::domain::input::E164;
    use crate::service::queries::phone_number_cache::*;

    fn who() -> Who {
        (WorkspaceId::generate(), AgentId::generate())
    }

    fn numbers(workspace_id: WorkspaceId, count: usize) -> Arc<[PhoneNumber]> {
        let number = |_| PhoneNumber {
            id: PhoneNumberId::generate(),
            workspace_id,
            number: E164::parse("+15550100").expect("a number"),
            label: "Sales".repeat(20),
            created_at: Timestamp::from_micros(0),
        };
        (0..count).map(number).collect()
    }

    #[test]
    fn what_is_known_is_read_again_after_a_minute_however_often_it_was_used() {
        let (all, who, began) = (PhoneNumberCache::default(), who(), Instant::now());
        assert!(all.of(who, began).is_none());
        let read = numbers(who.0, 2);
        all.keep(who, None, &read, began);
        for seconds in [0, 30, 59] {
            let now = began + Duration::from_secs(seconds);
            let known = all.of(who, now).expect("known");
            all.keep(who, Some(&known), &known, now);
        }
        assert!(all.of(who, began + FRESH).is_none());
    }

    #[test]
    fn the_same_agent_of_another_workspace_is_another() {
        let (all, who, now) = (PhoneNumberCache::default(), who(), Instant::now());
        all.keep(who, None, &numbers(who.0, 1), now);
        assert!(all.of((WorkspaceId::generate(), who.1), now).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (all, now) = (PhoneNumberCache::default(), Instant::now());
        for _ in 0..1_000 {
            let who = who();
            all.keep(who, None, &numbers(who.0, 100), now);
        }
        assert!(all.0.weight() <= MOST_BYTES);
        assert!(!all.0.is_empty());
    }
}
