//! Rebalancing: a manager requests a plan that balances the loads of agents, reviews it, applies it, and may undo it.
//!
//! Planning does not lock the conversations, so a plan is valid only for the state that it was computed from. Applying
//! a plan checks every move again under the locks, and makes all moves or none.

use std::collections::{BTreeSet, HashMap};

use futures_util::FutureExt;

use crate::clock::Clock;
use crate::domain::conversation::Change;
use crate::domain::handoff::{REBALANCE_UNDONE, REBALANCED};
use crate::domain::rebalance::{Holding, MAX_AGENTS, MAX_WEIGHED, Member, Shift, rebalance};
use crate::domain::rebalance_plan::{
    AgentLoad, KEPT_DAYS, MAX_MOVES, Move, PROPOSAL_MINUTES, PlanState, RebalancePlan,
};
use crate::domain::{
    Agent, AgentId, Conversation, ConversationId, InputField, Plan, RebalancePlanId, Refusal, Snapshot,
    Status,
};
use crate::service::commands::administration::AdminOutcome;
use crate::service::commands::handoff::LockedTeam;
use crate::service::context::{Actor, WorkspaceTx};
use crate::service::{Error, ServiceResult, Services};
use crate::store::log::{self, Draft, LogTx};
use crate::store::reports::ownership;
use crate::store::tables::rebalance_plans;
use crate::store::{Conn, StoreError};
use crate::token::Caller;

/// Plans how to balance the loads of agents.
#[derive(Debug, Clone)]
pub struct PlanRebalance {
    pub agent_ids: Vec<AgentId>,
    /// Which conversations to count; `None` for open and closed ones.
    pub status: Option<Status>,
}

const MANAGERS_ONLY: &str = "Only managers may do this.";

impl Services {
    /// Proposes moves that make the highest load among the agents as low as possible, and stores the proposal.
    ///
    /// Conversations on numbers that the caller cannot access count towards the loads but are not moved.
    ///
    /// # Errors
    /// Not allowed for reps; the workspace's plan does not allow it; not found; too many agents, conversations or
    /// moves.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_rebalance(
        &self,
        caller: Caller,
        command: PlanRebalance,
    ) -> ServiceResult<AdminOutcome<RebalancePlan>> {
        let by = self.agent_of(caller)?;
        check_agents(&command.agent_ids)?;
        let clock = self.clock.clone();
        let (input, as_of) = self
            .write(by.workspace_id, move |mut tx| {
                let (clock, command) = (clock.clone(), command.clone());
                async move {
                    let workspace_tx = WorkspaceTx::open(&mut tx, &clock, by.workspace_id).await?;
                    let input = RebalanceInput::read(&mut tx, &workspace_tx, by, &command).await?;
                    Ok((input, workspace_tx.head.seq))
                }
                .boxed()
            })
            .await?;
        // On a blocking thread, because planning takes long with thousands of conversations.
        let planned = tokio::task::spawn_blocking(move || {
            let shifts = rebalance(&input.members, &input.holdings);
            (input, shifts)
        });
        let (input, shifts) = planned.await.map_err(|_| StoreError::Unavailable("planning failed".into()))?;
        let (moves, loads) = input.moves_and_loads(&shifts)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let (clock, moves, loads) = (clock.clone(), moves.clone(), loads.clone());
            async move {
                let workspace_tx = WorkspaceTx::open(&mut tx, &clock, by.workspace_id).await?;
                let plan = RebalancePlan {
                    id: RebalancePlanId(tx.new_id()),
                    workspace_id: by.workspace_id,
                    state: PlanState::Proposed,
                    created_by: by.agent_id,
                    created_at: workspace_tx.now,
                    expires_at: workspace_tx.now.plus_micros(PROPOSAL_MINUTES * 60_000_000),
                    applied_at: None,
                    moves,
                    loads,
                };
                let cutoff = workspace_tx.now.plus_micros(-KEPT_DAYS * 86_400_000_000);
                rebalance_plans::remove_expired(&mut tx, by.workspace_id, cutoff).await?;
                rebalance_plans::insert(&mut tx, &plan).await?;
                Ok(AdminOutcome { value: plan, changed: true, returned: 0, as_of })
            }
            .boxed()
        })
        .await
    }

    /// Applies a plan: makes all of its moves or none. Changes nothing when the plan is applied already.
    ///
    /// # Errors
    /// Not allowed for reps; the workspace's plan does not allow it; not found; stale when a conversation has changed
    /// since the plan was made, or when the plan has expired.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn apply_plan(
        &self,
        caller: Caller,
        id: RebalancePlanId,
    ) -> ServiceResult<AdminOutcome<RebalancePlan>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let mut plan_tx = RebalancePlanTx::open(&mut tx, &clock, by, id).await?;
                if !plan_tx.plan.can_apply(plan_tx.workspace_tx.now)? {
                    return Ok(plan_tx.unchanged());
                }
                let locked = plan_tx.lock(&mut tx, &clock).await?;
                let target =
                    |planned: &Move, now: &Snapshot| planned.is_as_planned(now).then_some(planned.to);
                let changes = plan_tx.changes(&locked, target, REBALANCED)?;
                let next = plan_tx.plan.clone().applied(plan_tx.workspace_tx.now);
                plan_tx.commit(tx, changes, next).await
            }
            .boxed()
        })
        .await
    }

    /// Undoes an applied plan: reverses all of its moves or none. Changes nothing when the plan is undone already.
    ///
    /// # Errors
    /// As [`Self::apply_plan`], and not allowed when the plan was never applied.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn undo_plan(
        &self,
        caller: Caller,
        id: RebalancePlanId,
    ) -> ServiceResult<AdminOutcome<RebalancePlan>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let mut plan_tx = RebalancePlanTx::open(&mut tx, &clock, by, id).await?;
                if !plan_tx.plan.can_undo(plan_tx.workspace_tx.now)? {
                    return Ok(plan_tx.unchanged());
                }
                let locked = plan_tx.lock(&mut tx, &clock).await?;
                let at = plan_tx.plan.applied_at;
                let target =
                    |planned: &Move, now: &Snapshot| planned.is_where_put(now, at).then_some(planned.from);
                let changes = plan_tx.changes(&locked, target, REBALANCE_UNDONE)?;
                let next = plan_tx.plan.clone().undone();
                plan_tx.commit(tx, changes, next).await
            }
            .boxed()
        })
        .await
    }
}

/// # Errors
/// Invalid when there is no agent, more than [`MAX_AGENTS`], or one twice.
fn check_agents(ids: &[AgentId]) -> Result<(), Refusal> {
    if ids.is_empty() || ids.len() > MAX_AGENTS {
        return Err(Refusal::invalid(
            InputField::AgentIds,
            format!("Must contain between 1 and {MAX_AGENTS} agents."),
        ));
    }
    let distinct: BTreeSet<_> = ids.iter().collect();
    if distinct.len() < ids.len() {
        return Err(Refusal::invalid(InputField::AgentIds, "Must not contain an agent twice."));
    }
    Ok(())
}

/// Checks that the actor may rebalance.
///
/// # Errors
/// [`Error::Unauthenticated`]; not allowed for reps; the workspace's plan does not include assignment.
fn permit<'a>(team: &'a LockedTeam, workspace_tx: &WorkspaceTx, by: Actor) -> ServiceResult<&'a Agent> {
    let actor = team.actor(by)?;
    if !actor.is_manager() {
        return Err(Refusal::NotAllowed(MANAGERS_ONLY).into());
    }
    if !workspace_tx.workspace.plan.includes_assignment() {
        return Err(Refusal::PlanRequired(Plan::ASSIGNMENT).into());
    }
    Ok(actor)
}

/// The state that a plan is computed from.
struct RebalanceInput {
    members: Vec<Member>,
    holdings: Vec<Holding>,
    versions: HashMap<ConversationId, i32>,
}

impl RebalanceInput {
    async fn read(
        conn: &mut Conn,
        workspace_tx: &WorkspaceTx,
        by: Actor,
        command: &PlanRebalance,
    ) -> ServiceResult<Self> {
        let workspace = workspace_tx.workspace.id;
        let ids: Vec<AgentId> = command.agent_ids.iter().copied().chain([by.agent_id]).collect();
        let team = LockedTeam::lock(conn, workspace, &ids).await?;
        permit(&team, workspace_tx, by)?;
        let limit = i64::try_from(MAX_WEIGHED + 1).unwrap_or(i64::MAX);
        let owned = ownership::of_owners(conn, workspace, &command.agent_ids, command.status, limit).await?;
        if owned.len() > MAX_WEIGHED {
            let message =
                format!("These agents own more than {MAX_WEIGHED} conversations. Choose fewer agents.");
            return Err(Refusal::invalid(InputField::AgentIds, message).into());
        }
        let visible = |it: &Conversation| team.can_access(by.agent_id, it.phone_number_id);
        let (movable, fixed): (Vec<_>, Vec<_>) = owned.into_iter().partition(visible);
        let movable_ids: Vec<_> = movable.iter().map(|it| it.id).collect();
        let answered = ownership::answered_by_owner(conn, workspace, &movable_ids).await?;
        let member = |id: &AgentId| {
            let agent = team.agent(*id).ok_or(Refusal::NotFound(InputField::AgentIds))?;
            Ok(Member {
                agent_id: *id,
                receives: agent.active,
                phone_number_ids: team.numbers_of(*id),
                fixed: fixed.iter().filter(|it| it.assignee() == Some(*id)).count(),
            })
        };
        let members = command.agent_ids.iter().map(member).collect::<Result<_, Refusal>>()?;
        let versions = movable.iter().map(|it| (it.id, it.version)).collect();
        let holding = |it: &Conversation| {
            Some(Holding {
                conversation_id: it.id,
                owner: it.assignee()?,
                phone_number_id: it.phone_number_id,
                answered: answered.contains(&it.id),
                last_activity_at: it.last_activity_at,
            })
        };
        Ok(Self { members, holdings: movable.iter().filter_map(holding).collect(), versions })
    }

    /// The moves, each with the version of its conversation, and the loads before and after them.
    ///
    /// # Errors
    /// Invalid when there are more than [`MAX_MOVES`].
    fn moves_and_loads(&self, shifts: &[Shift]) -> Result<(Vec<Move>, Vec<AgentLoad>), Refusal> {
        if shifts.len() > MAX_MOVES {
            let message = format!("The plan would need more than {MAX_MOVES} moves. Choose fewer agents.");
            return Err(Refusal::invalid(InputField::AgentIds, message));
        }
        let planned = |shift: &Shift| {
            let version = *self.versions.get(&shift.conversation_id)?;
            Some(Move { conversation_id: shift.conversation_id, from: shift.from, to: shift.to, version })
        };
        let load = |member: &Member| {
            let id = member.agent_id;
            let before = member.fixed + self.holdings.iter().filter(|it| it.owner == id).count();
            let gained = shifts.iter().filter(|shift| shift.to == id).count();
            let lost = shifts.iter().filter(|shift| shift.from == id).count();
            AgentLoad { agent_id: id, before, after: before + gained - lost }
        };
        Ok((shifts.iter().filter_map(planned).collect(), self.members.iter().map(load).collect()))
    }
}

/// A transaction on a rebalance plan. The plan and the agents in its moves are locked.
struct RebalancePlanTx {
    workspace_tx: WorkspaceTx,
    actor: AgentId,
    plan: RebalancePlan,
    team: LockedTeam,
}

impl RebalancePlanTx {
    /// Reads and locks the plan and its agents.
    ///
    /// # Errors
    /// As [`permit`]; not found when the plan does not exist or contains a number that the actor cannot access.
    async fn open(conn: &mut Conn, clock: &Clock, by: Actor, id: RebalancePlanId) -> ServiceResult<Self> {
        let workspace = by.workspace_id;
        let workspace_tx = WorkspaceTx::open(conn, clock, workspace).await?;
        let plan = rebalance_plans::lock(conn, workspace, id).await?;
        let moves = plan.iter().flat_map(|plan| &plan.moves);
        let ids: Vec<AgentId> = moves.flat_map(|it| [it.from, it.to]).chain([by.agent_id]).collect();
        let team = LockedTeam::lock(conn, workspace, &ids).await?;
        permit(&team, &workspace_tx, by)?;
        let plan = plan.ok_or(Error::Refused(Refusal::NotFound(InputField::PlanId)))?;
        let numbers = ownership::numbers_of(conn, workspace, &plan.conversation_ids()).await?;
        if !numbers.into_iter().all(|number| team.can_access(by.agent_id, number)) {
            return Err(Refusal::NotFound(InputField::PlanId).into());
        }
        Ok(Self { workspace_tx, actor: by.agent_id, plan, team })
    }

    fn unchanged(self) -> AdminOutcome<RebalancePlan> {
        AdminOutcome { value: self.plan, changed: false, returned: 0, as_of: self.workspace_tx.head.seq }
    }

    /// Locks the plan's conversations.
    async fn lock(&mut self, conn: &mut Conn, clock: &Clock) -> ServiceResult<Vec<Snapshot>> {
        let ids = self.plan.conversation_ids();
        let locked = ownership::lock_all(conn, self.workspace_tx.workspace.id, &ids).await?;
        self.workspace_tx.catch_up_with(clock, &locked);
        Ok(locked)
    }

    /// The changes that assign each conversation to the agent that `target` returns for its move.
    ///
    /// # Errors
    /// [`Refusal::PlanStale`] when `target` returns `None`, or an agent who cannot take the conversation.
    fn changes(
        &self,
        locked: &[Snapshot],
        target: impl Fn(&Move, &Snapshot) -> Option<AgentId>,
        reason: &'static str,
    ) -> Result<Vec<Change>, Refusal> {
        let moves: HashMap<ConversationId, &Move> =
            self.plan.moves.iter().map(|planned| (planned.conversation_id, planned)).collect();
        let (mut changes, mut stale) = (Vec::with_capacity(locked.len()), Vec::new());
        for snapshot in locked {
            let id = snapshot.conversation.id;
            let to = moves.get(&id).and_then(|planned| target(planned, snapshot));
            match to.and_then(|to| self.change(snapshot, to, reason)) {
                Some(change) => changes.push(change),
                None => stale.push(id),
            }
        }
        if changes.len() == moves.len() { Ok(changes) } else { Err(Refusal::PlanStale(stale)) }
    }

    /// Writes the changes and the plan's next state.
    async fn commit(
        &self,
        mut tx: LogTx<'_>,
        changes: Vec<Change>,
        next: RebalancePlan,
    ) -> ServiceResult<AdminOutcome<RebalancePlan>> {
        let mut drafts = Vec::with_capacity(changes.len());
        for change in changes {
            log::store(&mut tx, &change).await?;
            drafts.push(Draft::of(change, self.workspace_tx.now, Some(self.actor), None));
        }
        rebalance_plans::set_state(&mut tx, &next).await?;
        let events = log::append(tx, self.workspace_tx.workspace.id, drafts).await?;
        let as_of = events.last().map_or(self.workspace_tx.head.seq, |event| event.seq);
        Ok(AdminOutcome { value: next, changed: true, returned: 0, as_of })
    }

    /// The change that assigns a conversation to an agent; `None` when the agent cannot take it.
    fn change(&self, snapshot: &Snapshot, to: AgentId, reason: &'static str) -> Option<Change> {
        let number = snapshot.conversation.phone_number_id;
        let to = self.team.agent(to).filter(|agent| agent.active)?;
        let candidate = self.team.candidate(to, number);
        snapshot.hand_over(self.actor, candidate, reason, self.workspace_tx.now).ok().flatten()
    }
}
