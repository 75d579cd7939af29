//! A workspace with its people, numbers and access, as the operator would set it up.

use std::collections::BTreeSet;

use super::e164;
use crate::domain::{Agent, AgentId, InputField, PhoneNumber, PhoneNumberId, Plan, Refusal, Role, Workspace};
use crate::service::{Error, NewAgent, Services};
use crate::token::Caller;
use synthetic::Team;

/// How many teams' numbers are tried before a free one is given up on.
const NUMBERS_TRIED: usize = 100_000;

/// A workspace and who works in it.
#[derive(Debug, Clone)]
pub struct Staff {
    pub workspace: Workspace,
    /// Managers first.
    pub agents: Vec<Agent>,
    pub numbers: Vec<PhoneNumber>,
    pub access: BTreeSet<(AgentId, PhoneNumberId)>,
}

impl Staff {
    /// In order.
    pub fn managers(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter().filter(|agent| agent.role == Role::Manager)
    }

    /// In order.
    pub fn reps(&self) -> impl Iterator<Item = &Agent> {
        self.agents.iter().filter(|agent| agent.role == Role::Rep)
    }

    /// Those who can access a number, managers first.
    pub fn crew(&self, number: PhoneNumberId) -> Vec<&Agent> {
        self.agents.iter().filter(|agent| self.access.contains(&(agent.id, number))).collect()
    }

    /// `agent`, signed in.
    pub fn caller(&self, agent: &Agent) -> Caller {
        Caller::Agent { workspace_id: self.workspace.id, agent_id: agent.id }
    }

    /// The machine that delivers customers' texts.
    pub fn service(&self) -> Caller {
        Caller::Service { workspace_id: self.workspace.id }
    }
}

/// Creates a workspace for `team`. `has_access` says, by their places in the team, which agent has which number.
///
/// Numbers are unique in the whole store. Where the team's own are taken, others are: those of the team with
/// index `from_index`, or of the first after it that has one free. Answers also with the index from which a
/// further workspace should look.
///
/// # Errors
/// What the database fails with; invalid when the team is not one of [`crate::synthetic`].
pub async fn enrol(
    services: &Services,
    team: Team,
    from_index: usize,
    plan: Plan,
    has_access: impl Fn(usize, usize) -> bool,
) -> Result<(Staff, usize), Error> {
    let workspace = services.create_workspace(&team.workspace, plan).await?;
    let mut agents = Vec::with_capacity(team.agents.len());
    for profile in &team.agents {
        agents.push(services.enrol_agent(workspace.id, new_agent(profile)).await?);
    }
    let mut numbers = Vec::with_capacity(team.numbers.len());
    let mut index = from_index;
    for at in 0..team.numbers.len() {
        let number;
        (number, index) = enrol_number(services, &workspace, &team, at, index).await?;
        numbers.push(number);
    }
    let mut access = BTreeSet::new();
    for (agent_at, agent) in agents.iter().enumerate() {
        for (number_at, number) in numbers.iter().enumerate() {
            if has_access(agent_at, number_at) {
                services.enrol_access(workspace.id, agent.id, number.id).await?;
                access.insert((agent.id, number.id));
            }
        }
    }
    Ok((Staff { workspace, agents, numbers, access }, index + 1))
}

/// Adds the `at`th number of the first team from `index` on whose one is free.
async fn enrol_number(
    services: &Services,
    workspace: &Workspace,
    team: &Team,
    at: usize,
    index: usize,
) -> Result<(PhoneNumber, usize), Error> {
    for index in index..index + NUMBERS_TRIED {
        let profile = &team.clone().renumbered(index).numbers[at];
        match services.enrol_number(workspace.id, e164(&profile.number)?, &profile.label).await {
            Ok(number) => return Ok((number, index)),
            Err(Error::Refused(Refusal::Invalid { field: InputField::Number, .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::BadInput(format!("{NUMBERS_TRIED} phone numbers are taken.")))
}

fn new_agent(profile: &synthetic::AgentProfile) -> NewAgent {
    NewAgent {
        name: profile.name.clone(),
        title: profile.title.clone(),
        email: profile.email.clone(),
        role: match profile.role {
            synthetic::Role::Manager => Role::Manager,
            synthetic::Role::Rep => Role::Rep,
        },
        experienced: profile.experienced,
    }
}
