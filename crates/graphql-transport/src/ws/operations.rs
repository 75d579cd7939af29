//! What one socket has running.
//!
//! Every operation is a task. All of them feed one writer through a queue of one
//! message, for which they wait in turn: an operation never has more than one message
//! waiting, so one that floods delays the others by one message a round and no more.

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
    errors::{self, Settled},
    operation,
    operation_span::OperationSpan,
    settings::TransportSettings,
};

/// A message of an operation, ready to be written.
#[derive(Debug)]
pub(super) struct Delivery {
    id: Arc<str>,
    /// Tells operations that reused an id from one another.
    number: u64,
    text: String,
    /// The operation ends with it.
    last: bool,
}

/// The operations that neither side has completed.
///
/// The socket's reader and its writer share it within one task, so what the reader
/// has ended the writer cannot send any more.
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
    // Here and not in the task: the place is free as soon as the operation is completed,
    // while a task that is aborted ends some time later.
    _place: Option<OwnedSemaphorePermit>,
    _task: AbortOnDropHandle<()>,
}

impl LiveOperations {
    /// The queue's other end belongs to the writer.
    // Boxes, since every queue has the room for 32 of what it carries: 1.5 KiB less a socket.
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

    /// A place for one more operation of the kind; `None` when the socket has too many.
    pub(super) fn place(&self, kind: OperationType) -> Option<OwnedSemaphorePermit> {
        let places = match kind {
            OperationType::Subscription => &self.subscriptions,
            OperationType::Query | OperationType::Mutation => &self.results,
        };
        Arc::clone(places).try_acquire_owned().ok()
    }

    /// Starts an operation under an id that is not in use.
    ///
    /// The `place` comes back when the operation is completed by either side; that of
    /// a mutation, which cannot be stopped, belongs in its request instead.
    pub(super) fn start<F>(
        &self,
        id: String,
        place: Option<OwnedSemaphorePermit>,
        run: impl FnOnce(Outbox) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut entries = self.locked();
        entries.started += 1;
        let id: Arc<str> = id.into();
        let number = entries.started;
        let outbox = Outbox { queue: self.queue.clone(), id: Arc::clone(&id), number };
        // The task cannot be heard before it is entered: the writer waits for this one.
        let task = AbortOnDropHandle::new(tokio::spawn(run(outbox)));
        entries.by_id.insert(id, Entry { number, _place: place, _task: task });
    }

    /// Ends an operation at the client's wish. An unknown id means that it had ended.
    pub(super) fn complete(&self, id: &str) {
        self.locked().by_id.remove(id);
    }

    /// The text of a delivery whose operation still lives; with its last one it ends.
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

/// Where an operation's task leaves its messages. An `Err` means that nobody listens.
pub(super) struct Outbox {
    queue: mpsc::Sender<Box<Delivery>>,
    id: Arc<str>,
    number: u64,
}

/// The socket is closed.
pub(super) struct Unheard;

impl Outbox {
    async fn next(&self, response: &Response) -> Result<(), Unheard> {
        let message = ServerMessage::Next { id: &self.id, payload: response };
        self.send(&message, false).await
    }

    async fn complete(&self) -> Result<(), Unheard> {
        let message = ServerMessage::Complete { id: &self.id };
        self.send(&message, true).await
    }

    async fn error(&self, errors: &[ServerError]) -> Result<(), Unheard> {
        let message = ServerMessage::Error { id: &self.id, payload: errors };
        self.send(&message, true).await
    }

    async fn send(&self, message: &ServerMessage<'_>, last: bool) -> Result<(), Unheard> {
        let text = message.to_json().map_err(|error| {
            tracing::error!(%error, "a message cannot be written as JSON");
            Unheard
        })?;
        let delivery = Delivery { id: Arc::clone(&self.id), number: self.number, text, last };
        self.queue.send(Box::new(delivery)).await.map_err(|_| Unheard)
    }
}

/// Sends every item of a subscription, in order, until it ends.
pub(super) async fn subscribe(
    mut items: BoxStream<'static, Response>,
    outbox: Outbox,
    span: OperationSpan,
) -> Result<(), Unheard> {
    let request_id = span.request_id();
    let tracing_span = span.span();
    loop {
        let item = AssertUnwindSafe(items.next()).catch_unwind().instrument(tracing_span.clone()).await;
        let settled = match item {
            Ok(None) => return outbox.complete().await,
            Ok(Some(response)) => errors::settle(response, request_id),
            Err(payload) => operation::settle_result(Err(payload), request_id),
        };
        span.settled(&settled);
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
    request: Request,
    tasks: TaskTracker,
    time: Duration,
    outbox: Outbox,
    span: OperationSpan,
) -> Result<(), Unheard> {
    let run = operation::execute(&executor, kind, request, &tasks, &span).instrument(span.span());
    let settled = timeout(time, run).await.unwrap_or_else(|_| {
        let mut error = errors::timed_out();
        errors::name_request(std::slice::from_mut(&mut error), span.request_id());
        Settled::Refused(vec![error])
    });
    span.settled(&settled);
    // What the client does not read is no part of the operation.
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
    async fn operations_that_flood_take_turns() {
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
    async fn what_waits_when_its_operation_is_completed_is_not_written() {
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
