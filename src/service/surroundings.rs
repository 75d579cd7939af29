//! Who and what rows and events mention, read once for all of them and all who are told of them.
//!
//! A row shows names and texts that are not in it. Those of a page are read together. Those of a row that is pushed
//! are needed by a thousand subscribers, so they are kept beside the event. They are read after the rows or the
//! events, hence nothing is older than what it is shown with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use tokio::sync::OnceCell;

use super::{Answer, Services};
use crate::domain::{
    Agent, AgentId, Contact, ContactId, Conversation, Event, EventBody, Message, MessageId, Ownership, State,
    WorkspaceId,
};
use crate::store::backend::pipelined;
use crate::store::{Store, agents, contacts, messages};

/// A message and its author.
type Written = (Message, Option<Agent>);

/// What a page of rows or a run of events of one workspace mentions. Each kind is read when somebody first asks for one of it.
pub struct Surroundings {
    store: Store,
    workspace: WorkspaceId,
    mentioned: Mentioned,
    habits: Arc<Habits>,
    agents: OnceCell<Found<Agent>>,
    contacts: OnceCell<Found<Contact>>,
    messages: OnceCell<Found<Written>>,
}

/// Once sorted in order, and each once: an index is looked up faster so.
#[derive(Default)]
struct Mentioned {
    agents: Vec<AgentId>,
    contacts: Vec<ContactId>,
    messages: Vec<MessageId>,
}

/// What those who listen to a workspace have asked for lately.
#[derive(Default)]
pub(super) struct Habits {
    agents: AtomicBool,
    contacts: AtomicBool,
    messages: AtomicBool,
    /// Whether nobody asks who wrote the messages.
    without_authors: bool,
}

/// What a page will show beside what is in its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether the rows are unread for the viewer.
    pub unread: bool,
    pub agents: bool,
    pub contacts: bool,
    pub messages: bool,
    /// Who wrote the messages.
    pub authors: bool,
}

impl From<Wanted> for Habits {
    fn from(wanted: Wanted) -> Self {
        Self {
            agents: wanted.agents.into(),
            contacts: wanted.contacts.into(),
            messages: wanted.messages.into(),
            without_authors: !wanted.authors,
        }
    }
}

impl Services {
    /// What is known of agents who were read already; nothing else is.
    pub fn around_agents(&self, workspace: WorkspaceId, agents: Vec<Agent>) -> Surroundings {
        let around = Surroundings::of(self.store.clone(), workspace, Arc::default(), Mentioned::default());
        if !agents.is_empty() {
            _ = around.agents.set(Found::new(agents));
        }
        around
    }

    /// What `rows` mention, with what is `wanted` of it read already: one statement for each kind of thing.
    pub(super) async fn surroundings<'a>(
        &self,
        workspace: WorkspaceId,
        rows: impl IntoIterator<Item = &'a Conversation>,
        wanted: Wanted,
    ) -> Surroundings {
        let mut mentioned = Mentioned::default();
        rows.into_iter().for_each(|row| mentioned.conversation(row));
        let around = Surroundings::of(self.store.clone(), workspace, Arc::new(wanted.into()), mentioned);
        around.read_ahead().await;
        around
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

impl Surroundings {
    pub(super) fn new(
        store: Store,
        workspace: WorkspaceId,
        habits: Arc<Habits>,
        events: &[Arc<Event>],
    ) -> Self {
        let mut mentioned = Mentioned::default();
        events.iter().for_each(|event| mentioned.note(event));
        Self::of(store, workspace, habits, mentioned)
    }

    fn of(store: Store, workspace: WorkspaceId, habits: Arc<Habits>, mut mentioned: Mentioned) -> Self {
        mentioned.sort();
        let (agents, contacts, messages) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { store, workspace, mentioned, habits, agents, contacts, messages }
    }

    /// Reads what was asked for since the last time, so that none of a thousand has to wait for it.
    pub(super) async fn read_ahead(&self) {
        let is_due = |asked: &AtomicBool| asked.swap(false, Ordering::Relaxed);
        let (habits, mentioned) = (&self.habits, &self.mentioned);
        let agents = is_due(&habits.agents).then(|| mentioned.agents.clone());
        let contacts = is_due(&habits.contacts).then(|| mentioned.contacts.clone());
        let messages = is_due(&habits.messages).then(|| mentioned.messages.clone());
        if agents.is_none() && contacts.is_none() && messages.is_none() {
            return;
        }
        let (workspace, without_authors) = (self.workspace, habits.without_authors);
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
    pub fn agent_at_hand(&self, id: AgentId) -> Option<&Agent> {
        ask(&self.habits.agents);
        self.agents.get()?.get(id)
    }

    /// The contact, if contacts were read already.
    pub fn contact_at_hand(&self, id: ContactId) -> Option<&Contact> {
        ask(&self.habits.contacts);
        self.contacts.get()?.get(id)
    }

    /// The message and its author, if messages were read already.
    pub fn message_at_hand(&self, id: MessageId) -> Option<&Written> {
        ask(&self.habits.messages);
        self.messages.get()?.get(id)
    }

    /// `None` when the events do not mention the agent.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn agent(&self, id: AgentId) -> Answer<Option<&Agent>> {
        ask(&self.habits.agents);
        Ok(self.all_agents().await?.get(id))
    }

    /// `None` when the events do not mention the contact.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn contact(&self, id: ContactId) -> Answer<Option<&Contact>> {
        ask(&self.habits.contacts);
        Ok(self.all_contacts().await?.get(id))
    }

    /// The message and its author; `None` when the events do not mention it.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn message(&self, id: MessageId) -> Answer<Option<&Written>> {
        ask(&self.habits.messages);
        Ok(self.all_messages().await?.get(id))
    }

    async fn all_agents(&self) -> Answer<&Found<Agent>> {
        let read = async || {
            let (workspace, ids) = (self.workspace, self.mentioned.agents.clone());
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

    async fn all_contacts(&self) -> Answer<&Found<Contact>> {
        let read = async || {
            let (workspace, ids) = (self.workspace, self.mentioned.contacts.clone());
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

    async fn all_messages(&self) -> Answer<&Found<Written>> {
        let read = async || {
            let (workspace, ids) = (self.workspace, self.mentioned.messages.clone());
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

impl Identified for Written {
    type Id = MessageId;

    fn id(&self) -> MessageId {
        self.0.id
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

impl Mentioned {
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
    use super::*;

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
        let mut mentioned = Mentioned { agents: vec![other, one, other], ..Mentioned::default() };
        mentioned.sort();
        assert_eq!(mentioned.agents, [one.min(other), one.max(other)]);
    }
}
