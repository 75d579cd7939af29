//! NOTIFY and LISTEN: a connection of its own that carries short texts to every process on a database.
//!
//! It is no connection of the pool, so wake-ups wait for no request and no request waits for them, and it sends
//! outside of any transaction: a NOTIFY inside one takes a lock over the whole database when that commits.

use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Statement};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::store::db::target::Target;
use crate::store::{StoreError, StoreResult};

/// The longest text that can be sent, in bytes.
pub const MAX_BYTES: usize = 7_999;
/// What an administrator sees in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "switchboard wake-ups";

/// Received and not yet taken. What overflows it ends the connection, which says more than any text of it.
const BACKLOG: usize = 1_024;
const SETUP: &str = "SET statement_timeout = '5s'; LISTEN switchboard";
const SEND: &str = "SELECT pg_notify('switchboard', text) FROM unnest($1::text[]) AS text";

/// An open connection. It closes when this is dropped.
pub struct NotifyLink {
    client: Client,
    send: Statement,
    received: mpsc::Receiver<String>,
    _driving: DropGuard,
}

impl NotifyLink {
    /// Connects and listens: what is sent after this returns is received.
    pub(in crate::store) async fn open(target: &Target) -> StoreResult<Self> {
        let (client, mut connection) = target.connect_raw().await.map_err(lost)?;
        let (forward, received) = mpsc::channel(BACKLOG);
        let stop = CancellationToken::new();
        let driving = stop.clone().drop_guard();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            loop {
                match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                    Some(Ok(AsyncMessage::Notification(note))) => {
                        if forward.try_send(note.payload().to_owned()).is_err() {
                            break;
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break,
                }
            }
        }));
        client
            .batch_execute(&format!("SET application_name = '{APPLICATION_NAME}'; {SETUP}"))
            .await
            .map_err(lost)?;
        let send = client.prepare(SEND).await.map_err(lost)?;
        Ok(Self { client, send, received, _driving: driving })
    }

    /// Sends `texts`, each at most [`MAX_BYTES`] long, in one statement. Also without any it asks the server,
    /// and so notices that the connection is gone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the connection is lost.
    pub async fn send(&self, texts: &[String]) -> StoreResult<()> {
        self.client.execute(&self.send, &[&texts]).await.map_err(lost)?;
        Ok(())
    }

    /// The next text that any process sent, this one included; `None` when the connection is lost.
    pub async fn next(&mut self) -> Option<String> {
        self.received.recv().await
    }
}

fn lost(error: tokio_postgres::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
