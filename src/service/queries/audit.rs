//! How the team kept its promises, for managers: computed from the log each time, and kept nowhere.
//!
//! A report reads the log once, in pages, from the beginning of its span to the end of the log: what a
//! conversation was before an event stands in the event, and what it is now in its row. Both are folded by
//! [`crate::domain`]; nothing here counts anything itself.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;

use crate::domain::audit::{Ledger, Span, Tally};
use crate::domain::duplicates::{self, Duplicates};
use crate::domain::{Conversation, ConversationEvent, Event, EventBody, PhoneNumberId};
use crate::service::{Access, Error, ServiceResult, Services};
use crate::store::log::events;
use crate::store::reports::audit;

/// The longest span of a report, in days.
pub const MAX_SPAN_DAYS: i64 = 31;
/// The most events that a report reads: those from the beginning of its span until now.
pub const MAX_EVENTS: i64 = 250_000;
/// The most open conversations that an audit covers.
pub const MAX_OPEN: usize = 250_000;
/// How many events, or rows, are read at once.
const BATCH: i64 = 500;

const DAY: i64 = 24 * 3_600_000_000;

/// The figures of a report for each phone number, and the span they hold for.
#[derive(Debug, Clone)]
pub struct AuditReport<T> {
    /// What was asked for, without what has not happened yet.
    pub span: Span,
    pub figures: T,
}

impl Access {
    /// The accessible numbers, or those of `only` among them, for a manager.
    ///
    /// # Errors
    /// Forbidden for everybody else.
    pub(in crate::service) fn managed(
        &self,
        only: Option<&BTreeSet<PhoneNumberId>>,
    ) -> ServiceResult<BTreeSet<PhoneNumberId>> {
        if !self.agent.as_ref().is_some_and(|agent| agent.is_manager()) {
            return Err(Error::Forbidden("This is for managers."));
        }
        let mut numbers = self.number_ids();
        numbers.retain(|number| only.is_none_or(|only| only.contains(number)));
        Ok(numbers)
    }
}

impl Services {
    /// What the open conversations of each number add up to within a span.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager; bad input for a span that is backwards, too long, or too far
    /// back for what has happened since.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn ownership_audit(
        &self,
        access: &Access,
        asked: Span,
        only: Option<&BTreeSet<PhoneNumberId>>,
    ) -> ServiceResult<AuditReport<BTreeMap<PhoneNumberId, Tally>>> {
        let numbers = access.managed(only)?;
        let (span, start) = self.audited(access, asked).await?;
        // Rows first and the log after them: what has changed since a row was read is told by the log.
        let mut ledger = Ledger::new(span, numbers.clone());
        self.open_conversations(access, numbers, |conversation| ledger.stand(conversation)).await?;
        self.fold(access, start, |event, body| ledger.record(event.at, body)).await?;
        Ok(AuditReport { span, figures: ledger.finish() })
    }

    /// How often two agents answered the same turn of a customer within a span.
    ///
    /// # Errors
    /// As [`Self::ownership_audit`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn duplicate_replies(
        &self,
        access: &Access,
        asked: Span,
        only: Option<&BTreeSet<PhoneNumberId>>,
    ) -> ServiceResult<AuditReport<duplicates::DuplicateReplies>> {
        let numbers = access.managed(only)?;
        let (span, start) = self.audited(access, asked).await?;
        let mut duplicates = Duplicates::new(span, numbers);
        self.fold(access, start, |event, body| duplicates.record(event.actor, body)).await?;
        Ok(AuditReport { span, figures: duplicates.finish() })
    }

    /// The span of a report, ended at the present, and the number of the last event before it.
    async fn audited(&self, access: &Access, asked: Span) -> ServiceResult<(Span, i64)> {
        if asked.from >= asked.to {
            return Err(Error::BadInput("`from` must be before `to`.".to_owned()));
        }
        if asked.micros() > MAX_SPAN_DAYS * DAY {
            return Err(Error::BadInput(format!("At most {MAX_SPAN_DAYS} days at once.")));
        }
        let now = self.clock.now().max(asked.from);
        let span = Span { from: asked.from, to: asked.to.min(now) };
        let workspace = access.workspace.id;
        let start =
            self.store.read(move |conn| audit::last_before(conn, workspace, span.from).boxed()).await?;
        if access.as_of.saturating_sub(start) > MAX_EVENTS {
            let reason =
                format!("More than {MAX_EVENTS} things have happened since `from`. Choose a later one.");
            return Err(Error::BadInput(reason));
        }
        Ok((span, start))
    }

    /// Hands every event about a conversation after number `start` to `take`, in order, to the end of the log.
    async fn fold(
        &self,
        access: &Access,
        start: i64,
        mut take: impl FnMut(&Event, &ConversationEvent),
    ) -> ServiceResult<()> {
        let (workspace, mut after) = (access.workspace.id, start);
        loop {
            let page =
                self.store.read(move |conn| events::after(conn, workspace, after, BATCH).boxed()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            for event in &page {
                if let EventBody::Conversation(body) = &event.body {
                    take(event, body);
                }
            }
            // What is written while this reads is not waited for.
            if after >= access.as_of && i64::try_from(page.len()).is_ok_and(|n| n < BATCH) {
                return Ok(());
            }
        }
    }

    /// Hands every open conversation of the numbers to `take`.
    ///
    /// # Errors
    /// Bad input when there are more than [`MAX_OPEN`].
    async fn open_conversations(
        &self,
        access: &Access,
        numbers: BTreeSet<PhoneNumberId>,
        mut take: impl FnMut(&Conversation),
    ) -> ServiceResult<()> {
        let (workspace, numbers): (_, Vec<_>) = (access.workspace.id, numbers.into_iter().collect());
        let (mut taken, mut after) = (0, None);
        loop {
            let numbers = numbers.clone();
            let page = self
                .store
                .read(move |conn| {
                    async move { audit::open(conn, workspace, &numbers, after, BATCH).await }.boxed()
                })
                .await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some((last.last_activity_at, last.id));
            taken += page.len();
            if taken > MAX_OPEN {
                let reason =
                    format!("More than {MAX_OPEN} conversations are open. Choose fewer phone numbers.");
                return Err(Error::BadInput(reason));
            }
            page.iter().for_each(&mut take);
        }
    }
}
