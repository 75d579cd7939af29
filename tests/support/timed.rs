//! Time in the tests' hands: a clock that a test moves, and a workspace at a server that is told the time by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use switchboard::clock::{Clock, Timestamp};
use switchboard::domain::Plan;

use super::app::App;
use super::database::Prepare;
use super::world::Workspace;

/// A second, as clocks count.
pub const SECOND: i64 = 1_000_000;
/// A minute, as clocks count.
pub const MINUTE: i64 = 60 * SECOND;

/// A clock that only the test moves. Several servers may be told the time by it.
#[derive(Clone)]
pub struct Time {
    now: Arc<AtomicI64>,
    step: i64,
}

impl Time {
    /// Time that stands still at `instant`, in microseconds since 1970. Events under it are a microsecond apart,
    /// so what is in the log may be a little later than the clock.
    pub fn still(instant: i64) -> Self {
        Self { now: Arc::new(AtomicI64::new(instant)), step: 0 }
    }

    /// Time that begins now and goes on by a millisecond at each look.
    pub fn ticking() -> Self {
        Self { step: 1_000, ..Self::still(Clock::system().now().as_micros()) }
    }

    /// What a server is told the time by.
    pub fn clock(&self) -> Clock {
        let Self { now, step } = self.clone();
        Clock::from_fn(move || Timestamp::from_micros(now.fetch_add(step, Ordering::SeqCst)))
    }

    /// The instant, in microseconds since 1970.
    pub fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub fn move_to(&self, instant: i64) {
        self.now.store(instant, Ordering::SeqCst);
    }

    /// Lets some microseconds pass, or takes them back.
    pub fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }
}

/// A workspace and the server that it works at, a whole number of seconds past the epoch.
///
/// Time stands still until it is moved. It begins hours before the machine's, so that tokens hold throughout.
pub struct Timed {
    pub app: App,
    workspace: Workspace,
    time: Time,
    start: i64,
}

impl std::ops::Deref for Timed {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}

impl Prepare for Timed {
    async fn prepare(beside: App) -> Self {
        let start = (Clock::system().now().as_micros() / SECOND - 12 * 3_600) * SECOND;
        let time = Time::still(start);
        let app = beside.sibling_at(time.clock()).await;
        beside.stop().await;
        let workspace = Workspace::create(&app, Plan::Team).await;
        Self { app, workspace, time, start }
    }

    fn app(&self) -> &App {
        &self.app
    }
}

impl Timed {
    /// The instant, in microseconds since 1970.
    pub fn now(&self) -> i64 {
        self.time.now()
    }

    /// Moves the clock to an instant.
    pub fn move_to(&self, instant: i64) {
        self.time.move_to(instant);
    }

    /// Lets `seconds` pass.
    pub fn pass(&self, seconds: i64) {
        self.time.pass(seconds * SECOND);
    }

    /// Lets some microseconds pass, so that it is no whole second any more.
    pub fn pass_micros(&self, micros: i64) {
        self.time.pass(micros);
    }

    /// Seconds since the beginning.
    pub fn elapsed(&self) -> i64 {
        (self.now() - self.start) / SECOND
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

    /// New conversations with customers 1 to `count` on the first number, a second apart; their ids.
    ///
    /// The log gives no two events the same time, so what happens within a second is microseconds off it.
    pub async fn conversations(&self, count: u32) -> Vec<String> {
        let mut ids = Vec::new();
        for n in 1..=count {
            self.pass(1);
            ids.push(self.conversation(n).await);
        }
        ids
    }
}
