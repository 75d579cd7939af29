//! Chooses the conversations to move so that no agent owns too many. The result is optimal, not a heuristic.
//!
//! The highest load becomes as low as access to phone numbers allows, with as few moves as possible. Among equally
//! good results, conversations that their owner has never answered move first, then the least recently active ones.
//!
//! The algorithm uses augmenting paths in two passes. A path leads from an agent with too many conversations to an
//! agent with room. Each step of the path moves one conversation to the next agent, because the agent with room may
//! lack access to the first agent's conversations. `Board::lowest_peak` follows any paths to find the lowest possible
//! peak. Then `Board::level` starts again and follows the cheapest path each time. In this kind of network that gives
//! the cheapest total (successive shortest paths; a step may undo an earlier move).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::ids::{AgentId, ConversationId, PhoneNumberId};
use crate::clock::Timestamp;

/// The maximum number of agents in one plan.
pub const MAX_AGENTS: usize = 100;
/// The maximum number of conversations that one plan considers.
pub const MAX_WEIGHED: usize = 5_000;

/// An agent in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub agent_id: AgentId,
    /// Whether the agent may receive conversations: false for deactivated agents.
    pub receives: bool,
    /// The phone numbers that the agent can access.
    pub phone_number_ids: BTreeSet<PhoneNumberId>,
    /// The number of the agent's conversations that cannot move.
    pub fixed: usize,
}

/// A conversation that may move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub conversation_id: ConversationId,
    /// One of the members. A conversation of any other agent does not move.
    pub owner: AgentId,
    pub phone_number_id: PhoneNumberId,
    /// Whether the owner has ever replied in the conversation.
    pub answered: bool,
    pub last_activity_at: Timestamp,
}

/// The move of a conversation from one agent to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    pub conversation_id: ConversationId,
    pub from: AgentId,
    pub to: AgentId,
}

/// Returns the moves, ordered by conversation id. Empty when the highest load cannot become lower.
pub fn rebalance(members: &[Member], holdings: &[Holding]) -> Vec<Shift> {
    let mut ranked: Vec<&Holding> = holdings.iter().collect();
    ranked.sort_by_key(|holding| (holding.last_activity_at, holding.conversation_id));
    let start = Board::new(members, &ranked);
    let peak = start.clone().lowest_peak();
    let mut board = start;
    board.level(peak);
    let mut shifts: Vec<Shift> = board
        .strays()
        .map(|(rank, from, to)| Shift {
            conversation_id: ranked[rank].conversation_id,
            from: members[from].agent_id,
            to: members[to].agent_id,
        })
        .collect();
    shifts.sort_by_key(|shift| shift.conversation_id);
    shifts
}

/// The cost of moves. Costs are compared by `moves`, then `answered`, then `ranks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Cost {
    moves: i64,
    /// The number of moved conversations in which their owner has replied.
    answered: i64,
    /// The sum of the moved conversations' ranks by activity. The least recently active conversation has rank 0.
    ranks: i64,
}

impl Cost {
    fn plus(self, other: Self) -> Self {
        Self {
            moves: self.moves + other.moves,
            answered: self.answered + other.answered,
            ranks: self.ranks + other.ranks,
        }
    }

    fn refunded(self) -> Self {
        Self { moves: -self.moves, answered: -self.answered, ranks: -self.ranks }
    }
}

/// A conversation, ordered by the cost of its move: whether its owner has replied, and its rank.
type Piece = (bool, usize);

fn cost_of((answered, rank): Piece) -> Cost {
    Cost { moves: 1, answered: i64::from(answered), ranks: i64::try_from(rank).unwrap_or(i64::MAX) }
}

/// The indexes of a piece's original owner and of its phone number. Pieces of the same kind can move to the same
/// agents.
type Kind = (usize, usize);

/// A step of a path: the cheapest piece that can move from one agent to another.
#[derive(Debug, Clone, Copy)]
struct Step {
    cost: Cost,
    kind: Kind,
    piece: Piece,
}

/// The current holder of each piece and the possible moves. Agents are indexes into the members.
#[derive(Clone)]
struct Board {
    /// `takes[agent][number]`: whether the agent may receive a conversation of this phone number.
    takes: Vec<Vec<bool>>,
    loads: Vec<usize>,
    held: Vec<BTreeMap<Kind, BTreeSet<Piece>>>,
    /// `steps[from][to]`: the cheapest step between two agents, if any.
    steps: Vec<Vec<Option<Step>>>,
}

impl Board {
    /// `ranked` is ordered by activity, the least recent first.
    fn new(members: &[Member], ranked: &[&Holding]) -> Self {
        let index: HashMap<AgentId, usize> =
            members.iter().enumerate().map(|(n, member)| (member.agent_id, n)).collect();
        let numbers: BTreeSet<PhoneNumberId> = ranked.iter().map(|it| it.phone_number_id).collect();
        let numbers: Vec<PhoneNumberId> = numbers.into_iter().collect();
        let takes = |member: &Member| {
            let may = |number| member.receives && member.phone_number_ids.contains(number);
            numbers.iter().map(may).collect()
        };
        let mut board = Self {
            takes: members.iter().map(takes).collect(),
            loads: members.iter().map(|member| member.fixed).collect(),
            held: vec![BTreeMap::new(); members.len()],
            steps: vec![Vec::new(); members.len()],
        };
        for (rank, holding) in ranked.iter().enumerate() {
            let Some(&owner) = index.get(&holding.owner) else { continue };
            let number = numbers.partition_point(|number| *number < holding.phone_number_id);
            board.loads[owner] += 1;
            board.held[owner].entry((owner, number)).or_default().insert((holding.answered, rank));
        }
        for agent in 0..members.len() {
            board.update_steps(agent);
        }
        board
    }

    /// Recomputes the cheapest step from `from` to each other agent.
    fn update_steps(&mut self, from: usize) {
        let mut steps: Vec<Option<Step>> = vec![None; self.loads.len()];
        for (&kind, pieces) in &self.held[from] {
            let (home, number) = kind;
            let (Some(&cheapest), Some(&dearest)) = (pieces.first(), pieces.last()) else { continue };
            for (to, best) in steps.iter_mut().enumerate().filter(|(to, _)| *to != from) {
                let step = if to == home {
                    Step { cost: cost_of(dearest).refunded(), kind, piece: dearest }
                } else if !self.takes[to][number] {
                    continue;
                } else if home == from {
                    Step { cost: cost_of(cheapest), kind, piece: cheapest }
                } else {
                    // The piece has already left its owner; another move adds no cost.
                    Step { cost: Cost::default(), kind, piece: cheapest }
                };
                if best.is_none_or(|best| step.cost < best.cost) {
                    *best = Some(step);
                }
            }
        }
        self.steps[from] = steps;
    }

    /// Finds the lowest possible peak and leaves the board in a state with this peak, regardless of cost.
    ///
    /// The peak is final when no agent with the peak load has a path to an agent with at least two conversations
    /// fewer. All agents who can be reached then have the peak load or one fewer, and cannot move a conversation to
    /// any other agent. So one of them must always have the peak load.
    fn lowest_peak(&mut self) -> usize {
        loop {
            let peak = self.loads.iter().copied().max().unwrap_or_default();
            let from = |load: usize| load == peak;
            let Some(path) = self.nearest(from, |load| load + 2 <= peak) else { return peak };
            self.pass_along(&path);
        }
    }

    /// Lowers every load to at most `peak` at the lowest cost. `peak` must be possible.
    fn level(&mut self, peak: usize) {
        while let Some(path) = self.cheapest(|load| load > peak, |load| load < peak) {
            self.pass_along(&path);
        }
    }

    /// Finds a path with the fewest steps from an agent whose load matches `from` to an agent whose load matches
    /// `to`.
    fn nearest(&self, from: impl Fn(usize) -> bool, to: impl Fn(usize) -> bool) -> Option<Vec<usize>> {
        let mut reached: Vec<Option<usize>> = vec![None; self.loads.len()];
        let mut queue = VecDeque::new();
        for agent in (0..self.loads.len()).filter(|agent| from(self.loads[*agent])) {
            reached[agent] = Some(agent);
            queue.push_back(agent);
        }
        while let Some(agent) = queue.pop_front() {
            if to(self.loads[agent]) {
                return Some(path_to(agent, |agent| reached[agent].filter(|before| *before != agent)));
            }
            for next in (0..self.loads.len()).filter(|next| self.steps[agent][*next].is_some()) {
                if reached[next].is_none() {
                    reached[next] = Some(agent);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    /// Finds a path with the lowest cost by the Bellman-Ford algorithm, because undoing a move has a negative cost.
    fn cheapest(&self, from: impl Fn(usize) -> bool, to: impl Fn(usize) -> bool) -> Option<Vec<usize>> {
        let n = self.loads.len();
        let mut best: Vec<Option<(Cost, Option<usize>)>> = vec![None; n];
        let mut waiting = vec![false; n];
        let mut queue = VecDeque::new();
        for agent in (0..n).filter(|agent| from(self.loads[*agent])) {
            best[agent] = Some((Cost::default(), None));
            waiting[agent] = true;
            queue.push_back(agent);
        }
        while let Some(agent) = queue.pop_front() {
            waiting[agent] = false;
            let Some((so_far, _)) = best[agent] else { continue };
            for next in 0..n {
                let Some(step) = self.steps[agent][next] else { continue };
                let cost = so_far.plus(step.cost);
                if best[next].is_none_or(|(known, _)| cost < known) {
                    best[next] = Some((cost, Some(agent)));
                    if !waiting[next] {
                        waiting[next] = true;
                        queue.push_back(next);
                    }
                }
            }
        }
        let ends = (0..n).filter(|agent| to(self.loads[*agent]));
        let end = ends.filter_map(|agent| best[agent].map(|(cost, _)| (cost, agent))).min()?.1;
        Some(path_to(end, |agent| best[agent].and_then(|(_, before)| before)))
    }

    /// Moves one conversation along each step of the path.
    fn pass_along(&mut self, path: &[usize]) {
        for (&from, &to) in path.iter().zip(path.iter().skip(1)) {
            let Some(Step { kind, piece, .. }) = self.steps[from][to] else { continue };
            if let Some(pieces) = self.held[from].get_mut(&kind) {
                pieces.remove(&piece);
                if pieces.is_empty() {
                    self.held[from].remove(&kind);
                }
            }
            self.held[to].entry(kind).or_default().insert(piece);
            self.loads[from] -= 1;
            self.loads[to] += 1;
        }
        for &agent in path {
            self.update_steps(agent);
        }
    }

    /// The pieces that have left their original owner, as (rank, owner, holder).
    fn strays(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.held.iter().enumerate().flat_map(|(holder, kinds)| {
            let away = kinds.iter().filter(move |((home, _), _)| *home != holder);
            away.flat_map(move |((home, _), pieces)| {
                pieces.iter().map(move |(_, rank)| (*rank, *home, holder))
            })
        })
    }
}

/// Builds the path that ends at `end`. `before` returns an agent's predecessor; the first agent has none.
fn path_to(end: usize, before: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    let mut path: Vec<usize> = std::iter::successors(Some(end), |agent| before(*agent)).collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests;
