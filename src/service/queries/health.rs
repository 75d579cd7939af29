//! Whether this process can do its work.

use futures_util::FutureExt;

use crate::service::{ServiceResult, Services};
use crate::store::db::migrations;
use crate::store::tables::workspaces;

impl Services {
    /// Whether the database answers.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn ping(&self) -> ServiceResult<()> {
        self.store.read(|conn| workspaces::heads(conn, &[]).boxed()).await?;
        Ok(())
    }

    /// Whether every migration of this program is applied; those of a later program do no harm.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn is_migrated(&self) -> ServiceResult<bool> {
        Ok(self.store.read(|conn| migrations::is_current_on(conn).boxed()).await?)
    }
}
