//! The commands `migrate`, `check` and `new-epoch`.

use std::process::ExitCode;

use switchboard::store::DatabaseUrl;
use switchboard::store::db::migrations;

use super::open::{self, DatabaseArgs, MissingFile};
use super::output;

pub async fn migrate(args: &DatabaseArgs) -> anyhow::Result<()> {
    let url = DatabaseUrl::parse(args.url().expose())?;
    let bar = output::spinner("migrating")?;
    let applied = migrations::migrate(&url).await;
    bar.finish_and_clear();
    let applied = applied?;
    for name in &applied {
        output::line(&format_args!("applied {name}"))?;
    }
    if applied.is_empty() {
        output::line(&"no pending migrations")?;
    }
    Ok(())
}

pub async fn new_epoch(args: &DatabaseArgs) -> anyhow::Result<()> {
    let services = open::services(args, MissingFile::Fail).await?;
    services.new_epoch().await.map_err(open::explained)?;
    output::line(&"new epoch: connected clients reload everything, and older cursors are invalid")?;
    Ok(())
}

pub async fn check(args: &DatabaseArgs) -> anyhow::Result<ExitCode> {
    let services = open::services(args, MissingFile::Fail).await?;
    let bar = output::bar(0, "checking")?;
    let shown = bar.clone();
    let report = services
        .check(move |workspace, checked, expected| {
            shown.set_message(format!("checking {workspace}"));
            shown.set_length(expected as u64);
            shown.set_position(checked as u64);
        })
        .await;
    bar.finish_and_clear();
    let report = report.map_err(open::explained)?;
    for problem in &report.problems {
        output::line(problem)?;
    }
    let unlisted = report.problem_count - report.problems.len();
    if unlisted > 0 {
        output::line(&format_args!("… and {unlisted} more"))?;
    }
    let counted = format!(
        "{} workspaces, {} conversations, {} events",
        report.workspaces, report.conversations, report.events
    );
    if report.is_clean() {
        output::line(&format_args!("{counted}: no problems found"))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format_args!("{counted}: {} problems", report.problem_count))?;
    Ok(ExitCode::FAILURE)
}
