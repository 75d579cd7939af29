//! Health checks of the database.

use futures_util::FutureExt;

use crate::service::{ServiceResult, Services};
use crate::store::db::migrations;
use crate::store::tables::workspaces;

impl Services {
    /// Checks that the database answers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ping(&self) -> ServiceResult<()> {
        self.store.read(|conn| workspaces::heads(conn, &[]).boxed()).await?;
        Ok(())
    }

    /// Whether every migration of this version is applied. Migrations of later versions are ignored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_migrated(&self) -> ServiceResult<bool> {
        Ok(self.store.read(|conn| migrations::is_current_on(conn).boxed()).await?)
    }
}
