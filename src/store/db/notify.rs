//! NOTIFY and LISTEN: broadcasts short messages to all processes that use the same PostgreSQL database.
//!
//! The connection does not belong to the pool, so wake-ups and requests never wait for each other. Messages are sent
//! outside any transaction, because a transaction with a NOTIFY takes a database-wide lock when it commits.

use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Statement};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::store::db::target::Target;
use crate::store::{StoreError, StoreResult};

/// The longest message that can be sent, in bytes.
pub const MAX_BYTES: usize = 7_999;
/// The name of the connection in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "switchboard wake-ups";

/// How many received messages may wait to be taken. If more arrive, the connection is closed.
///
/// Losing the connection makes the receiver read everything again, which no single message does.
const BACKLOG: usize = 1_024;
const SETUP: &str = "SET statement_timeout = '5s'; LISTEN switchboard";
const SEND: &str = "SELECT pg_notify('switchboard', text) FROM unnest($1::text[]) AS text";

/// An open connection. It is closed on drop.
pub struct NotifyLink {
    client: Client,
    send: Statement,
    received: mpsc::Receiver<String>,
    _driving: DropGuard,
}

impl NotifyLink {
    /// Connects and listens. Every message that is sent after this returns is received.
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

    /// Sends messages, each at most [`MAX_BYTES`] long, in one statement.
    ///
    /// With an empty slice the statement still reaches the server, and so checks that the connection is alive.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the connection is lost.
    pub async fn send(&self, texts: &[String]) -> StoreResult<()> {
        self.client.execute(&self.send, &[&texts]).await.map_err(lost)?;
        Ok(())
    }

    /// The next message of any process, including this one. `None` if the connection is lost.
    pub async fn next(&mut self) -> Option<String> {
        self.received.recv().await
    }
}

fn lost(error: tokio_postgres::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
