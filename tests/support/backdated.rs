//! A server whose clock the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use switchboard::clock::{Clock, Timestamp};
use switchboard::domain::Plan;

use super::app::App;
use super::database::Prepare;
use super::world::Workspace;

const SECOND: i64 = 1_000_000;

/// An application with one workspace, a whole number of seconds past the epoch.
///
/// Time stands still until it is moved. It begins hours before the machine's, so that tokens hold throughout.
pub struct Backdated {
    pub app: App,
    pub workspace: Workspace,
    now: Arc<AtomicI64>,
    start: i64,
}

impl std::ops::Deref for Backdated {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}

impl Prepare for Backdated {
    async fn prepare(app: App) -> Self {
        let start = (Clock::system().now().as_micros() / SECOND - 12 * 3_600) * SECOND;
        let now = Arc::new(AtomicI64::new(start));
        let told = now.clone();
        let clock = Clock::from_fn(move || Timestamp::from_micros(told.load(Ordering::SeqCst)));
        let timed = app.at_clock(clock).await;
        app.stop().await;
        let workspace = Workspace::create(&timed, Plan::Team).await;
        Self { app: timed, workspace, now, start }
    }

    fn app(&self) -> &App {
        &self.app
    }
}

impl Backdated {
    /// Lets `seconds` pass.
    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * SECOND, Ordering::SeqCst);
    }

    /// New conversations with customers 1 to `count` on the first number, a second apart; their ids.
    ///
    /// The log gives no two events the same time, so what happens within a second is microseconds off it.
    pub async fn conversations(&self, count: u32) -> Vec<String> {
        let mut ids = Vec::new();
        for n in 1..=count {
            self.pass(1);
            ids.push(self.workspace.conversation(n).await);
        }
        ids
    }

    /// Seconds since the beginning.
    pub fn elapsed(&self) -> i64 {
        (self.now.load(Ordering::SeqCst) - self.start) / SECOND
    }

    /// The instant `seconds` after the beginning, in microseconds.
    pub fn micros(&self, seconds: i64) -> i64 {
        self.start + seconds * SECOND
    }

    /// The instant `seconds` after the beginning, as the API takes it.
    pub fn at(&self, seconds: i64) -> String {
        Timestamp::from_micros(self.micros(seconds)).to_string()
    }

    /// How many seconds after the beginning an instant of the API lies.
    #[track_caller]
    pub fn second(&self, instant: &serde_json::Value) -> i64 {
        let micros = super::outcome::instant(instant) - self.start;
        assert_eq!(micros % SECOND, 0, "time moves by whole seconds: {instant}");
        micros / SECOND
    }
}
