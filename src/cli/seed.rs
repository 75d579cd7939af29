//! The command `seed`.

use clap::Args;
use serde::Serialize;
use switchboard::clock::Clock;
use switchboard::demo::{Tokens, tokens};
use switchboard::seed::staff::Staff;
use switchboard::seed::{Backdating, MIN_AGENTS, SeedPlan, seed};
use switchboard::service::Services;

use super::open::{self, DatabaseArgs, MissingFile};
use super::output;
use super::token::SecretArgs;

/// Create new workspaces with synthetic agents, phone numbers and conversations
///
/// The same arguments and the same `--rng-seed` create the same people and messages; ids and times differ.
#[derive(Debug, Args)]
pub struct SeedArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// Agents per workspace; every eighth is a manager; at least 3
    #[arg(long, default_value_t = 8, value_parser = at_least(MIN_AGENTS))]
    agents: u32,
    /// Phone numbers per workspace
    #[arg(long, default_value_t = 3, value_parser = at_least(1))]
    numbers: u32,
    /// Conversations per workspace
    #[arg(long, default_value_t = 1_000)]
    conversations: u32,
    /// Number of workspaces
    #[arg(long, default_value_t = 1, value_parser = at_least(1))]
    workspaces: u32,
    /// Seed of the random number generator
    #[arg(long, default_value_t = 1)]
    rng_seed: u64,
    /// Print one line of JSON: tokens for the first workspace, valid for 12 hours, and all ids
    ///
    /// `{"url": null, "tokens": {"manager", "rep", "rep2", "service"}, "workspaces": […]}`. Requires the token secret.
    #[arg(long)]
    json: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Line {
    /// Always null, because nothing is served. `demo` prints its URL here.
    url: Option<String>,
    tokens: Tokens,
    workspaces: Vec<WorkspaceLine>,
}

#[derive(Serialize)]
struct WorkspaceLine {
    id: String,
    name: String,
    managers: Vec<String>,
    reps: Vec<String>,
    numbers: Vec<NumberLine>,
}

#[derive(Serialize)]
struct NumberLine {
    id: String,
    number: String,
}

pub async fn run(args: SeedArgs) -> anyhow::Result<()> {
    let config = if args.json {
        args.database.config(args.secret.settings()?, MissingFile::Create)?
    } else {
        args.database.without_tokens(MissingFile::Create)?
    };
    let backdating = Backdating::new(Clock::system());
    let services = open::services_at(config, backdating.clock()).await?;
    let plan = SeedPlan {
        agents: args.agents as usize,
        numbers: args.numbers as usize,
        conversations: args.conversations as usize,
        workspaces: args.workspaces as usize,
        rng_seed: args.rng_seed,
    };
    let bar = output::bar(plan.workspaces.saturating_mul(plan.conversations), "conversations")?;
    let seeded = seed(&services, &backdating, plan, |done, _| bar.set_position(done as u64)).await;
    bar.finish_and_clear();
    let workspaces = seeded.map_err(open::explained)?.workspaces;
    if args.json {
        return print_json(&services, &workspaces).await;
    }
    for staff in &workspaces {
        let (workspace, agents) = (&staff.workspace, staff.agents.len());
        output::line(&format_args!(
            "{}  {}: {agents} agents, {} numbers, {} conversations",
            workspace.id,
            workspace.name,
            staff.numbers.len(),
            plan.conversations
        ))?;
    }
    Ok(())
}

async fn print_json(services: &Services, workspaces: &[Staff]) -> anyhow::Result<()> {
    let first = workspaces.first().ok_or_else(|| anyhow::anyhow!("nothing was seeded"))?;
    let (managers, reps): (Vec<_>, Vec<_>) = (first.managers().collect(), first.reps().collect());
    let ([manager, ..], [rep, rep2, ..]) = (managers.as_slice(), reps.as_slice()) else {
        anyhow::bail!("the first workspace does not have a manager and two reps");
    };
    let line = Line {
        url: None,
        tokens: tokens(services, first, [manager, rep, rep2]).await.map_err(open::explained)?,
        workspaces: workspaces.iter().map(described).collect(),
    };
    output::line(&serde_json::to_string(&line)?)?;
    Ok(())
}

fn described(staff: &Staff) -> WorkspaceLine {
    WorkspaceLine {
        id: staff.workspace.id.to_string(),
        name: staff.workspace.name.clone(),
        managers: staff.managers().map(|agent| agent.id.to_string()).collect(),
        reps: staff.reps().map(|agent| agent.id.to_string()).collect(),
        numbers: staff
            .numbers
            .iter()
            .map(|number| NumberLine { id: number.id.to_string(), number: number.number.to_string() })
            .collect(),
    }
}

fn at_least(fewest: usize) -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(fewest as i64..)
}
