//! The writer of a socket, and the end of a connection.

use std::future::pending;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    sync::mpsc,
    time::{Duration, timeout},
};

use super::{
    operations::{Delivery, LiveOperations},
    protocol::Close,
};

/// Boxed, because a channel allocates blocks of 32 messages: this saves 1.3 KiB per socket.
pub(super) type Reply = Box<Message>;

/// How long the server waits for the client to close its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a connection ended.
pub(super) enum Ending {
    /// The server closes the socket, and can still read from it.
    Close(Close),
    /// The server closes the socket after a read error, and cannot read from it any more.
    Unreadable(Close),
    /// The client closed the socket or disconnected.
    Gone,
}

/// Writes the queued messages: replies first, then the messages of operations.
pub(super) async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    mut replies: mpsc::Receiver<Reply>,
    mut deliveries: mpsc::Receiver<Box<Delivery>>,
    live: &LiveOperations,
    deadline: Duration,
) -> Ending {
    loop {
        let message = tokio::select! {
            biased;
            Some(reply) = replies.recv() => *reply,
            Some(delivery) = deliveries.recv() => match live.take(*delivery) {
                Some(text) => Message::Text(text.into()),
                None => continue,
            },
            else => return Ending::Gone,
        };
        match timeout(deadline, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ending::Gone,
            Err(_) => return Ending::Close(Close::stuck_writer()),
        }
    }
}

/// Sends the close frame, and waits for the client to close its side.
pub(super) async fn close(
    mut sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    ending: Ending,
) {
    let (reason, readable) = match ending {
        Ending::Close(reason) => (Some(reason), true),
        Ending::Unreadable(reason) => (Some(reason), false),
        Ending::Gone => (None, true),
    };
    let close_handshake = async {
        if let Some(Close { code, reason }) = reason {
            tracing::debug!(code, reason, "closing a socket");
            let frame = CloseFrame { code, reason: reason.into() };
            if sink.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        if readable {
            // Reading also sends the reply to the client's close frame.
            while let Some(Ok(_)) = stream.next().await {}
        } else {
            // Dropping the socket now would reset the connection, and the client might not receive the close frame.
            pending().await
        }
    };
    // After the timeout, dropping the socket disconnects the client.
    let _ = timeout(CLOSE_TIMEOUT, close_handshake).await;
}
