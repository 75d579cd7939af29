//! The command `audit`.

use clap::Subcommand;
use serde::Serialize;
use switchboard::domain::{Agent, Event};
use uuid::Uuid;

use super::manage;
use super::open::{self, DatabaseArgs, MissingFile};
use super::output;

/// How many events are read at a time.
const BATCH: usize = 500;

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Print the administrative acts of a workspace, oldest first, as one JSON object per line
    Export {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Workspace; required if there are several
        #[arg(long, value_name = "ID")]
        workspace: Option<Uuid>,
    },
}

/// One act.
#[derive(Serialize)]
struct Line<'a> {
    number: i64,
    at: String,
    /// The e-mail address of the agent who did it; null if the operator did it.
    actor: Option<&'a str>,
    actor_id: Option<String>,
    kind: &'static str,
    target: Option<switchboard::domain::workspace_event::Target>,
    before: Option<String>,
    after: Option<String>,
}

pub async fn audit(command: AuditCommand) -> anyhow::Result<()> {
    let AuditCommand::Export { database, workspace } = command;
    let services = open::services(&database, MissingFile::Fail).await?;
    let inventory = open::inventory(&services).await?;
    let found = manage::find_workspace(&inventory, workspace)?;
    let mut events = Vec::new();
    loop {
        let before = events.last().map(|event: &std::sync::Arc<Event>| event.seq);
        let page = services.administrative_events(found.workspace.id, before, BATCH).await;
        let page = page.map_err(open::explained)?;
        let is_last = page.len() < BATCH;
        events.extend(page);
        if is_last {
            break;
        }
    }
    for event in events.iter().rev() {
        if let Some(line) = line(event, &found.agents) {
            output::line(&serde_json::to_string(&line)?)?;
        }
    }
    Ok(())
}

fn line<'a>(event: &Event, agents: &'a [Agent]) -> Option<Line<'a>> {
    let change = event.body.workspace_change()?;
    let actor = event.actor.and_then(|id| agents.iter().find(|agent| agent.id == id));
    Some(Line {
        number: event.seq,
        at: event.at.to_string(),
        actor: actor.map(|agent| agent.email.as_str()),
        actor_id: event.actor.map(|id| id.to_string()),
        kind: change.kind.as_str(),
        target: change.target,
        before: change.before,
        after: change.after,
    })
}
