//! The handoff: at the end of a shift, one agent's conversations are reassigned to another in one transaction.

use std::collections::BTreeSet;

use futures_util::FutureExt;

use crate::domain::conversation::Candidate;
use crate::domain::handoff::{HANDED_OFF, MAX_HANDED_OFF, permit_hand_off};
use crate::domain::{
    Agent, AgentId, ConversationId, EventBody, EventKind, InputField, PhoneNumberId, Refusal, Snapshot,
    Status, WorkspaceId, input,
};
use crate::service::context::{Actor, ConversationTx, WorkspaceTx};
use crate::service::{CommandOutcome, Error, ServiceResult, Services, VisibleConversation};
use crate::store::Conn;
use crate::store::log::{self, Draft, LogTx};
use crate::store::reports::ownership;
use crate::store::tables::agents;
use crate::token::Caller;

/// Hands off conversations of one agent to another.
#[derive(Debug, Clone)]
pub struct HandOff {
    pub from: AgentId,
    pub to: AgentId,
    /// Which conversations to hand off; `None` for open and closed ones.
    pub status: Option<Status>,
    /// Which numbers' conversations to hand off; `None` for all numbers that the caller can access.
    pub phone_number_ids: Option<Vec<PhoneNumberId>>,
    /// A note for colleagues, shown in the history.
    pub note: Option<String>,
}

/// The result of a handoff.
#[derive(Debug)]
pub struct HandOffOutcome {
    /// One outcome per conversation, ordered by id.
    pub items: Vec<(ConversationId, ServiceResult<CommandOutcome>)>,
    /// The position in the log that the outcomes correspond to.
    pub as_of: i64,
}

impl Services {
    /// Reassigns an agent's conversations, on numbers that the caller can access, to another agent. Conversations on
    /// numbers that the new owner cannot access stay with the old owner, each with a refusal. A repeated call finds
    /// nothing left to hand off.
    ///
    /// # Errors
    /// Not found; the plan does not allow it; not allowed unless the conversations are the caller's own or the caller
    /// is a manager; the new owner is inactive; an invalid note; more than [`MAX_HANDED_OFF`] conversations.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn hand_off(&self, caller: Caller, command: HandOff) -> ServiceResult<HandOffOutcome> {
        let by = self.agent_of(caller)?;
        let note = command.note.as_deref().map(|note| input::name(InputField::Note, note)).transpose()?;
        input::ids(InputField::PhoneNumberIds, command.phone_number_ids.as_ref().map_or(0, Vec::len))?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let (clock, command, note) = (clock.clone(), command.clone(), note.clone());
            async move {
                let mut workspace_tx = WorkspaceTx::open(&mut tx, &clock, by.workspace_id).await?;
                let team =
                    LockedTeam::lock(&mut tx, by.workspace_id, &[by.agent_id, command.from, command.to])
                        .await?;
                let actor = team.actor(by)?;
                team.agent(command.from).ok_or(Refusal::NotFound(InputField::FromAgentId))?;
                let to = team.agent(command.to).ok_or(Refusal::NotFound(InputField::ToAgentId))?;
                permit_hand_off(actor, command.from, to, workspace_tx.policy())?;
                let owned = if command.from == command.to {
                    Vec::new()
                } else {
                    lock_owned(&mut tx, by.workspace_id, &command, team.numbers_of(by.agent_id)).await?
                };
                workspace_tx.catch_up_with(&clock, &owned);
                hand_over_all(tx, &workspace_tx, &team, (actor, to), owned, note).await
            }
            .boxed()
        })
        .await
    }

    /// Confirms that the caller has taken over a conversation that was handed off to them. Changes nothing when the
    /// caller does not own the conversation, when it was not handed off to them, or when they have confirmed before.
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
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let conversation_tx = ConversationTx::open(&mut tx, &clock, by, id, &[]).await?;
                let kinds = [EventKind::Assigned, EventKind::Acknowledged];
                let last = ownership::last_event(&mut tx, by.workspace_id, id, &kinds).await?;
                let last = last.as_ref().and_then(|event| match &event.body {
                    EventBody::Conversation(body) => Some(body.as_ref()),
                    EventBody::Access(_) | EventBody::Workspace(_) => None,
                });
                let change = conversation_tx.snapshot.acknowledge(by.agent_id, last);
                conversation_tx.commit(tx, change).await
            }
            .boxed()
        })
        .await
    }
}

/// Agents and all the numbers that they can access, locked until the transaction ends.
pub(in crate::service) struct LockedTeam {
    agents: Vec<Agent>,
    access: BTreeSet<(AgentId, PhoneNumberId)>,
}

impl LockedTeam {
    /// Reads and locks the agents and their accesses.
    pub async fn lock(conn: &mut Conn, workspace: WorkspaceId, ids: &[AgentId]) -> ServiceResult<Self> {
        let ids: Vec<AgentId> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let agents = agents::by_ids_shared(conn, workspace, &ids).await?;
        let access = ownership::access_shared(conn, workspace, &ids).await?;
        Ok(Self { agents, access })
    }

    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == id)
    }

    /// The agent who runs the command.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the agent is not locked or is deactivated, or the token was revoked.
    pub fn actor(&self, by: Actor) -> ServiceResult<&Agent> {
        self.agent(by.agent_id).filter(|agent| by.may_act_as(agent)).ok_or(Error::Unauthenticated)
    }

    pub fn can_access(&self, agent: AgentId, number: PhoneNumberId) -> bool {
        self.access.contains(&(agent, number))
    }

    /// The numbers that an agent can access.
    pub fn numbers_of(&self, agent: AgentId) -> BTreeSet<PhoneNumberId> {
        self.access.iter().filter(|(id, _)| *id == agent).map(|(_, number)| *number).collect()
    }

    /// The agent as a candidate owner of a conversation on `number`.
    pub fn candidate<'a>(&self, agent: &'a Agent, number: PhoneNumberId) -> Candidate<'a> {
        Candidate { agent, has_access: self.can_access(agent.id, number) }
    }
}

/// Reads and locks the conversations to hand off.
///
/// # Errors
/// Invalid when there are more than [`MAX_HANDED_OFF`].
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
            "The agent owns more than {MAX_HANDED_OFF} of these conversations. Hand them off in parts, by status or \
             phone number."
        );
        return Err(Refusal::invalid(InputField::FromAgentId, message).into());
    }
    let mut locked = ownership::lock_all(conn, workspace, &ids).await?;
    // A conversation may have been reassigned, closed or reopened before its lock was taken.
    locked.retain(|it| {
        it.conversation.assignee() == Some(command.from)
            && command.status.is_none_or(|status| it.conversation.status() == status)
    });
    Ok(locked)
}

/// Reassigns each conversation if the new owner can take it, and returns an outcome for each.
async fn hand_over_all(
    mut tx: LogTx<'_>,
    workspace_tx: &WorkspaceTx,
    team: &LockedTeam,
    (actor, to): (&Agent, &Agent),
    owned: Vec<Snapshot>,
    note: Option<String>,
) -> ServiceResult<HandOffOutcome> {
    let mut items = Vec::with_capacity(owned.len());
    let mut drafts = Vec::new();
    for snapshot in owned {
        let id = snapshot.conversation.id;
        let candidate = team.candidate(to, snapshot.conversation.phone_number_id);
        let outcome = match snapshot.hand_over(actor.id, candidate, HANDED_OFF, workspace_tx.now) {
            Ok(change) => {
                let after = change.as_ref().map_or(&snapshot, |change| &change.after);
                let outcome = CommandOutcome {
                    visible: VisibleConversation::new(after, Some(actor.id)),
                    previous_assignee: snapshot.conversation.assignee(),
                    changed: change.is_some(),
                    as_of: workspace_tx.head.seq,
                    message: None,
                    agents: Vec::new(),
                };
                if let Some(change) = change {
                    log::store(&mut tx, &change).await?;
                    drafts.push(
                        Draft::of(change, workspace_tx.now, Some(actor.id), None).with_note(note.clone()),
                    );
                }
                Ok(outcome)
            }
            Err(refusal) => Err(refusal.into()),
        };
        items.push((id, outcome));
    }
    let events = log::append(tx, workspace_tx.workspace.id, drafts).await?;
    let as_of = events.last().map_or(workspace_tx.head.seq, |event| event.seq);
    for outcome in items.iter_mut().filter_map(|(_, outcome)| outcome.as_mut().ok()) {
        outcome.as_of = as_of;
    }
    Ok(HandOffOutcome { items, as_of })
}
