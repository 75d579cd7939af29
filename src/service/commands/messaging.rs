//! Commands that send and receive messages.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use futures_util::FutureExt;

use crate::clock::{Clock, Timestamp};
use crate::domain::conversation::{Change, NewConversation, STALE_OVERRIDDEN};
use crate::domain::input::{self, E164};
use crate::domain::service_token::ServiceScope;
use crate::domain::{
    AgentId, Contact, ContactId, Conversation, ConversationId, DeliveryStatus, Direction, InputField,
    Message, MessageId, PhoneNumberId, Refusal, Snapshot, WorkspaceId, words,
};
use crate::service::commands::service_tokens::require_valid;
use crate::service::context::{Actor, ConversationTx, LockedAgents, WorkspaceTx, record};
use crate::service::{CommandOutcome, Error, ServiceResult, Services, VisibleConversation};
use crate::store::log::{self, LogTx};
use crate::store::tables::{
    contacts, conversations, idempotency, messages, phone_numbers, read_markers, words as word_index,
};
use crate::store::{Conn, StoreError};
use crate::token::Caller;

/// The most newer replies in the refusal of a stale reply.
const NEWER_REPLIES_SHOWN: i64 = 20;

/// The most distinct words of one message in the search index.
const MAX_INDEXED_WORDS: usize = 4_000;

/// Sends a message to the customer of a conversation.
#[derive(Debug, Clone)]
pub struct SendMessage {
    pub conversation_id: ConversationId,
    pub body: String,
    /// Identifies this message among the agent's messages, so that a repeated call sends nothing.
    pub idempotency_key: String,
    /// The last message that the author has seen.
    pub last_seen: Option<MessageId>,
    /// Whether to send even if another agent has replied after `last_seen`.
    pub override_stale: bool,
}

/// Sends the first message to a contact.
#[derive(Debug, Clone)]
pub struct StartConversation {
    pub phone_number_id: PhoneNumberId,
    pub to: E164,
    pub body: String,
    pub idempotency_key: String,
}

/// A customer's message, as the SMS provider delivers it.
#[derive(Debug, Clone)]
pub struct ReceiveMessage {
    /// Identifies this message among the provider's messages, so that a repeated delivery changes nothing.
    pub provider_message_id: String,
    pub from: E164,
    pub to: E164,
    pub body: String,
    pub media_urls: Vec<String>,
    /// When the customer sent the message, if the provider reports it.
    pub sent_at: Option<Timestamp>,
}

impl Services {
    /// Stores a message to the customer. Any agent with access to the number may send. The conversation is neither
    /// assigned nor reopened.
    ///
    /// The idempotency key is checked before the stale-reply check: a repeated call returns the first message, whatever
    /// has happened since. A refused call does not use up its key.
    ///
    /// # Errors
    /// Not found; an invalid body or key; the key was used with other input; another agent has replied after
    /// `last_seen`.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn send_message(
        &self,
        caller: Caller,
        mut command: SendMessage,
    ) -> ServiceResult<CommandOutcome> {
        let by = self.agent_of(caller)?;
        command.body = input::body(&command.body)?;
        input::key(InputField::IdempotencyKey, &command.idempotency_key)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let (clock, command) = (clock.clone(), command.clone());
            async move {
                let conversation_tx =
                    ConversationTx::open(&mut tx, &clock, by, command.conversation_id, &[]).await?;
                let fingerprint = fingerprint(&["send", &command.conversation_id.to_string(), &command.body]);
                let key = Key { by, key: &command.idempotency_key, fingerprint };
                if let Some(first) = key.first_message(&mut tx).await? {
                    return Ok(conversation_tx.unchanged(Some(first)));
                }
                let (read_through, reason) =
                    check_stale_reply(&mut tx, &conversation_tx, by.agent_id, &command).await?;
                reply(tx, conversation_tx, key, command.body.clone(), read_through, reason).await
            }
            .boxed()
        })
        .await
    }

    /// Sends a message to a contact from a number. Starts their conversation on this number if they have none.
    ///
    /// # Errors
    /// As [`Self::send_message`], without the stale-reply check.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn start_conversation(
        &self,
        caller: Caller,
        mut command: StartConversation,
    ) -> ServiceResult<CommandOutcome> {
        let by = self.agent_of(caller)?;
        command.body = input::body(&command.body)?;
        input::key(InputField::IdempotencyKey, &command.idempotency_key)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |tx| {
            let (clock, command) = (clock.clone(), command.clone());
            async move { start(tx, &clock, by, command).await }.boxed()
        })
        .await
    }

    /// Stores a customer's message. Starts their conversation on this number if they have none, and reopens it if it is
    /// closed. A reopened conversation keeps its assignee, unless the assignee can no longer work on it.
    ///
    /// # Errors
    /// Not found when the workspace does not have the number. The content is never refused.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn receive_message(
        &self,
        caller: Caller,
        command: ReceiveMessage,
    ) -> ServiceResult<CommandOutcome> {
        let Caller::Service { workspace_id, grant } = caller else {
            return Err(Error::Forbidden("Only a service token may deliver messages."));
        };
        if !caller.has_scope(ServiceScope::Deliver) {
            return Err(Error::Forbidden("A service token needs the scope DELIVER to deliver messages."));
        }
        input::key(InputField::ProviderMessageId, &command.provider_message_id)?;
        let clock = self.clock.clone();
        self.write(workspace_id, move |mut tx| {
            let (clock, command) = (clock.clone(), command.clone());
            async move {
                let workspace_tx = WorkspaceTx::open(&mut tx, &clock, workspace_id).await?;
                require_valid(&mut tx, workspace_id, grant, workspace_tx.now).await?;
                receive(tx, &clock, workspace_tx, command).await
            }
            .boxed()
        })
        .await
    }
}

/// An idempotency key, and a fingerprint of the input that it is used with.
struct Key<'a> {
    by: Actor,
    key: &'a str,
    fingerprint: String,
}

impl Key<'_> {
    /// The message that an earlier call with this key sent.
    ///
    /// # Errors
    /// [`Refusal::IdempotencyKeyReused`] when the key was used with other input.
    async fn first_message(&self, conn: &mut Conn) -> ServiceResult<Option<Message>> {
        let Actor { workspace_id: workspace, agent_id: agent, .. } = self.by;
        let Some(used) = idempotency::find(conn, workspace, agent, self.key).await? else { return Ok(None) };
        if used.fingerprint != self.fingerprint {
            return Err(Refusal::IdempotencyKeyReused.into());
        }
        Ok(messages::find(conn, workspace, used.message_id).await?)
    }

    /// Stores the key with the message that it was used for.
    async fn store(self, conn: &mut Conn, message_id: MessageId, at: Timestamp) -> ServiceResult<()> {
        let used = idempotency::Use { fingerprint: self.fingerprint, message_id };
        idempotency::insert(conn, self.by.workspace_id, self.by.agent_id, self.key, &used, at).await?;
        Ok(())
    }
}

/// A hash of the input. It identifies the input without storing the text a second time.
fn fingerprint(parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks whether another agent has replied after the message that the author last saw. Returns the number of that
/// message, and the reason to log if the author overrides the check.
///
/// # Errors
/// [`Refusal::StaleReply`], with the newer replies; not found when the conversation does not have the message.
async fn check_stale_reply(
    conn: &mut Conn,
    conversation_tx: &ConversationTx,
    author: AgentId,
    command: &SendMessage,
) -> ServiceResult<(i32, Option<&'static str>)> {
    let conversation = &conversation_tx.snapshot.conversation;
    let Some(last_seen) = command.last_seen else { return Ok((conversation.message_count, None)) };
    let read_through = messages::find(conn, conversation.workspace_id, last_seen)
        .await?
        .filter(|message| message.conversation_id == conversation.id)
        .map(|message| message.number)
        .ok_or(Refusal::NotFound(InputField::LastSeenMessageId))?;
    let newer = messages::replies_by_others(
        conn,
        conversation.workspace_id,
        conversation.id,
        author,
        read_through,
        NEWER_REPLIES_SHOWN,
    )
    .await?;
    match (newer.is_empty(), command.override_stale) {
        (true, _) => Ok((read_through, None)),
        (false, true) => Ok((read_through, Some(STALE_OVERRIDDEN))),
        (false, false) => Err(Refusal::StaleReply(newer).into()),
    }
}

/// Stores an agent's message in an existing conversation.
async fn reply(
    mut tx: LogTx<'_>,
    conversation_tx: ConversationTx,
    key: Key<'_>,
    body: String,
    read_through: i32,
    reason: Option<&'static str>,
) -> ServiceResult<CommandOutcome> {
    let author = key.by.agent_id;
    let now = conversation_tx.workspace_tx.now;
    let id = MessageId(tx.new_id());
    let mut change = conversation_tx.snapshot.reply(author, id, read_through, now);
    change.reason = reason;
    let message = outbound(&change, author, body);
    log::store(&mut tx, &change).await?;
    store_message(&mut tx, &message, None).await?;
    key.store(&mut tx, id, now).await?;
    conversation_tx.record(tx, change, Some(message)).await
}

async fn start(
    mut tx: LogTx<'_>,
    clock: &Clock,
    by: Actor,
    command: StartConversation,
) -> ServiceResult<CommandOutcome> {
    let Actor { workspace_id: workspace, agent_id: author, .. } = by;
    let workspace_tx = WorkspaceTx::open(&mut tx, clock, workspace).await?;
    let locked_agents = LockedAgents::lock(&mut tx, workspace, command.phone_number_id, [author]).await?;
    let candidate = locked_agents.candidate(author).filter(|it| by.may_act_as(it.agent));
    let candidate = candidate.ok_or(Error::Unauthenticated)?;
    let number = phone_numbers::by_ids(&mut tx, workspace, &[command.phone_number_id]).await?.pop();
    let Some(number) = number.filter(|_| candidate.has_access) else {
        return Err(Refusal::NotFound(InputField::PhoneNumberId).into());
    };
    if number.number == command.to {
        return Err(
            Refusal::invalid(InputField::To, "A phone number cannot send a message to itself.").into()
        );
    }
    let parts = ["start", &number.id.to_string(), command.to.as_str(), &command.body];
    let key = Key { by, key: &command.idempotency_key, fingerprint: fingerprint(&parts) };
    if let Some(first) = key.first_message(&mut tx).await? {
        let conversation_tx = ConversationTx::open(&mut tx, clock, by, first.conversation_id, &[]).await?;
        return Ok(conversation_tx.unchanged(Some(first)));
    }
    let new = (ContactId(tx.new_id()), workspace_tx.now);
    let contact = contacts::find_or_insert(&mut tx, workspace, &command.to, None, new).await?;
    if let Some(existing) = conversations::find_between(&mut tx, workspace, number.id, contact.id).await? {
        let conversation_tx = ConversationTx::open(&mut tx, clock, by, existing.id, &[]).await?;
        let read_through = conversation_tx.snapshot.conversation.message_count;
        return reply(tx, conversation_tx, key, command.body.clone(), read_through, None).await;
    }
    let id = MessageId(tx.new_id());
    let new = new_conversation(&tx, workspace, number.id, contact.id);
    let change = Snapshot::begun_by_agent(new, id, workspace_tx.now);
    let message = outbound(&change, author, command.body.clone());
    log::store(&mut tx, &change).await?;
    index_contact(&mut tx, &change.after.conversation, &contact).await?;
    store_message(&mut tx, &message, None).await?;
    key.store(&mut tx, id, workspace_tx.now).await?;
    record(tx, &workspace_tx, change, Some(author), Some(message)).await
}

async fn receive(
    mut tx: LogTx<'_>,
    clock: &Clock,
    mut workspace_tx: WorkspaceTx,
    command: ReceiveMessage,
) -> ServiceResult<CommandOutcome> {
    let workspace = workspace_tx.workspace.id;
    let number = phone_numbers::by_number(&mut tx, &command.to)
        .await?
        .filter(|number| number.workspace_id == workspace)
        .ok_or(Refusal::NotFound(InputField::To))?;
    if let Some(first) = messages::by_provider_id(&mut tx, workspace, &command.provider_message_id).await? {
        return repeated(&mut tx, &workspace_tx, first).await;
    }
    let new = (ContactId(tx.new_id()), workspace_tx.now);
    let contact = contacts::find_or_insert(&mut tx, workspace, &command.from, None, new).await?;
    let id = MessageId(tx.new_id());
    let existing = conversations::find_between(&mut tx, workspace, number.id, contact.id).await?;
    let change = match existing {
        None => {
            let new = new_conversation(&tx, workspace, number.id, contact.id);
            let change = Snapshot::begun_by_customer(new, id, workspace_tx.now);
            log::store(&mut tx, &change).await?;
            index_contact(&mut tx, &change.after.conversation, &contact).await?;
            change
        }
        Some(existing) => {
            // Lock the assignee before the conversation, in case the message reopens it.
            let assignee = existing.assignee().filter(|_| !existing.is_open());
            let locked_agents = LockedAgents::lock(&mut tx, workspace, number.id, assignee).await?;
            let snapshot = conversations::lock(&mut tx, workspace, existing.id, None)
                .await?
                .ok_or(StoreError::Changed)?;
            workspace_tx.catch_up(clock, &snapshot.conversation);
            // Another delivery of the same message may have taken the lock first.
            let repeat = messages::by_provider_id(&mut tx, workspace, &command.provider_message_id).await?;
            if let Some(first) = repeat {
                return repeated(&mut tx, &workspace_tx, first).await;
            }
            let can_work =
                snapshot.conversation.is_open() || locked_agents.assignee_can_work(&snapshot.conversation)?;
            let change = snapshot.receive(id, workspace_tx.now, can_work);
            log::store(&mut tx, &change).await?;
            change
        }
    };
    let message = inbound(&change, &workspace_tx, command.clone());
    store_message(&mut tx, &message, Some(&command.provider_message_id)).await?;
    record(tx, &workspace_tx, change, None, Some(message)).await
}

/// The result of a repeated delivery: the first message and the current conversation.
async fn repeated(
    conn: &mut Conn,
    workspace_tx: &WorkspaceTx,
    first: Message,
) -> ServiceResult<CommandOutcome> {
    let conversation = conversations::find(conn, first.workspace_id, first.conversation_id)
        .await?
        .ok_or_else(|| StoreError::Damaged(format!("message {} has no conversation", first.id)))?;
    let readers = read_markers::readers(conn, &conversation).await?;
    let previous_assignee = conversation.assignee();
    let visible = VisibleConversation::new(&Snapshot { conversation, readers }, None);
    let (as_of, agents) = (workspace_tx.head.seq, Vec::new());
    Ok(CommandOutcome { visible, previous_assignee, changed: false, as_of, message: Some(first), agents })
}

pub(in crate::service) fn new_conversation(
    tx: &LogTx<'_>,
    workspace_id: WorkspaceId,
    phone_number_id: PhoneNumberId,
    contact_id: ContactId,
) -> NewConversation {
    NewConversation { id: ConversationId(tx.new_id()), workspace_id, phone_number_id, contact_id }
}

fn outbound(change: &Change, author: AgentId, body: String) -> Message {
    let conversation = &change.after.conversation;
    Message {
        id: conversation.last_message_id,
        workspace_id: conversation.workspace_id,
        conversation_id: conversation.id,
        number: conversation.message_count,
        direction: Direction::Outbound,
        body,
        media_urls: Vec::new(),
        author_id: Some(author),
        sent_at: conversation.last_activity_at,
        delivery_status: Some(DeliveryStatus::Queued),
    }
}

fn inbound(change: &Change, workspace_tx: &WorkspaceTx, command: ReceiveMessage) -> Message {
    let conversation = &change.after.conversation;
    Message {
        id: conversation.last_message_id,
        workspace_id: conversation.workspace_id,
        conversation_id: conversation.id,
        number: conversation.message_count,
        direction: Direction::Inbound,
        body: input::without_nul(command.body),
        media_urls: command.media_urls.into_iter().map(input::without_nul).collect(),
        author_id: None,
        sent_at: command.sent_at.unwrap_or(workspace_tx.now),
        delivery_status: None,
    }
}

/// Stores a message, and adds its words to the search index of its conversation.
async fn store_message(conn: &mut Conn, message: &Message, provider_id: Option<&str>) -> ServiceResult<()> {
    messages::insert(conn, message, provider_id).await?;
    let mut indexed = words::words(&message.body);
    // A very long message is stored whole and indexed in part.
    while indexed.len() > MAX_INDEXED_WORDS {
        indexed.pop_last();
    }
    word_index::add(conn, message.workspace_id, message.conversation_id, &indexed).await?;
    Ok(())
}

/// Adds the contact's name and number to the search index of a new conversation.
pub(in crate::service) async fn index_contact(
    conn: &mut Conn,
    conversation: &Conversation,
    contact: &Contact,
) -> ServiceResult<()> {
    let mut indexed: BTreeSet<String> = contact.name.as_deref().map(words::words).unwrap_or_default();
    indexed.insert(words::phone_word(contact.number.as_str()));
    word_index::add(conn, conversation.workspace_id, conversation.id, &indexed).await?;
    Ok(())
}
