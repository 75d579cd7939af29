//! Which conversations to move so that nobody holds too many: the exact answer, not a heuristic.
//!
//! The highest load is made as low as access to numbers allows, by as few moves as that takes. Among equals the
//! moves take conversations that their owner has never answered first, then the least recently active ones.
//!
//! Two passes of augmenting paths. A path leads from an agent who holds too many to one who has room, and each
//! step of it passes one conversation on, because the one with room may not have access to what the other
//! holds. `Board::lowest_peak` takes any paths, to find how low the highest load can be; then
//! `Board::level` begins again and takes the cheapest path each time, which for this kind of network gives
//! the cheapest total (successive shortest paths; a step may take an earlier move back).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::ids::{AgentId, ConversationId, PhoneNumberId};
use crate::clock::Timestamp;

/// The most agents that one plan concerns.
pub const MAX_AGENTS: usize = 100;
/// The most conversations that one plan weighs.
pub const MAX_WEIGHED: usize = 5_000;

/// An agent of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub agent_id: AgentId,
    /// Whether the agent may be given anything: inactive ones may not.
    pub receives: bool,
    /// The numbers that the agent can access.
    pub phone_number_ids: BTreeSet<PhoneNumberId>,
    /// How many conversations the agent owns beside those that may move.
    pub fixed: usize,
}

/// A conversation that may move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub conversation_id: ConversationId,
    /// One of the members; a conversation of anybody else stays where it is.
    pub owner: AgentId,
    pub phone_number_id: PhoneNumberId,
    /// Whether the owner has ever answered in it.
    pub answered: bool,
    pub last_activity_at: Timestamp,
}

/// One conversation's way from one agent to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    pub conversation_id: ConversationId,
    pub from: AgentId,
    pub to: AgentId,
}

/// The moves, in order of the conversations' ids. Empty when the highest load cannot be made lower.
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

/// What moving costs, the first part before the second before the third; each adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Cost {
    moves: i64,
    /// How many of them take a conversation from somebody who has answered in it.
    answered: i64,
    /// The sum of the ranks by activity; the least recently active conversation has rank 0.
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

/// A conversation, ordered by what moving it costs: whether it is answered, and its rank.
type Piece = (bool, usize);

fn cost_of((answered, rank): Piece) -> Cost {
    Cost { moves: 1, answered: i64::from(answered), ranks: i64::try_from(rank).unwrap_or(i64::MAX) }
}

/// The owner whom a piece was found with, and the index of its number: pieces alike in both can go to the same
/// agents.
type Kind = (usize, usize);

/// One step of a path: the cheapest piece that may go from one agent to another.
#[derive(Debug, Clone, Copy)]
struct Step {
    cost: Cost,
    kind: Kind,
    piece: Piece,
}

/// Who holds what, by indices of members, and what may go where.
#[derive(Clone)]
struct Board {
    /// `takes[agent][number]`: whether the agent may be given a conversation of that number.
    takes: Vec<Vec<bool>>,
    loads: Vec<usize>,
    held: Vec<BTreeMap<Kind, BTreeSet<Piece>>>,
    /// `steps[from][to]`.
    steps: Vec<Vec<Option<Step>>>,
}

impl Board {
    /// `ranked` is in order of activity.
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
            board.look(agent);
        }
        board
    }

    /// Finds anew what `from` can pass on to each of the others.
    fn look(&mut self, from: usize) {
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
                    // It has left its owner already: where else it goes makes no difference.
                    Step { cost: Cost::default(), kind, piece: cheapest }
                };
                if best.is_none_or(|best| step.cost < best.cost) {
                    *best = Some(step);
                }
            }
        }
        self.steps[from] = steps;
    }

    /// The lowest that the highest load can be. Leaves the board at it, by whichever moves.
    ///
    /// When no agent with the highest load can reach one who has two fewer, all whom they reach hold that load
    /// or one fewer and can pass nothing on to anybody else, so that somebody among them has to hold as many.
    fn lowest_peak(&mut self) -> usize {
        loop {
            let peak = self.loads.iter().copied().max().unwrap_or_default();
            let from = |load: usize| load == peak;
            let Some(path) = self.nearest(from, |load| load + 2 <= peak) else { return peak };
            self.pass_along(&path);
        }
    }

    /// Brings every load down to `peak`, which can be reached, at the least cost.
    fn level(&mut self, peak: usize) {
        while let Some(path) = self.cheapest(|load| load > peak, |load| load < peak) {
            self.pass_along(&path);
        }
    }

    /// A path with the fewest steps from an agent of a load in `from` to one of a load in `to`.
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

    /// A path of least cost (Bellman and Ford's, since taking a move back costs less than nothing).
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

    /// Passes one conversation on along each step of a path.
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
            self.look(agent);
        }
    }

    /// Each piece that is not with its owner: its rank, the owner, and who has it.
    fn strays(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.held.iter().enumerate().flat_map(|(holder, kinds)| {
            let away = kinds.iter().filter(move |((home, _), _)| *home != holder);
            away.flat_map(move |((home, _), pieces)| {
                pieces.iter().map(move |(_, rank)| (*rank, *home, holder))
            })
        })
    }
}

/// The path that ends at `end`, when each agent on it but the first has one before it.
fn path_to(end: usize, before: impl Fn(usize) -> Option<usize>) -> Vec<usize> {
    let mut path: Vec<usize> = std::iter::successors(Some(end), |agent| before(*agent)).collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests;
