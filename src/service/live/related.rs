//! Loads the agents, contacts and messages that a page of rows or a batch of events refers to, once for all
//! subscribers.
//!
//! A row refers to an agent, a contact and a message by id. The related entities of all pages of
//! an operation are loaded together. The related entities of an event are shared by all subscribers, and are stored with the event. They are loaded after
//! the rows or events, so they are never older than the row that they are shown with.

mod found;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use tokio::sync::OnceCell;

use crate::domain::{
    Agent, AgentId, AuthoredMessage, Contact, ContactId, Conversation, Event, EventBody, MessageId,
    Ownership, State, WorkspaceId,
};
use crate::service::{ServiceResult, Services};
use crate::store::Store;
use crate::store::db::conn::pipelined;
use crate::store::tables::{agents, contacts, messages};

use found::Found;

/// The entities that a page of rows or a batch of events of one workspace refers to. Each kind is loaded on first use.
pub struct Related {
    store: Store,
    workspace: WorkspaceId,
    ids: RelatedIds,
    observed: Arc<ObservedSelections>,
    agents: OnceCell<Found<Agent>>,
    contacts: OnceCell<Found<Contact>>,
    messages: OnceCell<Found<AuthoredMessage>>,
}

/// The ids to load. Sorted and without duplicates once [`RelatedIds::sort`] has run, for faster index look-ups.
#[derive(Debug, Default)]
struct RelatedIds {
    agents: Vec<AgentId>,
    contacts: Vec<ContactId>,
    messages: Vec<MessageId>,
}

/// Which kinds of entities the subscribers of a workspace have used since the last prefetch.
#[derive(Default)]
pub(in crate::service) struct ObservedSelections {
    agents: AtomicBool,
    contacts: AtomicBool,
    messages: AtomicBool,
    /// Whether messages are loaded without their authors.
    without_authors: bool,
}

/// What to prefetch for a page of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefetch {
    /// Whether the rows are unread for the viewer.
    pub unread: bool,
    pub agents: bool,
    pub contacts: bool,
    pub messages: bool,
    /// The authors of the messages.
    pub authors: bool,
}

impl Prefetch {
    /// What either of them needs.
    fn and(self, other: Self) -> Self {
        let Self { unread, agents, contacts, messages, authors } = other;
        Self {
            unread: self.unread || unread,
            agents: self.agents || agents,
            contacts: self.contacts || contacts,
            messages: self.messages || messages,
            authors: self.authors || authors,
        }
    }
}

/// The ids that the rows of one list refer to, and what the selection on the list needs.
#[derive(Debug)]
pub struct ListRows {
    ids: RelatedIds,
    prefetch: Prefetch,
}

impl ListRows {
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Conversation>, prefetch: Prefetch) -> Self {
        let mut ids = RelatedIds::default();
        rows.into_iter().for_each(|row| ids.add_conversation(row));
        Self { ids, prefetch }
    }
}

impl From<Prefetch> for ObservedSelections {
    fn from(prefetch: Prefetch) -> Self {
        Self {
            agents: prefetch.agents.into(),
            contacts: prefetch.contacts.into(),
            messages: prefetch.messages.into(),
            without_authors: !prefetch.authors,
        }
    }
}

impl Services {
    /// Related entities that contain only these agents, which were loaded already.
    pub fn related_from_agents(&self, workspace: WorkspaceId, agents: Vec<Agent>) -> Related {
        let related = Related::of(self.store.clone(), workspace, Arc::default(), RelatedIds::default());
        if !agents.is_empty() {
            _ = related.agents.set(Found::new(agents));
        }
        related
    }

    /// The entities that the rows of several lists refer to. Loads what the selections need, with one statement per
    /// kind for all the lists. The rest is loaded on demand.
    pub async fn related_to_lists(
        &self,
        workspace: WorkspaceId,
        lists: impl IntoIterator<Item = &ListRows>,
    ) -> Related {
        let (mut ids, mut prefetch) = (RelatedIds::default(), Prefetch::default());
        for list in lists {
            ids.extend(&list.ids);
            prefetch = prefetch.and(list.prefetch);
        }
        let related = Related::of(self.store.clone(), workspace, Arc::new(prefetch.into()), ids);
        related.read_ahead().await;
        related
    }
}

/// Runs a look-up of `ids`. `None` stays `None`, and an empty list is not looked up.
macro_rules! look_up {
    ($ids:expr, |$some:ident| $query:expr) => {
        async {
            match $ids.as_deref() {
                None => Ok(None),
                Some([]) => Ok(Some(Vec::new())),
                Some($some) => $query.await.map(Some),
            }
        }
    };
}

impl Related {
    pub(in crate::service) fn new(
        store: Store,
        workspace: WorkspaceId,
        observed: Arc<ObservedSelections>,
        events: &[Arc<Event>],
    ) -> Self {
        let mut ids = RelatedIds::default();
        events.iter().for_each(|event| ids.add_event(event));
        Self::of(store, workspace, observed, ids)
    }

    fn of(
        store: Store,
        workspace: WorkspaceId,
        observed: Arc<ObservedSelections>,
        mut ids: RelatedIds,
    ) -> Self {
        ids.sort();
        let (agents, contacts, messages) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { store, workspace, ids, observed, agents, contacts, messages }
    }

    /// Loads the kinds that were used since the last call, so that subscribers find them cached.
    pub(in crate::service) async fn read_ahead(&self) {
        let is_due = |used: &AtomicBool| used.swap(false, Ordering::Relaxed);
        let (observed, ids) = (&self.observed, &self.ids);
        let agents = is_due(&observed.agents).then(|| ids.agents.clone());
        let contacts = is_due(&observed.contacts).then(|| ids.contacts.clone());
        let messages = is_due(&observed.messages).then(|| ids.messages.clone());
        if agents.is_none() && contacts.is_none() && messages.is_none() {
            return;
        }
        let (workspace, without_authors) = (self.workspace, observed.without_authors);
        let read = self.store.read(move |conn| {
            async move {
                Ok(pipelined!(conn;
                    |c| look_up!(agents, |ids| agents::by_ids(c, workspace, ids)),
                    |c| look_up!(contacts, |ids| contacts::by_ids(c, workspace, ids)),
                    |c| look_up!(messages, |ids| async {
                        if without_authors {
                            messages::without_authors(c, workspace, ids).await
                        } else {
                            messages::with_authors(c, workspace, ids).await
                        }
                    }),
                ))
            }
            .boxed()
        });
        // On failure the first subscriber that needs an entity retries, and gets the error.
        let Ok((agents, (contacts, messages))) = read.await else { return };
        agents.map(|found| self.agents.set(Found::new(found)));
        contacts.map(|found| self.contacts.set(Found::new(found)));
        messages.map(|found| self.messages.set(Found::new(found)));
    }

    /// The agent, if the agents are loaded.
    pub fn agent_cached(&self, id: AgentId) -> Option<&Agent> {
        observe(&self.observed.agents);
        self.agents.get()?.get(id)
    }

    /// The contact, if the contacts are loaded.
    pub fn contact_cached(&self, id: ContactId) -> Option<&Contact> {
        observe(&self.observed.contacts);
        self.contacts.get()?.get(id)
    }

    /// The message and its author, if the messages are loaded.
    pub fn message_cached(&self, id: MessageId) -> Option<&AuthoredMessage> {
        observe(&self.observed.messages);
        self.messages.get()?.get(id)
    }

    /// The agent; `None` when no row or event refers to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agent(&self, id: AgentId) -> ServiceResult<Option<&Agent>> {
        observe(&self.observed.agents);
        Ok(self.all_agents().await?.get(id))
    }

    /// The contact; `None` when no row or event refers to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn contact(&self, id: ContactId) -> ServiceResult<Option<&Contact>> {
        observe(&self.observed.contacts);
        Ok(self.all_contacts().await?.get(id))
    }

    /// The message and its author; `None` when no row or event refers to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn message(&self, id: MessageId) -> ServiceResult<Option<&AuthoredMessage>> {
        observe(&self.observed.messages);
        Ok(self.all_messages().await?.get(id))
    }

    async fn all_agents(&self) -> ServiceResult<&Found<Agent>> {
        let read = async || {
            let (workspace, ids) = (self.workspace, self.ids.agents.clone());
            if ids.is_empty() {
                return Ok(Found::default());
            }
            let found = self
                .store
                .read(move |conn| async move { agents::by_ids(conn, workspace, &ids).await }.boxed());
            Ok(Found::new(found.await?))
        };
        self.agents.get_or_try_init(read).await
    }

    async fn all_contacts(&self) -> ServiceResult<&Found<Contact>> {
        let read = async || {
            let (workspace, ids) = (self.workspace, self.ids.contacts.clone());
            if ids.is_empty() {
                return Ok(Found::default());
            }
            let found = self
                .store
                .read(move |conn| async move { contacts::by_ids(conn, workspace, &ids).await }.boxed());
            Ok(Found::new(found.await?))
        };
        self.contacts.get_or_try_init(read).await
    }

    async fn all_messages(&self) -> ServiceResult<&Found<AuthoredMessage>> {
        let read = async || {
            let (workspace, ids) = (self.workspace, self.ids.messages.clone());
            if ids.is_empty() {
                return Ok(Found::default());
            }
            let found = self
                .store
                .read(move |conn| async move { messages::with_authors(conn, workspace, &ids).await }.boxed());
            Ok(Found::new(found.await?))
        };
        self.messages.get_or_try_init(read).await
    }
}

impl RelatedIds {
    fn add_event(&mut self, event: &Event) {
        let EventBody::Conversation(body) = &event.body else { return };
        self.agents.extend(event.actor);
        self.agents.extend(body.previous_assignee());
        self.messages.extend(body.message_id);
        self.add_conversation(&body.after.conversation);
    }

    fn extend(&mut self, other: &Self) {
        let Self { agents, contacts, messages } = other;
        self.agents.extend(agents);
        self.contacts.extend(contacts);
        self.messages.extend(messages);
    }

    fn sort(&mut self) {
        fn sort<T: Ord>(ids: &mut Vec<T>) {
            ids.sort_unstable();
            ids.dedup();
        }
        sort(&mut self.agents);
        sort(&mut self.contacts);
        sort(&mut self.messages);
    }

    fn add_conversation(&mut self, conversation: &Conversation) {
        self.contacts.push(conversation.contact_id);
        self.messages.push(conversation.last_message_id);
        if let Ownership::Agent { id, by, .. } = conversation.ownership {
            self.agents.push(id);
            self.agents.extend(by);
        }
        if let State::Closed { by, .. } = conversation.state {
            self.agents.extend(by);
        }
    }
}

/// Marks a kind as used. Loads before it stores, because a store moves the cache line between cores.
fn observe(used: &AtomicBool) {
    if !used.load(Ordering::Relaxed) {
        used.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::service::live::related::*;

    #[test]
    fn an_id_that_is_mentioned_twice_is_read_once() {
        let (one, other) = (AgentId::generate(), AgentId::generate());
        let mut ids = RelatedIds { agents: vec![other, one, other], ..RelatedIds::default() };
        ids.sort();
        assert_eq!(ids.agents, [one.min(other), one.max(other)]);
    }
}
