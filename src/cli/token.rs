//! The command `token`.

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use switchboard::config::{Secret, TokenSettings};
use switchboard::domain::service_token::ServiceScopes;
use switchboard::server::open_services;
use switchboard::service::NewServiceToken;
use switchboard::token::jwks::JwksSettings;
use switchboard::token::{Caller, Expected};
use uuid::Uuid;

use super::manage::{self, AgentName};
use super::open::{self, DatabaseArgs, MissingFile};
use super::{duration, output};

/// Issue a token for an agent or a service, or revoke tokens
///
/// Prints the token. It only names the caller: role, activity and access are read from the database for each request,
/// so revoking them takes effect immediately. For an agent, `serve` must use the same token secret.
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
    /// Issue a token for a service, which can only deliver inbound messages to the workspace
    #[arg(long)]
    service: bool,
    /// Name of the service, shown in the list of service tokens
    #[arg(long, default_value = "Command line", requires = "service")]
    name: String,
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

/// Revoke every token of an agent, or of all services of a workspace, that was issued until now
///
/// Takes effect immediately, on every process. The sockets of the agent or the services are closed.
#[derive(Debug, Args)]
struct RevokeArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Agent: an id or an e-mail address
    #[arg(
        long,
        value_name = "ID|EMAIL",
        required_unless_present = "service_tokens",
        conflicts_with = "service_tokens"
    )]
    agent: Option<AgentName>,
    /// All service tokens of the workspace, also signed ones of earlier releases
    #[arg(long)]
    service_tokens: bool,
    /// Workspace; required if there are several to choose from
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
        None => match args.agent.clone() {
            Some(name) => sign(args, &name).await,
            None => issue_for_service(args).await,
        },
    }
}

async fn revoke(args: RevokeArgs) -> anyhow::Result<()> {
    let services = open::services(&args.database, MissingFile::Fail).await?;
    let inventory = open::inventory(&services).await?;
    let Some(name) = &args.agent else {
        let workspace = manage::find_workspace(&inventory, args.workspace)?.workspace.id;
        let revoked = services.revoke_service_tokens_of(workspace).await.map_err(open::explained)?;
        output::line(&format_args!("{revoked} service tokens are revoked, and all signed ones"))?;
        return Ok(());
    };
    let (workspace, agent) = manage::find_agent(&inventory, args.workspace, name)?;
    services.revoke_tokens_of(workspace.id, agent.id).await.map_err(open::explained)?;
    output::line(&format_args!("the tokens of {} are revoked", agent.email))?;
    Ok(())
}

async fn issue_for_service(args: TokenArgs) -> anyhow::Result<()> {
    let services = open::services(&args.database, MissingFile::Fail).await?;
    let inventory = open::inventory(&services).await?;
    let workspace = manage::find_workspace(&inventory, args.workspace)?.workspace.id;
    let lifetime = i64::try_from(args.ttl.as_micros()).unwrap_or(i64::MAX);
    let expires_at = Some(services.clock().now().plus_micros(lifetime));
    let new = NewServiceToken { name: args.name, scopes: ServiceScopes::DELIVER, expires_at };
    let issued = services.enrol_service(workspace, new).await.map_err(open::explained)?;
    output::line(&issued.text)?;
    Ok(())
}

async fn sign(args: TokenArgs, name: &AgentName) -> anyhow::Result<()> {
    let services = open_services(&args.database.config(args.secret.settings()?, MissingFile::Fail)?).await?;
    let inventory = open::inventory(&services).await?;
    let (workspace, agent) = manage::find_agent(&inventory, args.workspace, name)?;
    anyhow::ensure!(agent.active, "{} is deactivated and cannot sign in", agent.email);
    let caller = Caller::agent(workspace.id, agent.id);
    let now = agent.issue_time(services.clock().now());
    let token = services.keys().sign(caller, now, args.ttl);
    output::line(&token.context("cannot sign the token")?)?;
    Ok(())
}
