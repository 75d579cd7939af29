//! The command `number`: adding, verifying, moving and removing phone numbers, and access to them.

use std::str::FromStr;

use anyhow::Context as _;
use clap::Subcommand;
use switchboard::domain::input::E164;
use switchboard::domain::{PhoneNumber, WorkspaceId};
use switchboard::service::operator::workspaces::Inventory;
use uuid::Uuid;

use super::manage::{AgentName, find_agent, find_workspace};
use super::open::{self, DatabaseArgs, MissingFile, explained};
use super::output;

#[derive(Debug, Subcommand)]
pub enum NumberCommand {
    /// Add a shared phone number and print its id
    Add {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Workspace; required if there are several
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
        /// Phone number in E.164 format, for example +15550100
        #[arg(long, value_parser = e164)]
        number: E164,
        /// Label, shown to the team
        #[arg(long)]
        label: String,
    },
    /// Verify a phone number that a manager has added, so that it receives and sends messages
    Verify {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Workspace; required if there are several
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
        /// Phone number in E.164 format, for example +15550100
        #[arg(long, value_parser = e164)]
        number: E164,
    },
    /// Remove a phone number that has no conversations
    Remove {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Workspace; required if there are several
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
        /// Phone number: an id, or in E.164 format
        #[arg(long, value_name = "ID|E164")]
        number: NumberName,
    },
    /// Move a phone number that has no conversations to another workspace
    Move {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Workspace that has the number
        #[arg(long, value_name = "ID")]
        workspace: Uuid,
        /// Phone number: an id, or in E.164 format
        #[arg(long, value_name = "ID|E164")]
        number: NumberName,
        /// Workspace that gets the number
        #[arg(long, value_name = "ID")]
        to: Uuid,
    },
    /// Give an agent access to the conversations of a phone number; managers need access too
    Grant {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Workspace; required if the agent may be in several
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
        /// Agent: an id or an e-mail address
        #[arg(long, value_name = "ID|EMAIL")]
        agent: AgentName,
        /// Phone number: an id, or in E.164 format
        #[arg(long, value_name = "ID|E164")]
        number: NumberName,
    },
}

pub async fn number(command: NumberCommand) -> anyhow::Result<()> {
    match command {
        NumberCommand::Add { database, workspace, number, label } => {
            let services = open::services(&database, MissingFile::Fail).await?;
            let inventory = open::inventory(&services).await?;
            let workspace = find_workspace(&inventory, workspace)?.workspace.id;
            let number = services.enrol_number(workspace, number, &label).await.map_err(explained)?;
            output::line(&number.id)?;
        }
        NumberCommand::Verify { database, workspace, number } => {
            let services = open::services(&database, MissingFile::Fail).await?;
            let inventory = open::inventory(&services).await?;
            let workspace = find_workspace(&inventory, workspace)?.workspace.id;
            let number = services.verify_number(workspace, number).await.map_err(explained)?;
            output::line(&format_args!("{} is verified", number.number))?;
        }
        NumberCommand::Remove { database, workspace, number } => {
            let services = open::services(&database, MissingFile::Fail).await?;
            let inventory = open::inventory(&services).await?;
            let workspace = find_workspace(&inventory, workspace)?.workspace.id;
            let number = find_number(&inventory, workspace, &number)?;
            let number = services.withdraw_number(workspace, number.id).await.map_err(explained)?;
            output::line(&format_args!("{} is removed", number.number))?;
        }
        NumberCommand::Move { database, workspace, number, to } => {
            let services = open::services(&database, MissingFile::Fail).await?;
            let inventory = open::inventory(&services).await?;
            let from = find_workspace(&inventory, Some(workspace))?.workspace.id;
            let to = find_workspace(&inventory, Some(to))?.workspace.id;
            let number = find_number(&inventory, from, &number)?;
            let number = services.move_number(from, number.id, to).await.map_err(explained)?;
            output::line(&format_args!("{} is moved", number.number))?;
        }
        NumberCommand::Grant { database, workspace, agent, number } => {
            let services = open::services(&database, MissingFile::Fail).await?;
            let inventory = open::inventory(&services).await?;
            let (workspace, agent) = find_agent(&inventory, workspace, &agent)?;
            let number = find_number(&inventory, workspace.id, &number)?;
            let granted =
                services.enrol_access(workspace.id, agent.id, number.id).await.map_err(explained)?;
            let verb = if granted { "can now access" } else { "could already access" };
            output::line(&format_args!("{} {verb} {}", agent.email, number.number))?;
        }
    }
    Ok(())
}

/// A phone number, as an operator names it.
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

fn find_number<'a>(
    inventory: &'a [Inventory],
    workspace: WorkspaceId,
    name: &NumberName,
) -> anyhow::Result<&'a PhoneNumber> {
    let matches_name = |number: &&PhoneNumber| match name {
        NumberName::Id(id) => number.id.0 == *id,
        NumberName::Number(e164) => number.number == *e164,
    };
    let numbers = inventory.iter().filter(|it| it.workspace.id == workspace).flat_map(|it| &it.phone_numbers);
    numbers.into_iter().find(matches_name).context("the workspace does not have this phone number")
}

fn e164(text: &str) -> Result<E164, String> {
    E164::parse(text).ok_or_else(|| format!("{text} is not in E.164 format: + and 2 to 15 digits"))
}
