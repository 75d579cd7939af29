//! Levelling the loads of agents: a manager asks for a plan, looks at it, applies it, and may take it back.
//!
//! Planning reads and computes without a lock; a plan therefore holds only for the state it was made from, and
//! applying judges every move again under the locks, all or nothing.

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
    Status, WorkspaceId,
};
use crate::service::commands::administration::Administered;
use crate::service::commands::handoff::LockedTeam;
use crate::service::context::WorkspaceTx;
use crate::service::{Error, ServiceResult, Services};
use crate::store::log::{self, Draft};
use crate::store::reports::ownership;
use crate::store::tables::rebalance_plans;
use crate::store::{Conn, StoreError};
use crate::token::Caller;

/// Whose loads to level.
#[derive(Debug, Clone)]
pub struct PlanRebalance {
    pub agent_ids: Vec<AgentId>,
    /// Which conversations count; `None` is all.
    pub status: Option<Status>,
}

const MANAGERS_ONLY: &str = "Only managers may do this.";

impl Services {
    /// Proposes moves that make the highest load among the agents as low as it can be, and keeps the proposal.
    ///
    /// Conversations on numbers that the caller cannot access count towards the loads and stay where they are.
    ///
    /// # Errors
    /// Not allowed for reps; the plan is against it; not found; too many agents, conversations or moves.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn plan_rebalance(
        &self,
        caller: Caller,
        command: PlanRebalance,
    ) -> ServiceResult<Administered<RebalancePlan>> {
        let by = self.agent_of(caller)?;
        input_agents(&command.agent_ids)?;
        let clock = self.clock.clone();
        let asked = command.clone();
        let (input, as_of) = self
            .write(by.0, move |conn| {
                let (clock, asked) = (clock.clone(), asked.clone());
                async move {
                    let workspace_tx = WorkspaceTx::open(conn, &clock, by.0).await?;
                    let input = RebalanceInput::read(conn, &workspace_tx, by.1, &asked).await?;
                    Ok((input, workspace_tx.head.seq))
                }
                .boxed()
            })
            .await?;
        // Thousands of conversations take a while to weigh: on a thread that nobody else waits for.
        let answered = tokio::task::spawn_blocking(move || {
            let shifts = rebalance(&input.members, &input.holdings);
            (input, shifts)
        });
        let (input, shifts) =
            answered.await.map_err(|_| StoreError::Unavailable("planning failed".into()))?;
        let (moves, loads) = input.settle(&shifts)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let (clock, moves, loads) = (clock.clone(), moves.clone(), loads.clone());
            async move {
                let workspace_tx = WorkspaceTx::open(conn, &clock, by.0).await?;
                let plan = RebalancePlan {
                    id: RebalancePlanId::generate(),
                    workspace_id: by.0,
                    state: PlanState::Proposed,
                    created_by: by.1,
                    created_at: workspace_tx.now,
                    expires_at: workspace_tx.now.plus_micros(PROPOSAL_MINUTES * 60_000_000),
                    applied_at: None,
                    moves,
                    loads,
                };
                let forgotten = workspace_tx.now.plus_micros(-KEPT_DAYS * 86_400_000_000);
                rebalance_plans::remove_expired(conn, by.0, forgotten).await?;
                rebalance_plans::insert(conn, &plan).await?;
                Ok(Administered { value: plan, changed: true, returned: 0, as_of })
            }
            .boxed()
        })
        .await
    }

    /// Carries out a plan, all of it or nothing. Nothing changes when it is applied already.
    ///
    /// # Errors
    /// Not allowed for reps; the workspace's plan is against it; not found; stale when anything is no longer
    /// as it was when the plan was made, or it is too late.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn apply_plan(
        &self,
        caller: Caller,
        id: RebalancePlanId,
    ) -> ServiceResult<Administered<RebalancePlan>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let mut plan_tx = RebalancePlanTx::open(conn, &clock, by, id).await?;
                if !plan_tx.plan.can_apply(plan_tx.workspace_tx.now)? {
                    return Ok(plan_tx.unchanged());
                }
                let locked = plan_tx.lock(conn, &clock).await?;
                let stands =
                    |planned: &Move, now: &Snapshot| planned.is_as_planned(now).then_some(planned.to);
                let changes = plan_tx.changes(&locked, stands, REBALANCED)?;
                let next = plan_tx.plan.clone().applied(plan_tx.workspace_tx.now);
                plan_tx.carry_out(conn, changes, next).await
            }
            .boxed()
        })
        .await
    }

    /// Takes an applied plan back, all of it or nothing. Nothing changes when it is undone already.
    ///
    /// # Errors
    /// As [`Self::apply_plan`], and not allowed when it was never applied.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn undo_plan(
        &self,
        caller: Caller,
        id: RebalancePlanId,
    ) -> ServiceResult<Administered<RebalancePlan>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let mut plan_tx = RebalancePlanTx::open(conn, &clock, by, id).await?;
                if !plan_tx.plan.can_undo(plan_tx.workspace_tx.now)? {
                    return Ok(plan_tx.unchanged());
                }
                let locked = plan_tx.lock(conn, &clock).await?;
                let at = plan_tx.plan.applied_at;
                let stands =
                    |planned: &Move, now: &Snapshot| planned.is_where_put(now, at).then_some(planned.from);
                let changes = plan_tx.changes(&locked, stands, REBALANCE_UNDONE)?;
                let next = plan_tx.plan.clone().undone();
                plan_tx.carry_out(conn, changes, next).await
            }
            .boxed()
        })
        .await
    }
}

fn input_agents(ids: &[AgentId]) -> Result<(), Refusal> {
    if ids.is_empty() || ids.len() > MAX_AGENTS {
        return Err(Refusal::invalid(InputField::AgentIds, format!("Name 1 to {MAX_AGENTS} agents.")));
    }
    let distinct: BTreeSet<_> = ids.iter().collect();
    if distinct.len() < ids.len() {
        return Err(Refusal::invalid(InputField::AgentIds, "Each agent can be named once."));
    }
    Ok(())
}

/// # Errors
/// [`Error::Unauthenticated`]; not allowed for reps; the workspace's plan has no assignment.
fn permit<'a>(team: &'a LockedTeam, workspace_tx: &WorkspaceTx, actor: AgentId) -> ServiceResult<&'a Agent> {
    let actor = team.acting(actor)?;
    if !actor.is_manager() {
        return Err(Refusal::NotAllowed(MANAGERS_ONLY).into());
    }
    if !workspace_tx.workspace.plan.includes_assignment() {
        return Err(Refusal::PlanRequired(Plan::ASSIGNMENT).into());
    }
    Ok(actor)
}

/// What a plan is to be made from.
struct RebalanceInput {
    members: Vec<Member>,
    holdings: Vec<Holding>,
    versions: HashMap<ConversationId, i32>,
}

impl RebalanceInput {
    async fn read(
        conn: &mut Conn,
        workspace_tx: &WorkspaceTx,
        actor: AgentId,
        asked: &PlanRebalance,
    ) -> ServiceResult<Self> {
        let workspace = workspace_tx.workspace.id;
        let ids: Vec<AgentId> = asked.agent_ids.iter().copied().chain([actor]).collect();
        let team = LockedTeam::hold(conn, workspace, &ids).await?;
        permit(&team, workspace_tx, actor)?;
        let limit = i64::try_from(MAX_WEIGHED + 1).unwrap_or(i64::MAX);
        let owned = ownership::of_owners(conn, workspace, &asked.agent_ids, asked.status, limit).await?;
        if owned.len() > MAX_WEIGHED {
            let message = format!("They own more than {MAX_WEIGHED} conversations. Name fewer agents.");
            return Err(Refusal::invalid(InputField::AgentIds, message).into());
        }
        let visible = |it: &Conversation| team.sees(actor, it.phone_number_id);
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
        let members = asked.agent_ids.iter().map(member).collect::<Result<_, Refusal>>()?;
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

    /// The moves with the versions they were decided on, and what they do to the loads.
    ///
    /// # Errors
    /// Invalid when there are more than [`MAX_MOVES`].
    fn settle(&self, shifts: &[Shift]) -> Result<(Vec<Move>, Vec<AgentLoad>), Refusal> {
        if shifts.len() > MAX_MOVES {
            let message = format!("This takes more than {MAX_MOVES} moves. Name fewer agents.");
            return Err(Refusal::invalid(InputField::AgentIds, message));
        }
        let planned = |shift: &Shift| {
            let version = *self.versions.get(&shift.conversation_id)?;
            Some(Move { conversation_id: shift.conversation_id, from: shift.from, to: shift.to, version })
        };
        let load = |member: &Member| {
            let id = member.agent_id;
            let before = member.fixed + self.holdings.iter().filter(|it| it.owner == id).count();
            let come = shifts.iter().filter(|shift| shift.to == id).count();
            let gone = shifts.iter().filter(|shift| shift.from == id).count();
            AgentLoad { agent_id: id, before, after: before + come - gone }
        };
        Ok((shifts.iter().filter_map(planned).collect(), self.members.iter().map(load).collect()))
    }
}

/// A manager before a plan, which is locked, as are the agents it concerns.
struct RebalancePlanTx {
    workspace_tx: WorkspaceTx,
    actor: AgentId,
    plan: RebalancePlan,
    team: LockedTeam,
}

impl RebalancePlanTx {
    async fn open(
        conn: &mut Conn,
        clock: &Clock,
        (workspace, actor): (WorkspaceId, AgentId),
        id: RebalancePlanId,
    ) -> ServiceResult<Self> {
        let workspace_tx = WorkspaceTx::open(conn, clock, workspace).await?;
        let plan = rebalance_plans::lock(conn, workspace, id).await?;
        let moves = plan.iter().flat_map(|plan| &plan.moves);
        let ids: Vec<AgentId> = moves.flat_map(|it| [it.from, it.to]).chain([actor]).collect();
        let team = LockedTeam::hold(conn, workspace, &ids).await?;
        permit(&team, &workspace_tx, actor)?;
        let plan = plan.ok_or(Error::Refused(Refusal::NotFound(InputField::PlanId)))?;
        let numbers = ownership::numbers_of(conn, workspace, &plan.conversation_ids()).await?;
        if !numbers.into_iter().all(|number| team.sees(actor, number)) {
            return Err(Refusal::NotFound(InputField::PlanId).into());
        }
        Ok(Self { workspace_tx, actor, plan, team })
    }

    fn unchanged(self) -> Administered<RebalancePlan> {
        Administered { value: self.plan, changed: false, returned: 0, as_of: self.workspace_tx.head.seq }
    }

    /// The plan's conversations, locked.
    async fn lock(&mut self, conn: &mut Conn, clock: &Clock) -> ServiceResult<Vec<Snapshot>> {
        let ids = self.plan.conversation_ids();
        let locked = ownership::lock_all(conn, self.workspace_tx.workspace.id, &ids).await?;
        self.workspace_tx.catch_up_with(clock, &locked);
        Ok(locked)
    }

    /// What gives each conversation to the agent whom `stands` names for its move.
    ///
    /// # Errors
    /// [`Refusal::PlanStale`] when `stands` names nobody, or somebody who cannot take it.
    fn changes(
        &self,
        locked: &[Snapshot],
        stands: impl Fn(&Move, &Snapshot) -> Option<AgentId>,
        reason: &'static str,
    ) -> Result<Vec<Change>, Refusal> {
        let moves: HashMap<ConversationId, &Move> =
            self.plan.moves.iter().map(|planned| (planned.conversation_id, planned)).collect();
        let (mut changes, mut stale) = (Vec::with_capacity(locked.len()), Vec::new());
        for snapshot in locked {
            let id = snapshot.conversation.id;
            let to = moves.get(&id).and_then(|planned| stands(planned, snapshot));
            match to.and_then(|to| self.change(snapshot, to, reason)) {
                Some(change) => changes.push(change),
                None => stale.push(id),
            }
        }
        if changes.len() == moves.len() { Ok(changes) } else { Err(Refusal::PlanStale(stale)) }
    }

    /// Writes the changes, and how far the plan has come with them.
    async fn carry_out(
        &self,
        conn: &mut Conn,
        changes: Vec<Change>,
        next: RebalancePlan,
    ) -> ServiceResult<Administered<RebalancePlan>> {
        let mut drafts = Vec::with_capacity(changes.len());
        for change in changes {
            log::store(conn, &change).await?;
            drafts.push(Draft::of(change, self.workspace_tx.now, Some(self.actor), None));
        }
        rebalance_plans::set_state(conn, &next).await?;
        let events = log::append(conn, self.workspace_tx.workspace.id, drafts).await?;
        let as_of = events.last().map_or(self.workspace_tx.head.seq, |event| event.seq);
        Ok(Administered { value: next, changed: true, returned: 0, as_of })
    }

    /// `None` when the agent cannot take the conversation.
    fn change(&self, snapshot: &Snapshot, to: AgentId, reason: &'static str) -> Option<Change> {
        let number = snapshot.conversation.phone_number_id;
        let to = self.team.agent(to).filter(|agent| agent.active)?;
        let candidate = self.team.candidate(to, number);
        snapshot.pass_on(self.actor, candidate, reason, self.workspace_tx.now).ok().flatten()
    }
}
