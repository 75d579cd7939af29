//! `workspace`, `agent` and `number`: what has to exist before the first manager can sign in.

use std::str::FromStr;

use anyhow::Context as _;
use clap::{Args, Subcommand, builder::PossibleValuesParser, builder::TypedValueParser};
use switchboard::domain::input::E164;
use switchboard::domain::{Agent, PhoneNumber, Plan, Role, Workspace, WorkspaceId};
use switchboard::service::NewAgent;
use switchboard::service::operator::workspaces::Inventory;
use uuid::Uuid;

use super::open::{self, Begin, DatabaseArgs, explained};
use super::output;

#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Create a workspace with nobody in it; prints its id
    Create {
        #[command(flatten)]
        database: DatabaseArgs,
        /// What it is called
        #[arg(long)]
        name: String,
        /// What it pays for; assignment begins with TEAM
        #[arg(long, default_value = "TEAM", ignore_case = true, value_parser = plans())]
        plan: Plan,
    },
    /// Change what a workspace pays for
    SetPlan {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The workspace; needed when there are several
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
        /// What it pays for from now on; assignment begins with TEAM
        #[arg(long, ignore_case = true, value_parser = plans())]
        plan: Plan,
    },
    /// List workspaces with their agents and numbers
    List {
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    Create(AgentCreateArgs),
}

/// Create an agent; prints their id
#[derive(Debug, Args)]
pub struct AgentCreateArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The workspace; needed when there are several
    #[arg(long, value_name = "ID")]
    workspace: Option<Uuid>,
    /// What they are called
    #[arg(long)]
    name: String,
    /// Their e-mail address, unique in the workspace
    #[arg(long)]
    email: String,
    /// What stands beside the name when conversations are assigned
    #[arg(long)]
    title: Option<String>,
    /// What they are; managers administer the workspace
    #[arg(long, default_value = "REP", ignore_case = true, value_parser = roles())]
    role: Role,
    /// Claims conversations under the assignment model HYBRID
    #[arg(long)]
    experienced: bool,
}

#[derive(Debug, Subcommand)]
pub enum NumberCommand {
    /// Add a shared phone number; prints its id
    Add {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The workspace; needed when there are several
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
        /// The number in E.164: +15550100
        #[arg(long, value_parser = e164)]
        number: E164,
        /// What the team calls it
        #[arg(long)]
        label: String,
    },
    /// Let an agent see and answer a number's conversations; managers need it, too
    Grant {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The workspace; needed when there are several in which the agent could be
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
        /// The agent: an id or an e-mail address
        #[arg(long, value_name = "ID|EMAIL")]
        agent: AgentName,
        /// The number: an id, or in E.164
        #[arg(long, value_name = "ID|E164")]
        number: NumberName,
    },
}

pub async fn workspace(command: WorkspaceCommand) -> anyhow::Result<()> {
    match command {
        WorkspaceCommand::Create { database, name, plan } => {
            let services = open::services(&database, Begin::Allowed).await?;
            let workspace = services.create_workspace(&name, plan).await.map_err(explained)?;
            output::line(&workspace.id)?;
        }
        WorkspaceCommand::SetPlan { database, workspace, plan } => {
            let services = open::services(&database, Begin::Refused).await?;
            let inventory = open::inventory(&services).await?;
            let id = find_workspace(&inventory, workspace)?.workspace.id;
            let workspace = services.set_plan(id, plan).await.map_err(explained)?;
            output::line(&format_args!("{} is on {}", workspace.name, workspace.plan))?;
        }
        WorkspaceCommand::List { database } => {
            let services = open::services(&database, Begin::Refused).await?;
            for inventory in open::inventory(&services).await? {
                list(&inventory)?;
            }
        }
    }
    Ok(())
}

fn list(inventory: &Inventory) -> anyhow::Result<()> {
    let Workspace { id, name, plan, assignment_model, .. } = &inventory.workspace;
    output::line(&format_args!("{id}  {name}  {plan}  {assignment_model}"))?;
    for agent in &inventory.agents {
        let inactive = if agent.active { "" } else { "  (deactivated)" };
        output::line(&format_args!(
            "  agent   {}  {}  {}  {}{inactive}",
            agent.id, agent.role, agent.email, agent.name
        ))?;
    }
    for number in &inventory.phone_numbers {
        output::line(&format_args!("  number  {}  {}  {}", number.id, number.number, number.label))?;
    }
    Ok(())
}

pub async fn agent(AgentCommand::Create(args): AgentCommand) -> anyhow::Result<()> {
    let services = open::services(&args.database, Begin::Refused).await?;
    let inventory = open::inventory(&services).await?;
    let workspace = find_workspace(&inventory, args.workspace)?.workspace.id;
    let new = NewAgent {
        name: args.name,
        title: args.title,
        email: args.email,
        role: args.role,
        experienced: args.experienced,
    };
    let agent = services.enrol_agent(workspace, new).await.map_err(explained)?;
    output::line(&agent.id)?;
    Ok(())
}

pub async fn number(command: NumberCommand) -> anyhow::Result<()> {
    match command {
        NumberCommand::Add { database, workspace, number, label } => {
            let services = open::services(&database, Begin::Refused).await?;
            let inventory = open::inventory(&services).await?;
            let workspace = find_workspace(&inventory, workspace)?.workspace.id;
            let number = services.enrol_number(workspace, number, &label).await.map_err(explained)?;
            output::line(&number.id)?;
        }
        NumberCommand::Grant { database, workspace, agent, number } => {
            let services = open::services(&database, Begin::Refused).await?;
            let inventory = open::inventory(&services).await?;
            let (workspace, agent) = find_agent(&inventory, workspace, &agent)?;
            let number = find_number(&inventory, workspace.id, &number)?;
            let granted =
                services.enrol_access(workspace.id, agent.id, number.id).await.map_err(explained)?;
            let verb = if granted { "can access" } else { "could access before" };
            output::line(&format_args!("{} {verb} {}", agent.email, number.number))?;
        }
    }
    Ok(())
}

/// How an operator names an agent.
#[derive(Debug, Clone)]
pub enum AgentName {
    Id(Uuid),
    /// In small letters.
    Email(String),
}

impl FromStr for AgentName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Uuid::parse_str(text) {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) if text.contains('@') => Ok(Self::Email(text.trim().to_lowercase())),
            Err(_) => Err("write an id as `workspace list` shows it, or an e-mail address"),
        }
    }
}

/// How an operator names a phone number.
#[derive(Debug, Clone)]
pub enum NumberName {
    Id(Uuid),
    Number(E164),
}

impl FromStr for NumberName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Uuid::parse_str(text) {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => e164(text).map(Self::Number),
        }
    }
}

/// The workspace with that id; without one, the only one there is.
pub fn find_workspace(inventory: &[Inventory], id: Option<Uuid>) -> anyhow::Result<&Inventory> {
    match (id, inventory) {
        (Some(id), all) => all
            .iter()
            .find(|it| it.workspace.id.0 == id)
            .with_context(|| format!("there is no workspace {id}")),
        (None, [only]) => Ok(only),
        (None, []) => anyhow::bail!("there is no workspace yet; `switchboard workspace create` makes one"),
        (None, several) => anyhow::bail!(
            "there are {} workspaces: say which with --workspace; `switchboard workspace list` shows them",
            several.len()
        ),
    }
}

/// The agent of that name in the workspace, or in the only one that has such an agent.
pub fn find_agent<'a>(
    inventory: &'a [Inventory],
    workspace: Option<Uuid>,
    name: &AgentName,
) -> anyhow::Result<(&'a Workspace, &'a Agent)> {
    let is_meant = |agent: &Agent| match name {
        AgentName::Id(id) => agent.id.0 == *id,
        AgentName::Email(email) => agent.email == *email,
    };
    let within = inventory.iter().filter(|it| workspace.is_none_or(|id| it.workspace.id.0 == id));
    let found: Vec<_> = within
        .flat_map(|it| it.agents.iter().map(move |agent| (&it.workspace, agent)))
        .filter(|(_, agent)| is_meant(agent))
        .collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => anyhow::bail!("there is no such agent; `switchboard workspace list` shows them"),
        several => anyhow::bail!(
            "{} workspaces have an agent with this address: say which with --workspace",
            several.len()
        ),
    }
}

fn find_number<'a>(
    inventory: &'a [Inventory],
    workspace: WorkspaceId,
    name: &NumberName,
) -> anyhow::Result<&'a PhoneNumber> {
    let is_meant = |number: &&PhoneNumber| match name {
        NumberName::Id(id) => number.id.0 == *id,
        NumberName::Number(e164) => number.number == *e164,
    };
    let numbers = inventory.iter().filter(|it| it.workspace.id == workspace).flat_map(|it| &it.phone_numbers);
    numbers.into_iter().find(is_meant).context("the agent's workspace has no such number")
}

fn plans() -> impl TypedValueParser<Value = Plan> {
    spelled(Plan::ALL.iter().map(|plan| plan.as_str()))
}

fn roles() -> impl TypedValueParser<Value = Role> {
    spelled(Role::ALL.iter().map(|role| role.as_str()))
}

/// One of the spellings of an enum of the domain, in any case.
fn spelled<T>(spellings: impl Iterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(spellings.collect::<Vec<_>>())
        .try_map(|text: String| text.to_uppercase().parse::<T>())
}

fn e164(text: &str) -> Result<E164, String> {
    E164::parse(text).ok_or_else(|| format!("{text} is not in E.164: + and 2 to 15 digits"))
}

#[cfg(test)]
mod tests {
    use switchboard::clock::Timestamp;
    use switchboard::domain::{AgentId, AssignmentModel};

    use super::*;

    fn inventory(workspace: u128, email: &str) -> Inventory {
        let workspace_id = WorkspaceId(Uuid::from_u128(workspace));
        let agent = Agent {
            id: AgentId(Uuid::from_u128(workspace + 100)),
            workspace_id,
            name: "Ada".into(),
            title: None,
            email: email.into(),
            role: Role::Rep,
            active: true,
            experienced: false,
            created_at: Timestamp::from_micros(0),
        };
        let workspace = Workspace {
            id: workspace_id,
            name: "Larkwheel".into(),
            plan: Plan::Team,
            assignment_model: AssignmentModel::Open,
            queue_thresholds: Default::default(),
            lease: None,
        };
        Inventory { workspace, agents: vec![agent], phone_numbers: Vec::new() }
    }

    #[test]
    fn the_only_workspace_need_not_be_named() {
        let (one, other) = (inventory(1, "ada@example.test"), inventory(2, "ada@example.test"));
        let both = [one.clone(), other];
        assert_eq!(find_workspace(&[one], None).unwrap().workspace.id.0, Uuid::from_u128(1));
        assert!(find_workspace(&both, None).unwrap_err().to_string().contains("--workspace"));
        let second = find_workspace(&both, Some(Uuid::from_u128(2))).unwrap();
        assert_eq!(second.workspace.id.0, Uuid::from_u128(2));
        assert!(find_workspace(&both, Some(Uuid::from_u128(3))).is_err());
        assert!(find_workspace(&[], None).unwrap_err().to_string().contains("workspace create"));
    }

    #[test]
    fn an_agent_is_named_by_id_or_by_an_address_that_only_one_has() {
        let all =
            [inventory(1, "ada@example.test"), inventory(2, "ada@example.test"), inventory(3, "b@c.test")];
        let found = |workspace: Option<u128>, name: &str| {
            let workspace = workspace.map(Uuid::from_u128);
            find_agent(&all, workspace, &name.parse().unwrap()).ok().map(|(it, _)| it.id.0.as_u128())
        };
        assert_eq!(found(None, &Uuid::from_u128(102).to_string()), Some(2));
        assert_eq!(found(None, "B@c.test"), Some(3));
        assert_eq!(found(None, "ada@example.test"), None);
        assert_eq!(found(Some(1), "Ada@Example.test"), Some(1));
        assert_eq!(found(Some(3), "ada@example.test"), None);
        assert_eq!(found(None, "nobody@example.test"), None);
        assert!("ada".parse::<AgentName>().is_err());
    }

    #[test]
    fn plans_and_roles_are_read_in_any_case() {
        let command = WorkspaceCommand::augment_subcommands(clap::Command::new("workspace"));
        let plan = |plan: &str| {
            let args = ["workspace", "create", "--name", "x", "--plan", plan];
            let matches = command.clone().try_get_matches_from(args).ok()?;
            matches.subcommand()?.1.get_one::<Plan>("plan").copied()
        };
        assert_eq!(plan("PRO_PLUS"), Some(Plan::ProPlus));
        assert_eq!(plan("pro_plus"), Some(Plan::ProPlus));
        assert_eq!(plan("gold"), None);
    }
}
