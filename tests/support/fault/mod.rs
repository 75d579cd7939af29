//! The fault kit: causes faults in a running system, and has clients that survive them.
//!
//! - [`proxy`]: a TCP proxy in front of a server or PostgreSQL, which delays, holds, and cuts connections at a byte.
//! - [`process`]: the program itself, which can be killed, stopped and started again.
//! - [`resuming`]: a subscription that resumes after its last cursor whenever it is cut.
//!
//! Failpoints inside the program are armed by [`process::Options::failpoints`]; see `src/failpoint.rs`.

pub mod process;
pub mod proxy;
pub mod resuming;

use super::app::App;
use super::database::Prepare;
use super::world::{Workspace, World};

/// Creates a workspace in the database at `url`. No server runs when this returns.
pub async fn workspace(url: &str) -> Workspace {
    let world = World::prepare(App::start(url).await).await;
    world.app.stop().await;
    (*world).clone()
}
