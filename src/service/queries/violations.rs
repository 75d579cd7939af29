//! Current violations of the ownership rules, for managers.
//!
//! A list contains the kinds of violations one after the other. Each kind is read by an index, in batches of
//! candidates. [`crate::domain::audit::violation`] checks each candidate on its current row, until the page is full.

use std::collections::{BTreeSet, HashMap};

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::audit::{self as rules, ViolationContext};
use crate::domain::{AgentId, ConversationId, PhoneNumberId};
use crate::service::{Access, Error, Page, ServiceResult, Services, VisibleConversation};
use crate::store::reports::audit;
use crate::store::reports::audit::{Search, ViolationKey};

pub use crate::domain::audit::ViolationKind;

/// The largest `olderThanMinutes`: a year.
pub const MAX_MINUTES: i32 = 366 * 24 * 60;
/// The most candidates in one read.
const BATCH: usize = 100;

const MINUTE: i64 = 60_000_000;

/// A position in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViolationPosition {
    pub kind: ViolationKind,
    pub at: Timestamp,
    pub id: ConversationId,
}

/// A conversation that violates a rule.
#[derive(Debug, Clone)]
pub struct Violation {
    pub kind: ViolationKind,
    pub visible: VisibleConversation,
    pub since: Timestamp,
}

impl Violation {
    /// The owner of the conversation when its row was read.
    pub fn assignee(&self) -> Option<AgentId> {
        self.visible.conversation.assignee()
    }
}

/// Which violations to list.
#[derive(Debug, Clone)]
pub struct ViolationFilter {
    pub kinds: BTreeSet<ViolationKind>,
    /// After how many minutes an unowned or unanswered conversation is a violation.
    pub older_than_minutes: i32,
    pub phone_number_ids: Option<BTreeSet<PhoneNumberId>>,
}

impl Services {
    /// A page of violations, by kind, then the longest-lasting first. Closed conversations are listed latest first.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager; bad input when the minutes are out of bounds.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn ownership_violations(
        &self,
        access: &Access,
        filter: &ViolationFilter,
        limit: usize,
        after: Option<ViolationPosition>,
    ) -> ServiceResult<Page<Violation, ViolationPosition>> {
        let numbers = access.manager_numbers(filter.phone_number_ids.as_ref())?;
        if !(0..=MAX_MINUTES).contains(&filter.older_than_minutes) {
            return Err(Error::BadInput(format!("`olderThanMinutes` must be between 0 and {MAX_MINUTES}.")));
        }
        let latest = self.clock.now().plus_micros(-MINUTE * i64::from(filter.older_than_minutes));
        let mut items: Vec<(ViolationPosition, Violation)> = Vec::new();
        for kind in ViolationKind::ALL {
            if !filter.kinds.contains(&kind) || after.is_some_and(|after| kind < after.kind) {
                continue;
            }
            let start = after.filter(|after| after.kind == kind).map(|after| (after.at, after.id));
            let search = Search {
                workspace_id: access.workspace.id,
                phone_number_ids: numbers.iter().copied().collect(),
                kind,
                latest,
            };
            // One extra item shows whether there are more.
            self.collect(access, search, start, limit + 1, &mut items).await?;
        }
        let has_next = items.len() > limit;
        items.truncate(limit);
        Ok(Page { items, has_next, has_previous: after.is_some() })
    }

    /// Adds violations of one kind to `items`, until there are `wanted` items or no more candidates.
    async fn collect(
        &self,
        access: &Access,
        search: Search,
        mut after: Option<ViolationKey>,
        wanted: usize,
        items: &mut Vec<(ViolationPosition, Violation)>,
    ) -> ServiceResult<()> {
        while items.len() < wanted {
            let (query, limit) = (search.clone(), i64::try_from(BATCH).unwrap_or(i64::MAX));
            let found = self
                .store
                .read(move |conn| async move { audit::candidates(conn, &query, after, limit).await }.boxed())
                .await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(*last);
            let ids: Vec<ConversationId> = found.iter().map(|(_, id)| *id).collect();
            let mut visible = self.conversations_by_ids(access, &ids).await?;
            let contexts = self.violation_contexts(&search, &ids).await?;
            for (at, id) in found {
                let Some(visible) = visible.remove(&id) else { continue };
                let context = contexts.get(&id).copied().unwrap_or_default();
                if let Some(since) =
                    rules::violation(search.kind, &visible.conversation, context, search.latest)
                {
                    let position = ViolationPosition { kind: search.kind, at, id };
                    items.push((position, Violation { kind: search.kind, visible, since }));
                }
            }
        }
        Ok(())
    }

    /// What the rule of one kind needs in addition to the rows.
    async fn violation_contexts(
        &self,
        search: &Search,
        ids: &[ConversationId],
    ) -> ServiceResult<HashMap<ConversationId, ViolationContext>> {
        let (workspace, kind, ids) = (search.workspace_id, search.kind, ids.to_vec());
        let blank = ViolationContext::default();
        if kind == ViolationKind::UnansweredTooLong {
            return Ok(HashMap::new());
        }
        if kind == ViolationKind::OwnedByInactive {
            let unable = ViolationContext { owner_unable: true, ..blank };
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
                        (id, ViolationContext { reopened_at, closed_waiting: waited.is_some(), ..blank })
                    })
                    .collect())
            }
            .boxed()
        });
        Ok(read.await?)
    }
}
