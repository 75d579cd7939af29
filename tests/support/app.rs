//! The server, in the test's process, on its own port.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use graphql_transport::settings::Introspection;
use switchboard::clock::Clock;
use switchboard::config::{Secret, ServerConfig};
use switchboard::http::webhooks::twilio::settings::TwilioSettings;
use switchboard::service::Services;
use switchboard::service::live::wakeups::WakeupState;
use switchboard::token::{Caller, Keys};

use super::client::Client;
use super::database::Prepare;
use super::sql::SqlConnection;

/// The secret that signs the tokens of the tests.
pub const SECRET: &str = "a secret for tests, longer than 32 bytes";
/// The Twilio auth token, with which the tests sign webhook requests as Twilio does.
pub const TWILIO_TOKEN: &str = "3a7c0f5e9b1d2468ace013579bdf2468";
/// The public URL of the server, which is part of Twilio's signatures.
pub const TWILIO_PUBLIC_URL: &str = "https://sms.example.test";
/// The path to which Twilio posts inbound messages.
pub const TWILIO_PATH: &str = "/webhooks/twilio/sms";

/// A running server.
pub struct App {
    running: Mutex<Option<Arc<switchboard::server::App>>>,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    database_url: String,
    keys: Keys,
    http: reqwest::Client,
}

/// The default settings of the tests: the webhook and metrics are on, and the pool is small.
pub fn settings(database_url: &str) -> ServerConfig {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut settings = ServerConfig::new(database_url, listen, Secret::new(SECRET));
    settings.pool_size = 5;
    settings.transport.introspection = Introspection::Public;
    settings.metrics_listen = Some(listen);
    settings.twilio = Some(TwilioSettings {
        auth_token: TWILIO_TOKEN.parse().expect("an auth token"),
        public_url: TWILIO_PUBLIC_URL.parse().expect("a public URL"),
    });
    settings
}

impl App {
    /// Starts a server on the database at `database_url`, and applies pending migrations.
    pub async fn start(database_url: &str) -> Self {
        Self::start_with(settings(database_url)).await
    }

    /// Starts a server that uses `clock`.
    pub async fn start_at(database_url: &str, clock: Clock) -> Self {
        Self::start_with(ServerConfig { clock, ..settings(database_url) }).await
    }

    /// Starts a server with the given settings.
    pub async fn start_with(settings: ServerConfig) -> Self {
        let database_url = settings.database_url.expose().to_owned();
        let running = switchboard::server::App::start(settings).await.expect("the server starts");
        Self {
            address: running.local_addr(),
            metrics: running.metrics_addr(),
            running: Mutex::new(Some(Arc::new(running))),
            database_url,
            keys: Keys::new(SECRET.as_bytes()).expect("long enough"),
            http: reqwest::Client::builder().no_proxy().build().expect("an HTTP client"),
        }
    }

    fn running(&self) -> Arc<switchboard::server::App> {
        self.running.lock().expect("not poisoned").clone().expect("the server was stopped")
    }

    /// Calls the service layer directly, for operations that the API does not have.
    pub async fn with_services<R>(&self, call: impl AsyncFnOnce(&Services) -> R) -> R {
        call(self.running().services()).await
    }

    /// How many SQL statements the server has executed, without transaction control.
    pub fn statement_count(&self) -> u64 {
        self.running().services().statement_count()
    }

    /// Asserts that `check` finds no problem in the stored data.
    pub async fn assert_store_is_sound(&self) {
        let report = self.with_services(async |services| services.check(|_, _, _| ()).await).await;
        let report = report.expect("the store can be checked");
        assert!(report.is_clean(), "the stored data has problems: {report:#?}");
    }

    /// Starts a second server on the same database, as if it were a second process.
    pub async fn sibling(&self) -> Self {
        Self::start(&self.database_url).await
    }

    /// As [`Self::sibling`], with settings that `change` has modified.
    pub async fn sibling_with(&self, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut settings = settings(&self.database_url);
        change(&mut settings);
        Self::start_with(settings).await
    }

    /// How wake-ups reach this server now.
    pub fn wakeups(&self) -> WakeupState {
        self.running().services().wakeups()
    }

    /// Waits until the wake-ups of this server are in `state`.
    pub async fn until_wakeups_are(&self, state: WakeupState) {
        super::eventually(&format!("wake-ups are {state:?}"), async || {
            (self.wakeups() == state).then_some(())
        })
        .await;
    }

    /// As [`Self::sibling`], with `clock`.
    pub async fn sibling_at(&self, clock: Clock) -> Self {
        Self::start_at(&self.database_url, clock).await
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the server's metrics.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics.expect("metrics are served")
    }

    /// A connection to the database that bypasses the server.
    pub async fn sql_connection(&self) -> SqlConnection {
        SqlConnection::open(&self.database_url).await
    }

    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    pub fn is_postgres(&self) -> bool {
        self.database_url.starts_with("postgres")
    }

    /// The full URL of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A token for `caller` that is valid for an hour.
    pub fn token(&self, caller: Caller) -> String {
        self.token_for(caller, 0, Duration::from_secs(3600))
    }

    /// A token that was signed `age_seconds` ago with lifetime `ttl`.
    pub fn token_for(&self, caller: Caller, age_seconds: i64, ttl: Duration) -> String {
        let signed_at = Clock::system().now().plus_micros(-age_seconds * 1_000_000);
        self.keys.sign(caller, signed_at, ttl).expect("signs")
    }

    /// A client that sends `token` with each request.
    pub fn client(&self, token: String) -> Client {
        Client::new(self.http.clone(), self.address, Some(token))
    }

    /// A client without a token.
    pub fn stranger(&self) -> Client {
        Client::new(self.http.clone(), self.address, None)
    }

    /// Shuts the server down. Does nothing if it is already stopped.
    pub async fn stop(&self) {
        let running = self.running.lock().expect("not poisoned").take();
        if let Some(running) = running.and_then(Arc::into_inner) {
            tokio::time::timeout(super::DEADLINE, running.shutdown()).await.expect("the server stops");
        }
    }
}

impl Prepare for App {
    async fn prepare(app: App) -> Self {
        app
    }

    fn app(&self) -> &App {
        self
    }
}
