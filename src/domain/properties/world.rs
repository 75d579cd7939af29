//! A small team in which random commands happen.
//!
//! [`World`] plays the service's part: it checks access before it asks the domain, passes the facts in, and
//! keeps what the domain decides. Beside that it keeps each conversation's [`Ledger`].

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
/// Contacts, each of whom has one conversation, on one of the numbers.
pub(super) const CONTACTS: usize = 3;
const MAX_COMMANDS: usize = 160;

/// The team, what it has agreed on, and what happens: each command with the microseconds since the last one,
/// which are negative when the clock is set back.
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
    /// `by` does it, or the next agent who would find the conversation.
    Act {
        by: usize,
        contact: usize,
        deed: Deed,
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

/// What an agent does to a conversation. `unseen` is how many of the last messages they have not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Reply { unseen: i32 },
    Assign { to: usize, belief: Belief },
    Claim,
    Unassign { belief: Belief },
    Close { belief: Belief },
    Reopen,
    Read { unseen: i32 },
    Unread,
}

/// What the author of a deed expects: a version so much older than the present one, and an assignee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Belief {
    behind: Option<i32>,
    assignee: Option<Option<usize>>,
}

impl Belief {
    pub fn about(self, now: &Snapshot) -> Expectations {
        Expectations {
            version: self.behind.map(|behind| now.conversation.version - behind),
            assignee: self.assignee.map(|seen| seen.map(agent_id)),
        }
    }

    /// Whether the conversation is as expected.
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

fn beliefs() -> impl Strategy<Value = Belief> {
    let behind = prop_oneof![6 => Just(None), 2 => Just(Some(0)), 1 => Just(Some(1))];
    let assignee =
        prop_oneof![8 => Just(None), 1 => Just(Some(None)), 1 => (0..AGENTS).prop_map(|n| Some(Some(n)))];
    (behind, assignee).prop_map(|(behind, assignee)| Belief { behind, assignee })
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (0..3).prop_map(|unseen| Deed::Reply { unseen }),
        7 => (0..AGENTS, beliefs()).prop_map(|(to, belief)| Deed::Assign { to, belief }),
        3 => Just(Deed::Claim),
        2 => beliefs().prop_map(|belief| Deed::Unassign { belief }),
        6 => beliefs().prop_map(|belief| Deed::Close { belief }),
        4 => Just(Deed::Reopen),
        5 => (0..3).prop_map(|unseen| Deed::Read { unseen }),
        3 => Just(Deed::Unread),
    ]
}

/// True more often than not, so that there is somebody to do the work.
fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.7)
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (0..CONTACTS).prop_map(|contact| Command::Text { contact }),
        30 => (0..AGENTS, 0..CONTACTS, deeds()).prop_map(|(by, contact, deed)| Command::Act { by, contact, deed }),
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

/// Why the domain was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Text,
    Deed {
        by: usize,
        deed: Deed,
    },
    /// The assignee can no longer work the conversation.
    Release,
}

/// One question to the domain, and its answer.
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
            Cause::Deed { by, .. } => Some(agent_id(by)),
            Cause::Text | Cause::Release => None,
        }
    }

    pub fn change(&self) -> Option<&Change> {
        self.answer.as_ref().ok().and_then(Option::as_ref)
    }

    /// What the log records of it.
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
    /// When the last command happened.
    pub now: Timestamp,
    messages: u128,
}

/// Plays a history and calls `check` after each command, with all that the domain was asked on its account.
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
            Command::Act { by, contact, deed } => self.act(by, contact, deed).into_iter().collect(),
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
            None => Snapshot::begun_by_customer(birth(contact), message, self.now),
            Some(it) => it.receive(message, self.now, self.assignee_can_work(it, contact)),
        };
        self.settle(contact, Cause::Text, Ok(Some(change)))
    }

    /// `None` when there is no such conversation yet, or nobody who would find it.
    fn act(&mut self, by: usize, contact: usize, deed: Deed) -> Option<Outcome> {
        let by = (by..by + AGENTS).map(|n| n % AGENTS).find(|agent| self.can_work(*agent, contact))?;
        let message = self.next_message();
        let answer = match (&self.threads[contact], deed) {
            (None, Deed::Reply { .. }) => {
                Ok(Some(Snapshot::begun_by_agent(birth(contact), message, self.now)))
            }
            (None, _) => return None,
            (Some(it), deed) => self.decide(it, by, contact, deed, message),
        };
        Some(self.settle(contact, Cause::Deed { by, deed }, answer))
    }

    fn decide(
        &self,
        it: &Snapshot,
        by: usize,
        contact: usize,
        deed: Deed,
        message: MessageId,
    ) -> Result<Option<Change>, Refusal> {
        let (actor, now) = (&self.agents[by], self.now);
        let count = it.conversation.message_count;
        match deed {
            Deed::Reply { unseen } => Ok(Some(it.reply(actor.id, message, count - unseen, now))),
            Deed::Assign { to, belief } => {
                it.assign(actor, self.candidate(to, contact), self.policy, belief.about(it), now)
            }
            Deed::Claim => it.claim(self.candidate(by, contact), self.policy, now),
            Deed::Unassign { belief } => it.unassign(actor, self.policy, belief.about(it), now),
            Deed::Close { belief } => it.close(actor.id, belief.about(it), now),
            Deed::Reopen => Ok(it.reopen(self.assignee_can_work(it, contact), now)),
            Deed::Read { unseen } => Ok(it.read(actor.id, count - unseen)),
            Deed::Unread => Ok(it.unread(actor.id)),
        }
    }

    /// Takes from an agent what they own and can no longer work.
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
        owned.into_iter().map(|(contact, change)| self.settle(contact, Cause::Release, Ok(change))).collect()
    }

    fn settle(&mut self, contact: usize, cause: Cause, answer: Result<Option<Change>, Refusal>) -> Outcome {
        let before = self.threads[contact].clone();
        if answer.is_ok() {
            self.ledgers[contact].note(cause, self.now);
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

fn birth(contact: usize) -> NewConversation {
    NewConversation {
        id: ConversationId(Uuid::from_u128(0xd0 + contact as u128)),
        workspace_id: WorkspaceId(Uuid::from_u128(1)),
        phone_number_id: number_id(number_of(contact)),
        contact_id: ContactId(Uuid::from_u128(0xc0 + contact as u128)),
    }
}
