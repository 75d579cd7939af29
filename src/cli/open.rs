//! The store a command works on, and errors in words for the operator.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use switchboard::clock::Clock;
use switchboard::config::{Secret, ServerConfig, TokenSettings, Wakeups};
use switchboard::domain::Refusal;
use switchboard::server::{open_migrated, open_services};
use switchboard::service::operator::workspaces::Inventory;
use switchboard::service::{Error, Services};
use switchboard::store::DatabaseUrl;
use switchboard::token::MIN_SECRET_BYTES;

/// Where commands look unless told otherwise.
const DEFAULT_DATABASE: &str = "sqlite:switchboard.sqlite";

/// Which database.
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// The database: `sqlite:PATH` or `postgres://USER@HOST/NAME`
    #[arg(
        long,
        env = "SWITCHBOARD_DATABASE",
        hide_env_values = true,
        value_name = "URL",
        default_value = DEFAULT_DATABASE
    )]
    pub database: Secret,
}

/// Whether a command may begin a new store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// A SQLite file that is missing is made.
    Allowed,
    /// A SQLite file that is missing is a mistake in its name.
    Refused,
}

impl DatabaseArgs {
    /// The settings of services that sign no tokens.
    ///
    /// # Errors
    /// As [`require`].
    pub fn without_tokens(&self, begin: Begin) -> anyhow::Result<ServerConfig> {
        self.config(signing_with(random_secret()), begin)
    }

    /// The settings of services that sign and verify tokens so.
    ///
    /// # Errors
    /// As [`require`].
    pub fn config(&self, tokens: TokenSettings, begin: Begin) -> anyhow::Result<ServerConfig> {
        require(&self.database, begin)?;
        // Nothing listens there: only servers use this part, and set it.
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // A command ends too soon to tell others; their poll notices what it wrote.
        let wakeups = Wakeups::Off;
        let begun = ServerConfig::new(self.database.expose(), nowhere, random_secret());
        Ok(ServerConfig { tokens, wakeups, ..begun })
    }
}

/// # Errors
/// When the URL names no database, or a SQLite file that is not there and may not be made.
pub fn require(database: &Secret, begin: Begin) -> anyhow::Result<()> {
    let url = DatabaseUrl::parse(database.expose())?;
    match url {
        DatabaseUrl::Sqlite(path) if begin == Begin::Refused && !Path::new(&path).exists() => {
            anyhow::bail!("there is no database at {path}; `switchboard migrate` makes one")
        }
        _ => Ok(()),
    }
}

/// Opens a store for a command that signs no tokens.
///
/// # Errors
/// When there is no way to the database.
pub async fn services(database: &DatabaseArgs, begin: Begin) -> anyhow::Result<Services> {
    let config = database.without_tokens(begin)?;
    Ok(match begin {
        Begin::Allowed => open_services(&config).await?,
        Begin::Refused => open_migrated(&config).await?,
    })
}

/// Services with the system's clock replaced.
///
/// # Errors
/// When there is no way to the database.
pub async fn services_at(mut config: ServerConfig, clock: Clock) -> anyhow::Result<Services> {
    config.clock = clock;
    Ok(open_services(&config).await?)
}

/// All there is.
///
/// # Errors
/// When the database fails.
pub async fn inventory(services: &Services) -> anyhow::Result<Vec<Inventory>> {
    services.inventory().await.map_err(explained)
}

/// The secret, which has to be long enough.
///
/// # Errors
/// When it is missing or too short; says how to make one.
pub fn token_secret(secret: Option<Secret>) -> anyhow::Result<Secret> {
    let secret = secret.context(
        "a secret is needed to sign tokens with: set SWITCHBOARD_TOKEN_SECRET, for instance to what \
         `openssl rand -hex 32` prints",
    )?;
    long_enough(secret, "token")
}

/// The secret, which has to be long enough.
///
/// # Errors
/// When it is too short.
pub fn long_enough(secret: Secret, which: &str) -> anyhow::Result<Secret> {
    let bytes = secret.expose().len();
    anyhow::ensure!(
        bytes >= MIN_SECRET_BYTES,
        "the {which} secret has {bytes} bytes; it needs {MIN_SECRET_BYTES} or more"
    );
    Ok(secret)
}

/// Tokens by one secret, and nothing else.
fn signing_with(secret: Secret) -> TokenSettings {
    TokenSettings { secret: Some(secret), ..TokenSettings::default() }
}

/// A secret that nobody knows.
pub fn random_secret() -> Secret {
    let bytes: [u8; 32] = rand::random();
    Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// What went wrong, for the operator.
pub fn explained(error: Error) -> anyhow::Error {
    match error {
        Error::Refused(refusal) => anyhow::anyhow!(in_words(&refusal)),
        other => other.into(),
    }
}

fn in_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotFound(what) => format!("there is no such {what}"),
        Refusal::Invalid { field, message } => format!("{field}: {message}"),
        Refusal::NotAllowed(reason) => (*reason).to_owned(),
        Refusal::PlanRequired(plan) => format!("the plan has to be {plan} or above"),
        Refusal::AgentInactive => "the agent is deactivated".to_owned(),
        Refusal::AgentLacksAccess => "the agent cannot access the number".to_owned(),
        Refusal::IdempotencyKeyReused => "the key was used for something else".to_owned(),
        Refusal::AlreadyAssigned(_) | Refusal::Stale(_) | Refusal::StaleReply(_) | Refusal::PlanStale(_) => {
            "somebody else was faster".to_owned()
        }
    }
}
