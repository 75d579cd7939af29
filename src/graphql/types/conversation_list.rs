//! Lists of conversations: views, filters, orders and pages.

use std::collections::BTreeSet;

use async_graphql::{Context, Enum, ID, InputObject, MergedObject, Object, Result};

use super::conversation::{Conversation, ConversationStatus};
use crate::domain::{self, Filter, PhoneNumberId, View, input};
use crate::graphql::connection::{ConversationCursor, Page};
use crate::graphql::error::{self, bad_input};
use crate::graphql::ids;
use crate::graphql::scalars::EventCursor;
use crate::graphql::scope::Scope;
use crate::service::{self, ListFilter, Order};

/// A view of the sidebar. Each view contains only conversations on phone numbers that you have access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::View")]
pub enum ConversationView {
    /// All conversations, regardless of who owns them.
    Inbox,
    /// Conversations that you own, open and closed.
    AssignedToMe,
    /// Conversations without an assignee, open and closed.
    Unassigned,
}

/// A filter for lists of conversations. A conversation must match all given conditions.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ConversationFilter {
    /// Include only conversations with this status.
    pub status: Option<ConversationStatus>,
    /// True includes only conversations that are unread for you. False includes only conversations that are not.
    pub unread: Option<bool>,
    /// Include only conversations on these phone numbers (at most 100).
    pub phone_number_ids: Option<Vec<ID>>,
    /// Include only conversations that match every word of this search. A conversation matches a word if the contact's
    /// name, the contact's number or a message contains a word that begins with it. At most 100 characters.
    pub search: Option<String>,
}

impl ConversationFilter {
    /// Converts the filter for a list.
    ///
    /// # Errors
    /// BAD_USER_INPUT if the search is too long or there are too many ids.
    pub fn for_list(self) -> Result<ListFilter> {
        let search = search(self.search.as_deref())?.map(str::to_owned);
        Ok(ListFilter { filter: self.without_search()?, search })
    }

    /// Converts the filter for a live list.
    ///
    /// # Errors
    /// BAD_USER_INPUT if it has a search: an event does not contain the texts to match.
    pub fn for_stream(self) -> Result<Filter> {
        if self.search.as_deref().is_some_and(|search| !search.trim().is_empty()) {
            return Err(bad_input("Subscriptions do not support `search` in their filter."));
        }
        self.without_search()
    }

    /// All conditions except the search.
    fn without_search(self) -> Result<Filter> {
        // Without `..`: a new field does not compile until it is converted.
        let Self { status, unread, phone_number_ids, search: _ } = self;
        let phone_number_ids = self::phone_number_ids(phone_number_ids)?;
        Ok(Filter { status: status.map(Into::into), unread, phone_number_ids })
    }
}

/// Trims a search. A blank one becomes `None`.
///
/// # Errors
/// BAD_USER_INPUT if it is too long.
pub fn search(text: Option<&str>) -> Result<Option<&str>> {
    let checked = text.map_or(Ok(None), input::search);
    checked.map_err(|refusal| error::of_service(service::Error::from(refusal)))
}

/// Decodes ids of phone numbers. Malformed ids match nothing, just as unknown ones.
///
/// # Errors
/// BAD_USER_INPUT if there are too many.
pub fn phone_number_ids(given: Option<Vec<ID>>) -> Result<Option<BTreeSet<PhoneNumberId>>> {
    let Some(given) = given else { return Ok(None) };
    if given.len() > input::MAX_IDS {
        return Err(bad_input(format!("At most {} phone numbers are allowed.", input::MAX_IDS)));
    }
    Ok(Some(given.iter().filter_map(|id| ids::decode(id)).collect()))
}

/// The field that a list of conversations is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "service::OrderField")]
pub enum ConversationOrderField {
    /// `lastActivityAt`: when the last message was stored.
    LastActivity,
    /// `waitingSince`: when the customer started waiting for an answer. Conversations without a waiting customer come
    /// last in both directions.
    WaitingSince,
    /// `unassignedSince`: when the conversation became unassigned. Conversations with an assignee come last in both
    /// directions.
    UnassignedSince,
}

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "service::OrderDirection")]
pub enum OrderDirection {
    /// Earliest time first.
    Asc,
    /// Latest time first.
    Desc,
}

/// The order of a list of conversations.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct ConversationOrder {
    /// The field to order by.
    #[graphql(default_with = "ConversationOrderField::LastActivity")]
    pub field: ConversationOrderField,
    /// The direction of the order. Defaults to `DESC` (newest first) for `LAST_ACTIVITY`, and to `ASC` (longest time
    /// first) for the other fields.
    pub direction: Option<OrderDirection>,
}

impl ConversationOrder {
    /// The given order, with defaults for what is omitted.
    pub fn or_default(given: Option<Self>) -> Order {
        let field = given.map_or(ConversationOrderField::LastActivity, |order| order.field);
        let usual = match field {
            ConversationOrderField::LastActivity => OrderDirection::Desc,
            ConversationOrderField::WaitingSince | ConversationOrderField::UnassignedSince => {
                OrderDirection::Asc
            }
        };
        let direction = given.and_then(|order| order.direction).unwrap_or(usual);
        Order { field: field.into(), direction: direction.into() }
    }
}

/// Values that concern a whole list. They are computed only when selected.
pub struct ConversationTotals {
    pub view: View,
    pub filter: ListFilter,
}

/// Values that concern a whole list.
#[Object]
impl ConversationTotals {
    /// The number of conversations in the whole list, on all pages. Null for a search with more than 1,000 matches.
    async fn total_count(&self, ctx: &Context<'_>) -> Option<Result<i32>> {
        self.count(ctx).await.transpose()
    }

    /// The position in the event log that this page reflects. Subscribe with `after: asOf` to receive every later
    /// change.
    async fn as_of(&self, ctx: &Context<'_>) -> Result<EventCursor> {
        let scope = Scope::of(ctx)?;
        let access = scope.access().await?;
        Ok(EventCursor(scope.services().cursor(access.workspace.id, access.as_of)))
    }
}

impl ConversationTotals {
    async fn count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let scope = Scope::of(ctx)?;
        let access = scope.access().await?;
        let total = scope.services().conversation_total(access, self.view, &self.filter).await;
        Ok(total.map_err(error::of_service)?.map(|total| i32::try_from(total).unwrap_or(i32::MAX)))
    }
}

/// A page of conversations.
#[derive(MergedObject)]
pub struct ConversationConnection(pub Page<Conversation, ConversationCursor>, pub ConversationTotals);
