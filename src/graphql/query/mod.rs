//! The query root. All fields of an operation use one snapshot of what the caller may see.

// A list's arguments are arguments of its field, so some resolvers have many.
#![allow(clippy::too_many_arguments)]

pub mod reports;

use async_graphql::{Context, ID, Object, Result};
use futures_util::future::join_all;

use super::connection::{ConversationCursor, Cursor, Page, Paging, Total, cost};
use super::error::{self, bad_input};
use super::ids;
use super::loaders::ListReading;
use super::scalars::EventCursor;
use super::scope::{Scope, root};
use super::types::agent::{Agent, AgentConnection};
use super::types::conversation::{Conversation, ConversationFields};
use super::types::conversation_list::{
    ConversationConnection, ConversationFilter, ConversationOrder, ConversationTotals, ConversationView,
    phone_number_ids, search,
};
use super::types::node::Node;
use super::types::phone_number::PhoneNumber;
use super::types::queue_change::cursor;
use super::types::queue_health::QueueHealth;
use super::types::view_counts::ViewCounts;
use super::types::workload::Workload;
use super::types::workspace::Workspace;
use crate::domain::input::MAX_IDS;
use crate::domain::{self, AgentId};
use crate::service::{ListRows, Prefetch};

/// The query root.
#[derive(Default)]
pub struct Query;

/// The queries of the API.
// The schema's `Query` merges this object with the reports, so this object needs another name.
#[Object(name = "Lookups")]
impl Query {
    /// The agent that your token belongs to. Null for a service token.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<Result<Agent>> {
        root(ctx, |scope| async { Ok(scope.access().await?.agent.clone().map(Agent)) }).await
    }

    /// Your workspace.
    async fn workspace(&self, ctx: &Context<'_>) -> Option<Result<Workspace>> {
        root(ctx, |scope| async { Ok(Some(Workspace(scope.agent_access().await?.workspace.clone()))) }).await
    }

    /// The object with this id. Null if it does not exist or you have no access to it.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The object's id.")] id: ID,
    ) -> Option<Result<Node>> {
        root(ctx, |scope| async move {
            scope.agent_access().await?;
            Node::find(&id, scope.loaders()).await
        })
        .await
    }

    /// The objects with these ids, in the same order. An item is null if the object does not exist or you have no
    /// access to it.
    #[graphql(complexity = "ids.len().saturating_mul(child_complexity).saturating_add(1)")]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ids of the objects, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        let scope = Scope::of(ctx)?;
        scope.agent_access().await?;
        if ids.len() > MAX_IDS {
            return Err(bad_input(format!("At most {MAX_IDS} ids are allowed.")));
        }
        // Await every look-up: dropping one would leave the others of its batch without a result.
        join_all(ids.iter().map(|id| Node::find(id, scope.loaders()))).await.into_iter().collect()
    }

    /// The conversation with this id. Null if it does not exist or you have no access to it.
    async fn conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation's id.")] id: ID,
    ) -> Option<Result<Conversation>> {
        root(ctx, |scope| async move {
            scope.agent_access().await?;
            let Some(id) = ids::decode(&id) else { return Ok(None) };
            let visible = scope.loaders().conversation(id).await?;
            Ok(visible.map(|visible| ConversationFields::object(visible, scope.loaders())))
        })
        .await
    }

    /// A list of conversations: one of the views in the sidebar, filtered and ordered.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The view to list.", default_with = "ConversationView::Inbox")]
        view: ConversationView,
        #[graphql(desc = "Include only conversations that match this filter.")] filter: Option<
            ConversationFilter,
        >,
        #[graphql(desc = "The order of the list. Defaults to the most recent activity first.")]
        order_by: Option<ConversationOrder>,
        #[graphql(
            desc = "The number of items to return from the start of the list, at most 100. Defaults to 25."
        )]
        first: Option<i32>,
        #[graphql(desc = "Return only items after this cursor.")] after: Option<String>,
        #[graphql(
            desc = "The number of items to return from the end of the list, at most 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Return only items before this cursor.")] before: Option<String>,
    ) -> Option<Result<ConversationConnection>> {
        let paging = Paging::new(first, after, last, before);
        let prefetch = prefetch_for_rows(ctx);
        root(ctx, |scope| {
            let reading = scope.loaders().begin_list();
            async move { list((scope, reading), view, filter, order_by, paging?, prefetch).await.map(Some) }
        })
        .await
    }

    /// The agents of the workspace, including you, ordered by name. Use this list for an assignment menu, for example.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn agents(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Include only agents who match every word of this search. An agent matches a word if the name or the title contains a word that begins with it. At most 100 characters."
        )]
        search: Option<String>,
        #[graphql(
            desc = "Include only agents who can own the conversation with this id. The result is null if the conversation does not exist."
        )]
        assignable_to: Option<ID>,
        #[graphql(desc = "Whether to include deactivated agents.", default)] include_inactive: bool,
        #[graphql(
            desc = "The number of items to return from the start of the list, at most 100. Defaults to 25."
        )]
        first: Option<i32>,
        #[graphql(desc = "Return only items after this cursor.")] after: Option<String>,
        #[graphql(
            desc = "The number of items to return from the end of the list, at most 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Return only items before this cursor.")] before: Option<String>,
    ) -> Option<Result<AgentConnection>> {
        let paging = Paging::new(first, after, last, before);
        root(ctx, |scope| async move {
            let (access, paging) = (scope.agent_access().await?, paging?);
            let assignable_to = match assignable_to.as_ref().map(|id| ids::decode(id)) {
                None => None,
                Some(Some(id)) => Some(id),
                Some(None) => return Ok(None),
            };
            let search = self::search(search.as_deref())?;
            let found = scope.services().agents(access, search, assignable_to, include_inactive).await;
            found.map_err(error::of_service)?.map(|all| page_of_agents(all, &paging)).transpose()
        })
        .await
    }

    /// The phone numbers that you have access to, in the order in which they were added.
    async fn phone_numbers(&self, ctx: &Context<'_>) -> Option<Result<Vec<PhoneNumber>>> {
        root(ctx, |scope| async {
            let numbers = scope.agent_access().await?.phone_numbers.iter();
            Ok(Some(numbers.cloned().map(PhoneNumber).collect()))
        })
        .await
    }

    /// The number of conversations in each view, for the badges in the sidebar.
    async fn view_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Include only conversations on these phone numbers (at most 100).")]
        phone_number_ids: Option<Vec<ID>>,
    ) -> Option<Result<ViewCounts>> {
        root(ctx, |scope| async move { counts(scope, phone_number_ids).await.map(Some) }).await
    }

    /// The health of the queue of open, unassigned conversations: its size, its oldest conversation, and whether
    /// conversations arrive faster than your team claims them.
    async fn queue_health(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Include only conversations on these phone numbers (at most 100).")]
        phone_number_ids: Option<Vec<ID>>,
        #[graphql(
            desc = "The length of the window that ends now, in seconds: from 60 to 604,800 (one week).",
            default = 3600
        )]
        window: i32,
    ) -> Option<Result<QueueHealth>> {
        root(ctx, |scope| async move { health(scope, phone_number_ids, window).await.map(Some) }).await
    }

    /// The workload of each active agent over all phone numbers, highest first. For managers only.
    async fn workloads(&self, ctx: &Context<'_>) -> Option<Result<Vec<Workload>>> {
        root(ctx, |scope| async move {
            let found = scope.services().workloads(scope.agent_access().await?).await;
            Ok(Some(found.map_err(error::of_service)?.into_iter().map(Workload::from).collect()))
        })
        .await
    }
}

/// The related entities that the selection on a list of conversations needs.
fn prefetch_for_rows(ctx: &Context<'_>) -> Prefetch {
    let list = ctx.look_ahead();
    let rows = [list.field("nodes"), list.field("edges").field("node")];
    let selects = |field: &str| rows.iter().any(|row| row.field(field).exists());
    Prefetch {
        unread: selects("unread"),
        agents: ["assignee", "assignedBy", "closedBy"].into_iter().any(selects),
        contacts: selects("contact"),
        messages: selects("lastMessage"),
        authors: rows.iter().any(|row| row.field("lastMessage").field("author").exists()),
    }
}

async fn list(
    (scope, reading): (&Scope, ListReading<'_>),
    view: ConversationView,
    filter: Option<ConversationFilter>,
    order: Option<ConversationOrder>,
    paging: Paging,
    prefetch: Prefetch,
) -> Result<ConversationConnection> {
    let access = scope.agent_access().await?;
    let (view, order) = (view.into(), ConversationOrder::or_default(order));
    let filter = filter.unwrap_or_default().for_list()?;
    let slice = paging.slice(|cursor| {
        let cursor = ConversationCursor::decode(cursor)?;
        (cursor.field == order.field).then_some(cursor.position)
    })?;
    let services = scope.services();
    let found = services.page_of_conversations(access, view, &filter, order, slice, prefetch.unread).await;
    let found = found.map_err(error::of_service)?;
    let rows = ListRows::new(found.items.iter().map(|(_, visible)| &*visible.conversation), prefetch);
    let related = scope.loaders().related_to_list(rows, reading).await?;
    let loaders = scope.loaders().renewed(Some(related));
    let items = found.items.into_iter().map(|(position, visible)| {
        let cursor = ConversationCursor { field: order.field, position };
        (cursor, ConversationFields::object(visible, &loaders))
    });
    let page = Page::new(items, found.has_next, found.has_previous);
    Ok(ConversationConnection(page, ConversationTotals { view, filter }))
}

async fn counts(scope: &Scope, only: Option<Vec<ID>>) -> Result<ViewCounts> {
    let access = scope.agent_access().await?;
    let only = phone_number_ids(only)?;
    let counts = scope.services().view_counts(access, only.as_ref()).await.map_err(error::of_service)?;
    let as_of = EventCursor(scope.services().cursor(access.workspace.id, access.as_of));
    Ok(ViewCounts::new(counts, as_of))
}

async fn health(scope: &Scope, only: Option<Vec<ID>>, window: i32) -> Result<QueueHealth> {
    let access = scope.agent_access().await?;
    let only = phone_number_ids(only)?;
    let health = scope.services().queue_health(access, only.as_ref(), window).await;
    Ok(QueueHealth::new(health.map_err(error::of_service)?, cursor(scope.loaders(), access.as_of)))
}

/// Cuts a page from all agents. A team is small, so they are loaded together.
fn page_of_agents(all: Vec<domain::Agent>, paging: &Paging) -> Result<AgentConnection> {
    let index_of = |cursor: &str| {
        let id = AgentId::decode(cursor)?;
        all.iter().position(|agent| agent.id == id)
    };
    let slice = paging.slice(index_of)?;
    let mut from = slice.after.map_or(0, |after| after + 1);
    let mut to = slice.before.unwrap_or(all.len()).max(from);
    if slice.backward {
        from = from.max(to.saturating_sub(slice.limit));
    } else {
        to = to.min(from.saturating_add(slice.limit));
    }
    let total_count = i32::try_from(all.len()).ok();
    let (has_next, has_previous) = (to < all.len(), from > 0);
    let items = all.into_iter().skip(from).take(to - from).map(|agent| (agent.id, Agent(agent)));
    Ok(AgentConnection(Page::new(items, has_next, has_previous), Total { total_count }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::domain::{Role, WorkspaceId};
    use uuid::Uuid;

    fn team(size: u128) -> Vec<domain::Agent> {
        let agent = |n| domain::Agent {
            id: AgentId(Uuid::from_u128(n)),
            workspace_id: WorkspaceId(Uuid::nil()),
            name: n.to_string(),
            title: None,
            email: format!("{n}@example.test"),
            role: Role::Rep,
            active: true,
            experienced: false,
            created_at: Timestamp::from_micros(0),
            tokens_valid_after: None,
        };
        (1..=size).map(agent).collect()
    }

    /// The ids of a page out of five agents, and whether agents follow and precede it.
    fn page(
        first: Option<i32>,
        after: Option<u128>,
        last: Option<i32>,
        before: Option<u128>,
    ) -> (Vec<u128>, bool, bool) {
        let cursor = |n: u128| AgentId(Uuid::from_u128(n)).encode();
        let paging = Paging::new(first, after.map(cursor), last, before.map(cursor)).unwrap();
        let AgentConnection(page, total) = page_of_agents(team(5), &paging).unwrap();
        assert_eq!(total.total_count, Some(5));
        let ids = page.nodes_in_order().map(|agent| agent.0.id.0.as_u128()).collect();
        (ids, page.info().has_next_page, page.info().has_previous_page)
    }

    #[test]
    fn agents_are_paged_both_ways() {
        assert_eq!(page(None, None, None, None), (vec![1, 2, 3, 4, 5], false, false));
        assert_eq!(page(Some(2), None, None, None), (vec![1, 2], true, false));
        assert_eq!(page(Some(2), Some(2), None, None), (vec![3, 4], true, true));
        assert_eq!(page(Some(9), Some(4), None, None), (vec![5], false, true));
        assert_eq!(page(None, None, Some(2), None), (vec![4, 5], false, true));
        assert_eq!(page(None, None, Some(2), Some(3)), (vec![1, 2], true, false));
        assert_eq!(page(Some(1), Some(1), None, Some(4)), (vec![2], true, true));
        assert_eq!(page(Some(3), Some(1), None, Some(3)), (vec![2], true, true));
        assert_eq!(page(Some(3), Some(4), None, Some(2)).0, [] as [u128; 0]);
        assert_eq!(page(Some(0), None, None, None).0, [] as [u128; 0]);
    }

    #[test]
    fn the_cursor_of_an_agent_who_is_not_listed_is_bad_input() {
        let cursor = AgentId(Uuid::from_u128(9)).encode();
        let paging = Paging::new(None, Some(cursor), None, None).unwrap();
        assert!(page_of_agents(team(5), &paging).is_err());
    }
}
