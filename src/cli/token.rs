//! The command `token`.

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use switchboard::config::{Secret, TokenSettings};
use switchboard::server::open_services;
use switchboard::token::jwks::JwksSettings;
use switchboard::token::{Caller, Expected};
use uuid::Uuid;

use super::manage::{self, AgentName};
use super::open::{self, DatabaseArgs, MissingFile};
use super::{duration, output};

/// Sign a token for an agent or a service
///
/// Prints the token. It only names the caller: role, activity and access are read from the database for each request,
/// so revoking them takes effect immediately. `serve` must use the same token secret.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: Option<TokenCommand>,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// Agent: an id or an e-mail address
    #[arg(long, value_name = "ID|EMAIL", required_unless_present = "service", conflicts_with = "service")]
    agent: Option<AgentName>,
    /// Sign for a service, which can only deliver inbound messages to the workspace
    #[arg(long)]
    service: bool,
    /// Workspace; required if there are several to choose from
    #[arg(long, value_name = "ID")]
    workspace: Option<Uuid>,
    /// Lifetime of the token, for example 90s, 30m, 12h or 7d
    #[arg(long, default_value = "12h", value_parser = duration::parse, value_name = "DURATION")]
    ttl: Duration,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    Revoke(RevokeArgs),
}

/// Revoke every token of an agent that was issued until now
///
/// Takes effect immediately, on every process. The agent's sockets are closed.
#[derive(Debug, Args)]
struct RevokeArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Agent: an id or an e-mail address
    #[arg(long, value_name = "ID|EMAIL")]
    agent: AgentName,
    /// Workspace; required if the agent may be in several
    #[arg(long, value_name = "ID")]
    workspace: Option<Uuid>,
}

/// How tokens are signed.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// Secret that signs the tokens (HS256), at least 32 bytes
    ///
    /// Prefer the environment variable to the flag: arguments are visible in the process list.
    #[arg(long, env = "SWITCHBOARD_TOKEN_SECRET", hide_env_values = true, value_name = "SECRET")]
    token_secret: Option<Secret>,
    /// File that holds the token secret
    #[arg(
        long,
        env = "SWITCHBOARD_TOKEN_SECRET_FILE",
        hide_env_values = true,
        value_name = "PATH",
        conflicts_with = "token_secret",
        value_parser = open::from_file::<Secret>
    )]
    token_secret_file: Option<Secret>,
    /// Audience of the tokens; if set, tokens must have it in their `aud` claim
    #[arg(long, env = "SWITCHBOARD_TOKEN_AUDIENCE", hide_env_values = true, value_name = "AUDIENCE")]
    token_audience: Option<String>,
    /// Issuer of the tokens; if set, tokens must have it as their `iss` claim
    #[arg(long, env = "SWITCHBOARD_TOKEN_ISSUER", hide_env_values = true, value_name = "ISSUER")]
    token_issuer: Option<String>,
}

impl SecretArgs {
    /// Whether the secret is set.
    pub fn is_set(&self) -> bool {
        self.token_secret.is_some() || self.token_secret_file.is_some()
    }

    /// Settings for tokens that are signed with the secret.
    ///
    /// # Errors
    /// If the secret is missing or too short. The message says how to generate one.
    pub fn settings(self) -> anyhow::Result<TokenSettings> {
        let secret = open::token_secret(self.token_secret.or(self.token_secret_file))?;
        let expected = Expected { audience: self.token_audience, issuer: self.token_issuer };
        Ok(TokenSettings { secret: Some(secret), expected, ..TokenSettings::default() })
    }

    /// Settings for tokens of an identity provider, and for tokens that are signed with the secret, if it is set.
    ///
    /// # Errors
    /// If the secret is too short, or the audience is missing.
    pub fn with_jwks(self, jwks: JwksSettings) -> anyhow::Result<TokenSettings> {
        anyhow::ensure!(
            self.token_audience.is_some(),
            "--jwks requires an audience, because an identity provider signs tokens for other programs, too; set \
             SWITCHBOARD_TOKEN_AUDIENCE"
        );
        let secret = self.token_secret.or(self.token_secret_file);
        let secret = secret.map(|secret| open::long_enough(secret, "token")).transpose()?;
        let expected = Expected { audience: self.token_audience, issuer: self.token_issuer };
        Ok(TokenSettings { secret, jwks: Some(jwks), expected, ..TokenSettings::default() })
    }
}

pub async fn run(args: TokenArgs) -> anyhow::Result<()> {
    match args.command {
        Some(TokenCommand::Revoke(args)) => revoke(args).await,
        None => sign(args).await,
    }
}

async fn revoke(args: RevokeArgs) -> anyhow::Result<()> {
    let services = open::services(&args.database, MissingFile::Fail).await?;
    let inventory = open::inventory(&services).await?;
    let (workspace, agent) = manage::find_agent(&inventory, args.workspace, &args.agent)?;
    services.revoke_tokens_of(workspace.id, agent.id).await.map_err(open::explained)?;
    output::line(&format_args!("the tokens of {} are revoked", agent.email))?;
    Ok(())
}

async fn sign(args: TokenArgs) -> anyhow::Result<()> {
    let services = open_services(&args.database.config(args.secret.settings()?, MissingFile::Fail)?).await?;
    let inventory = open::inventory(&services).await?;
    let now = services.clock().now();
    let (caller, now) = match &args.agent {
        Some(name) => {
            let (workspace, agent) = manage::find_agent(&inventory, args.workspace, name)?;
            anyhow::ensure!(agent.active, "{} is deactivated and cannot sign in", agent.email);
            (Caller::agent(workspace.id, agent.id), agent.issue_time(now))
        }
        None => {
            let workspace = manage::find_workspace(&inventory, args.workspace)?.workspace.id;
            (Caller::Service { workspace_id: workspace }, now)
        }
    };
    let token = services.keys().sign(caller, now, args.ttl);
    output::line(&token.context("cannot sign the token")?)?;
    Ok(())
}
