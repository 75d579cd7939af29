//! Audit reports for managers, computed from the log on each request and not stored.
//!
//! A report reads the log once, in pages, from the start of its span to the end of the log. Each event contains the
//! conversation before it, and each row the current conversation. [`crate::domain`] computes the report from both.

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
/// The most events that a report reads, counted from the start of its span until now.
pub const MAX_EVENTS: i64 = 250_000;
/// The most open conversations that an audit covers.
pub const MAX_OPEN: usize = 250_000;
/// The most events or rows in one read.
const BATCH: i64 = 500;

const DAY: i64 = 24 * 3_600_000_000;

/// The figures of a report, and the span that they cover.
#[derive(Debug, Clone)]
pub struct AuditReport<T> {
    /// The requested span, cut off at the present.
    pub span: Span,
    pub figures: T,
}

impl Access {
    /// The accessible numbers of a manager, or the accessible numbers in `only`.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager.
    pub(in crate::service) fn manager_numbers(
        &self,
        only: Option<&BTreeSet<PhoneNumberId>>,
    ) -> ServiceResult<BTreeSet<PhoneNumberId>> {
        if !self.sees_reports() {
            return Err(Error::Forbidden("Only managers may see this report."));
        }
        let mut numbers = self.number_ids();
        numbers.retain(|number| only.is_none_or(|only| only.contains(number)));
        Ok(numbers)
    }
}

impl Services {
    /// Audits the ownership of each number's open conversations within a span.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager; bad input for a span that ends before it starts, that is too long, or
    /// that is followed by too many events.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn ownership_audit(
        &self,
        access: &Access,
        requested: Span,
        only: Option<&BTreeSet<PhoneNumberId>>,
    ) -> ServiceResult<AuditReport<BTreeMap<PhoneNumberId, Tally>>> {
        let numbers = access.manager_numbers(only)?;
        let (span, start) = self.report_span(access, requested).await?;
        // Rows before the log, so that the log contains every change since a row was read.
        let mut ledger = Ledger::new(span, numbers.clone());
        self.open_conversations(access, numbers, |conversation| ledger.add_current(conversation)).await?;
        self.fold(access, start, |event, body| ledger.record(event.at, body)).await?;
        Ok(AuditReport { span, figures: ledger.finish() })
    }

    /// Counts how often two agents answered the same turn of a customer within a span.
    ///
    /// # Errors
    /// As [`Self::ownership_audit`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn duplicate_replies(
        &self,
        access: &Access,
        requested: Span,
        only: Option<&BTreeSet<PhoneNumberId>>,
    ) -> ServiceResult<AuditReport<duplicates::DuplicateReplies>> {
        let numbers = access.manager_numbers(only)?;
        let (span, start) = self.report_span(access, requested).await?;
        let mut duplicates = Duplicates::new(span, numbers);
        self.fold(access, start, |event, body| duplicates.record(event.actor, body)).await?;
        Ok(AuditReport { span, figures: duplicates.finish() })
    }

    /// The requested span, cut off at the present, and the number of the last event before it.
    async fn report_span(&self, access: &Access, requested: Span) -> ServiceResult<(Span, i64)> {
        if requested.from >= requested.to {
            return Err(Error::BadInput("`from` must be before `to`.".to_owned()));
        }
        if requested.micros() > MAX_SPAN_DAYS * DAY {
            return Err(Error::BadInput(format!("The period must not be longer than {MAX_SPAN_DAYS} days.")));
        }
        let now = self.clock.now().max(requested.from);
        let span = Span { from: requested.from, to: requested.to.min(now) };
        let workspace = access.workspace.id;
        let start =
            self.store.read(move |conn| audit::last_before(conn, workspace, span.from).boxed()).await?;
        if access.as_of.saturating_sub(start) > MAX_EVENTS {
            let reason =
                format!("More than {MAX_EVENTS} events have happened since `from`. Choose a later time.");
            return Err(Error::BadInput(reason));
        }
        Ok((span, start))
    }

    /// Calls `visit` with every event about a conversation after number `start`, in order, to the end of the log.
    async fn fold(
        &self,
        access: &Access,
        start: i64,
        mut visit: impl FnMut(&Event, &ConversationEvent),
    ) -> ServiceResult<()> {
        let (workspace, mut after) = (access.workspace.id, start);
        loop {
            let page =
                self.store.read(move |conn| events::after(conn, workspace, after, BATCH).boxed()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            for event in &page {
                if let EventBody::Conversation(body) = &event.body {
                    visit(event, body);
                }
            }
            // Events that are written during this read are not waited for.
            if after >= access.as_of && i64::try_from(page.len()).is_ok_and(|n| n < BATCH) {
                return Ok(());
            }
        }
    }

    /// Calls `visit` with every open conversation of the numbers.
    ///
    /// # Errors
    /// Bad input when there are more than [`MAX_OPEN`].
    async fn open_conversations(
        &self,
        access: &Access,
        numbers: BTreeSet<PhoneNumberId>,
        mut visit: impl FnMut(&Conversation),
    ) -> ServiceResult<()> {
        let (workspace, numbers): (_, Vec<_>) = (access.workspace.id, numbers.into_iter().collect());
        let (mut visited, mut after) = (0, None);
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
            visited += page.len();
            if visited > MAX_OPEN {
                let reason =
                    format!("More than {MAX_OPEN} conversations are open. Choose fewer phone numbers.");
                return Err(Error::BadInput(reason));
            }
            page.iter().for_each(&mut visit);
        }
    }
}
