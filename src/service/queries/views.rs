//! Lists of conversations, and the badges: the counters shown with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::FutureExt;

use crate::domain::counts::{StatusCounts, ViewCounts};
use crate::domain::{AgentId, Conversation, ConversationId, Filter, PhoneNumberId, Status, View, words};
use crate::service::{Access, ServiceResult, Services, VisibleConversation};
use crate::store::lists::{self, List, Window};
use crate::store::tables::counts;
use crate::store::{Conn, StoreResult};

pub use crate::store::lists::{OrderField, Position as ListPosition};

/// The most matches of a search that are counted. A search with more matches has no total.
pub const MAX_COUNTED_MATCHES: usize = 1_000;

/// The filter of a list.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    pub filter: Filter,
    /// The search text, as the agent typed it.
    pub search: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderDirection {
    Asc,
    Desc,
}

/// The order of a list. Rows without the key come last in both directions. Ties are broken by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub field: OrderField,
    pub direction: OrderDirection,
}

/// A part of an ordered list: at most `limit` rows between two positions, counted from the start or, when `backward`,
/// from the end.
#[derive(Debug, Clone, Copy)]
pub struct Slice<P> {
    pub limit: usize,
    pub backward: bool,
    pub after: Option<P>,
    pub before: Option<P>,
}

/// The rows of a slice, in the order of the list, each with its position.
#[derive(Debug, Clone)]
pub struct Page<T, P> {
    pub items: Vec<(P, T)>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl Services {
    /// A conversation; `None` when it does not exist or the caller cannot access its number.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn conversation(
        &self,
        access: &Access,
        id: ConversationId,
    ) -> ServiceResult<Option<VisibleConversation>> {
        Ok(self.conversations_by_ids(access, &[id]).await?.remove(&id))
    }

    /// The conversations with these ids that exist and whose numbers the caller can access.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn conversations_by_ids(
        &self,
        access: &Access,
        ids: &[ConversationId],
    ) -> ServiceResult<HashMap<ConversationId, VisibleConversation>> {
        let workspace = access.workspace.id;
        // A service has no read markers, so it uses an id that no agent has.
        let viewer = access.agent_id().unwrap_or(AgentId(uuid::Uuid::nil()));
        let is_agent = access.agent_id().is_some();
        let (numbers, ids): (Vec<_>, Vec<_>) = (access.number_ids().into_iter().collect(), ids.to_vec());
        let rows = self
            .store
            .read(move |conn| {
                async move { lists::by_ids(conn, workspace, viewer, &numbers, &ids).await }.boxed()
            })
            .await?;
        Ok(rows
            .into_iter()
            .map(|(conversation, unread)| {
                (conversation.id, visible_conversation(conversation, unread && is_agent))
            })
            .collect())
    }

    /// A page of a view.
    ///
    /// # Errors
    /// Forbidden for a service.
    pub async fn conversations(
        &self,
        access: &Access,
        view: View,
        filter: &ListFilter,
        order: Order,
        slice: Slice<ListPosition>,
    ) -> ServiceResult<Page<VisibleConversation, ListPosition>> {
        self.page_of_conversations(access, view, filter, order, slice, true).await
    }

    /// As [`Self::conversations`]. `unread` is whether to find out which of the rows are unread.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn page_of_conversations(
        &self,
        access: &Access,
        view: View,
        filter: &ListFilter,
        order: Order,
        slice: Slice<ListPosition>,
        unread: bool,
    ) -> ServiceResult<Page<VisibleConversation, ListPosition>> {
        let list = self.list(access, view, filter, order).await?;
        let unread = unread && access.agent_id().is_some();
        let window = Window {
            after: slice.after,
            before: slice.before,
            backward: slice.backward,
            // One extra row shows whether there are more.
            limit: slice.limit + 1,
        };
        let (list, mut rows) = match list {
            Some(list) => {
                self.read_list(list, move |conn, list| {
                    async move { lists::page(conn, list, &window, unread).await }.boxed()
                })
                .await?
            }
            _ => return Ok(Page { items: Vec::new(), has_next: false, has_previous: false }),
        };
        let more = rows.len() > slice.limit;
        rows.truncate(slice.limit);
        if slice.backward {
            rows.reverse();
        }
        let items = rows
            .into_iter()
            .map(|(conversation, unread)| {
                (list.position(&conversation), visible_conversation(conversation, unread))
            })
            .collect();
        let (has_next, has_previous) = if slice.backward { (false, more) } else { (more, false) };
        // A row follows `before`, and one precedes `after`: at least the row of the cursor itself.
        let (has_next, has_previous) =
            (has_next || slice.before.is_some(), has_previous || slice.after.is_some());
        Ok(Page { items, has_next, has_previous })
    }

    /// How many conversations a list has; `None` for a search with more than [`MAX_COUNTED_MATCHES`] matches.
    ///
    /// Without a search, the total is computed from the counters of the badges, so its cost does not grow with the
    /// list.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn conversation_total(
        &self,
        access: &Access,
        view: View,
        filter: &ListFilter,
    ) -> ServiceResult<Option<i64>> {
        let ListFilter { filter: conditions, search } = filter;
        if search.is_none() {
            let conditions = access.own_filter(conditions.clone());
            let counts = self.view_counts(access, conditions.phone_number_ids.as_ref()).await?;
            return Ok(Some(total(&counts, view, &conditions)));
        }
        let order = Order { field: OrderField::LastActivity, direction: OrderDirection::Desc };
        let Some(list) = self.list(access, view, filter, order).await? else { return Ok(Some(0)) };
        let limit = i64::try_from(MAX_COUNTED_MATCHES + 1).unwrap_or(i64::MAX);
        let (_, found) = self
            .read_list(list, move |conn, list| {
                async move { lists::count_up_to(conn, list, limit).await }.boxed()
            })
            .await?;
        Ok((found <= MAX_COUNTED_MATCHES).then_some(i64::try_from(found).unwrap_or(i64::MAX)))
    }

    /// The badges over the accessible numbers, or over the accessible numbers in `only`.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn view_counts(
        &self,
        access: &Access,
        only: Option<&BTreeSet<PhoneNumberId>>,
    ) -> ServiceResult<ViewCounts> {
        let viewer = access.viewer()?;
        let numbers = narrowed(viewer.phone_number_ids, only);
        let workspace = access.workspace.id;
        let counts = self
            .store
            .read(move |conn| {
                async move { counts::badges(conn, workspace, viewer.agent_id, &numbers).await }.boxed()
            })
            .await?;
        Ok(if access.agent_id().is_some() { counts } else { counts.without_unread() })
    }

    /// The list to read; `None` when the filter cannot match any conversation.
    async fn list(
        &self,
        access: &Access,
        view: View,
        filter: &ListFilter,
        order: Order,
    ) -> ServiceResult<Option<List>> {
        let ListFilter { filter, search } = filter;
        let viewer = access.viewer()?;
        let Filter { status, unread, phone_number_ids } = access.own_filter(filter.clone());
        let numbers = narrowed(viewer.phone_number_ids, phone_number_ids.as_ref());
        let words: Vec<String> =
            search.as_deref().map(words::query_words).unwrap_or_default().into_iter().collect();
        let contradictory = status == Some(Status::Closed) && unread == Some(true);
        let wordless_search = search.is_some() && words.is_empty();
        if numbers.is_empty() || contradictory || wordless_search {
            return Ok(None);
        }
        let (workspace_id, phone_number_ids) = (access.workspace.id, Vec::from_iter(numbers));
        let stats = self.number_stats.get(&self.store, self.clock.now(), workspace_id).await?;
        let per_number_scans = stats.use_per_number_scans(&phone_number_ids);
        let use_unread_buckets =
            unread == Some(true) && words.is_empty() && stats.has_many_open(&phone_number_ids);
        Ok(Some(List {
            workspace_id,
            viewer: viewer.agent_id,
            phone_number_ids,
            per_number_scans,
            use_unread_buckets,
            view,
            status,
            unread,
            row_estimate: stats.all(),
            words,
            field: order.field,
            ascending: order.direction == OrderDirection::Asc,
        }))
    }

    /// Runs a query on a list, and returns the list with the result.
    async fn read_list<R, F>(&self, list: List, read: F) -> ServiceResult<(Arc<List>, R)>
    where
        R: Send + 'static,
        F: for<'c> FnOnce(&'c mut Conn, &'c List) -> futures_util::future::BoxFuture<'c, StoreResult<R>>
            + Send
            + 'static,
    {
        let list = Arc::new(list);
        let shared = list.clone();
        let found = self.store.read(move |conn| async move { read(conn, &shared).await }.boxed()).await?;
        Ok((list, found))
    }
}

fn visible_conversation(conversation: Conversation, unread: bool) -> VisibleConversation {
    VisibleConversation { conversation: Arc::new(conversation), unread }
}

/// The accessible numbers, or the accessible numbers in `only`.
pub(in crate::service) fn narrowed(
    accessible: BTreeSet<PhoneNumberId>,
    only: Option<&BTreeSet<PhoneNumberId>>,
) -> BTreeSet<PhoneNumberId> {
    match only {
        None => accessible,
        Some(only) => accessible.intersection(only).copied().collect(),
    }
}

/// The total of a list without a search, from the badges over the same numbers.
fn total(counts: &ViewCounts, view: View, filter: &Filter) -> i64 {
    let StatusCounts { total, open, closed, unread } = match view {
        View::Inbox => counts.inbox,
        View::AssignedToMe => counts.assigned_to_me,
        View::Unassigned => counts.unassigned,
    };
    // Without `..`: a new condition does not compile until the total takes it into account. `counts` are those of the
    // phone numbers already.
    let Filter { status, unread: is_unread, phone_number_ids: _ } = filter;
    match (status, is_unread) {
        (None, None) => total,
        (Some(Status::Open), None) => open,
        (Some(Status::Closed), None | Some(false)) => closed,
        (None | Some(Status::Open), Some(true)) => unread,
        (Some(Status::Closed), Some(true)) => 0,
        (None, Some(false)) => total - unread,
        (Some(Status::Open), Some(false)) => open - unread,
    }
}
