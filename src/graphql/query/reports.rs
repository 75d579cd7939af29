//! The query fields for managers: reports from the event log on how well the team keeps its rules.

use async_graphql::{Context, ID, Object, Result};

use crate::clock::Timestamp;
use crate::domain::audit::{Span, Tally, ViolationKind};
use crate::graphql::connection::{Cursor, Page, Paging, cost};
use crate::graphql::error;
use crate::graphql::ids;
use crate::graphql::scalars::EventCursor;
use crate::graphql::scope::{Scope, root};
use crate::graphql::types::audit::{
    AsOf, OwnershipAudit, OwnershipViolation, OwnershipViolationConnection, OwnershipViolationKind,
    PhoneNumberAudit, count, minutes,
};
use crate::graphql::types::conversation::ConversationFields;
use crate::graphql::types::conversation_list::phone_number_ids;
use crate::graphql::types::duplicate_replies::{DuplicateReplyBucket, DuplicateReplyReport};
use crate::graphql::types::phone_number::PhoneNumber;
use crate::graphql::types::service_token::ServiceToken;
use crate::graphql::types::workspace_event::{
    WorkspaceEvent, WorkspaceEventConnection, WorkspaceEventNumber,
};
use crate::service::queries::violations::{ViolationFilter, ViolationPosition};

/// The reports.
#[derive(Default)]
pub struct Reports;

/// Reports for managers.
#[Object]
impl Reports {
    /// How long conversations had no assignee, how long customers waited, and how often conversations changed
    /// owners, in a period of at most 31 days. For managers only.
    async fn ownership_audit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The start of the period.")] from: Timestamp,
        #[graphql(desc = "The end of the period, exclusive.")] to: Timestamp,
        #[graphql(desc = "Include only conversations on these phone numbers (at most 100).")]
        phone_number_ids: Option<Vec<ID>>,
    ) -> Option<Result<OwnershipAudit>> {
        root(ctx, |scope| async move { audit(scope, Span { from, to }, phone_number_ids).await.map(Some) })
            .await
    }

    /// The conversations that currently break an ownership rule, grouped by kind. Within a kind, the violation that
    /// has lasted longest comes first. The kind `CLOSED_UNANSWERED` starts with the conversation that was closed last.
    /// For managers only.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn ownership_violations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "How many minutes without an assignee or an answer are too long: from 0 to 527,040 (366 days).",
            default = 60
        )]
        older_than_minutes: i32,
        #[graphql(desc = "Include only these kinds. Defaults to all.")] kinds: Option<
            Vec<OwnershipViolationKind>,
        >,
        #[graphql(desc = "Include only conversations on these phone numbers (at most 100).")]
        phone_number_ids: Option<Vec<ID>>,
        #[graphql(desc = "The number of items to return, at most 100. Defaults to 25.")] first: Option<i32>,
        #[graphql(desc = "Return only items after this cursor.")] after: Option<String>,
    ) -> Option<Result<OwnershipViolationConnection>> {
        let paging = Paging::new(first, after, None, None);
        root(ctx, |scope| async move {
            let filter = ViolationFilter {
                kinds: match kinds {
                    Some(kinds) => kinds.into_iter().map(ViolationKind::from).collect(),
                    None => ViolationKind::ALL.into(),
                },
                older_than_minutes,
                phone_number_ids: self::phone_number_ids(phone_number_ids)?,
            };
            violations(scope, filter, paging?).await.map(Some)
        })
        .await
    }

    /// All phone numbers of the workspace, oldest first, including pending ones and those that you cannot access. For
    /// managers only.
    async fn all_phone_numbers(&self, ctx: &Context<'_>) -> Option<Result<Vec<PhoneNumber>>> {
        root(ctx, |scope| async move {
            let found = scope.services().all_phone_numbers(scope.access().await?).await;
            let found = found.map_err(error::of_service)?;
            Ok(Some(found.into_iter().map(PhoneNumber).collect()))
        })
        .await
    }

    /// The administrative acts in the workspace, newest first: who changed what, and when. For managers only.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn workspace_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The number of items to return, at most 100. Defaults to 25.")] first: Option<i32>,
        #[graphql(desc = "Return only items after this cursor.")] after: Option<String>,
    ) -> Option<Result<WorkspaceEventConnection>> {
        let paging = Paging::new(first, after, None, None);
        root(ctx, |scope| async move {
            let slice =
                paging?.slice(|cursor| WorkspaceEventNumber::decode(cursor).map(|number| number.0))?;
            let access = scope.access().await?;
            let found = scope.services().workspace_history(access, slice.after, slice.limit + 1).await;
            let mut found = found.map_err(error::of_service)?;
            let has_next = found.len() > slice.limit;
            found.truncate(slice.limit);
            let items = found.into_iter().filter_map(|event| {
                let cursor = WorkspaceEventNumber(event.seq);
                Some((cursor, WorkspaceEvent::new(event, scope.loaders())?))
            });
            Ok(Some(WorkspaceEventConnection(Page::new(items, has_next, slice.after.is_some()))))
        })
        .await
    }

    /// The service tokens of the workspace, oldest first, including revoked and expired ones. For managers only.
    async fn service_tokens(&self, ctx: &Context<'_>) -> Option<Result<Vec<ServiceToken>>> {
        root(ctx, |scope| async move {
            let found = scope.services().service_tokens(scope.access().await?).await;
            let found = found.map_err(error::of_service)?;
            Ok(Some(found.into_iter().map(ServiceToken).collect()))
        })
        .await
    }

    /// How often two agents answered the same customer within one minute of each other, in a period of at most 31
    /// days. For managers only.
    async fn duplicate_replies(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The start of the period.")] from: Timestamp,
        #[graphql(desc = "The end of the period, exclusive.")] to: Timestamp,
        #[graphql(desc = "Include only conversations on these phone numbers (at most 100).")]
        phone_number_ids: Option<Vec<ID>>,
    ) -> Option<Result<DuplicateReplyReport>> {
        root(
            ctx,
            |scope| async move { duplicates(scope, Span { from, to }, phone_number_ids).await.map(Some) },
        )
        .await
    }
}

async fn audit(scope: &Scope, span: Span, only: Option<Vec<ID>>) -> Result<OwnershipAudit> {
    let access = scope.agent_access().await?;
    let only = phone_number_ids(only)?;
    let report = scope.services().ownership_audit(access, span, only.as_ref()).await;
    let report = report.map_err(error::of_service)?;
    let mut total = Tally::default();
    report.figures.values().for_each(|tally| total += *tally);
    let of_number = |number| Some(PhoneNumberAudit::new(number, *report.figures.get(&number.id)?));
    Ok(OwnershipAudit {
        from: report.span.from,
        to: report.span.to,
        minutes_unowned: minutes(total.unowned),
        minutes_waiting: minutes(total.waiting),
        hand_overs: count(total.hand_overs),
        conversations: count(total.conversations),
        by_phone_number: access.phone_numbers.iter().filter_map(of_number).collect(),
        as_of: EventCursor(scope.services().cursor(access.workspace.id, access.as_of)),
    })
}

async fn violations(
    scope: &Scope,
    filter: ViolationFilter,
    paging: Paging,
) -> Result<OwnershipViolationConnection> {
    let access = scope.agent_access().await?;
    let slice = paging.slice(ViolationPosition::decode)?;
    let found = scope.services().ownership_violations(access, &filter, slice.limit, slice.after).await;
    let found = found.map_err(error::of_service)?;
    let items = found.items.into_iter().map(|(position, found)| {
        let violation = OwnershipViolation {
            kind: found.kind.into(),
            since: found.since,
            assignee: found.assignee(),
            conversation: ConversationFields::object(found.visible, scope.loaders()),
        };
        (position, violation)
    });
    let as_of = EventCursor(scope.services().cursor(access.workspace.id, access.as_of));
    Ok(OwnershipViolationConnection(Page::new(items, found.has_next, found.has_previous), AsOf { as_of }))
}

async fn duplicates(scope: &Scope, span: Span, only: Option<Vec<ID>>) -> Result<DuplicateReplyReport> {
    let access = scope.agent_access().await?;
    let only = phone_number_ids(only)?;
    let report = scope.services().duplicate_replies(access, span, only.as_ref()).await;
    let report = report.map_err(error::of_service)?;
    let figures = report.figures;
    let buckets = figures.buckets.into_iter().filter_map(|((hour, number), n)| {
        let number = access.phone_numbers.iter().find(|known| known.id == number)?;
        let phone_number = PhoneNumber(number.clone());
        Some(DuplicateReplyBucket { phone_number, hour, count: count(n) })
    });
    Ok(DuplicateReplyReport {
        from: report.span.from,
        to: report.span.to,
        count: count(figures.duplicates),
        answered_turns: count(figures.answered),
        rate: (figures.answered > 0).then(|| figures.duplicates as f64 / figures.answered as f64),
        buckets: buckets.collect(),
        as_of: EventCursor(scope.services().cursor(access.workspace.id, access.as_of)),
    })
}

impl Cursor for ViolationPosition {
    const TAG: &'static str = "v";

    fn write(&self) -> String {
        let kind = match self.kind {
            ViolationKind::UnownedTooLong => "u",
            ViolationKind::UnansweredTooLong => "w",
            ViolationKind::OwnedByInactive => "i",
            ViolationKind::ClosedUnanswered => "c",
        };
        format!("{kind}.{}.{}", self.at.as_micros(), *ids::encode(self.id))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let kind = match parts.next()? {
            "u" => ViolationKind::UnownedTooLong,
            "w" => ViolationKind::UnansweredTooLong,
            "i" => ViolationKind::OwnedByInactive,
            "c" => ViolationKind::ClosedUnanswered,
            _ => return None,
        };
        let at = Timestamp::from_micros(parts.next()?.parse().ok()?);
        Some(Self { kind, at, id: ids::decode(parts.next()?)? })
    }
}
