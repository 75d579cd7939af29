//! How many conversations each phone number of a workspace has.
//!
//! The statistics affect how a list is read, never its content, so a process caches them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::{PhoneNumberId, WorkspaceId};
use crate::store::tables::counts;
use crate::store::tables::counts::ConversationTotals;
use crate::store::{Store, StoreResult};

/// How long a workspace's statistics are cached.
const TTL_MICROS: i64 = 60_000_000;
/// The most workspaces in the cache.
const MAX_WORKSPACES: usize = 10_000;
/// A list over more numbers than this is read in one scan.
const MAX_PER_NUMBER_SCANS: usize = 32;
/// Numbers that have at least one in this many conversations of the workspace are read in one scan, which skips the
/// conversations of other numbers.
const SINGLE_SCAN_ONE_IN: i64 = 2;
/// With fewer open conversations than this, the unread ones are found by scanning the open ones.
const MANY_OPEN: i64 = 500;

/// How many conversations each number of a workspace has, up to [`TTL_MICROS`] ago. Cheap to clone.
#[derive(Clone)]
pub(in crate::service) struct NumberStats(Arc<HashMap<PhoneNumberId, ConversationTotals>>);

impl NumberStats {
    /// Whether to read a list over `numbers` with one scan per number.
    pub fn use_per_number_scans(&self, numbers: &[PhoneNumberId]) -> bool {
        if numbers.len() < 2 || numbers.len() > MAX_PER_NUMBER_SCANS {
            return numbers.len() == 1;
        }
        let selected: i64 = self.of_numbers(numbers).map(|held| held.all).sum();
        selected.saturating_mul(SINGLE_SCAN_ONE_IN) < self.all()
    }

    /// Whether there are too many open conversations to scan for the few unread ones.
    pub fn has_many_open(&self, numbers: &[PhoneNumberId]) -> bool {
        self.of_numbers(numbers).map(|held| held.open).sum::<i64>() >= MANY_OPEN
    }

    /// How many conversations the workspace has.
    pub fn all(&self) -> i64 {
        self.0.values().map(|held| held.all).sum()
    }

    fn of_numbers(&self, numbers: &[PhoneNumberId]) -> impl Iterator<Item = &ConversationTotals> {
        numbers.iter().filter_map(|number| self.0.get(number))
    }
}

/// The statistics of workspaces, cached for [`TTL_MICROS`]. Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::service) struct NumberStatsCache {
    cached: Arc<Mutex<HashMap<WorkspaceId, (Timestamp, NumberStats)>>>,
}

impl NumberStatsCache {
    /// The statistics of a workspace, from the cache or the store.
    pub async fn get(
        &self,
        store: &Store,
        now: Timestamp,
        workspace: WorkspaceId,
    ) -> StoreResult<NumberStats> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).get(&workspace).cloned();
        if let Some((at, number_stats)) = cached
            && now.as_micros().abs_diff(at.as_micros()) < TTL_MICROS.unsigned_abs()
        {
            return Ok(number_stats);
        }
        let read = store.read(move |conn| async move { counts::of_numbers(conn, workspace).await }.boxed());
        let number_stats = NumberStats(Arc::new(read.await?.into_iter().collect()));
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.len() >= MAX_WORKSPACES {
            cached.clear();
        }
        cached.insert(workspace, (now, number_stats.clone()));
        Ok(number_stats)
    }
}
