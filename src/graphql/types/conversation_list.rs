//! The lists of the sidebar: which view, narrowed to what, in which order, and a page of one.

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

/// A list of the sidebar. Each is narrowed to the phone numbers you have access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::View")]
pub enum ConversationView {
    /// Every conversation, whoever owns it.
    Inbox,
    /// Those you own.
    AssignedToMe,
    /// Those nobody owns.
    Unassigned,
}

/// What a list is narrowed to. Everything that is given must hold.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ConversationFilter {
    /// Only those of this status.
    pub status: Option<ConversationStatus>,
    /// Only those that are unread for you, or only those that are not.
    pub unread: Option<bool>,
    /// Only those of these phone numbers, at most 100.
    pub phone_number_ids: Option<Vec<ID>>,
    /// Only those in which every word of the search begins a word of the contact's name, number or messages.
    /// At most 100 characters.
    pub search: Option<String>,
}

impl ConversationFilter {
    /// The filter and the search.
    ///
    /// # Errors
    /// BAD_USER_INPUT when the search is too long or there are too many ids.
    pub fn for_list(self) -> Result<ListFilter> {
        let search = search(self.search.as_deref())?.map(str::to_owned);
        Ok(ListFilter { filter: self.filter()?, search })
    }

    /// The filter of a live list.
    ///
    /// # Errors
    /// BAD_USER_INPUT when it has a search: whether a text matches is no property of an event.
    pub fn for_stream(self) -> Result<Filter> {
        if self.search.as_deref().is_some_and(|search| !search.trim().is_empty()) {
            return Err(bad_input("A subscription cannot search. Leave `search` out of its filter."));
        }
        self.filter()
    }

    fn filter(self) -> Result<Filter> {
        let phone_number_ids = phone_number_ids(self.phone_number_ids)?;
        Ok(Filter { status: self.status.map(Into::into), unread: self.unread, phone_number_ids })
    }
}

/// A search, trimmed; blank means none.
///
/// # Errors
/// BAD_USER_INPUT when it is too long.
pub fn search(text: Option<&str>) -> Result<Option<&str>> {
    let checked = text.map_or(Ok(None), input::search);
    checked.map_err(|refusal| error::of_service(service::Error::from(refusal)))
}

/// Ids of phone numbers; those that are malformed match nothing, as unknown ones do.
///
/// # Errors
/// BAD_USER_INPUT when there are too many.
pub fn phone_number_ids(given: Option<Vec<ID>>) -> Result<Option<BTreeSet<PhoneNumberId>>> {
    let Some(given) = given else { return Ok(None) };
    if given.len() > input::MAX_IDS {
        return Err(bad_input(format!("At most {} phone numbers at once.", input::MAX_IDS)));
    }
    Ok(Some(given.iter().filter_map(|id| ids::decode(id)).collect()))
}

/// What a list of conversations is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "service::OrderField")]
pub enum ConversationOrderField {
    /// When the last message was stored.
    LastActivity,
    /// Since when the customer has waited for an answer. Those who do not wait come last.
    WaitingSince,
    /// Since when nobody owns it. Those with an assignee come last.
    UnassignedSince,
}

/// Which end of the order comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "service::OrderDirection")]
pub enum OrderDirection {
    /// The earliest time first.
    Asc,
    /// The latest time first.
    Desc,
}

/// The order of a list of conversations.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct ConversationOrder {
    /// What to order by.
    #[graphql(default_with = "ConversationOrderField::LastActivity")]
    pub field: ConversationOrderField,
    /// Which end comes first. Unless given, the last activity is newest first, and the others longest first.
    pub direction: Option<OrderDirection>,
}

impl ConversationOrder {
    /// The order asked for, or the usual one.
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

/// What is known of a whole list, counted only when asked for.
pub struct ConversationTotals {
    pub view: View,
    pub filter: ListFilter,
}

/// What is known of a whole list.
#[Object]
impl ConversationTotals {
    /// How many conversations the whole list has; null for a search with more than 1,000 matches.
    async fn total_count(&self, ctx: &Context<'_>) -> Option<Result<i32>> {
        self.count(ctx).await.transpose()
    }

    /// The position at which this page holds. Subscribe with `after: asOf` and nothing is missed.
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
