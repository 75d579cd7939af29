//! A small team that executes random commands.
//!
//! [`World`] replaces the service: it checks access, calls the domain, and keeps the new state of each conversation. It
//! also keeps a [`Ledger`] for each conversation.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use uuid::Uuid;

use super::ledger::Ledger;
use crate::clock::Timestamp;
use crate::domain::conversation::{
    ACCESS_REVOKED, AGENT_DEACTIVATED, Candidate, Change, Expectations, NewConversation,
};
use crate::domain::*;

pub(super) const AGENTS: usize = 4;
pub(super) const NUMBERS: usize = 2;
/// The number of contacts. Each has one conversation, on one of the phone numbers.
pub(super) const CONTACTS: usize = 3;
const MAX_COMMANDS: usize = 160;

/// The team, its policy and the commands. Each command has the microseconds since the previous command, which are
/// negative when the clock is set back.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// Whether each agent is a manager, and whether they are experienced.
    team: [(bool, bool); AGENTS],
    policy: Policy,
    pub commands: Vec<(i64, Command)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Command {
    Text {
        contact: usize,
    },
    /// An action by the agent `by` or, if they cannot work on the conversation, by the next agent who can.
    Act {
        by: usize,
        contact: usize,
        action: Action,
    },
    SetAccess {
        agent: usize,
        number: usize,
        granted: bool,
    },
    SetActive {
        agent: usize,
        active: bool,
    },
    /// The owner of the conversation loses access to its number.
    RevokeOwner {
        contact: usize,
    },
    Agree(Policy),
}

/// An agent's action on a conversation. `unseen` is the number of latest messages that the agent has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Reply { unseen: i32 },
    Assign { to: usize, expected: Expected },
    Claim,
    Unassign { expected: Expected },
    Close { expected: Expected },
    Reopen,
    Read { unseen: i32 },
    Unread,
}

/// The version and the assignee that the agent expects. The version is `behind` the current one by some number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    behind: Option<i32>,
    assignee: Option<Option<usize>>,
}

impl Expected {
    pub fn about(self, now: &Snapshot) -> Expectations {
        Expectations {
            version: self.behind.map(|behind| now.conversation.version - behind),
            assignee: self.assignee.map(|seen| seen.map(agent_id)),
        }
    }

    /// Whether the conversation is as the agent expects.
    pub fn holds(self, now: &Snapshot) -> bool {
        self.behind.is_none_or(|behind| behind == 0)
            && self.assignee.is_none_or(|seen| seen.map(agent_id) == now.conversation.assignee())
    }
}

pub(super) fn agent_id(n: usize) -> AgentId {
    AgentId(Uuid::from_u128(0xa0 + n as u128))
}

pub(super) fn number_id(n: usize) -> PhoneNumberId {
    PhoneNumberId(Uuid::from_u128(0xb0 + n as u128))
}

pub(super) fn number_of(contact: usize) -> usize {
    contact % NUMBERS
}

fn policies() -> impl Strategy<Value = Policy> {
    (prop::sample::select(Plan::ALL), prop::sample::select(AssignmentModel::ALL))
        .prop_map(|(plan, model)| Policy { plan, model })
}

fn expectations() -> impl Strategy<Value = Expected> {
    let behind = prop_oneof![6 => Just(None), 2 => Just(Some(0)), 1 => Just(Some(1))];
    let assignee =
        prop_oneof![8 => Just(None), 1 => Just(Some(None)), 1 => (0..AGENTS).prop_map(|n| Some(Some(n)))];
    (behind, assignee).prop_map(|(behind, assignee)| Expected { behind, assignee })
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (0..3).prop_map(|unseen| Action::Reply { unseen }),
        7 => (0..AGENTS, expectations()).prop_map(|(to, expected)| Action::Assign { to, expected }),
        3 => Just(Action::Claim),
        2 => expectations().prop_map(|expected| Action::Unassign { expected }),
        6 => expectations().prop_map(|expected| Action::Close { expected }),
        4 => Just(Action::Reopen),
        5 => (0..3).prop_map(|unseen| Action::Read { unseen }),
        3 => Just(Action::Unread),
    ]
}

/// Usually true, so that some agent can do the work.
fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.7)
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (0..CONTACTS).prop_map(|contact| Command::Text { contact }),
        30 => (0..AGENTS, 0..CONTACTS, actions()).prop_map(|(by, contact, action)| Command::Act { by, contact, action }),
        5 => (0..AGENTS, 0..NUMBERS, mostly()).prop_map(|(agent, number, granted)| Command::SetAccess { agent, number, granted }),
        2 => (0..AGENTS, mostly()).prop_map(|(agent, active)| Command::SetActive { agent, active }),
        2 => (0..CONTACTS).prop_map(|contact| Command::RevokeOwner { contact }),
        1 => policies().prop_map(Command::Agree),
    ]
}

pub(super) fn histories() -> impl Strategy<Value = History> {
    let team = prop::array::uniform4(any::<(bool, bool)>());
    let commands = prop::collection::vec((-5_i64..20, commands()), 1..=MAX_COMMANDS);
    (team, policies(), commands).prop_map(|(team, policy, commands)| History { team, policy, commands })
}

/// Why the domain was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Text,
    Action {
        by: usize,
        action: Action,
    },
    /// The assignee can no longer work on the conversation.
    Release,
}

/// One call of the domain, and its result.
#[derive(Debug)]
pub(super) struct Outcome {
    pub contact: usize,
    pub cause: Cause,
    pub before: Option<Snapshot>,
    pub answer: Result<Option<Change>, Refusal>,
}

impl Outcome {
    pub fn actor(&self) -> Option<AgentId> {
        match self.cause {
            Cause::Action { by, .. } => Some(agent_id(by)),
            Cause::Text | Cause::Release => None,
        }
    }

    pub fn change(&self) -> Option<&Change> {
        self.answer.as_ref().ok().and_then(Option::as_ref)
    }

    /// The event that the log would record.
    pub fn event(&self) -> Option<ConversationEvent> {
        let change = self.change()?.clone();
        Some(ConversationEvent {
            kind: change.kind,
            before: change.before,
            after: change.after,
            message_id: None,
            reason: change.reason.map(str::to_owned),
            note: None,
        })
    }
}

pub(super) struct World {
    pub agents: Vec<Agent>,
    pub policy: Policy,
    pub threads: Vec<Option<Snapshot>>,
    pub ledgers: Vec<Ledger>,
    access: [[bool; NUMBERS]; AGENTS],
    /// The time of the last command.
    pub now: Timestamp,
    messages: u128,
}

/// Plays a history, and calls `check` after each command with the outcomes of the command.
pub(super) fn play(
    history: &History,
    mut check: impl FnMut(&World, &[Outcome]) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut world = World::new(history);
    for (micros, command) in &history.commands {
        world.now = world.now.plus_micros(*micros);
        let outcomes = world.apply(*command);
        check(&world, &outcomes)?;
    }
    Ok(())
}

impl World {
    fn new(history: &History) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        let agents = history.team.iter().enumerate().map(|(n, (manager, experienced))| Agent {
            id: agent_id(n),
            workspace_id: WorkspaceId(Uuid::from_u128(1)),
            name: format!("Agent {n}"),
            title: None,
            email: format!("agent{n}@example.test"),
            role: if *manager { Role::Manager } else { Role::Rep },
            active: true,
            experienced: *experienced,
            created_at: now,
            tokens_valid_after: None,
        });
        Self {
            agents: agents.collect(),
            policy: history.policy,
            threads: vec![None; CONTACTS],
            ledgers: vec![Ledger::default(); CONTACTS],
            access: [[true; NUMBERS]; AGENTS],
            now,
            messages: 0,
        }
    }

    /// The conversations that have begun.
    pub fn begun(&self) -> impl Iterator<Item = (usize, &Snapshot)> {
        self.threads.iter().enumerate().filter_map(|(contact, thread)| Some((contact, thread.as_ref()?)))
    }

    pub fn has_access(&self, agent: usize, number: usize) -> bool {
        self.access[agent][number]
    }

    pub fn can_work(&self, agent: usize, contact: usize) -> bool {
        self.agents[agent].active && self.has_access(agent, number_of(contact))
    }

    fn candidate(&self, agent: usize, contact: usize) -> Candidate<'_> {
        Candidate { agent: &self.agents[agent], has_access: self.has_access(agent, number_of(contact)) }
    }

    pub fn assignee_can_work(&self, snapshot: &Snapshot, contact: usize) -> bool {
        snapshot.conversation.assignee().is_none_or(|owner| {
            (0..AGENTS).any(|agent| agent_id(agent) == owner && self.can_work(agent, contact))
        })
    }

    fn apply(&mut self, command: Command) -> Vec<Outcome> {
        match command {
            Command::Text { contact } => vec![self.text(contact)],
            Command::Act { by, contact, action } => self.act(by, contact, action).into_iter().collect(),
            Command::SetAccess { agent, number, granted } => {
                self.access[agent][number] = granted;
                if granted {
                    return Vec::new();
                }
                self.release(agent, ACCESS_REVOKED, |contact| number_of(contact) == number)
            }
            Command::RevokeOwner { contact } => {
                let owner = self.threads[contact].as_ref().and_then(|it| it.conversation.assignee());
                let Some(agent) = (0..AGENTS).find(|agent| Some(agent_id(*agent)) == owner) else {
                    return Vec::new();
                };
                self.apply(Command::SetAccess { agent, number: number_of(contact), granted: false })
            }
            Command::SetActive { agent, active } => {
                self.agents[agent].active = active;
                if active {
                    return Vec::new();
                }
                self.release(agent, AGENT_DEACTIVATED, |_| true)
            }
            Command::Agree(policy) => {
                self.policy = policy;
                Vec::new()
            }
        }
    }

    fn text(&mut self, contact: usize) -> Outcome {
        let message = self.next_message();
        let change = match &self.threads[contact] {
            None => Snapshot::begun_by_customer(new_conversation(contact), message, self.now),
            Some(it) => it.receive(message, self.now, self.assignee_can_work(it, contact)),
        };
        self.record(contact, Cause::Text, Ok(Some(change)))
    }

    /// `None` when the conversation has not begun, or no agent can work on it.
    fn act(&mut self, by: usize, contact: usize, action: Action) -> Option<Outcome> {
        let by = (by..by + AGENTS).map(|n| n % AGENTS).find(|agent| self.can_work(*agent, contact))?;
        let message = self.next_message();
        let answer = match (&self.threads[contact], action) {
            (None, Action::Reply { .. }) => {
                Ok(Some(Snapshot::begun_by_agent(new_conversation(contact), message, self.now)))
            }
            (None, _) => return None,
            (Some(it), action) => self.decide(it, by, contact, action, message),
        };
        Some(self.record(contact, Cause::Action { by, action }, answer))
    }

    fn decide(
        &self,
        it: &Snapshot,
        by: usize,
        contact: usize,
        action: Action,
        message: MessageId,
    ) -> Result<Option<Change>, Refusal> {
        let (actor, now) = (&self.agents[by], self.now);
        let count = it.conversation.message_count;
        match action {
            Action::Reply { unseen } => Ok(Some(it.reply(actor.id, message, count - unseen, now))),
            Action::Assign { to, expected } => {
                it.assign(actor, self.candidate(to, contact), self.policy, expected.about(it), now)
            }
            Action::Claim => it.claim(self.candidate(by, contact), self.policy, now),
            Action::Unassign { expected } => it.unassign(actor, self.policy, expected.about(it), now),
            Action::Close { expected } => it.close(actor.id, expected.about(it), now),
            Action::Reopen => Ok(it.reopen(self.assignee_can_work(it, contact), now)),
            Action::Read { unseen } => Ok(it.read(actor.id, count - unseen)),
            Action::Unread => Ok(it.unread(actor.id)),
        }
    }

    /// Releases those conversations of the agent for which `concerned` is true.
    fn release(
        &mut self,
        agent: usize,
        reason: &'static str,
        concerned: impl Fn(usize) -> bool,
    ) -> Vec<Outcome> {
        let owned: Vec<(usize, Option<Change>)> = self
            .begun()
            .filter(|(contact, it)| {
                concerned(*contact) && it.conversation.assignee() == Some(agent_id(agent))
            })
            .map(|(contact, it)| (contact, it.release(reason, self.now)))
            .collect();
        owned.into_iter().map(|(contact, change)| self.record(contact, Cause::Release, Ok(change))).collect()
    }

    /// Keeps the result and returns it as an outcome.
    fn record(&mut self, contact: usize, cause: Cause, answer: Result<Option<Change>, Refusal>) -> Outcome {
        let before = self.threads[contact].clone();
        if answer.is_ok() {
            self.ledgers[contact].record(cause, self.now);
        }
        if let Ok(Some(change)) = &answer {
            self.threads[contact] = Some(change.after.clone());
        }
        Outcome { contact, cause, before, answer }
    }

    fn next_message(&mut self) -> MessageId {
        self.messages += 1;
        MessageId(Uuid::from_u128(self.messages))
    }
}

fn new_conversation(contact: usize) -> NewConversation {
    NewConversation {
        id: ConversationId(Uuid::from_u128(0xd0 + contact as u128)),
        workspace_id: WorkspaceId(Uuid::from_u128(1)),
        phone_number_id: number_id(number_of(contact)),
        contact_id: ContactId(Uuid::from_u128(0xc0 + contact as u128)),
    }
}
