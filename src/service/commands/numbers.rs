//! Phone numbers: asking for them, verifying them, and removing them.
//!
//! A workspace can ask for any number. On a server with several workspaces, only the operator knows whose it is.

use futures_util::FutureExt;

use crate::domain::input::{self, E164};
use crate::domain::workspace_event::{Target, WorkspaceEventKind};
use crate::domain::{
    AccessChangeKind, Agent, AgentId, EventBody, InputField, NumberStatus, NumberVerification, PhoneNumber,
    PhoneNumberId, Refusal, WorkspaceId,
};
use crate::service::commands::administration::{AdminOutcome, ManagerTx, added};
use crate::service::context::WorkspaceTx;
use crate::service::{Access, Error, ServiceResult, Services};
use crate::store::Conn;
use crate::store::log::{self, Draft};
use crate::store::tables::pending_numbers::PendingNumber;
use crate::store::tables::{agents, pending_numbers, phone_numbers};
use crate::token::Caller;

/// The most numbers of a workspace that wait for verification.
const MAX_PENDING: usize = 100;

/// A number to add.
#[derive(Debug, Clone)]
pub struct AddPhoneNumber {
    pub number: E164,
    pub label: String,
    /// The agents who get access, besides the manager who adds the number.
    pub agent_ids: Vec<AgentId>,
}

impl Services {
    /// Adds a shared number, and gives access to the manager and to the named agents. A number that has to be verified
    /// is pending. So is one that another workspace has: the result does not tell the two apart.
    ///
    /// # Errors
    /// Not allowed for reps; an invalid label; not found when an agent does not exist; too many pending numbers.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn add_phone_number(
        &self,
        caller: Caller,
        command: AddPhoneNumber,
    ) -> ServiceResult<AdminOutcome<PhoneNumber>> {
        let by = self.agent_of(caller)?;
        input::ids(InputField::AgentIds, command.agent_ids.len())?;
        let (clock, verification) = (self.clock.clone(), self.settings.number_verification);
        self.write(by.workspace_id, move |mut tx| {
            let (clock, command) = (clock.clone(), command.clone());
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &command.agent_ids).await?;
                for id in &command.agent_ids {
                    manager_tx.agent(*id).map_err(|_| Refusal::NotFound(InputField::AgentIds))?;
                }
                if let Some(known) = known(&mut tx, by.workspace_id, &command.number).await? {
                    return Ok(manager_tx.done(known, false));
                }
                let mut number = PhoneNumber {
                    id: PhoneNumberId(tx.new_id()),
                    workspace_id: by.workspace_id,
                    number: command.number,
                    label: input::name(InputField::Label, &command.label)?,
                    status: NumberStatus::Verified,
                    created_at: manager_tx.workspace_tx.now,
                };
                let mut agent_ids = vec![by.agent_id];
                agent_ids.extend(command.agent_ids.into_iter().filter(|id| *id != by.agent_id));
                agent_ids.dedup();
                let mut acts = vec![added(&number)];
                let is_verified = verification == NumberVerification::Off
                    && phone_numbers::insert(&mut tx, &number).await?;
                if is_verified {
                    acts.extend(grant_all(&mut tx, &number, &agent_ids, number.created_at).await?);
                } else {
                    number.status = NumberStatus::Pending;
                    ask_for(&mut tx, PendingNumber { number: number.clone(), agent_ids }).await?;
                }
                manager_tx.commit(tx, number, acts, Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Verifies a pending number, as the operator. The agents who were named with it get access.
    ///
    /// # Errors
    /// Not found when the workspace has not asked for the number; not allowed when another workspace has it.
    pub async fn verify_number(&self, workspace: WorkspaceId, number: E164) -> ServiceResult<PhoneNumber> {
        let clock = self.clock.clone();
        self.write(workspace, move |mut tx| {
            let (clock, number) = (clock.clone(), number.clone());
            async move {
                let WorkspaceTx { now, .. } = WorkspaceTx::open(&mut tx, &clock, workspace).await?;
                let pending = pending_numbers::by_number(&mut tx, workspace, &number).await?;
                let PendingNumber { mut number, agent_ids } =
                    pending.ok_or(Refusal::NotFound(InputField::Number))?;
                pending_numbers::remove(&mut tx, workspace, number.id).await?;
                if !phone_numbers::insert(&mut tx, &number).await? {
                    return Err(Refusal::NotAllowed(HELD_BY_ANOTHER).into());
                }
                number.status = NumberStatus::Verified;
                let target = Some(Target::PhoneNumber(number.id));
                let mut acts = vec![
                    EventBody::act(WorkspaceEventKind::PhoneNumberVerified, target)
                        .with(None, Some(number.number.to_string())),
                ];
                acts.extend(grant_all(&mut tx, &number, &agent_ids, now).await?);
                let drafts = acts.into_iter().map(|act| Draft::act(act, now, None)).collect();
                log::append(tx, workspace, drafts).await?;
                Ok(number)
            }
            .boxed()
        })
        .await
    }

    /// Removes a number that has no conversations, with all access to it.
    ///
    /// # Errors
    /// Not allowed for reps, and for a number with closed conversations; refused while a conversation is open; not
    /// found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn remove_phone_number(
        &self,
        caller: Caller,
        id: PhoneNumberId,
    ) -> ServiceResult<AdminOutcome<PhoneNumber>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[]).await?;
                let (number, acts) = remove(&mut tx, by.workspace_id, id).await?;
                manager_tx.commit(tx, number, acts, Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// As [`Self::remove_phone_number`], for the operator.
    ///
    /// # Errors
    /// As [`Self::remove_phone_number`].
    pub async fn withdraw_number(
        &self,
        workspace: WorkspaceId,
        id: PhoneNumberId,
    ) -> ServiceResult<PhoneNumber> {
        let clock = self.clock.clone();
        self.write(workspace, move |mut tx| {
            let clock = clock.clone();
            async move {
                let WorkspaceTx { now, .. } = WorkspaceTx::open(&mut tx, &clock, workspace).await?;
                let (number, acts) = remove(&mut tx, workspace, id).await?;
                let drafts = acts.into_iter().map(|act| Draft::act(act, now, None)).collect();
                log::append(tx, workspace, drafts).await?;
                Ok(number)
            }
            .boxed()
        })
        .await
    }

    /// Moves a number that has no conversations to another workspace, as the operator. Both changes commit together. A
    /// request of the other workspace for the number is fulfilled.
    ///
    /// # Errors
    /// As [`Self::remove_phone_number`].
    pub async fn move_number(
        &self,
        from: WorkspaceId,
        id: PhoneNumberId,
        to: WorkspaceId,
    ) -> ServiceResult<PhoneNumber> {
        let clock = self.clock.clone();
        let moved = self.write(from, move |mut tx| {
            let clock = clock.clone();
            async move {
                let source = WorkspaceTx::open(&mut tx, &clock, from).await?;
                let target = WorkspaceTx::open(&mut tx, &clock, to).await?;
                let (number, mut left) = remove(&mut tx, from, id).await?;
                if number.status == NumberStatus::Pending {
                    return Err(Refusal::NotAllowed(NOT_VERIFIED).into());
                }
                let digits = Some(number.number.to_string());
                let asked = pending_numbers::by_number(&mut tx, to, &number.number).await?;
                let asked = asked.unwrap_or_else(|| {
                    let id = PhoneNumberId(tx.new_id());
                    let number = PhoneNumber { id, workspace_id: to, ..number.clone() };
                    PendingNumber { number, agent_ids: Vec::new() }
                });
                pending_numbers::remove(&mut tx, to, asked.number.id).await?;
                let arrived = PhoneNumber { status: NumberStatus::Verified, ..asked.number };
                phone_numbers::insert(&mut tx, &arrived).await?;
                let act = |id, before, after| {
                    EventBody::act(WorkspaceEventKind::PhoneNumberMoved, Some(Target::PhoneNumber(id)))
                        .with(before, after)
                };
                left.push(act(number.id, digits.clone(), None));
                let mut came = vec![act(arrived.id, None, digits)];
                came.extend(grant_all(&mut tx, &arrived, &asked.agent_ids, target.now).await?);
                let drafts = |acts: Vec<EventBody>, now| {
                    acts.into_iter().map(|act| Draft::act(act, now, None)).collect()
                };
                let logs = vec![(from, drafts(left, source.now)), (to, drafts(came, target.now))];
                log::append_to_each(tx, logs).await?;
                Ok(arrived)
            }
            .boxed()
        });
        moved.await
    }

    /// All numbers of the workspace, verified and pending, oldest first.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager.
    pub async fn all_phone_numbers(&self, access: &Access) -> ServiceResult<Vec<PhoneNumber>> {
        if !access.agent.as_ref().is_some_and(Agent::is_manager) {
            return Err(Error::Forbidden("Only managers may see all phone numbers."));
        }
        self.numbers_of(access.workspace.id).await
    }

    /// As [`Self::all_phone_numbers`], for the operator.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn numbers_of(&self, workspace: WorkspaceId) -> ServiceResult<Vec<PhoneNumber>> {
        let found = self.store.read(move |conn| {
            async move {
                let mut numbers = phone_numbers::all(conn, workspace).await?;
                let pending = pending_numbers::all(conn, workspace).await?;
                numbers.extend(pending.into_iter().map(|pending| pending.number));
                numbers.sort_by_key(|number| (number.created_at, number.id));
                Ok(numbers)
            }
            .boxed()
        });
        Ok(found.await?)
    }
}

const HELD_BY_ANOTHER: &str = "Another workspace has this phone number. Remove it there, or move it.";
const HAS_HISTORY: &str = "The phone number has conversations, which would be lost.";
const NOT_VERIFIED: &str = "The phone number is not verified.";

/// Removes a number and all access to it. Returns the number and the events.
///
/// # Errors
/// Not found; not allowed when the number has conversations.
async fn remove(
    conn: &mut Conn,
    workspace: WorkspaceId,
    id: PhoneNumberId,
) -> ServiceResult<(PhoneNumber, Vec<EventBody>)> {
    let pending = pending_numbers::all(conn, workspace).await?.into_iter().find(|it| it.number.id == id);
    if let Some(PendingNumber { number, .. }) = pending {
        pending_numbers::remove(conn, workspace, id).await?;
        let acts = vec![removed(&number)];
        return Ok((number, acts));
    }
    // The lock makes a text that arrives at the same time wait, and then find no number.
    let locked = phone_numbers::lock(conn, workspace, id).await?;
    let number = locked.ok_or(Refusal::NotFound(InputField::PhoneNumberId))?;
    match phone_numbers::conversations(conn, workspace, id).await? {
        (0, 0) => {}
        (0, _) => return Err(Refusal::NotAllowed(HAS_HISTORY).into()),
        _ => return Err(Refusal::ConversationOpen.into()),
    }
    let with_access = agents::all_access(conn, workspace).await?;
    let mut acts = Vec::new();
    for (agent, _) in with_access.into_iter().filter(|(_, number)| *number == id) {
        agents::revoke(conn, workspace, agent, id).await?;
        let act = EventBody::access(agent, AccessChangeKind::Revoked(id));
        acts.push(act.with(Some(number.number.to_string()), None));
    }
    phone_numbers::remove(conn, workspace, id).await?;
    acts.push(removed(&number));
    Ok((number, acts))
}

fn removed(number: &PhoneNumber) -> EventBody {
    let target = Some(Target::PhoneNumber(number.id));
    EventBody::act(WorkspaceEventKind::PhoneNumberRemoved, target).with(Some(number.number.to_string()), None)
}

/// The number, if the workspace has it or has asked for it.
async fn known(conn: &mut Conn, workspace: WorkspaceId, number: &E164) -> ServiceResult<Option<PhoneNumber>> {
    let verified = phone_numbers::by_number(conn, number).await?;
    if let Some(own) = verified.filter(|found| found.workspace_id == workspace) {
        return Ok(Some(own));
    }
    Ok(pending_numbers::by_number(conn, workspace, number).await?.map(|pending| pending.number))
}

async fn ask_for(conn: &mut Conn, pending: PendingNumber) -> ServiceResult<()> {
    if pending_numbers::all(conn, pending.number.workspace_id).await?.len() >= MAX_PENDING {
        let message = format!("{MAX_PENDING} phone numbers already wait for verification.");
        return Err(Refusal::invalid(InputField::Number, message).into());
    }
    pending_numbers::insert(conn, &pending).await?;
    Ok(())
}

/// Gives agents access to a number. Returns the events. Agents who do not exist are left out.
async fn grant_all(
    conn: &mut Conn,
    number: &PhoneNumber,
    ids: &[AgentId],
    at: crate::clock::Timestamp,
) -> ServiceResult<Vec<EventBody>> {
    let existing = agents::by_ids(conn, number.workspace_id, ids).await?;
    let mut acts = Vec::new();
    for agent in existing {
        if agents::grant(conn, number.workspace_id, agent.id, number.id, at).await? {
            let act = EventBody::access(agent.id, AccessChangeKind::Granted(number.id));
            acts.push(act.with(None, Some(number.number.to_string())));
        }
    }
    Ok(acts)
}
