//! A cache of the phone numbers that agents can access.
//!
//! Each request reads from the database which numbers an agent can access. The digits and labels of the numbers rarely
//! change, so on PostgreSQL they are cached for a minute.

use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::domain::{AgentId, PhoneNumber, WorkspaceId};

/// How long an entry is valid.
const TTL: Duration = Duration::from_secs(60);
/// The size of the cache, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The estimated number of entries.
const ESTIMATED_ENTRIES: usize = 10_000;
/// The size of an entry without its numbers, in bytes.
const BYTES_PER_ENTRY: usize = 192;
/// The size of a number without its label, in bytes.
const BYTES_PER_NUMBER: usize = 128;

/// The numbers that each agent can access, oldest first, as last read. Cheap to clone.
#[derive(Clone)]
pub(in crate::service) struct PhoneNumberCache(Arc<Cache<Key, Entry, ByteWeighter>>);

type Key = (WorkspaceId, AgentId);
type Entry = (Arc<[PhoneNumber]>, Instant);

#[derive(Clone)]
struct ByteWeighter;

impl Weighter<Key, Entry> for ByteWeighter {
    fn weight(&self, _: &Key, (numbers, _): &Entry) -> u64 {
        let each = numbers.iter().map(|number| BYTES_PER_NUMBER + number.label.len());
        (BYTES_PER_ENTRY + each.sum::<usize>()) as u64
    }
}

impl Default for PhoneNumberCache {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(ESTIMATED_ENTRIES, MAX_BYTES, ByteWeighter)))
    }
}

impl PhoneNumberCache {
    /// The cached numbers; `None` when there is no valid entry.
    pub fn get(&self, key: Key, now: Instant) -> Option<Arc<[PhoneNumber]>> {
        let (numbers, read_at) = self.0.get(&key)?;
        (now.duration_since(read_at) < TTL).then_some(numbers)
    }

    /// Caches the numbers that were `read`, unless they are the ones that were `cached`.
    pub fn insert_read(
        &self,
        key: Key,
        cached: Option<&Arc<[PhoneNumber]>>,
        read: &Arc<[PhoneNumber]>,
        now: Instant,
    ) {
        if cached.is_none_or(|cached| !Arc::ptr_eq(cached, read)) {
            self.0.insert(key, (read.clone(), now));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::clock::Timestamp;
    use crate::domain::PhoneNumberId;
    use crate::domain::input::E164;
    use crate::service::queries::phone_number_cache::*;

    fn key() -> Key {
        (WorkspaceId::generate(), AgentId::generate())
    }

    fn numbers(workspace_id: WorkspaceId, count: usize) -> Arc<[PhoneNumber]> {
        let number = |_| PhoneNumber {
            id: PhoneNumberId::generate(),
            workspace_id,
            number: E164::parse("+15550100").expect("a number"),
            label: "Sales".repeat(20),
            status: crate::domain::NumberStatus::Verified,
            created_at: Timestamp::from_micros(0),
        };
        (0..count).map(number).collect()
    }

    #[test]
    fn an_entry_expires_after_a_minute_however_often_it_was_used() {
        let (cache, key, began) = (PhoneNumberCache::default(), key(), Instant::now());
        assert!(cache.get(key, began).is_none());
        let read = numbers(key.0, 2);
        cache.insert_read(key, None, &read, began);
        for seconds in [0, 30, 59] {
            let now = began + Duration::from_secs(seconds);
            let cached = cache.get(key, now).expect("cached");
            cache.insert_read(key, Some(&cached), &cached, now);
        }
        assert!(cache.get(key, began + TTL).is_none());
    }

    #[test]
    fn the_same_agent_id_in_another_workspace_has_its_own_entry() {
        let (cache, key, now) = (PhoneNumberCache::default(), key(), Instant::now());
        cache.insert_read(key, None, &numbers(key.0, 1), now);
        assert!(cache.get((WorkspaceId::generate(), key.1), now).is_none());
    }

    #[test]
    fn the_size_of_the_cache_is_bounded() {
        let (cache, now) = (PhoneNumberCache::default(), Instant::now());
        for _ in 0..1_000 {
            let key = key();
            cache.insert_read(key, None, &numbers(key.0, 100), now);
        }
        assert!(cache.0.weight() <= MAX_BYTES);
        assert!(!cache.0.is_empty());
    }
}
