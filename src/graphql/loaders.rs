//! Batched look-ups: a list of conversations costs one statement per kind of entity, not one per row.
//!
//! The lists of an operation share their look-ups: a list that has its rows waits until the other lists have theirs, and
//! then the agents, contacts and messages of all the lists are loaded together.
//!
//! Loaders belong to one operation, or to one pushed item of a subscription, and cache nothing across operations. The
//! entities that a pushed item needs are mostly loaded with its event, once for all subscribers: see
//! [`crate::service::live::related`].

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use ::dataloader::BatchFn;
use ::dataloader::non_cached::Loader as Batched;
use async_graphql::Result;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, OnceCell};

use super::error;
use crate::clock::Timestamp;
use crate::domain::{
    Agent, AgentId, AuthoredMessage, Contact, ContactId, ConversationId, Event, Message, MessageId,
    PhoneNumber, PhoneNumberId, WorkspaceId,
};
use crate::service::{Access, Error, ListRows, Related, ServiceResult, Services, VisibleConversation};
use crate::token::Caller;

/// The most keys in one statement.
const MAX_BATCH: usize = 500;

/// How often the first list yields to the others. They all have their rows by then, so the next two polls of the
/// operation reach each of them.
const LIST_YIELDS: usize = 2;

/// A range of a conversation's messages or history, by number, both ends inclusive.
pub type MessageRange = (ConversationId, i32, i32);

type Fetched<K, V> = BoxFuture<'static, ServiceResult<HashMap<K, V>>>;
type Loaded<V> = std::result::Result<Option<V>, Arc<Error>>;
type Loader<K, V> = Batched<K, Loaded<V>, Batch<K, V>>;

/// Fetches the values of many keys together.
struct Batch<K, V>(Box<dyn Fn(Vec<K>) -> Fetched<K, V> + Send + Sync>);

impl<K, V> BatchFn<K, Loaded<V>> for Batch<K, V>
where
    K: Clone + Eq + Hash,
{
    async fn load(&mut self, keys: &[K]) -> HashMap<K, Loaded<V>> {
        match (self.0)(keys.to_vec()).await {
            Ok(mut found) => keys.iter().map(|key| (key.clone(), Ok(found.remove(key)))).collect(),
            Err(failure) => {
                let failure = Arc::new(failure);
                keys.iter().map(|key| (key.clone(), Err(failure.clone()))).collect()
            }
        }
    }
}

/// The loaders of one operation.
pub struct Loaders {
    context: Arc<CallerContext>,
    related: Option<Arc<Related>>,
    // Created on first use: most pushed items need no loader, and eight loaders take thirty allocations.
    batches: OnceLock<Box<Batches>>,
    lists: OnceLock<Loader<ListKey, Arc<Related>>>,
}

/// The caller of an operation.
struct CallerContext {
    services: Services,
    caller: Caller,
    access: Arc<OnceCell<Access>>,
    gate: ListGate,
}

/// The lists of an operation that are still being read.
#[derive(Default)]
struct ListGate {
    begun: AtomicUsize,
    reading: AtomicUsize,
    all_read: Notify,
}

/// A list that is being read. It counts until it is dropped, also when reading the list fails.
pub struct ListReading<'a> {
    gate: &'a ListGate,
    number: usize,
}

impl ListGate {
    fn begin(&self) -> ListReading<'_> {
        self.reading.fetch_add(1, Ordering::AcqRel);
        ListReading { gate: self, number: self.begun.fetch_add(1, Ordering::Relaxed) }
    }

    /// Waits until every list that has begun is read.
    async fn all_read(&self) {
        loop {
            // Before the check, so that no notification is missed between the two.
            let all_read = self.all_read.notified();
            if self.reading.load(Ordering::Acquire) == 0 {
                return;
            }
            all_read.await;
        }
    }
}

impl Drop for ListReading<'_> {
    fn drop(&mut self) {
        if self.gate.reading.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.gate.all_read.notify_waiters();
        }
    }
}

/// The rows of one list of an operation. Its number identifies it.
#[derive(Debug, Clone)]
struct ListKey {
    number: usize,
    rows: Arc<ListRows>,
}

impl PartialEq for ListKey {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for ListKey {}

impl Hash for ListKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

struct Batches {
    conversations: Loader<ConversationId, VisibleConversation>,
    agents: Loader<AgentId, Agent>,
    contacts: Loader<ContactId, Contact>,
    phone_numbers: Loader<PhoneNumberId, PhoneNumber>,
    messages: Loader<MessageId, AuthoredMessage>,
    message_ranges: Loader<MessageRange, Vec<Message>>,
    history_ranges: Loader<MessageRange, Vec<Arc<Event>>>,
    assignees: Loader<(ConversationId, Timestamp), Option<AgentId>>,
}

/// A loader that calls the batch look-up `$method` of the services.
macro_rules! batched {
    ($services:expr, $workspace:expr, $method:ident) => {{
        let (services, workspace): (Services, WorkspaceId) = ($services.clone(), $workspace);
        loader(move |keys| {
            let services = services.clone();
            Box::pin(async move { services.$method(workspace, &keys).await })
        })
    }};
}

impl Batches {
    fn new(CallerContext { services, caller, access, gate: _ }: &CallerContext) -> Self {
        let workspace = caller.workspace_id();
        Self {
            conversations: visible_conversations(services.clone(), *caller, access.clone()),
            agents: batched!(services, workspace, agents_by_ids),
            contacts: batched!(services, workspace, contacts_by_ids),
            phone_numbers: batched!(services, workspace, phone_numbers_by_ids),
            messages: batched!(services, workspace, messages_by_ids),
            message_ranges: batched!(services, workspace, message_runs),
            history_ranges: batched!(services, workspace, history_runs),
            assignees: batched!(services, workspace, assignees_at),
        }
    }
}

impl Loaders {
    /// Loaders for `caller`. `access` is read on first use unless it is already set.
    pub fn new(services: Services, caller: Caller, access: Arc<OnceCell<Access>>) -> Self {
        let context = Arc::new(CallerContext { services, caller, access, gate: ListGate::default() });
        Self { context, related: None, batches: OnceLock::new(), lists: OnceLock::new() }
    }

    /// New loaders for the same caller and access, for example for the next item of a subscription. `related` contains
    /// entities that are already loaded.
    pub fn renewed(&self, related: Option<Arc<Related>>) -> Arc<Self> {
        let context = self.context.clone();
        Arc::new(Self { context, related, batches: OnceLock::new(), lists: OnceLock::new() })
    }

    fn batches(&self) -> &Batches {
        self.batches.get_or_init(|| Box::new(Batches::new(&self.context)))
    }

    pub fn services(&self) -> &Services {
        &self.context.services
    }

    pub fn caller(&self) -> Caller {
        self.context.caller
    }

    /// What the caller may see. Read once per operation.
    pub async fn access(&self) -> Result<&Access> {
        let read = || self.context.services.access(self.context.caller);
        self.context.access.get_or_try_init(read).await.map_err(error::of_service)
    }

    /// Begins to read a list of conversations. Call it before the first `await` of the list's resolver, so that the
    /// other lists of the operation wait for this one.
    pub fn begin_list(&self) -> ListReading<'_> {
        self.context.gate.begin()
    }

    /// The entities that the rows of a list refer to, loaded with those of the other lists of the operation.
    pub async fn related_to_list(&self, rows: ListRows, reading: ListReading<'_>) -> Result<Arc<Related>> {
        let key = ListKey { number: reading.number, rows: Arc::new(rows) };
        drop(reading);
        self.context.gate.all_read().await;
        let lists = self.lists.get_or_init(|| related_to_lists(&self.context));
        load(lists, key).await?.ok_or_else(|| error::missing("the related entities of a list"))
    }

    /// `None` if the caller cannot see the conversation.
    pub async fn conversation(&self, id: ConversationId) -> Result<Option<VisibleConversation>> {
        load(&self.batches().conversations, id).await
    }

    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>> {
        if let Some(related) = &self.related
            && let Some(cached) = related.agent(id).await.map_err(error::of_service)?
        {
            return Ok(Some(cached.clone()));
        }
        load(&self.batches().agents, id).await
    }

    pub async fn contact(&self, id: ContactId) -> Result<Option<Contact>> {
        if let Some(related) = &self.related
            && let Some(cached) = related.contact(id).await.map_err(error::of_service)?
        {
            return Ok(Some(cached.clone()));
        }
        load(&self.batches().contacts, id).await
    }

    /// The agent, if already loaded.
    pub fn agent_cached(&self, id: AgentId) -> Option<&Agent> {
        self.related.as_ref()?.agent_cached(id)
    }

    /// The contact, if already loaded.
    pub fn contact_cached(&self, id: ContactId) -> Option<&Contact> {
        self.related.as_ref()?.contact_cached(id)
    }

    /// The message and its author, if already loaded.
    pub fn message_cached(&self, id: MessageId) -> Option<&AuthoredMessage> {
        self.related.as_ref()?.message_cached(id)
    }

    /// The number, if the caller's access is already loaded and includes it.
    pub fn phone_number_cached(&self, id: PhoneNumberId) -> Option<&PhoneNumber> {
        self.context.access.get()?.phone_numbers.iter().find(|number| number.id == id)
    }

    /// Needs no statement if the caller's access includes the number, which is true for all that they can see.
    pub async fn phone_number(&self, id: PhoneNumberId) -> Result<Option<PhoneNumber>> {
        match self.phone_number_cached(id) {
            Some(number) => Ok(Some(number.clone())),
            None => load(&self.batches().phone_numbers, id).await,
        }
    }

    /// The message with its author.
    pub async fn message(&self, id: MessageId) -> Result<Option<AuthoredMessage>> {
        if let Some(related) = &self.related
            && let Some(cached) = related.message(id).await.map_err(error::of_service)?
        {
            return Ok(Some(cached.clone()));
        }
        load(&self.batches().messages, id).await
    }

    pub async fn message_range(&self, range: MessageRange) -> Result<Vec<Message>> {
        Ok(load(&self.batches().message_ranges, range).await?.unwrap_or_default())
    }

    pub async fn history_range(&self, range: MessageRange) -> Result<Vec<Arc<Event>>> {
        Ok(load(&self.batches().history_ranges, range).await?.unwrap_or_default())
    }

    /// The agent who owned the conversation at that time.
    pub async fn assignee_at(&self, id: ConversationId, at: Timestamp) -> Result<Option<AgentId>> {
        Ok(load(&self.batches().assignees, (id, at)).await?.flatten())
    }
}

/// A loader of the related entities of lists. All lists get the same entities.
fn related_to_lists(context: &CallerContext) -> Loader<ListKey, Arc<Related>> {
    let (services, workspace) = (context.services.clone(), context.caller.workspace_id());
    loader(move |lists: Vec<ListKey>| {
        let services = services.clone();
        Box::pin(async move {
            let rows = lists.iter().map(|list| &*list.rows);
            let related = Arc::new(services.related_to_lists(workspace, rows).await);
            Ok(lists.into_iter().map(|list| (list, related.clone())).collect())
        })
    })
    .with_yield_count(LIST_YIELDS)
}

fn visible_conversations(
    services: Services,
    caller: Caller,
    access: Arc<OnceCell<Access>>,
) -> Loader<ConversationId, VisibleConversation> {
    loader(move |ids: Vec<ConversationId>| {
        let (services, access) = (services.clone(), access.clone());
        Box::pin(async move {
            let access = access.get_or_try_init(|| services.access(caller)).await?;
            services.conversations_by_ids(access, &ids).await
        })
    })
}

fn loader<K, V>(fetch: impl Fn(Vec<K>) -> Fetched<K, V> + Send + Sync + 'static) -> Loader<K, V>
where
    K: Clone + Debug + Eq + Hash,
    V: Clone,
{
    Batched::new(Batch(Box::new(fetch) as Box<_>)).with_max_batch_size(MAX_BATCH)
}

async fn load<K, V>(loader: &Loader<K, V>, key: K) -> Result<Option<V>>
where
    K: Clone + Debug + Eq + Hash,
    V: Clone,
{
    match loader.try_load(key).await {
        Ok(found) => found.map_err(error::of_service),
        Err(absent) => Err(error::missing(&absent.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubling(statements: Arc<AtomicUsize>) -> Loader<i32, i32> {
        loader(move |keys: Vec<i32>| {
            statements.fetch_add(1, Ordering::Relaxed);
            let found = keys.into_iter().filter(|key| *key < 100).map(|key| (key, key * 2));
            let found = found.collect();
            Box::pin(async move { Ok(found) })
        })
    }

    #[tokio::test]
    async fn concurrent_look_ups_are_one_statement() {
        let statements = Arc::new(AtomicUsize::new(0));
        let loader = doubling(statements.clone());
        let keys = [1, 2, 3, 2, 1, 100].into_iter().chain(200..260);
        let found = futures_util::future::join_all(keys.map(|key| load(&loader, key))).await;
        let found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!(found[..6], [Some(2), Some(4), Some(6), Some(4), Some(2), None]);
        assert_eq!(statements.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn loaded_values_are_not_cached() {
        let statements = Arc::new(AtomicUsize::new(0));
        let loader = doubling(statements.clone());
        assert_eq!(load(&loader, 1).await.unwrap(), Some(2));
        assert_eq!(load(&loader, 1).await.unwrap(), Some(2));
        assert_eq!(statements.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_failure_reaches_every_look_up_of_its_batch() {
        let loader: Loader<i32, i32> = loader(|_| Box::pin(async { Err(Error::Unauthenticated) }));
        for failed in futures_util::future::join_all((0..3).map(|key| load(&loader, key))).await {
            let code = failed.unwrap_err().extensions.and_then(|e| e.get("code").cloned());
            assert_eq!(code, Some("UNAUTHENTICATED".into()));
        }
    }
}
