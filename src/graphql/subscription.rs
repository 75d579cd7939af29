//! The subscription root. Each pushed item has its own loaders, so that no data is older than the item and memory
//! does not grow with the life of the stream.

use std::sync::Arc;

use async_graphql::{Context, ID, Result, Subscription};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};

use super::error::{self, bad_input};
use super::ids::IdOf;
use super::loaders::Loaders;
use super::scalars::EventCursor;
use super::scope::Scope;
use super::types::conversation_list::{ConversationFilter, ConversationView, phone_number_ids};
use super::types::presence::ConversationPresence;
use super::types::queue_change::{ConversationChange, QueueChange, cursor};
use super::types::queue_health::QueueHealth;
use super::types::view_counts::ViewCounts;
use super::types::workload::Workload;
use crate::domain::ConversationId;
use crate::service::{self, Access};

/// The subscription root.
pub struct Subscription;

type Pushed<T> = BoxStream<'static, Result<T>>;

/// The subscriptions of the API.
#[Subscription]
impl Subscription {
    /// The changes to one of the views in the sidebar. Query the list first, then subscribe with `after: asOf`.
    /// The subscription replays the changes since the query, then continues live. Applying all changes in order to the
    /// queried list gives the same list as a new query.
    async fn queue_changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The view to follow.", default_with = "ConversationView::Inbox")]
        view: ConversationView,
        #[graphql(desc = "Include only conversations that match this filter. `search` is not supported.")]
        filter: Option<ConversationFilter>,
        #[graphql(
            desc = "The position to resume from: `asOf` of the list, or the `cursor` of an item. Omit it to receive only new changes."
        )]
        after: Option<EventCursor>,
    ) -> Result<Pushed<QueueChange>> {
        let (scope, access) = subscriber(ctx).await?;
        let filter = filter.unwrap_or_default().for_stream()?;
        let after = after.map(|cursor| cursor.0);
        let changes = scope.services().queue_changes(access, view.into(), filter, after).boxed().await;
        Ok(pushed(scope, "queueChanges", changes.map_err(error::of_service)?, QueueChange::new))
    }

    /// The number of conversations in each view: first the current counts, then new counts whenever a count changes, at
    /// most four times a second.
    async fn view_counts_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Include only conversations on these phone numbers (at most 100).",
            name = "phoneNumberIds"
        )]
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

    /// The changes to one conversation: its messages, assignee and status.
    async fn conversation_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation's id.")] id: IdOf<ConversationId>,
        #[graphql(
            desc = "The position to resume from: the `cursor` of an item, or an `asOf`. Omit it to receive only new changes."
        )]
        after: Option<EventCursor>,
    ) -> Result<Pushed<ConversationChange>> {
        let (scope, access) = subscriber(ctx).await?;
        let (id, after) = (id.id(), after.map(|cursor| cursor.0));
        let changes = scope.services().conversation_changes(access, id, after).boxed().await;
        let changes = changes.map_err(error::of_service)?;
        let changes = changes.ok_or_else(|| bad_input("Conversation not found."))?;
        Ok(pushed(scope, "conversationChanged", changes, ConversationChange::new))
    }

    /// The health of the queue: first the current value, then a new value whenever `trend` changes or the queue
    /// crosses one of the workspace's thresholds in either direction. A change that no event causes, such as a wait
    /// that becomes too long, arrives within five seconds.
    async fn queue_health_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Include only conversations on these phone numbers (at most 100).",
            name = "phoneNumberIds"
        )]
        only: Option<Vec<ID>>,
        #[graphql(
            desc = "The length of the window that ends now, in seconds: from 60 to 604,800 (one week).",
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

    /// The workload of each active agent: first the current values, then all values whenever one changes, at most four
    /// times a second. For managers only. Completes when you are no longer a manager.
    async fn workloads_changed(&self, ctx: &Context<'_>) -> Result<Pushed<Vec<Workload>>> {
        let (scope, access) = subscriber(ctx).await?;
        let changes = scope.services().workloads_changes(access).boxed().await;
        Ok(pushed(scope, "workloadsChanged", changes.map_err(error::of_service)?, |all, _| {
            all.into_iter().map(Workload::from).collect()
        }))
    }

    /// The agents who are viewing a conversation or writing a reply in it: first the current list, then a new list
    /// whenever an agent comes, leaves or changes state. Completes when you lose access to the conversation.
    async fn conversation_presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation's id.")] id: IdOf<ConversationId>,
    ) -> Result<Pushed<ConversationPresence>> {
        let (scope, access) = subscriber(ctx).await?;
        let changes = scope.services().presence_changes(access, id.id()).boxed().await;
        let changes = changes.map_err(error::of_service)?;
        let changes = changes.ok_or_else(|| bad_input("Conversation not found."))?;
        Ok(pushed(scope, "conversationPresence", changes, |present, loaders| {
            ConversationPresence::new(present, &loaders.renewed(None))
        }))
    }
}

/// The scope of the subscriber, and what they may see.
///
/// The future is boxed, as is the start of each stream: a subscription's task keeps the memory of the largest future
/// that it has ever awaited.
fn subscriber<'a>(ctx: &'a Context<'_>) -> BoxFuture<'a, Result<(&'a Scope, Access)>> {
    async {
        let scope = Scope::of(ctx)?;
        Ok((scope, scope.agent_access().await?.clone()))
    }
    .boxed()
}

/// Converts a stream of the service into one for the executor, and counts it in the metrics under `field`.
///
/// `wrap` converts an item. It receives the loaders of the subscription and gives renewed ones to the item.
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
