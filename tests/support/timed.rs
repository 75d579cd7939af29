//! A clock that a test moves, and a workspace on a server that uses this clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use switchboard::clock::{Clock, Timestamp};
use switchboard::domain::Plan;

use super::app::App;
use super::database::Prepare;
use super::world::Workspace;

/// A second in microseconds, the unit of clocks.
pub const SECOND: i64 = 1_000_000;
/// A minute in microseconds.
pub const MINUTE: i64 = 60 * SECOND;

/// A clock that only the test moves. Several servers may use it.
#[derive(Clone)]
pub struct Time {
    now: Arc<AtomicI64>,
    step: i64,
}

impl Time {
    /// A clock that stands still at `instant`, in microseconds since 1970. Events are still a microsecond apart, so the
    /// events in the log may be slightly later than the clock.
    pub fn still(instant: i64) -> Self {
        Self { now: Arc::new(AtomicI64::new(instant)), step: 0 }
    }

    /// A clock that begins now and advances by a millisecond each time it is read.
    pub fn ticking() -> Self {
        Self { step: 1_000, ..Self::still(Clock::system().now().as_micros()) }
    }

    /// The clock for a server.
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

    /// Moves the clock forward by some microseconds, or back if they are negative.
    pub fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }
}

/// A workspace, and a server whose clock begins at a whole second.
///
/// The clock stands still until the test moves it. It begins hours before the system's clock, so that tokens stay
/// valid.
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
    async fn prepare(original: App) -> Self {
        let start = (Clock::system().now().as_micros() / SECOND - 12 * 3_600) * SECOND;
        let time = Time::still(start);
        let app = original.sibling_at(time.clock()).await;
        original.stop().await;
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

    /// Moves the clock forward by `seconds`.
    pub fn pass(&self, seconds: i64) {
        self.time.pass(seconds * SECOND);
    }

    /// Moves the clock forward by some microseconds, so that it is no longer at a whole second.
    pub fn pass_micros(&self, micros: i64) {
        self.time.pass(micros);
    }

    /// The seconds since the beginning.
    pub fn elapsed(&self) -> i64 {
        (self.now() - self.start) / SECOND
    }

    /// The instant `seconds` after the beginning, in microseconds.
    pub fn micros(&self, seconds: i64) -> i64 {
        self.start + seconds * SECOND
    }

    /// The instant `seconds` after the beginning, in the format of the API.
    pub fn at(&self, seconds: i64) -> String {
        Timestamp::from_micros(self.micros(seconds)).to_string()
    }

    /// The seconds from the beginning to an instant in the format of the API.
    #[track_caller]
    pub fn second(&self, instant: &serde_json::Value) -> i64 {
        let micros = super::outcome::instant(instant) - self.start;
        assert_eq!(micros % SECOND, 0, "time moves by whole seconds: {instant}");
        micros / SECOND
    }

    /// Creates conversations with customers 1 to `count` on the first phone number, a second apart. Returns their ids.
    ///
    /// No two events in the log have the same time, so later events within a second are a few microseconds after it.
    pub async fn conversations(&self, count: u32) -> Vec<String> {
        let mut ids = Vec::new();
        for n in 1..=count {
            self.pass(1);
            ids.push(self.conversation(n).await);
        }
        ids
    }
}
