//! Which conversations a view shows, and how an event changes a viewer's list.
//!
//! A live list needs no query per subscriber. An event contains the conversation before and after the change. The
//! update to send depends on whether the list shows the conversation before and after.
//!
//! `docs/recipes/filter.md` lists the steps to add a filter. The compiler names each place that has to take a new field of
//! [`Filter`] into account.

use std::collections::BTreeSet;

use super::conversation::{Snapshot, Status};
use super::event::ConversationEvent;
use super::ids::{AgentId, PhoneNumberId};

/// A list in the sidebar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// All conversations that the viewer can access.
    Inbox,
    /// The conversations that the viewer owns.
    AssignedToMe,
    /// The conversations without an owner.
    Unassigned,
}

/// The conditions of a filter. A conversation must meet all of them; `None` is always met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub status: Option<Status>,
    pub unread: Option<bool>,
    pub phone_number_ids: Option<BTreeSet<PhoneNumberId>>,
}

impl Filter {
    /// Whether a conversation meets the conditions when `agent` is the viewer.
    pub fn matches(&self, agent: AgentId, snapshot: &Snapshot) -> bool {
        // Without `..`: a new condition does not compile until it is matched.
        let Self { status, unread, phone_number_ids } = self;
        let conversation = &snapshot.conversation;
        status.is_none_or(|status| conversation.status() == status)
            && unread.is_none_or(|unread| snapshot.unread_for(agent) == unread)
            && phone_number_ids.as_ref().is_none_or(|ids| ids.contains(&conversation.phone_number_id))
    }
}

/// The agent who views a list, and the phone numbers that they can access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    pub agent_id: AgentId,
    pub phone_number_ids: BTreeSet<PhoneNumberId>,
}

/// How an event changes a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueChange {
    Entered,
    Updated,
    Left,
}

/// Whether `view` with `filter` shows the conversation to `viewer`.
pub fn shows(view: View, filter: &Filter, viewer: &Viewer, snapshot: &Snapshot) -> bool {
    let conversation = &snapshot.conversation;
    let in_view = match view {
        View::Inbox => true,
        View::AssignedToMe => conversation.assignee() == Some(viewer.agent_id),
        View::Unassigned => conversation.assignee().is_none(),
    };
    in_view
        && viewer.phone_number_ids.contains(&conversation.phone_number_id)
        && filter.matches(viewer.agent_id, snapshot)
}

/// Whether `viewer` may receive `event`: only the reader receives an event of reading.
pub fn concerns(viewer: AgentId, actor: Option<AgentId>, event: &ConversationEvent) -> bool {
    !event.kind.is_personal() || actor == Some(viewer)
}

/// Returns how `event`, caused by `actor`, changes `viewer`'s list. `None` when the list does not change.
pub fn change(
    view: View,
    filter: &Filter,
    viewer: &Viewer,
    actor: Option<AgentId>,
    event: &ConversationEvent,
) -> Option<QueueChange> {
    if !concerns(viewer.agent_id, actor, event) {
        return None;
    }
    let before = event.before.as_ref().is_some_and(|before| shows(view, filter, viewer, before));
    let after = shows(view, filter, viewer, &event.after);
    match (before, after) {
        (false, true) => Some(QueueChange::Entered),
        (true, true) => Some(QueueChange::Updated),
        (true, false) => Some(QueueChange::Left),
        (false, false) => None,
    }
}
