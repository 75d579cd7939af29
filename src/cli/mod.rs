//! The command line of `switchboard`: its commands, their arguments, and the functions that run them.
//!
//! Commands only combine settings and print; the library does the work. Results for scripts go to stdout. Everything
//! else (logs, progress, explanations) goes to stderr. Secrets and database URLs are never shown.
//!
//! To add a command, add a variant to [`Command`], a file with its arguments, and a line to `dispatch`.

mod audit;
mod check;
mod demo;
mod duration;
mod empty;
mod limits;
mod logs;
mod manage;
mod numbers;
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
/// Start with `switchboard demo --open`.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, propagate_version = true)]
struct Cli {
    /// Filter of the logs on stderr, for example `info` or `switchboard=debug,warn`
    #[arg(long, global = true, env = "RUST_LOG", value_name = "FILTER", display_order = 900)]
    log: Option<String>,

    /// Format of the logs
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
    /// Create workspaces, list them, or change their plan
    #[command(subcommand)]
    Workspace(manage::WorkspaceCommand),
    /// Create agents
    #[command(subcommand)]
    Agent(manage::AgentCommand),
    /// Add phone numbers and give agents access to them
    #[command(subcommand)]
    Number(numbers::NumberCommand),
    /// Print the history of a workspace: who administered what, and when
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Print the GraphQL schema
    Schema,
    /// Print every setting of `serve` as Markdown
    Settings,
    /// Verify the stored data and list the problems; exits with 1 if there are any
    #[command(long_about = None)]
    Check(open::DatabaseArgs),
    /// Invalidate all cursors; run this after a restore, before clients reconnect
    #[command(long_about = None)]
    NewEpoch(open::DatabaseArgs),
}

impl Command {
    /// The default filter of the logs. Servers log what they do; the other commands log warnings only.
    fn default_log(&self) -> &'static str {
        match self {
            Self::Demo(_) | Self::Serve(_) => "info",
            _ => "warn",
        }
    }

    /// The endpoint for traces, if they are enabled.
    fn otlp_endpoint(&self) -> Option<&str> {
        match self {
            Self::Serve(args) => args.operation.otlp_endpoint(),
            _ => None,
        }
    }
}

/// Runs the command of this process. Exits with 0 on success, 1 on failure, and 2 if the arguments are invalid.
pub fn main() -> ExitCode {
    let cli: Cli = empty::parse();
    match run(cli) {
        Ok(code) => code,
        // The reader of the output has closed the pipe, as in `switchboard schema | head`.
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
        Command::Number(command) => numbers::number(command).await?,
        Command::Audit(command) => audit::audit(command).await?,
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
    fn help_does_not_show_the_values_of_secret_variables() {
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
