//! The subscription root. Each pushed item has loaders of its own, so that nothing it shows is older than
//! the item and nothing piles up while the stream lives.

use std::sync::Arc;

use async_graphql::{Context, ID, Result, Subscription};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};

use super::error::{self, bad_input};
use super::ids;
use super::loaders::Loaders;
use super::scalars::EventCursor;
use super::scope::Scope;
use super::types::conversation_list::{ConversationFilter, ConversationView, phone_number_ids};
use super::types::presence::ConversationPresence;
use super::types::queue_change::{ConversationChange, QueueChange, cursor};
use super::types::queue_health::QueueHealth;
use super::types::view_counts::ViewCounts;
use super::types::workload::Workload;
use crate::service::{self, Access};

/// The subscription root.
pub struct Subscription;

type Pushed<T> = BoxStream<'static, Result<T>>;

/// What can be followed live.
#[Subscription]
impl Subscription {
    /// What happens to a list of the sidebar. Query the list, then subscribe after its `asOf`: what happened
    /// in between is replayed first, and folding the changes over the page gives what a fresh query gives.
    async fn queue_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which list.", default_with = "ConversationView::Inbox")] view: ConversationView,
        #[graphql(desc = "What it is narrowed to. A subscription cannot search.")] filter: Option<
            ConversationFilter,
        >,
        #[graphql(desc = "Where to go on from: `asOf` of the first page. Without it, from now on.")]
        after: Option<EventCursor>,
    ) -> Result<Pushed<QueueChange>> {
        let (scope, access) = subscriber(ctx).await?;
        let filter = filter.unwrap_or_default().for_stream()?;
        let after = after.map(|cursor| cursor.0);
        let changes = scope.services().queue_changes(access, view.into(), filter, after).boxed().await;
        Ok(pushed(scope, "queueChanges", changes.map_err(error::of_service)?, QueueChange::new))
    }

    /// The badges of the sidebar: as they are now, then whenever they change, at most four times a second.
    async fn view_counts_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only conversations of these phone numbers, at most 100.", name = "phoneNumberIds")]
        only: Option<Vec<ID>>,
    ) -> Result<Pushed<ViewCounts>> {
        let (scope, access) = subscriber(ctx).await?;
        let counts = scope.services().view_counts_changes(access, phone_number_ids(only)?).boxed().await;
        Ok(pushed(
            scope,
            "viewCountsChanged",
            counts.map_err(error::of_service)?,
            |(counts, seq), loaders| ViewCounts::new(counts, cursor(loaders, seq)),
        ))
    }

    /// What happens to one open thread: messages, assignment, status.
    async fn conversation_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation's id.")] id: ID,
        #[graphql(desc = "Where to go on from: a cursor that you hold. Without it, from now on.")]
        after: Option<EventCursor>,
    ) -> Result<Pushed<ConversationChange>> {
        let (scope, access) = subscriber(ctx).await?;
        let (id, after) = (ids::decode_or_nil(&id), after.map(|cursor| cursor.0));
        let changes = scope.services().conversation_changes(access, id, after).boxed().await;
        let changes = changes.map_err(error::of_service)?;
        let changes = changes.ok_or_else(|| bad_input("There is no such conversation."))?;
        Ok(pushed(scope, "conversationChanged", changes, ConversationChange::new))
    }

    /// The health of the queue: as it is now, then whenever the verdict changes or a threshold of the workspace
    /// is passed or kept again. What merely the passing of time changes is told within five seconds.
    async fn queue_health_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only conversations of these phone numbers, at most 100.", name = "phoneNumberIds")]
        only: Option<Vec<ID>>,
        #[graphql(
            desc = "Over how many past seconds arrivals are held against claims: 60 to 604800, which is a week.",
            default = 3600
        )]
        window: i32,
    ) -> Result<Pushed<QueueHealth>> {
        let (scope, access) = subscriber(ctx).await?;
        let changes =
            scope.services().queue_health_changes(access, phone_number_ids(only)?, window).boxed().await;
        Ok(pushed(
            scope,
            "queueHealthChanged",
            changes.map_err(error::of_service)?,
            |(health, seq), loaders| QueueHealth::new(health, cursor(loaders, seq)),
        ))
    }

    /// What each active agent holds: as it is now, then whenever it changes, at most four times a second; for
    /// managers. Ends when you are no manager any more.
    async fn workloads_changed(&self, ctx: &Context<'_>) -> Result<Pushed<Vec<Workload>>> {
        let (scope, access) = subscriber(ctx).await?;
        let changes = scope.services().workloads_changes(access).boxed().await;
        Ok(pushed(scope, "workloadsChanged", changes.map_err(error::of_service)?, |all, _| {
            all.into_iter().map(Workload::from).collect()
        }))
    }

    /// Who is at a conversation: as it is now, then whenever somebody comes, goes, or begins to write. Ends when
    /// you have no access to it any more.
    async fn conversation_presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation's id.")] id: ID,
    ) -> Result<Pushed<ConversationPresence>> {
        let (scope, access) = subscriber(ctx).await?;
        let changes = scope.services().presence_changes(access, ids::decode_or_nil(&id)).boxed().await;
        let changes = changes.map_err(error::of_service)?;
        let changes = changes.ok_or_else(|| bad_input("There is no such conversation."))?;
        Ok(pushed(scope, "conversationPresence", changes, |present, loaders| {
            ConversationPresence::new(present, &loaders.renewed(None))
        }))
    }
}

/// Who subscribes, and what they may see.
///
/// In a box, as is the beginning of each stream: a subscription keeps the room for the largest thing that it has ever
/// waited for, as long as it lasts.
fn subscriber<'a>(ctx: &'a Context<'_>) -> BoxFuture<'a, Result<(&'a Scope, Access)>> {
    async {
        let scope = Scope::of(ctx)?;
        Ok((scope, scope.agent_access().await?.clone()))
    }
    .boxed()
}

/// The stream as the executor takes it, counted under the name of its field.
///
/// `wrap` is given the loaders of the subscription, and hands renewed ones to what it makes of an item.
fn pushed<T, U>(
    scope: &Scope,
    field: &'static str,
    items: service::BoxStream<service::ServiceResult<T>>,
    wrap: impl Fn(T, &Arc<Loaders>) -> U + Send + 'static,
) -> Pushed<U>
where
    T: 'static,
    U: Send + 'static,
{
    let loaders = scope.loaders().clone();
    let open = scope.services().metrics().subscription(field);
    let wrapped = items.map(move |item| match item {
        Ok(item) => {
            open.delivered();
            Ok(wrap(item, &loaders))
        }
        Err(failure) => Err(error::of_service(failure)),
    });
    wrapped.boxed()
}
