//! Opens the database of a command, and explains errors to the operator.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

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

/// The default database of all commands except `demo`.
const DEFAULT_DATABASE: &str = "sqlite:switchboard.sqlite";

/// The database of a command.
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// Database: `sqlite:PATH` or `postgres://USER@HOST/NAME`
    #[arg(
        long,
        env = "SWITCHBOARD_DATABASE",
        hide_env_values = true,
        value_name = "URL",
        default_value = DEFAULT_DATABASE
    )]
    database: Secret,
    /// File that holds the URL of the database
    #[arg(
        long,
        env = "SWITCHBOARD_DATABASE_FILE",
        hide_env_values = true,
        value_name = "PATH",
        conflicts_with = "database",
        value_parser = from_file::<Secret>
    )]
    database_file: Option<Secret>,
}

/// Reads a setting from a file, as Docker and systemd provide secrets. The line break at its end is not part of the
/// setting.
///
/// # Errors
/// If the file cannot be read, is empty, or holds an invalid value. The message does not contain the value.
pub fn from_file<T: FromStr<Err: Display>>(path: &str) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err("the file is empty".to_owned()),
        text => text.parse().map_err(|error| format!("the content of the file is invalid: {error}")),
    }
}

/// What to do if the SQLite file does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingFile {
    /// Create it.
    Create,
    /// Fail, because its name is probably mistyped.
    Fail,
}

impl DatabaseArgs {
    /// The URL of the database.
    pub fn url(&self) -> &Secret {
        self.database_file.as_ref().unwrap_or(&self.database)
    }

    /// The settings of a command that signs no tokens.
    ///
    /// # Errors
    /// As [`require`].
    pub fn without_tokens(&self, missing: MissingFile) -> anyhow::Result<ServerConfig> {
        self.config(signing_with(random_secret()), missing)
    }

    /// The settings of a command that signs or verifies tokens.
    ///
    /// # Errors
    /// As [`require`].
    pub fn config(&self, tokens: TokenSettings, missing: MissingFile) -> anyhow::Result<ServerConfig> {
        require(self.url(), missing)?;
        // Only `serve` listens, and it sets the address.
        let unused = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // A command may end before its wake-ups are sent. The servers find its changes by polling.
        let wakeups = Wakeups::Off;
        let config = ServerConfig::new(self.url().expose(), unused, random_secret());
        Ok(ServerConfig { tokens, wakeups, ..config })
    }
}

/// Checks the URL of the database.
///
/// # Errors
/// If the URL is invalid, or names a SQLite file that does not exist and must not be created.
pub fn require(database: &Secret, missing: MissingFile) -> anyhow::Result<()> {
    let url = DatabaseUrl::parse(database.expose())?;
    match url {
        DatabaseUrl::Sqlite(path) if missing == MissingFile::Fail && !Path::new(&path).exists() => {
            anyhow::bail!("there is no database at {path}; create one with `switchboard migrate`")
        }
        _ => Ok(()),
    }
}

/// Opens the database for a command that signs no tokens.
///
/// # Errors
/// If the database cannot be reached.
pub async fn services(database: &DatabaseArgs, missing: MissingFile) -> anyhow::Result<Services> {
    let config = database.without_tokens(missing)?;
    Ok(match missing {
        MissingFile::Create => open_services(&config).await?,
        MissingFile::Fail => open_migrated(&config).await?,
    })
}

/// Opens the database with a clock that replaces the system's clock.
///
/// # Errors
/// If the database cannot be reached.
pub async fn services_at(mut config: ServerConfig, clock: Clock) -> anyhow::Result<Services> {
    config.clock = clock;
    Ok(open_services(&config).await?)
}

/// All workspaces, with their agents and phone numbers.
///
/// # Errors
/// If the database fails.
pub async fn inventory(services: &Services) -> anyhow::Result<Vec<Inventory>> {
    services.inventory().await.map_err(explained)
}

/// Checks that the token secret is set and long enough.
///
/// # Errors
/// If it is missing or too short. The message says how to generate one.
pub fn token_secret(secret: Option<Secret>) -> anyhow::Result<Secret> {
    let secret = secret.context(
        "a secret is required to sign tokens; set SWITCHBOARD_TOKEN_SECRET, for example to the output of \
         `openssl rand -hex 32`",
    )?;
    long_enough(secret, "token")
}

/// Checks that a secret is long enough.
///
/// # Errors
/// If it is too short.
pub fn long_enough(secret: Secret, which: &str) -> anyhow::Result<Secret> {
    let bytes = secret.expose().len();
    anyhow::ensure!(
        bytes >= MIN_SECRET_BYTES,
        "the {which} secret has {bytes} bytes; it must have at least {MIN_SECRET_BYTES}"
    );
    Ok(secret)
}

/// Tokens that are signed with one secret.
fn signing_with(secret: Secret) -> TokenSettings {
    TokenSettings { secret: Some(secret), ..TokenSettings::default() }
}

/// A random secret.
pub fn random_secret() -> Secret {
    let bytes = switchboard::random::secret();
    Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Explains an error to the operator.
pub fn explained(error: Error) -> anyhow::Error {
    match error {
        Error::Refused(refusal) => anyhow::anyhow!(message(&refusal)),
        other => other.into(),
    }
}

fn message(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotFound(what) => format!("there is no such {what}"),
        Refusal::Invalid { field, message } => format!("{field}: {message}"),
        Refusal::NotAllowed(reason) => (*reason).to_owned(),
        Refusal::PlanRequired(plan) => format!("the plan must be {plan} or higher"),
        Refusal::ConversationOpen => "the phone number has open conversations".to_owned(),
        Refusal::AgentInactive => "the agent is deactivated".to_owned(),
        Refusal::AgentLacksAccess => "the agent cannot access the phone number".to_owned(),
        Refusal::IdempotencyKeyReused => {
            "the idempotency key was already used for a different message".to_owned()
        }
        Refusal::AlreadyAssigned(_) | Refusal::Stale(_) | Refusal::StaleReply(_) | Refusal::PlanStale(_) => {
            "the data was changed at the same time; try again".to_owned()
        }
    }
}
