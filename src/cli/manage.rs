//! The commands `workspace` and `agent`, which create what the first manager needs to sign in.

use std::str::FromStr;

use anyhow::Context as _;
use clap::{Args, Subcommand, builder::PossibleValuesParser, builder::TypedValueParser};
use switchboard::domain::{Agent, NumberStatus, Plan, Role, Workspace};
use switchboard::service::NewAgent;
use switchboard::service::operator::workspaces::Inventory;
use uuid::Uuid;

use super::open::{self, DatabaseArgs, MissingFile, explained};
use super::output;

#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Create a workspace without agents and print its id
    Create {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Name of the workspace
        #[arg(long)]
        name: String,
        /// Plan of the workspace; assignment requires TEAM or higher
        #[arg(long, default_value = "TEAM", ignore_case = true, value_parser = plans())]
        plan: Plan,
    },
    /// Change the plan of a workspace
    SetPlan {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Workspace; required if there are several
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
        /// New plan; assignment requires TEAM or higher
        #[arg(long, ignore_case = true, value_parser = plans())]
        plan: Plan,
    },
    /// List workspaces with their agents and phone numbers
    List {
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    Create(AgentCreateArgs),
}

/// Create an agent and print their id
#[derive(Debug, Args)]
pub struct AgentCreateArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Workspace; required if there are several
    #[arg(long, value_name = "ID")]
    workspace: Option<Uuid>,
    /// Name of the agent
    #[arg(long)]
    name: String,
    /// E-mail address, unique in the workspace
    #[arg(long)]
    email: String,
    /// Job title, shown next to the name when conversations are assigned
    #[arg(long)]
    title: Option<String>,
    /// Role; managers administer the workspace
    #[arg(long, default_value = "REP", ignore_case = true, value_parser = roles())]
    role: Role,
    /// Allow the agent to claim conversations under the assignment model HYBRID
    #[arg(long)]
    experienced: bool,
}

pub async fn workspace(command: WorkspaceCommand) -> anyhow::Result<()> {
    match command {
        WorkspaceCommand::Create { database, name, plan } => {
            let services = open::services(&database, MissingFile::Create).await?;
            let workspace = services.create_workspace(&name, plan).await.map_err(explained)?;
            output::line(&workspace.id)?;
        }
        WorkspaceCommand::SetPlan { database, workspace, plan } => {
            let services = open::services(&database, MissingFile::Fail).await?;
            let inventory = open::inventory(&services).await?;
            let id = find_workspace(&inventory, workspace)?.workspace.id;
            let workspace = services.set_plan(id, plan).await.map_err(explained)?;
            output::line(&format_args!("{} is on {}", workspace.name, workspace.plan))?;
        }
        WorkspaceCommand::List { database } => {
            let services = open::services(&database, MissingFile::Fail).await?;
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
        let pending = if number.status == NumberStatus::Pending { "  (pending)" } else { "" };
        output::line(&format_args!("  number  {}  {}  {}{pending}", number.id, number.number, number.label))?;
    }
    Ok(())
}

pub async fn agent(AgentCommand::Create(args): AgentCommand) -> anyhow::Result<()> {
    let services = open::services(&args.database, MissingFile::Fail).await?;
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

/// An agent, as an operator names it.
#[derive(Debug, Clone)]
pub enum AgentName {
    Id(Uuid),
    /// In lower case.
    Email(String),
}

impl FromStr for AgentName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Uuid::parse_str(text) {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) if text.contains('@') => Ok(Self::Email(text.trim().to_ascii_lowercase())),
            Err(_) => Err("must be an id from `workspace list` or an e-mail address"),
        }
    }
}

/// The workspace with this id. Without an id, the only workspace.
pub fn find_workspace(inventory: &[Inventory], id: Option<Uuid>) -> anyhow::Result<&Inventory> {
    match (id, inventory) {
        (Some(id), all) => all
            .iter()
            .find(|it| it.workspace.id.0 == id)
            .with_context(|| format!("there is no workspace {id}")),
        (None, [only]) => Ok(only),
        (None, []) => {
            anyhow::bail!("there is no workspace yet; create one with `switchboard workspace create`")
        }
        (None, several) => anyhow::bail!(
            "there are {} workspaces; choose one with --workspace (`switchboard workspace list` shows them)",
            several.len()
        ),
    }
}

/// The agent with this id or address in the workspace. Without a workspace, the agent must be unique.
pub fn find_agent<'a>(
    inventory: &'a [Inventory],
    workspace: Option<Uuid>,
    name: &AgentName,
) -> anyhow::Result<(&'a Workspace, &'a Agent)> {
    let matches_name = |agent: &Agent| match name {
        AgentName::Id(id) => agent.id.0 == *id,
        AgentName::Email(email) => agent.email == *email,
    };
    let within = inventory.iter().filter(|it| workspace.is_none_or(|id| it.workspace.id.0 == id));
    let found: Vec<_> = within
        .flat_map(|it| it.agents.iter().map(move |agent| (&it.workspace, agent)))
        .filter(|(_, agent)| matches_name(agent))
        .collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => anyhow::bail!("agent not found; `switchboard workspace list` shows all agents"),
        several => anyhow::bail!(
            "{} workspaces have an agent with this address; choose one with --workspace",
            several.len()
        ),
    }
}

fn plans() -> impl TypedValueParser<Value = Plan> {
    spelled(Plan::ALL.iter().map(|plan| plan.as_str()))
}

fn roles() -> impl TypedValueParser<Value = Role> {
    spelled(Role::ALL.iter().map(|role| role.as_str()))
}

/// Parses one of the names of an enum of the domain, in upper or lower case.
fn spelled<T>(spellings: impl Iterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(spellings.collect::<Vec<_>>())
        .try_map(|text: String| text.to_uppercase().parse::<T>())
}

#[cfg(test)]
mod tests {
    use switchboard::clock::Timestamp;
    use switchboard::domain::{AgentId, AssignmentModel, WorkspaceId};

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
            tokens_valid_after: None,
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
    fn the_only_workspace_is_the_default() {
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
    fn an_agent_is_found_by_id_or_by_a_unique_address() {
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
