//! The transaction of a command: it locks and writes rows, and may end with events.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use crate::random::Ids;
use crate::store::Conn;

/// A transaction that may append events to the log.
///
/// It is used like a connection. [`append`](super::append) and [`store_and_commit`](super::store_and_commit) consume it,
/// so after them a command can neither lock nor write anything: only the commit remains.
pub struct LogTx<'c> {
    conn: &'c mut Conn,
    ids: Ids,
    appended: Appended,
}

/// Whether a transaction has appended events. Clones share the answer.
#[derive(Debug, Clone, Default)]
pub struct Appended(Arc<AtomicBool>);

impl Appended {
    /// True from the first statement that appends, so also if the commit then fails with an unknown result.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<'c> LogTx<'c> {
    /// The transaction that is open on `conn`. A transaction that runs again after a conflict has appended nothing yet.
    pub fn begin(conn: &'c mut Conn, ids: &Ids, appended: &Appended) -> Self {
        appended.0.store(false, Ordering::Relaxed);
        Self { conn, ids: ids.clone(), appended: appended.clone() }
    }

    /// The id of a new row.
    pub fn new_id(&self) -> Uuid {
        self.ids.next()
    }

    /// The connection, for the statements that append.
    pub(super) fn appending(self) -> &'c mut Conn {
        self.appended.0.store(true, Ordering::Relaxed);
        self.conn
    }
}

impl Deref for LogTx<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.conn
    }
}

impl DerefMut for LogTx<'_> {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn
    }
}
