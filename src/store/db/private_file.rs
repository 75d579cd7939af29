//! The permissions of SQLite's files. They hold customers' texts and numbers, so only their owner may read them.

use crate::store::db::error::{StoreError, StoreResult};

/// The permissions of a new file: its owner may read and write it.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// Creates the database file if it does not exist. SQLite gives its other files the permissions of this one.
///
/// # Errors
/// [`StoreError::Unavailable`] if the file cannot be created.
#[cfg(unix)]
pub fn create(path: &str) -> StoreResult<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if is_uri(path) {
        return Ok(());
    }
    let created = std::fs::OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path);
    match created {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(StoreError::Unavailable(format!("unable to create the database file: {error}")))
        }
        _ => Ok(()),
    }
}

/// Logs a warning for each file of the database that users other than its owner may open.
#[cfg(unix)]
pub fn warn_if_shared(path: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    for file in ["", "-wal", "-shm"].map(|end| format!("{path}{end}")) {
        let Ok(metadata) = std::fs::metadata(&file) else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & !OWNER_ONLY != 0 {
            let mode = format!("{mode:o}");
            tracing::warn!(file, mode, "other users may open the database file; run `chmod 600` on it");
        }
    }
}

/// Other systems have no such permissions.
#[cfg(not(unix))]
pub fn create(_path: &str) -> StoreResult<()> {
    Ok(())
}

/// Other systems have no such permissions.
#[cfg(not(unix))]
pub fn warn_if_shared(_path: &str) {}

/// SQLite also accepts a URI with options instead of a path.
#[cfg(unix)]
fn is_uri(path: &str) -> bool {
    path.starts_with("file:")
}
