//! `switchboard`: what each command is called, what it takes, and which function carries it out.
//!
//! Commands only put settings together and print; what they do is the library's. What a script reads goes to
//! stdout, everything else (logs, progress, explanations) to stderr. Secrets and database URLs are never shown.
//!
//! To add a command: a variant of [`Command`], its arguments in a file of its noun, a line in `dispatch`.

mod check;
mod demo;
mod duration;
mod limits;
mod logs;
mod manage;
mod open;
mod operation;
mod output;
mod processes;
mod seed;
mod serve;
mod settings;
mod signals;
mod token;
mod traces;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use logs::LogFormat;

/// The GraphQL server that tells an SMS team, live, who owns every customer conversation.
///
/// Begin with `switchboard demo --open`.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, propagate_version = true)]
struct Cli {
    /// What to log to stderr, as for RUST_LOG: `info`, `switchboard=debug,warn`
    ///
    /// Logs are for people on a terminal, and one JSON object a line otherwise.
    #[arg(long, global = true, env = "RUST_LOG", value_name = "FILTER", display_order = 900)]
    log: Option<String>,

    /// What a line of the log is
    #[arg(
        long,
        global = true,
        env = "SWITCHBOARD_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t = LogFormat::Auto,
        display_order = 901
    )]
    log_format: LogFormat,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Serve(Box<serve::ServeArgs>),
    /// Apply migrations
    #[command(long_about = None)]
    Migrate(open::DatabaseArgs),
    Seed(seed::SeedArgs),
    Token(token::TokenArgs),
    /// Create workspaces, list them, change their plan
    #[command(subcommand)]
    Workspace(manage::WorkspaceCommand),
    /// Create agents
    #[command(subcommand)]
    Agent(manage::AgentCommand),
    /// Add phone numbers and say who can access them
    #[command(subcommand)]
    Number(manage::NumberCommand),
    /// Print the GraphQL schema
    Schema,
    /// Print every setting of `serve` as Markdown
    Settings,
    /// Recount and verify the store; exit 1 and name what is wrong
    #[command(long_about = None)]
    Check(open::DatabaseArgs),
    /// Void all cursors: to be run after a restore, before clients come back
    #[command(long_about = None)]
    NewEpoch(open::DatabaseArgs),
}

impl Command {
    /// Servers say what they do; of a command that ends, its output is enough.
    fn default_log(&self) -> &'static str {
        match self {
            Self::Demo(_) | Self::Serve(_) => "info",
            _ => "warn",
        }
    }

    /// Where traces go; `None` for nowhere.
    fn otlp_endpoint(&self) -> Option<&str> {
        match self {
            Self::Serve(args) => args.operation.otlp_endpoint(),
            _ => None,
        }
    }
}

/// Runs the command of this process: 0 when it did what was asked, 1 when not, 2 when it was not understood.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        // Whoever reads our output has seen enough, as in `switchboard schema | head`.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let filter = cli.log.as_deref().unwrap_or(cli.command.default_log());
    let _traces = logs::start(filter, cli.log_format, cli.command.otlp_endpoint(), runtime.handle())?;
    runtime.block_on(dispatch(cli.command))
}

async fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args).await?,
        Command::Serve(args) => serve::run(*args).await?,
        Command::Migrate(args) => check::migrate(&args).await?,
        Command::Seed(args) => seed::run(args).await?,
        Command::Token(args) => token::run(args).await?,
        Command::Workspace(command) => manage::workspace(command).await?,
        Command::Agent(command) => manage::agent(command).await?,
        Command::Number(command) => manage::number(command).await?,
        Command::Schema => output::line(&switchboard::graphql::sdl().trim_end())?,
        Command::Settings => settings::run()?,
        Command::Check(args) => return check::check(&args).await,
        Command::NewEpoch(args) => check::new_epoch(&args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_argument_is_explained() {
        fn walk(command: &clap::Command, unexplained: &mut Vec<String>) {
            if command.get_about().is_none() {
                unexplained.push(command.get_name().to_owned());
            }
            for argument in command.get_arguments().filter(|it| it.get_help().is_none()) {
                unexplained.push(format!("{} {}", command.get_name(), argument.get_id()));
            }
            for command in command.get_subcommands() {
                walk(command, unexplained);
            }
        }
        let mut unexplained = Vec::new();
        walk(&Cli::command(), &mut unexplained);
        assert_eq!(unexplained, Vec::<String>::new());
    }

    #[test]
    fn what_comes_from_secret_variables_is_not_shown_by_help() {
        fn walk(command: &clap::Command, shown: &mut Vec<String>) {
            let secret =
                |name: &str| name.split('_').any(|word| matches!(word, "SECRET" | "TOKEN" | "DATABASE"));
            for argument in command.get_arguments() {
                let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
                if secret(variable) && !argument.is_hide_env_values_set() {
                    shown.push(format!("{} {variable}", command.get_name()));
                }
            }
            for command in command.get_subcommands() {
                walk(command, shown);
            }
        }
        let mut shown = Vec::new();
        walk(&Cli::command(), &mut shown);
        assert_eq!(shown, Vec::<String>::new());
    }
}
