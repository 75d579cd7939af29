//! The fault kit: what breaks a running system from outside, and clients that live through it.
//!
//! - [`proxy`]: a TCP proxy that delays, holds, and cuts at a byte; before a server or before PostgreSQL.
//! - [`process`]: the program itself, to be killed, stopped and started again.
//! - [`lasting`]: a subscription that resumes after its last cursor whenever it is cut.
//!
//! Failpoints inside the program are armed by [`process::Options::failpoints`]; see `src/failpoint.rs`.

pub mod lasting;
pub mod process;
pub mod proxy;

use super::app::App;
use super::database::Prepare;
use super::world::{Workspace, World};

/// A workspace in the database at `url`, which no server runs on when this returns.
pub async fn workspace(url: &str) -> Workspace {
    let world = World::prepare(App::start(url).await).await;
    world.app.stop().await;
    (*world).clone()
}
