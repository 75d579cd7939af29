//! Past conversations, written as if they had happened here.
//!
//! Every step goes through the same rules as a live one and leaves the same event, so what is imported is
//! indistinguishable from what was lived, except that its instants lie in the past.

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::conversation::{Candidate, Change, Expectations};
use crate::domain::input::{self, E164};
use crate::domain::{
    Agent, AgentId, AssignmentModel, DeliveryStatus, Direction, InputField, Message, MessageId,
    PhoneNumberId, Plan, Policy, Refusal, Snapshot, WorkspaceId, words,
};
use crate::service::commands::messaging::{birth, index_contact};
use crate::service::{Error, ServiceResult, Services};
use crate::store::Conn;
use crate::store::log::{self, Draft};
use crate::store::tables::{
    contacts, conversations, messages, read_markers, words as word_index, workspaces,
};

/// A conversation to import. Its steps are in order of time and begin with a text.
#[derive(Debug, Clone)]
pub struct PastConversation {
    pub phone_number_id: PhoneNumberId,
    pub contact_number: E164,
    pub contact_name: Option<String>,
    pub steps: Vec<PastStep>,
}

/// Something that happened at an instant.
#[derive(Debug, Clone)]
pub struct PastStep {
    pub at: Timestamp,
    pub what: PastEvent,
}

/// What happened. Agents stand for active agents with access to the number.
#[derive(Debug, Clone)]
pub enum PastEvent {
    Received { body: String },
    Replied { author: AgentId, body: String },
    Assigned { by: AgentId, to: AgentId },
    Closed { by: AgentId },
    Read { by: AgentId },
}

/// A conversation that was lived through in memory.
struct Lived {
    last: Snapshot,
    messages: Vec<Message>,
    drafts: Vec<Draft>,
}

impl Services {
    /// Writes conversations of contacts who have none on those numbers yet, all in one transaction.
    ///
    /// # Errors
    /// Invalid when a history does not begin with a text, names an agent who does not exist, or its contact has
    /// a conversation already; nothing is written then.
    pub async fn import(
        &self,
        workspace: WorkspaceId,
        agents: &[Agent],
        past: Vec<PastConversation>,
    ) -> ServiceResult<()> {
        let agents = agents.to_vec();
        self.write(workspace, move |conn| {
            let (agents, past) = (agents.clone(), past.clone());
            async move {
                let (_, head) = workspaces::find(conn, workspace).await?.ok_or(Error::Unauthenticated)?;
                let mut drafts = Vec::new();
                for conversation in past {
                    drafts.extend(import_one(conn, workspace, &agents, conversation).await?);
                }
                drafts.sort_by_key(|draft| draft.at);
                // The log never goes back: what is older than its head is logged at the head.
                drafts.iter_mut().for_each(|draft| draft.at = draft.at.max(head.at));
                log::append(conn, workspace, drafts).await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }
}

async fn import_one(
    conn: &mut Conn,
    workspace: WorkspaceId,
    agents: &[Agent],
    past: PastConversation,
) -> ServiceResult<Vec<Draft>> {
    let began =
        past.steps.first().map(|step| step.at).ok_or_else(|| refused("A conversation has a text."))?;
    let name = past.contact_name.as_deref();
    let contact = contacts::find_or_insert(conn, workspace, &past.contact_number, name, began).await?;
    let lived = live(workspace, agents, &contact.id, past)?;
    let conversation = &lived.last.conversation;
    if !conversations::insert(conn, conversation).await? {
        return Err(refused("The contact has a conversation on this number."));
    }
    let read: Vec<_> =
        lived.last.readers.iter().map(|reader| (*reader, conversation.message_count)).collect();
    read_markers::set(conn, conversation, &read).await?;
    index_contact(conn, conversation, &contact).await?;
    let mut found_by = std::collections::BTreeSet::new();
    for message in &lived.messages {
        messages::insert(conn, message, None).await?;
        found_by.extend(words::words(&message.body));
    }
    word_index::add(conn, workspace, conversation.id, &found_by).await?;
    Ok(lived.drafts)
}

/// Takes a conversation through its steps, by the rules.
fn live(
    workspace: WorkspaceId,
    agents: &[Agent],
    contact: &crate::domain::ContactId,
    past: PastConversation,
) -> ServiceResult<Lived> {
    let birth = birth(workspace, past.phone_number_id, *contact);
    let mut last: Option<Snapshot> = None;
    let (mut texts, mut drafts) = (Vec::new(), Vec::new());
    for step in past.steps {
        let id = MessageId::generate();
        let change = match (&last, &step.what) {
            (None, PastEvent::Received { .. }) => Some(Snapshot::begun_by_customer(birth, id, step.at)),
            (None, PastEvent::Replied { .. }) => Some(Snapshot::begun_by_agent(birth, id, step.at)),
            (None, _) => return Err(refused("A conversation begins with a text.")),
            (Some(now), what) => next(now, what, agents, id, step.at)?,
        };
        let Some(change) = change else { continue };
        let (actor, text) = match step.what {
            PastEvent::Received { body } => (None, Some(body)),
            PastEvent::Replied { author, body } => (Some(author), Some(body)),
            PastEvent::Assigned { by, .. } | PastEvent::Closed { by } | PastEvent::Read { by } => {
                (Some(by), None)
            }
        };
        let message = text.map(|body| text_of(&change, actor, body, step.at));
        drafts.push(Draft::of(change.clone(), step.at, actor, message.as_ref().map(|message| message.id)));
        texts.extend(message);
        last = Some(change.after);
    }
    let last = last.ok_or_else(|| refused("A conversation has a text."))?;
    Ok(Lived { last, messages: texts, drafts })
}

fn next(
    now: &Snapshot,
    what: &PastEvent,
    agents: &[Agent],
    id: MessageId,
    at: Timestamp,
) -> ServiceResult<Option<Change>> {
    let agent = |id: &AgentId| {
        agents.iter().find(|agent| agent.id == *id).ok_or_else(|| refused("There is no such agent."))
    };
    let count = now.conversation.message_count;
    Ok(match what {
        PastEvent::Received { .. } => Some(now.receive(id, at, true)),
        PastEvent::Replied { author, .. } => Some(now.reply(*author, id, count, at)),
        PastEvent::Assigned { by, to } => {
            // The workspace's own rules bind those who act now, not what has happened.
            let policy = Policy { plan: Plan::ASSIGNMENT, model: AssignmentModel::Open };
            let to = Candidate { agent: agent(to)?, has_access: true };
            now.assign(agent(by)?, to, policy, Expectations::default(), at)?
        }
        PastEvent::Closed { by } => now.close(*by, Expectations::default(), at)?,
        PastEvent::Read { by } => now.read(*by, count),
    })
}

fn text_of(change: &Change, author: Option<AgentId>, body: String, at: Timestamp) -> Message {
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
