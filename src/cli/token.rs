//! `token`.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use switchboard::config::{Secret, TokenSettings};
use switchboard::server::open_services;
use switchboard::token::jwks::JwksSettings;
use switchboard::token::{Caller, Expected};
use uuid::Uuid;

use super::manage::{self, AgentName};
use super::open::{self, Begin, DatabaseArgs};
use super::{duration, output};

/// Sign a token for an agent or a service
///
/// Prints the token. It names the caller only: role, activity and access come from the database at each request,
/// so taking those away works at once. What a token was signed with has to be what `serve` is given.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// The agent: an id or an e-mail address
    #[arg(long, value_name = "ID|EMAIL", required_unless_present = "service", conflicts_with = "service")]
    agent: Option<AgentName>,
    /// A service, which delivers customers' texts into the workspace and may do nothing else
    #[arg(long)]
    service: bool,
    /// The workspace; needed when there are several in which it could be
    #[arg(long, value_name = "ID")]
    workspace: Option<Uuid>,
    /// How long it holds: 90s, 30m, 12h, 7d
    #[arg(long, default_value = "12h", value_parser = duration::parse, value_name = "SPAN")]
    ttl: Duration,
}

/// What tokens are signed with.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// What tokens are signed with (HS256), 32 bytes or more
    ///
    /// Give it by the variable rather than the flag: arguments show in the list of processes.
    #[arg(long, env = "SWITCHBOARD_TOKEN_SECRET", hide_env_values = true, value_name = "SECRET")]
    token_secret: Option<Secret>,
    /// Whom tokens are for: their `aud`, which has to be there when this is set
    #[arg(long, env = "SWITCHBOARD_TOKEN_AUDIENCE", hide_env_values = true, value_name = "AUDIENCE")]
    token_audience: Option<String>,
    /// Who makes tokens: their `iss`, which has to be there when this is set
    #[arg(long, env = "SWITCHBOARD_TOKEN_ISSUER", hide_env_values = true, value_name = "ISSUER")]
    token_issuer: Option<String>,
}

impl SecretArgs {
    /// Tokens that we sign.
    ///
    /// # Errors
    /// The secret is missing or too short; says how to make one.
    pub fn settings(self) -> anyhow::Result<TokenSettings> {
        let secret = open::token_secret(self.token_secret)?;
        let expected = Expected { audience: self.token_audience, issuer: self.token_issuer };
        Ok(TokenSettings { secret: Some(secret), expected, ..TokenSettings::default() })
    }

    /// Tokens that an identity provider signs; and we, if there is a secret.
    ///
    /// # Errors
    /// The secret is too short.
    pub fn beside(self, jwks: JwksSettings) -> anyhow::Result<TokenSettings> {
        let secret = self.token_secret.map(|secret| open::long_enough(secret, "token")).transpose()?;
        let expected = Expected { audience: self.token_audience, issuer: self.token_issuer };
        Ok(TokenSettings { secret, jwks: Some(jwks), expected, ..TokenSettings::default() })
    }
}

pub async fn run(args: TokenArgs) -> anyhow::Result<()> {
    let services = open_services(&args.database.config(args.secret.settings()?, Begin::Refused)?).await?;
    let inventory = open::inventory(&services).await?;
    let caller = match &args.agent {
        Some(name) => {
            let (workspace, agent) = manage::find_agent(&inventory, args.workspace, name)?;
            anyhow::ensure!(agent.active, "{} is deactivated and cannot sign in", agent.email);
            Caller::Agent { workspace_id: workspace.id, agent_id: agent.id }
        }
        None => {
            Caller::Service { workspace_id: manage::find_workspace(&inventory, args.workspace)?.workspace.id }
        }
    };
    let token = services.keys().sign(caller, services.clock().now(), args.ttl);
    output::line(&token.context("the token could not be signed")?)?;
    Ok(())
}
