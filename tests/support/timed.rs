//! A workspace at a server whose clock stands still until the test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use switchboard::clock::{Clock, Timestamp};
use switchboard::domain::Plan;

use super::app::App;
use super::database::Prepare;
use super::world::Workspace;

/// A second, as the clock counts.
pub const SECOND: i64 = 1_000_000;

/// A workspace and the server that it works at. Tokens hold for an hour of the server's clock.
pub struct Timed {
    pub app: App,
    workspace: Workspace,
    now: Arc<AtomicI64>,
}

impl Timed {
    /// The instant, in microseconds since 1970.
    pub fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    /// Moves the clock to an instant. Events under a clock that stands still are a microsecond apart, so what
    /// is in the log may be a little later than the clock.
    pub fn move_to(&self, instant: i64) {
        self.now.store(instant, Ordering::SeqCst);
    }

    /// Lets some microseconds pass.
    pub fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }
}

impl std::ops::Deref for Timed {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}

impl Prepare for Timed {
    async fn prepare(beside: App) -> Self {
        let now = Arc::new(AtomicI64::new(Clock::system().now().as_micros()));
        let told = now.clone();
        let clock = Clock::from_fn(move || Timestamp::from_micros(told.load(Ordering::SeqCst)));
        let app = beside.sibling_at(clock).await;
        beside.stop().await;
        let workspace = Workspace::create(&app, Plan::Team).await;
        Self { app, workspace, now }
    }

    fn app(&self) -> &App {
        &self.app
    }
}
