//! Relay connections: paging arguments, cursors, pages and edges.
//!
//! Cursors are opaque to clients and carry the tag of their list, so that another list refuses them. Messages and
//! history are numbered without gaps, so the numbers on a page can be computed ([`PageWindow`]).

use std::borrow::Cow;

use async_graphql::{Object, OutputType, Result, SimpleObject, TypeName};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::bad_input;
use super::ids;
use crate::clock::Timestamp;
use crate::domain::{AgentId, ConversationId};
use crate::service::{ListPosition, OrderField, Slice};
use graphql_transport::fast::{FastList, FastObject, FieldWriter, Selected, scalar};

/// The default size of a page.
pub const DEFAULT_PAGE: usize = 25;
/// The largest size of a page.
pub const MAX_PAGE: usize = 100;
/// The longest cursor that is decoded, in bytes. A valid one is shorter.
const MAX_CURSOR: usize = 120;

/// The validated paging arguments of a field.
#[derive(Debug)]
pub struct Paging {
    limit: usize,
    backward: bool,
    after: Option<String>,
    before: Option<String>,
}

impl Paging {
    /// # Errors
    /// BAD_USER_INPUT if a size is negative or exceeds [`MAX_PAGE`], or if both sizes are given.
    pub fn new(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self> {
        let (limit, backward) = match (first, last) {
            (Some(_), Some(_)) => return Err(bad_input("`first` and `last` cannot be combined.")),
            (None, Some(last)) => (size("last", last)?, true),
            (Some(first), None) => (size("first", first)?, false),
            (None, None) => (DEFAULT_PAGE, false),
        };
        Ok(Self { limit, backward, after, before })
    }

    /// The requested slice. `decode` decodes a cursor.
    ///
    /// # Errors
    /// BAD_USER_INPUT if a cursor does not belong to this list.
    pub fn slice<P>(&self, decode: impl Fn(&str) -> Option<P>) -> Result<Slice<P>> {
        let read = |name: &str, cursor: &Option<String>| match cursor {
            None => Ok(None),
            Some(text) => match decode(text) {
                Some(position) => Ok(Some(position)),
                None => Err(bad_input(format!("`{name}` is not a cursor of this list."))),
            },
        };
        let (after, before) = (read("after", &self.after)?, read("before", &self.before)?);
        Ok(Slice { limit: self.limit, backward: self.backward, after, before })
    }
}

fn size(name: &str, asked: i32) -> Result<usize> {
    match usize::try_from(asked) {
        Ok(size) if size <= MAX_PAGE => Ok(size),
        _ => Err(bad_input(format!("`{name}` must be between 0 and {MAX_PAGE}."))),
    }
}

/// The complexity of a page: the cost of the selection on one item, `each`, times the number of items, plus one.
pub fn cost(first: Option<i32>, last: Option<i32>, each: usize) -> usize {
    let size = first.or(last).map_or(DEFAULT_PAGE, |n| usize::try_from(n).unwrap_or(0));
    size.saturating_mul(each).saturating_add(1)
}

/// A position in a list that can be encoded as a cursor.
pub trait Cursor: Sized + Send + Sync {
    /// Distinguishes the cursors of different lists.
    const TAG: &'static str;
    fn write(&self) -> String;
    fn read(text: &str) -> Option<Self>;

    /// The opaque cursor for clients.
    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}:{}", Self::TAG, self.write()))
    }

    /// `None` unless [`Self::encode`] made the cursor.
    fn decode(cursor: &str) -> Option<Self> {
        if cursor.len() > MAX_CURSOR {
            return None;
        }
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let written = text.strip_prefix(Self::TAG)?.strip_prefix(':')?;
        // A number has several spellings; only the one that `encode` writes is valid.
        Self::read(written).filter(|position| position.write() == written)
    }
}

/// A message's number in its conversation.
pub struct MessageNumber(pub i32);

impl Cursor for MessageNumber {
    const TAG: &'static str = "m";

    fn write(&self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        number(text).map(Self)
    }
}

/// A history entry, by the conversation's version after it.
pub struct HistoryNumber(pub i32);

impl Cursor for HistoryNumber {
    const TAG: &'static str = "h";

    fn write(&self) -> String {
        self.0.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        number(text).map(Self)
    }
}

fn number(text: &str) -> Option<i32> {
    text.parse().ok().filter(|number| *number >= 1)
}

impl Cursor for AgentId {
    const TAG: &'static str = "a";

    fn write(&self) -> String {
        ids::encode(*self).0
    }

    fn read(text: &str) -> Option<Self> {
        ids::decode(text)
    }
}

/// A position in a list of conversations. It is valid only for lists ordered by the same field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationCursor {
    pub field: OrderField,
    pub position: ListPosition,
}

impl Cursor for ConversationCursor {
    const TAG: &'static str = "c";

    fn write(&self) -> String {
        let field = match self.field {
            OrderField::LastActivity => "a",
            OrderField::WaitingSince => "w",
            OrderField::UnassignedSince => "u",
        };
        let key = self.position.key.map_or_else(|| "-".to_owned(), |at| at.as_micros().to_string());
        format!("{field}.{key}.{}", *ids::encode(self.position.id))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let field = match parts.next()? {
            "a" => OrderField::LastActivity,
            "w" => OrderField::WaitingSince,
            "u" => OrderField::UnassignedSince,
            _ => return None,
        };
        let key = match parts.next()? {
            "-" => None,
            micros => Some(Timestamp::from_micros(micros.parse().ok()?)),
        };
        let id = ids::decode::<ConversationId>(parts.next()?)?;
        Some(Self { field, position: ListPosition { key, id } })
    }
}

/// The part of the numbers 1 to `count` that is on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageWindow {
    low: i32,
    high: i32,
    pub has_next: bool,
    pub has_previous: bool,
}

impl PageWindow {
    /// A page of a list in ascending order.
    pub fn ascending(count: i32, slice: Slice<i32>) -> Self {
        Self::cut(count, slice.after, slice.before, slice.limit, slice.backward)
    }

    /// A page of a list in descending order.
    pub fn descending(count: i32, slice: Slice<i32>) -> Self {
        let Self { low, high, has_next, has_previous } =
            Self::cut(count, slice.before, slice.after, slice.limit, !slice.backward);
        Self { low, high, has_next: has_previous, has_previous: has_next }
    }

    /// At most `limit` of the numbers between `over` and `under`, exclusive: the highest ones if `from_top`, else
    /// the lowest.
    fn cut(count: i32, over: Option<i32>, under: Option<i32>, limit: usize, from_top: bool) -> Self {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let mut low = over.map_or(1, |over| over.saturating_add(1)).max(1);
        let mut high = under.map_or(count, |under| under.saturating_sub(1)).min(count);
        if from_top {
            low = low.max(high.saturating_sub(limit).saturating_add(1));
        } else {
            high = high.min(low.saturating_add(limit).saturating_sub(1));
        }
        Self { low, high, has_next: high < count, has_previous: low > 1 }
    }

    /// The lowest and the highest number, both inclusive. `None` if the page is empty.
    pub fn range(&self) -> Option<(i32, i32)> {
        (self.low <= self.high).then_some((self.low, self.high))
    }
}

/// Information for paging through a list.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PageInfo {
    /// Whether the list has items after this page.
    pub has_next_page: bool,
    /// Whether the list has items before this page.
    pub has_previous_page: bool,
    /// The cursor of the first item. Null if the page is empty.
    pub start_cursor: Option<String>,
    /// The cursor of the last item. Null if the page is empty.
    pub end_cursor: Option<String>,
}

/// An item of a list with its cursor.
#[derive(Clone)]
pub struct Edge<T, C> {
    cursor: C,
    node: T,
}

impl<T: OutputType, C: Cursor> TypeName for Edge<T, C> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", <T as OutputType>::type_name()).into()
    }
}

/// An item of a list with its cursor.
#[Object(name_type)]
impl<T: OutputType, C: Cursor> Edge<T, C> {
    /// The item's position in the list, for use as `after` or `before`.
    async fn cursor(&self) -> String {
        self.cursor.encode()
    }

    /// The item.
    async fn node(&self) -> &T {
        &self.node
    }
}

impl<T: FastObject + 'static, C: Cursor + 'static> FastObject for Edge<T, C> {
    fn type_name() -> Cow<'static, str> {
        let node = T::type_name();
        if node.is_empty() { node } else { format!("{node}Edge").into() }
    }

    fn writer(selected: &Selected<'_>) -> Option<FieldWriter<Self>> {
        match selected.name() {
            "cursor" => Some(scalar(|it: &Self, json| json.text(&it.cursor.encode()))),
            "node" => selected.object(|it: &Self| Some(Some(&it.node))),
            _ => None,
        }
    }
}

/// The fields that every connection has, except its total.
pub struct Page<T, C> {
    edges: Vec<Edge<T, C>>,
    info: PageInfo,
}

impl<T, C: Cursor> Page<T, C> {
    /// A page of these items with their cursors, in order.
    pub fn new(items: impl IntoIterator<Item = (C, T)>, has_next: bool, has_previous: bool) -> Self {
        let edges: Vec<_> = items.into_iter().map(|(cursor, node)| Edge { cursor, node }).collect();
        let info = PageInfo {
            has_next_page: has_next,
            has_previous_page: has_previous,
            start_cursor: edges.first().map(|edge| edge.cursor.encode()),
            end_cursor: edges.last().map(|edge| edge.cursor.encode()),
        };
        Self { edges, info }
    }

    #[cfg(test)]
    pub fn nodes_in_order(&self) -> impl Iterator<Item = &T> {
        self.edges.iter().map(|edge| &edge.node)
    }

    #[cfg(test)]
    pub fn info(&self) -> &PageInfo {
        &self.info
    }
}

impl<T: OutputType, C: Cursor> TypeName for Page<T, C> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Page", T::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: OutputType + FastObject + 'static, C: Cursor + 'static> Page<T, C> {
    /// The items of this page with their cursors.
    async fn edges(&self) -> FastList<'_, Edge<T, C>> {
        FastList(self.edges.iter().collect())
    }

    /// The items of this page.
    async fn nodes(&self) -> FastList<'_, T> {
        FastList(self.edges.iter().map(|edge| &edge.node).collect())
    }

    /// Information for paging through the list.
    async fn page_info(&self) -> &PageInfo {
        &self.info
    }
}

/// The `totalCount` field of a list whose length is already known.
#[derive(SimpleObject)]
pub struct Total {
    /// The number of items in the whole list, on all pages.
    pub total_count: Option<i32>,
}

#[cfg(test)]
mod tests;
