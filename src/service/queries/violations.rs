//! What stands in breach of the team's promises now, for managers.
//!
//! A list goes through the kinds one after the other, each by an index from a place on. Candidates are read in
//! batches and judged by [`crate::domain::audit::violation`] on rows as they are, until the page is full.

use std::collections::{BTreeSet, HashMap};

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::audit::{self as rules, Circumstances};
use crate::domain::{AgentId, ConversationId, PhoneNumberId};
use crate::service::{Access, Error, Page, ServiceResult, Services, VisibleConversation};
use crate::store::reports::audit;
use crate::store::reports::audit::{Search, ViolationKey};

pub use crate::domain::audit::ViolationKind;

/// The longest time, in minutes, that can be asked for: a year.
pub const MAX_MINUTES: i32 = 366 * 24 * 60;
/// How many candidates are looked at together.
const BATCH: usize = 100;

const MINUTE: i64 = 60_000_000;

/// A place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViolationPosition {
    pub kind: ViolationKind,
    pub at: Timestamp,
    pub id: ConversationId,
}

/// A conversation in breach of a promise.
#[derive(Debug, Clone)]
pub struct Violation {
    pub kind: ViolationKind,
    pub seen: VisibleConversation,
    pub since: Timestamp,
}

impl Violation {
    /// Who owned it when the row was read.
    pub fn assignee(&self) -> Option<AgentId> {
        self.seen.conversation.assignee()
    }
}

/// Which violations to list.
#[derive(Debug, Clone)]
pub struct ViolationFilter {
    pub kinds: BTreeSet<ViolationKind>,
    /// How long is too long to be unowned or unanswered.
    pub older_than_minutes: i32,
    pub phone_number_ids: Option<BTreeSet<PhoneNumberId>>,
}

impl Services {
    /// A page of violations: by kind, then the longest first, or the latest for what is closed.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager; bad input for a time out of bounds.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn ownership_violations(
        &self,
        access: &Access,
        filter: &ViolationFilter,
        limit: usize,
        after: Option<ViolationPosition>,
    ) -> ServiceResult<Page<Violation, ViolationPosition>> {
        let numbers = access.managed(filter.phone_number_ids.as_ref())?;
        if !(0..=MAX_MINUTES).contains(&filter.older_than_minutes) {
            return Err(Error::BadInput(format!("`olderThanMinutes` is from 0 to {MAX_MINUTES}.")));
        }
        let latest = self.clock.now().plus_micros(-MINUTE * i64::from(filter.older_than_minutes));
        let mut items: Vec<(ViolationPosition, Violation)> = Vec::new();
        for kind in ViolationKind::ALL {
            if !filter.kinds.contains(&kind) || after.is_some_and(|after| kind < after.kind) {
                continue;
            }
            let place = after.filter(|after| after.kind == kind).map(|after| (after.at, after.id));
            let search = Search {
                workspace_id: access.workspace.id,
                phone_number_ids: numbers.iter().copied().collect(),
                kind,
                latest,
            };
            // One more tells whether there is more.
            self.collect(access, search, place, limit + 1, &mut items).await?;
        }
        let has_next = items.len() > limit;
        items.truncate(limit);
        Ok(Page { items, has_next, has_previous: after.is_some() })
    }

    /// Adds violations of one kind until there are `wanted` in all or no more.
    async fn collect(
        &self,
        access: &Access,
        search: Search,
        mut after: Option<ViolationKey>,
        wanted: usize,
        items: &mut Vec<(ViolationPosition, Violation)>,
    ) -> ServiceResult<()> {
        while items.len() < wanted {
            let (asked, limit) = (search.clone(), i64::try_from(BATCH).unwrap_or(i64::MAX));
            let found = self
                .store
                .read(move |conn| async move { audit::candidates(conn, &asked, after, limit).await }.boxed())
                .await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(*last);
            let ids: Vec<ConversationId> = found.iter().map(|(_, id)| *id).collect();
            let mut seen = self.conversations_by_ids(access, &ids).await?;
            let known = self.circumstances(&search, &ids).await?;
            for (at, id) in found {
                let Some(seen) = seen.remove(&id) else { continue };
                let known = known.get(&id).copied().unwrap_or_default();
                if let Some(since) = rules::violation(search.kind, &seen.conversation, known, search.latest) {
                    let position = ViolationPosition { kind: search.kind, at, id };
                    items.push((position, Violation { kind: search.kind, seen, since }));
                }
            }
        }
        Ok(())
    }

    /// What the rules need to know beside the rows, for one kind.
    async fn circumstances(
        &self,
        search: &Search,
        ids: &[ConversationId],
    ) -> ServiceResult<HashMap<ConversationId, Circumstances>> {
        let (workspace, kind, ids) = (search.workspace_id, search.kind, ids.to_vec());
        let blank = Circumstances::default();
        if kind == ViolationKind::UnansweredTooLong {
            return Ok(HashMap::new());
        }
        if kind == ViolationKind::OwnedByInactive {
            let unable = Circumstances { owner_unable: true, ..blank };
            return Ok(ids.into_iter().map(|id| (id, unable)).collect());
        }
        let read = self.store.read(move |conn| {
            async move {
                let closes = audit::last_closes(conn, workspace, &ids).await?;
                let versions: Vec<_> = closes.iter().map(|(id, (version, _))| (*id, *version)).collect();
                let reopened = match kind {
                    ViolationKind::UnownedTooLong => audit::reopenings(conn, workspace, &versions).await?,
                    _ => HashMap::new(),
                };
                Ok(closes
                    .into_iter()
                    .map(move |(id, (_, before))| {
                        let waited = before.and_then(|before| before.conversation.waiting_since());
                        let reopened_at = reopened.get(&id).copied();
                        (id, Circumstances { reopened_at, closed_waiting: waited.is_some(), ..blank })
                    })
                    .collect())
            }
            .boxed()
        });
        Ok(read.await?)
    }
}
