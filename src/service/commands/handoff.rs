//! The end of a shift: one agent's conversations go to another, all in one transaction.

use std::collections::BTreeSet;

use futures_util::FutureExt;

use crate::domain::conversation::Candidate;
use crate::domain::handoff::{HANDED_OFF, MAX_HANDED_OFF, permit_hand_off};
use crate::domain::{
    Agent, AgentId, ConversationId, EventBody, EventKind, InputField, PhoneNumberId, Refusal, Snapshot,
    Status, WorkspaceId, input,
};
use crate::service::context::{ConversationTx, WorkspaceTx};
use crate::service::{CommandOutcome, Error, ServiceResult, Services, VisibleConversation};
use crate::store::Conn;
use crate::store::log::{self, Draft};
use crate::store::reports::ownership;
use crate::store::tables::agents;
use crate::token::Caller;

/// What is handed off, from whom and to whom.
#[derive(Debug, Clone)]
pub struct HandOff {
    pub from: AgentId,
    pub to: AgentId,
    /// `None` is both.
    pub status: Option<Status>,
    /// `None` is all that the caller can access.
    pub phone_number_ids: Option<Vec<PhoneNumberId>>,
    /// What colleagues are to read in the history.
    pub note: Option<String>,
}

/// What became of a handoff.
#[derive(Debug)]
pub struct HandedOff {
    /// One outcome for each conversation, in order of their ids.
    pub items: Vec<(ConversationId, ServiceResult<CommandOutcome>)>,
    /// The position in the log at which they are as shown.
    pub as_of: i64,
}

impl Services {
    /// Gives an agent's conversations, on numbers that the caller can access, to another. Those on numbers
    /// that the new owner cannot access stay, each with that refusal. Repeating it finds none left.
    ///
    /// # Errors
    /// Not found; the plan is against it; not allowed unless it is the caller's own work or the caller is a
    /// manager; the new owner is inactive; a note that cannot be, or more than [`MAX_HANDED_OFF`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn hand_off(&self, caller: Caller, command: HandOff) -> ServiceResult<HandedOff> {
        let by = self.agent_of(caller)?;
        let note = command.note.as_deref().map(|note| input::name(InputField::Note, note)).transpose()?;
        input::ids(InputField::PhoneNumberIds, command.phone_number_ids.as_ref().map_or(0, Vec::len))?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let (clock, command, note) = (clock.clone(), command.clone(), note.clone());
            async move {
                let mut workspace_tx = WorkspaceTx::open(conn, &clock, by.0).await?;
                let team = LockedTeam::hold(conn, by.0, &[by.1, command.from, command.to]).await?;
                let actor = team.acting(by.1)?;
                team.agent(command.from).ok_or(Refusal::NotFound(InputField::FromAgentId))?;
                let to = team.agent(command.to).ok_or(Refusal::NotFound(InputField::ToAgentId))?;
                permit_hand_off(actor, command.from, to, workspace_tx.policy())?;
                let owned = if command.from == command.to {
                    Vec::new()
                } else {
                    lock_owned(conn, by.0, &command, team.numbers_of(by.1)).await?
                };
                workspace_tx.catch_up_with(&clock, &owned);
                pass_all_on(conn, &workspace_tx, &team, (actor, to), owned, note).await
            }
            .boxed()
        })
        .await
    }

    /// The caller confirms that a conversation which was handed off to them is theirs now. Nothing changes
    /// when it is not, or was not, or they confirmed before.
    ///
    /// # Errors
    /// Not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn acknowledge_hand_off(
        &self,
        caller: Caller,
        id: ConversationId,
    ) -> ServiceResult<CommandOutcome> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let conversation_tx = ConversationTx::open(conn, &clock, by, id, &[]).await?;
                let kinds = [EventKind::Assigned, EventKind::Acknowledged];
                let last = ownership::last_event(conn, by.0, id, &kinds).await?;
                let last = last.as_ref().and_then(|event| match &event.body {
                    EventBody::Conversation(body) => Some(body.as_ref()),
                    EventBody::Access(_) => None,
                });
                let change = conversation_tx.snapshot.acknowledge(by.1, last);
                conversation_tx.commit(conn, change).await
            }
            .boxed()
        })
        .await
    }
}

/// Agents with all the numbers that they can access, held until the transaction ends.
pub(in crate::service) struct LockedTeam {
    agents: Vec<Agent>,
    access: BTreeSet<(AgentId, PhoneNumberId)>,
}

impl LockedTeam {
    pub async fn hold(conn: &mut Conn, workspace: WorkspaceId, ids: &[AgentId]) -> ServiceResult<Self> {
        let ids: Vec<AgentId> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let agents = agents::by_ids_shared(conn, workspace, &ids).await?;
        let access = ownership::access_shared(conn, workspace, &ids).await?;
        Ok(Self { agents, access })
    }

    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == id)
    }

    /// Whoever acts.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when they cannot any more.
    pub fn acting(&self, id: AgentId) -> ServiceResult<&Agent> {
        self.agent(id).filter(|agent| agent.active).ok_or(Error::Unauthenticated)
    }

    pub fn sees(&self, agent: AgentId, number: PhoneNumberId) -> bool {
        self.access.contains(&(agent, number))
    }

    /// The numbers that an agent can access.
    pub fn numbers_of(&self, agent: AgentId) -> BTreeSet<PhoneNumberId> {
        self.access.iter().filter(|(id, _)| *id == agent).map(|(_, number)| *number).collect()
    }

    /// The agent as the next owner of a conversation on `number`.
    pub fn candidate<'a>(&self, agent: &'a Agent, number: PhoneNumberId) -> Candidate<'a> {
        Candidate { agent, has_access: self.sees(agent.id, number) }
    }
}

/// What the command is about, locked.
///
/// # Errors
/// Invalid when it is too much.
async fn lock_owned(
    conn: &mut Conn,
    workspace: WorkspaceId,
    command: &HandOff,
    visible: BTreeSet<PhoneNumberId>,
) -> ServiceResult<Vec<Snapshot>> {
    let wanted = |number: &PhoneNumberId| {
        command.phone_number_ids.as_ref().is_none_or(|chosen| chosen.contains(number))
    };
    let numbers: Vec<PhoneNumberId> = visible.into_iter().filter(wanted).collect();
    let limit = i64::try_from(MAX_HANDED_OFF + 1).unwrap_or(i64::MAX);
    let ids = ownership::owned_by(conn, workspace, command.from, command.status, &numbers, limit).await?;
    if ids.len() > MAX_HANDED_OFF {
        let message = format!(
            "That is more than {MAX_HANDED_OFF} conversations. Choose a status or phone numbers and hand them \
             off in parts."
        );
        return Err(Refusal::invalid(InputField::FromAgentId, message).into());
    }
    let mut locked = ownership::lock_all(conn, workspace, &ids).await?;
    // One that was handed on, closed or reopened before its lock was had is not what was asked for.
    locked.retain(|it| {
        it.conversation.assignee() == Some(command.from)
            && command.status.is_none_or(|status| it.conversation.status() == status)
    });
    Ok(locked)
}

/// Writes what can be handed off, and answers for each.
async fn pass_all_on(
    conn: &mut Conn,
    workspace_tx: &WorkspaceTx,
    team: &LockedTeam,
    (actor, to): (&Agent, &Agent),
    owned: Vec<Snapshot>,
    note: Option<String>,
) -> ServiceResult<HandedOff> {
    let mut items = Vec::with_capacity(owned.len());
    let mut drafts = Vec::new();
    for snapshot in owned {
        let id = snapshot.conversation.id;
        let candidate = team.candidate(to, snapshot.conversation.phone_number_id);
        let outcome = match snapshot.pass_on(actor.id, candidate, HANDED_OFF, workspace_tx.now) {
            Ok(change) => {
                let after = change.as_ref().map_or(&snapshot, |change| &change.after);
                let done = CommandOutcome {
                    seen: VisibleConversation::new(after, Some(actor.id)),
                    previous_assignee: snapshot.conversation.assignee(),
                    changed: change.is_some(),
                    as_of: workspace_tx.head.seq,
                    message: None,
                    agents: Vec::new(),
                };
                if let Some(change) = change {
                    log::store(conn, &change).await?;
                    drafts.push(
                        Draft::of(change, workspace_tx.now, Some(actor.id), None).with_note(note.clone()),
                    );
                }
                Ok(done)
            }
            Err(refusal) => Err(refusal.into()),
        };
        items.push((id, outcome));
    }
    let events = log::append(conn, workspace_tx.workspace.id, drafts).await?;
    let as_of = events.last().map_or(workspace_tx.head.seq, |event| event.seq);
    for done in items.iter_mut().filter_map(|(_, outcome)| outcome.as_mut().ok()) {
        done.as_of = as_of;
    }
    Ok(HandedOff { items, as_of })
}
