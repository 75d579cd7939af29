//! Whether this process can do its work.

use futures_util::FutureExt;

use super::{Answer, Services};
use crate::store::{migrations, workspaces};

/// How this process learns what others have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeUps {
    /// Others wake it.
    Connected,
    /// It looks by itself, a few times a second: an event is late, and none is lost.
    Polling,
}

impl Services {
    /// Whether the database answers.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn ping(&self) -> Answer<()> {
        self.store.read(|conn| workspaces::heads(conn, &[]).boxed()).await?;
        Ok(())
    }

    /// Whether every migration of this program is applied; those of a later program do no harm.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn is_migrated(&self) -> Answer<bool> {
        Ok(self.store.read(|conn| migrations::is_current_on(conn).boxed()).await?)
    }

    /// How this process learns what others have written.
    pub fn wake_ups(&self) -> WakeUps {
        WakeUps::Polling
    }
}
