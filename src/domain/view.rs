//! Which conversations a view shows, and what an event means to one view of one viewer.
//!
//! Everything here is a pure function of its arguments, so a live list costs no query per subscriber: an
//! event holds the conversation before and after, and membership before × after says what to push.
//!
//! To add a filter: a field of [`Filter`], its line in [`Filter::matches`], and the same condition in
//! `store::lists`. The property test that compares the two on random histories then covers it.

use std::collections::BTreeSet;

use super::conversation::{Snapshot, Status};
use super::event::ConversationEvent;
use super::ids::{AgentId, PhoneNumberId};

/// A list of the sidebar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// Everything the viewer can access.
    Inbox,
    /// The viewer's own.
    AssignedToMe,
    /// What nobody owns.
    Unassigned,
}

/// What a view is narrowed to. All parts must hold; an absent part always holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub status: Option<Status>,
    pub unread: Option<bool>,
    pub phone_number_ids: Option<BTreeSet<PhoneNumberId>>,
}

impl Filter {
    /// Whether a conversation passes, for `agent` as the one who reads.
    pub fn matches(&self, agent: AgentId, snapshot: &Snapshot) -> bool {
        let conversation = &snapshot.conversation;
        self.status.is_none_or(|status| conversation.status() == status)
            && self.unread.is_none_or(|unread| snapshot.unread_for(agent) == unread)
            && self.phone_number_ids.as_ref().is_none_or(|ids| ids.contains(&conversation.phone_number_id))
    }
}

/// The agent who looks, and the numbers they can access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    pub agent_id: AgentId,
    pub phone_number_ids: BTreeSet<PhoneNumberId>,
}

/// What an event does to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueChange {
    Entered,
    Updated,
    Left,
}

/// Whether `view`, narrowed by `filter`, shows `viewer` this conversation.
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

/// Whether `viewer` is told of `event` at all: reading concerns only the reader.
pub fn concerns(viewer: AgentId, actor: Option<AgentId>, event: &ConversationEvent) -> bool {
    !event.kind.is_personal() || actor == Some(viewer)
}

/// What `event`, done by `actor`, does to `viewer`'s list. `None` when it does nothing.
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
