//! How a workspace's conversations are spread over its numbers.
//!
//! It decides how a list is read and never what is in it, so that a process may remember it for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::{PhoneNumberId, WorkspaceId};
use crate::store::tables::counts;
use crate::store::tables::counts::Held;
use crate::store::{Store, StoreResult};

/// How long a workspace's figures serve.
const KEPT_MICROS: i64 = 60_000_000;
/// Workspaces that are remembered at once.
const MAX_WORKSPACES: usize = 10_000;
/// A list over so many numbers is read in one walk, however little they hold.
const MAX_APART: usize = 32;
/// Numbers that hold at least one in so many conversations are read in one walk, which skips the others.
const WALKED_ONE_IN: i64 = 2;

/// Where fewer are open, those that an agent has not read are found by walking past all that are.
const MANY_OPEN: i64 = 500;

/// What each number of a workspace holds, or held a while ago. Cheap to clone.
#[derive(Clone)]
pub(in crate::service) struct NumberStats(Arc<HashMap<PhoneNumberId, Held>>);

impl NumberStats {
    /// Whether a list over `numbers` is read by a walk for each of them.
    pub fn use_per_number_scans(&self, numbers: &[PhoneNumberId]) -> bool {
        if numbers.len() < 2 || numbers.len() > MAX_APART {
            return numbers.len() == 1;
        }
        let theirs: i64 = self.over(numbers).map(|held| held.all).sum();
        theirs.saturating_mul(WALKED_ONE_IN) < self.all()
    }

    /// Whether `numbers` hold so many open conversations that the few unread of an agent are not to be looked for
    /// among all of them.
    pub fn has_many_open(&self, numbers: &[PhoneNumberId]) -> bool {
        self.over(numbers).map(|held| held.open).sum::<i64>() >= MANY_OPEN
    }

    /// How many conversations the workspace has.
    pub fn all(&self) -> i64 {
        self.0.values().map(|held| held.all).sum()
    }

    fn over(&self, numbers: &[PhoneNumberId]) -> impl Iterator<Item = &Held> {
        numbers.iter().filter_map(|number| self.0.get(number))
    }
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub(in crate::service) struct NumberStatsCache {
    known: Arc<Mutex<HashMap<WorkspaceId, (Timestamp, NumberStats)>>>,
}

impl NumberStatsCache {
    /// How the conversations of a workspace are spread.
    pub async fn of(
        &self,
        store: &Store,
        now: Timestamp,
        workspace: WorkspaceId,
    ) -> StoreResult<NumberStats> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&workspace).cloned();
        if let Some((at, number_stats)) = known
            && now.as_micros().abs_diff(at.as_micros()) < KEPT_MICROS.unsigned_abs()
        {
            return Ok(number_stats);
        }
        let read = store.read(move |conn| async move { counts::of_numbers(conn, workspace).await }.boxed());
        let number_stats = NumberStats(Arc::new(read.await?.into_iter().collect()));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_WORKSPACES {
            known.clear();
        }
        known.insert(workspace, (now, number_stats.clone()));
        Ok(number_stats)
    }
}
