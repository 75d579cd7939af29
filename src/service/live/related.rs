//! Who and what rows and events mention, read once for all of them and all who are told of them.
//!
//! A row shows names and texts that are not in it. Those of a page are read together. Those of a row that is pushed
//! are needed by a thousand subscribers, so they are kept beside the event. They are read after the rows or the
//! events, hence nothing is older than what it is shown with.

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
use crate::store::db::backend::pipelined;
use crate::store::tables::{agents, contacts, messages};

/// What a page of rows or a run of events of one workspace mentions. Each kind is read when somebody first asks for one of it.
pub struct Related {
    store: Store,
    workspace: WorkspaceId,
    ids: RelatedIds,
    observed: Arc<ObservedSelections>,
    agents: OnceCell<Found<Agent>>,
    contacts: OnceCell<Found<Contact>>,
    messages: OnceCell<Found<AuthoredMessage>>,
}

/// Once sorted in order, and each once: an index is looked up faster so.
#[derive(Default)]
struct RelatedIds {
    agents: Vec<AgentId>,
    contacts: Vec<ContactId>,
    messages: Vec<MessageId>,
}

/// What those who listen to a workspace have asked for lately.
#[derive(Default)]
pub(in crate::service) struct ObservedSelections {
    agents: AtomicBool,
    contacts: AtomicBool,
    messages: AtomicBool,
    /// Whether nobody asks who wrote the messages.
    without_authors: bool,
}

/// What a page will show beside what is in its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefetch {
    /// Whether the rows are unread for the viewer.
    pub unread: bool,
    pub agents: bool,
    pub contacts: bool,
    pub messages: bool,
    /// Who wrote the messages.
    pub authors: bool,
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
    /// What is known of agents who were read already; nothing else is.
    pub fn related_from_agents(&self, workspace: WorkspaceId, agents: Vec<Agent>) -> Related {
        let related = Related::of(self.store.clone(), workspace, Arc::default(), RelatedIds::default());
        if !agents.is_empty() {
            _ = related.agents.set(Found::new(agents));
        }
        related
    }

    /// What `rows` mention, with what is `prefetch` of it read already: one statement for each kind of thing.
    pub(in crate::service) async fn related<'a>(
        &self,
        workspace: WorkspaceId,
        rows: impl IntoIterator<Item = &'a Conversation>,
        prefetch: Prefetch,
    ) -> Related {
        let mut ids = RelatedIds::default();
        rows.into_iter().for_each(|row| ids.conversation(row));
        let related = Related::of(self.store.clone(), workspace, Arc::new(prefetch.into()), ids);
        related.read_ahead().await;
        related
    }
}

/// What a look-up finds of `ids`, without asking when there are none; `None` when they are not wanted.
macro_rules! those {
    ($ids:expr, |$some:ident| $look_up:expr) => {
        async {
            match $ids.as_deref() {
                None => Ok(None),
                Some([]) => Ok(Some(Vec::new())),
                Some($some) => $look_up.await.map(Some),
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
        events.iter().for_each(|event| ids.note(event));
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

    /// Reads what was asked for since the last time, so that none of a thousand has to wait for it.
    pub(in crate::service) async fn read_ahead(&self) {
        let is_due = |asked: &AtomicBool| asked.swap(false, Ordering::Relaxed);
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
                    |c| those!(agents, |ids| agents::by_ids(c, workspace, ids)),
                    |c| those!(contacts, |ids| contacts::by_ids(c, workspace, ids)),
                    |c| those!(messages, |ids| async {
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
        // What fails is tried again by the first who asks, who is told.
        let Ok((agents, (contacts, messages))) = read.await else { return };
        agents.map(|found| self.agents.set(Found::new(found)));
        contacts.map(|found| self.contacts.set(Found::new(found)));
        messages.map(|found| self.messages.set(Found::new(found)));
    }

    /// The agent, if agents were read already.
    pub fn agent_cached(&self, id: AgentId) -> Option<&Agent> {
        ask(&self.observed.agents);
        self.agents.get()?.get(id)
    }

    /// The contact, if contacts were read already.
    pub fn contact_cached(&self, id: ContactId) -> Option<&Contact> {
        ask(&self.observed.contacts);
        self.contacts.get()?.get(id)
    }

    /// The message and its author, if messages were read already.
    pub fn message_cached(&self, id: MessageId) -> Option<&AuthoredMessage> {
        ask(&self.observed.messages);
        self.messages.get()?.get(id)
    }

    /// `None` when the events do not mention the agent.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn agent(&self, id: AgentId) -> ServiceResult<Option<&Agent>> {
        ask(&self.observed.agents);
        Ok(self.all_agents().await?.get(id))
    }

    /// `None` when the events do not mention the contact.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn contact(&self, id: ContactId) -> ServiceResult<Option<&Contact>> {
        ask(&self.observed.contacts);
        Ok(self.all_contacts().await?.get(id))
    }

    /// The message and its author; `None` when the events do not mention it.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn message(&self, id: MessageId) -> ServiceResult<Option<&AuthoredMessage>> {
        ask(&self.observed.messages);
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

/// What has an id.
trait Identified {
    type Id: Ord + Copy;

    fn id(&self) -> Self::Id;
}

impl Identified for Agent {
    type Id = AgentId;

    fn id(&self) -> AgentId {
        self.id
    }
}

impl Identified for Contact {
    type Id = ContactId;

    fn id(&self) -> ContactId {
        self.id
    }
}

impl Identified for AuthoredMessage {
    type Id = MessageId;

    fn id(&self) -> MessageId {
        self.message.id
    }
}

/// What was found, in order of ids: so it often comes, and a map would copy it.
struct Found<T>(Vec<T>);

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Identified> Found<T> {
    fn new(mut found: Vec<T>) -> Self {
        found.sort_unstable_by_key(T::id);
        Self(found)
    }

    fn get(&self, id: T::Id) -> Option<&T> {
        let place = self.0.binary_search_by_key(&id, T::id).ok()?;
        self.0.get(place)
    }
}

impl RelatedIds {
    fn note(&mut self, event: &Event) {
        let EventBody::Conversation(body) = &event.body else { return };
        self.agents.extend(event.actor);
        self.agents.extend(body.previous_assignee());
        self.messages.extend(body.message_id);
        self.conversation(&body.after.conversation);
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

    fn conversation(&mut self, conversation: &Conversation) {
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

/// Notes that something is asked for. Looked at first: written each time, it would go from core to core.
fn ask(habit: &AtomicBool) {
    if !habit.load(Ordering::Relaxed) {
        habit.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::service::live::related::*;

    impl Identified for u32 {
        type Id = u32;

        fn id(&self) -> u32 {
            *self
        }
    }

    #[test]
    fn what_was_found_is_found_in_whatever_order_it_came() {
        let found = Found::new(vec![5_u32, 1, 9, 3]);
        for id in [1, 3, 5, 9] {
            assert_eq!(found.get(id), Some(&id));
        }
        for id in [0, 2, 10] {
            assert_eq!(found.get(id), None);
        }
        assert_eq!(Found::<u32>::default().get(1), None);
    }

    #[test]
    fn what_is_mentioned_twice_is_asked_for_once() {
        let (one, other) = (AgentId::generate(), AgentId::generate());
        let mut ids = RelatedIds { agents: vec![other, one, other], ..RelatedIds::default() };
        ids.sort();
        assert_eq!(ids.agents, [one.min(other), one.max(other)]);
    }
}
