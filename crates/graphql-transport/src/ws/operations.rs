//! The running operations of a socket.
//!
//! Every operation is a task. All tasks send to one writer through a channel with a
//! capacity of one message, and the channel serves waiting senders in order. A fast
//! operation therefore delays each message of another operation by at most one of its own.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::{Executor, Request, Response, ServerError, parser::types::OperationType};
use futures_util::{FutureExt, StreamExt, stream::BoxStream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Duration, timeout},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::Instrument;

use super::protocol::ServerMessage;
use crate::{
    conformance::Execution,
    errors::{self, Settled},
    operation,
    operation_span::OperationSpan,
    settings::TransportSettings,
};

/// A message of an operation, ready to be written.
#[derive(Debug)]
pub(super) struct Delivery {
    id: Arc<str>,
    /// Distinguishes operations that use the same id one after the other.
    number: u64,
    text: String,
    /// Whether this is the last message of the operation.
    last: bool,
}

/// The operations that neither side has completed.
///
/// The reader and the writer of the socket share it within one task. After the reader has
/// completed an operation, the writer discards the operation's messages.
pub(super) struct LiveOperations {
    entries: Mutex<Entries>,
    queue: mpsc::Sender<Box<Delivery>>,
    subscriptions: Arc<Semaphore>,
    results: Arc<Semaphore>,
}

#[derive(Default)]
struct Entries {
    by_id: HashMap<Arc<str>, Entry>,
    started: u64,
}

struct Entry {
    number: u64,
    // Stored here and not in the task, because an aborted task ends later than the
    // operation is completed.
    _permit: Option<OwnedSemaphorePermit>,
    _task: AbortOnDropHandle<()>,
}

impl LiveOperations {
    /// Also returns the receiver, for the writer.
    // A channel allocates blocks of 32 messages, so boxed messages save 1.5 KiB per socket.
    pub(super) fn new(settings: &TransportSettings) -> (Self, mpsc::Receiver<Box<Delivery>>) {
        let (queue, deliveries) = mpsc::channel(1);
        let live = Self {
            entries: Mutex::default(),
            queue,
            subscriptions: Arc::new(Semaphore::new(settings.subscriptions_per_socket)),
            results: Arc::new(Semaphore::new(settings.results_per_socket)),
        };
        (live, deliveries)
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.locked().by_id.contains_key(id)
    }

    /// Acquires a permit for an operation of this type. Returns `None` if the socket has too many.
    pub(super) fn acquire(&self, kind: OperationType) -> Option<OwnedSemaphorePermit> {
        let permits = match kind {
            OperationType::Subscription => &self.subscriptions,
            OperationType::Query | OperationType::Mutation => &self.results,
        };
        Arc::clone(permits).try_acquire_owned().ok()
    }

    /// Starts an operation with an id that is not in use.
    ///
    /// `permit` is released when either side completes the operation. The permit of a
    /// mutation, which cannot be cancelled, must be attached to its request instead.
    pub(super) fn start<F>(
        &self,
        id: String,
        permit: Option<OwnedSemaphorePermit>,
        run: impl FnOnce(Outbox) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut entries = self.locked();
        entries.started += 1;
        let id: Arc<str> = id.into();
        let number = entries.started;
        let outbox = Outbox { queue: self.queue.clone(), id: Arc::clone(&id), number };
        // The entry is inserted before the first message is written, because the writer runs in
        // the same task as this function.
        let task = AbortOnDropHandle::new(tokio::spawn(run(outbox)));
        entries.by_id.insert(id, Entry { number, _permit: permit, _task: task });
    }

    /// Ends an operation that the client has completed. An unknown id is ignored, because the
    /// operation may have ended already.
    pub(super) fn complete(&self, id: &str) {
        self.locked().by_id.remove(id);
    }

    /// The text of a message; `None` if its operation has ended. The last message ends its operation.
    pub(super) fn take(&self, delivery: Delivery) -> Option<String> {
        let mut entries = self.locked();
        let entry = entries.by_id.get(&delivery.id)?;
        if entry.number != delivery.number {
            return None;
        }
        if delivery.last {
            entries.by_id.remove(&delivery.id);
        }
        Some(delivery.text)
    }

    fn locked(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sender of an operation's messages. An `Err` means that the socket is closed.
pub(super) struct Outbox {
    queue: mpsc::Sender<Box<Delivery>>,
    id: Arc<str>,
    number: u64,
}

/// The socket is closed.
pub(super) struct SocketClosed;

impl Outbox {
    async fn next(&self, response: &Response) -> Result<(), SocketClosed> {
        let message = ServerMessage::Next { id: &self.id, payload: response };
        self.send(&message, false).await
    }

    async fn complete(&self) -> Result<(), SocketClosed> {
        let message = ServerMessage::Complete { id: &self.id };
        self.send(&message, true).await
    }

    async fn error(&self, errors: &[ServerError]) -> Result<(), SocketClosed> {
        let message = ServerMessage::Error { id: &self.id, payload: errors };
        self.send(&message, true).await
    }

    async fn send(&self, message: &ServerMessage<'_>, last: bool) -> Result<(), SocketClosed> {
        let text = message.to_json().map_err(|error| {
            tracing::error!(%error, "a message cannot be written as JSON");
            SocketClosed
        })?;
        let delivery = Delivery { id: Arc::clone(&self.id), number: self.number, text, last };
        self.queue.send(Box::new(delivery)).await.map_err(|_| SocketClosed)
    }
}

/// Sends every item of a subscription, in order, until it ends.
pub(super) async fn subscribe(
    mut items: BoxStream<'static, Response>,
    execution: Execution,
    outbox: Outbox,
    span: OperationSpan,
) -> Result<(), SocketClosed> {
    let request_id = span.request_id();
    let tracing_span = span.span();
    loop {
        let item = AssertUnwindSafe(items.next()).catch_unwind().instrument(tracing_span.clone()).await;
        let settled = match item {
            Ok(None) => return outbox.complete().await,
            Ok(Some(response)) => errors::settle(execution.complete(response), request_id),
            Err(payload) => operation::settle_result(Err(payload), request_id),
        };
        span.record_settled(&settled);
        match settled {
            Settled::Executed(response) => outbox.next(&response).await?,
            Settled::Refused(errors) => return outbox.error(&errors).await,
        }
    }
}

/// Sends the one result of a query or a mutation.
pub(super) async fn answer<E: Executor>(
    executor: E,
    kind: OperationType,
    prepared: (Request, Execution),
    tasks: TaskTracker,
    time: Duration,
    outbox: Outbox,
    span: OperationSpan,
) -> Result<(), SocketClosed> {
    let run = operation::execute(&executor, kind, prepared, &tasks, &span).instrument(span.span());
    let settled = timeout(time, run).await.unwrap_or_else(|_| {
        let mut error = errors::timed_out();
        errors::set_request_id(std::slice::from_mut(&mut error), span.request_id());
        Settled::Refused(vec![error])
    });
    span.record_settled(&settled);
    // Ends the span here, so that the duration excludes the time for sending the response.
    drop(span);
    match settled {
        Settled::Executed(response) => {
            outbox.next(&response).await?;
            outbox.complete().await
        }
        Settled::Refused(errors) => outbox.error(&errors).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fast_operations_take_turns() {
        const FLOODS: usize = 5;
        const ROUNDS: usize = 100;
        let (live, mut deliveries) = LiveOperations::new(&TransportSettings::default());
        for n in 0..FLOODS {
            live.start(n.to_string(), None, |outbox| async move {
                while outbox.next(&Response::default()).await.is_ok() {}
            });
        }
        let mut written = HashMap::<Arc<str>, usize>::new();
        for _ in 0..FLOODS * ROUNDS {
            let delivery = deliveries.recv().await.unwrap();
            *written.entry(Arc::clone(&delivery.id)).or_default() += 1;
            assert!(live.take(*delivery).is_some());
        }
        assert_eq!(written.len(), FLOODS);
        for (id, count) in written {
            assert!(count.abs_diff(ROUNDS) <= 1, "{id} was written {count} times");
        }
    }

    #[tokio::test]
    async fn a_waiting_message_of_a_completed_operation_is_discarded() {
        let (live, mut deliveries) = LiveOperations::new(&TransportSettings::default());
        let say = |outbox: Outbox| async move {
            let _ = outbox.next(&Response::default()).await;
            let _ = outbox.complete().await;
        };
        live.start("s".to_owned(), None, say);
        let waiting = deliveries.recv().await.unwrap();
        live.complete("s");
        live.start("s".to_owned(), None, say);
        assert_eq!(live.take(*waiting), None);

        while let Some(delivery) = deliveries.recv().await {
            let last = delivery.last;
            if live.take(*delivery).is_some() && last {
                break;
            }
        }
        assert!(!live.contains("s"));
    }
}
