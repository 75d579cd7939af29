//! Import of past conversations.
//!
//! Each step of a conversation goes through the same rules as a live command and writes the same event, at a time in
//! the past.

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::conversation::{Candidate, Change, Expectations};
use crate::domain::input::{self, E164};
use crate::domain::{
    Agent, AgentId, AssignmentModel, ContactId, DeliveryStatus, Direction, InputField, Message, MessageId,
    PhoneNumberId, Plan, Policy, Refusal, Snapshot, WorkspaceId, words,
};
use crate::service::commands::messaging::{index_contact, new_conversation};
use crate::service::{Error, ServiceResult, Services};
use crate::store::log::{self, Draft, LogTx};
use crate::store::tables::{
    contacts, conversations, messages, read_markers, words as word_index, workspaces,
};

/// A conversation to import. Its steps are in order of time, and the first is a message.
#[derive(Debug, Clone)]
pub struct PastConversation {
    pub phone_number_id: PhoneNumberId,
    pub contact_number: E164,
    pub contact_name: Option<String>,
    pub steps: Vec<PastStep>,
}

/// A step of a conversation, and its time.
#[derive(Debug, Clone)]
pub struct PastStep {
    pub at: Timestamp,
    pub what: PastEvent,
}

/// What happened in a step. The agents are treated as active and with access to the number.
#[derive(Debug, Clone)]
pub enum PastEvent {
    Received { body: String },
    Replied { author: AgentId, body: String },
    Assigned { by: AgentId, to: AgentId },
    Closed { by: AgentId },
    Read { by: AgentId },
}

/// A conversation whose steps were replayed in memory.
struct Replayed {
    last: Snapshot,
    messages: Vec<Message>,
    drafts: Vec<Draft>,
}

impl Services {
    /// Imports conversations in one transaction. Their contacts must have no conversation on the same number yet.
    ///
    /// # Errors
    /// Invalid when a conversation does not begin with a message, refers to an unknown agent, or has a contact who
    /// already has a conversation on the number. Nothing is written then.
    pub async fn import(
        &self,
        workspace: WorkspaceId,
        agents: &[Agent],
        past: Vec<PastConversation>,
    ) -> ServiceResult<()> {
        let agents = agents.to_vec();
        self.write(workspace, move |mut tx| {
            let (agents, past) = (agents.clone(), past.clone());
            async move {
                let (_, head) = workspaces::find(&mut tx, workspace).await?.ok_or(Error::Unauthenticated)?;
                let mut drafts = Vec::new();
                for conversation in past {
                    drafts.extend(import_one(&mut tx, workspace, &agents, conversation).await?);
                }
                drafts.sort_by_key(|draft| draft.at);
                // Times in the log never decrease, so older events get the time of the last event.
                drafts.iter_mut().for_each(|draft| draft.at = draft.at.max(head.at));
                log::append(tx, workspace, drafts).await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }
}

async fn import_one(
    tx: &mut LogTx<'_>,
    workspace: WorkspaceId,
    agents: &[Agent],
    past: PastConversation,
) -> ServiceResult<Vec<Draft>> {
    let began = past
        .steps
        .first()
        .map(|step| step.at)
        .ok_or_else(|| refused("A conversation needs at least one message."))?;
    let name = past.contact_name.as_deref();
    let new = (ContactId(tx.new_id()), began);
    let contact = contacts::find_or_insert(tx, workspace, &past.contact_number, name, new).await?;
    let replayed = replay(tx, workspace, agents, contact.id, past)?;
    let conversation = &replayed.last.conversation;
    if !conversations::insert(tx, conversation).await? {
        return Err(refused("The contact already has a conversation on this number."));
    }
    let read: Vec<_> =
        replayed.last.readers.iter().map(|reader| (*reader, conversation.message_count)).collect();
    read_markers::set(tx, conversation, &read).await?;
    index_contact(tx, conversation, &contact).await?;
    let mut indexed = std::collections::BTreeSet::new();
    for message in &replayed.messages {
        messages::insert(tx, message, None).await?;
        indexed.extend(words::words(&message.body));
    }
    word_index::add(tx, workspace, conversation.id, &indexed).await?;
    Ok(replayed.drafts)
}

/// Replays the steps of a conversation by the rules.
fn replay(
    tx: &LogTx<'_>,
    workspace: WorkspaceId,
    agents: &[Agent],
    contact: ContactId,
    past: PastConversation,
) -> ServiceResult<Replayed> {
    let new = new_conversation(tx, workspace, past.phone_number_id, contact);
    let mut last: Option<Snapshot> = None;
    let (mut messages, mut drafts) = (Vec::new(), Vec::new());
    for step in past.steps {
        let id = MessageId(tx.new_id());
        let change = match (&last, &step.what) {
            (None, PastEvent::Received { .. }) => Some(Snapshot::begun_by_customer(new, id, step.at)),
            (None, PastEvent::Replied { .. }) => Some(Snapshot::begun_by_agent(new, id, step.at)),
            (None, _) => return Err(refused("A conversation must begin with a message.")),
            (Some(now), what) => next(now, what, agents, id, step.at)?,
        };
        let Some(change) = change else { continue };
        let (actor, body) = match step.what {
            PastEvent::Received { body } => (None, Some(body)),
            PastEvent::Replied { author, body } => (Some(author), Some(body)),
            PastEvent::Assigned { by, .. } | PastEvent::Closed { by } | PastEvent::Read { by } => {
                (Some(by), None)
            }
        };
        let message = body.map(|body| message(&change, actor, body, step.at));
        drafts.push(Draft::of(change.clone(), step.at, actor, message.as_ref().map(|message| message.id)));
        messages.extend(message);
        last = Some(change.after);
    }
    let last = last.ok_or_else(|| refused("A conversation needs at least one message."))?;
    Ok(Replayed { last, messages, drafts })
}

/// The change of a step after the first; `None` when the step changes nothing.
fn next(
    now: &Snapshot,
    what: &PastEvent,
    agents: &[Agent],
    id: MessageId,
    at: Timestamp,
) -> ServiceResult<Option<Change>> {
    let agent =
        |id: &AgentId| agents.iter().find(|agent| agent.id == *id).ok_or_else(|| refused("Agent not found."));
    let count = now.conversation.message_count;
    Ok(match what {
        PastEvent::Received { .. } => Some(now.receive(id, at, true)),
        PastEvent::Replied { author, .. } => Some(now.reply(*author, id, count, at)),
        PastEvent::Assigned { by, to } => {
            // The workspace's current plan and model do not apply to past assignments.
            let policy = Policy { plan: Plan::ASSIGNMENT, model: AssignmentModel::Open };
            let to = Candidate { agent: agent(to)?, has_access: true };
            now.assign(agent(by)?, to, policy, Expectations::default(), at)?
        }
        PastEvent::Closed { by } => now.close(*by, Expectations::default(), at)?,
        PastEvent::Read { by } => now.read(*by, count),
    })
}

fn message(change: &Change, author: Option<AgentId>, body: String, at: Timestamp) -> Message {
    let conversation = &change.after.conversation;
    Message {
        id: conversation.last_message_id,
        workspace_id: conversation.workspace_id,
        conversation_id: conversation.id,
        number: conversation.message_count,
        direction: if author.is_some() { Direction::Outbound } else { Direction::Inbound },
        body: input::without_nul(body),
        media_urls: Vec::new(),
        author_id: author,
        sent_at: at,
        delivery_status: author.map(|_| DeliveryStatus::Delivered),
    }
}

fn refused(message: &str) -> Error {
    Refusal::invalid(InputField::Conversations, message).into()
}
