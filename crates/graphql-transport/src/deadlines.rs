//! A connection that fails when its client is too slow.
//!
//! hyper closes idle connections, and does not notice a client that sends the headers of a request one byte a minute, or
//! that stops reading a response. [`DeadlineIo`] ends such connections.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Sleep, sleep};

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The client is sending the headers of a request, or has sent nothing yet.
    Headers,
    /// The server is answering, and the client may be sending a body.
    Answering,
    /// Between two requests.
    Idle,
    /// The connection is a WebSocket, which has its own timers.
    Upgraded,
}

/// The phase of a connection, shared by its reader and its requests.
#[derive(Debug, Clone)]
pub(crate) struct SharedPhase(Arc<AtomicU8>);

impl SharedPhase {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(Phase::Headers as u8)))
    }

    pub(crate) fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    fn is(&self, phase: Phase) -> bool {
        self.0.load(Ordering::Relaxed) == phase as u8
    }
}

/// A connection with deadlines: `headers` for the headers of a request, and `write` for any progress while the server
/// writes.
pub(crate) struct DeadlineIo<S> {
    io: S,
    phase: SharedPhase,
    headers: Duration,
    write: Duration,
    // Boxed and optional, because most sockets wait for nothing most of the time.
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> DeadlineIo<S> {
    pub(crate) fn new(io: S, phase: SharedPhase, headers: Duration, write: Duration) -> Self {
        Self { io, phase, headers, write, reading: None, writing: None }
    }

    /// Fails when the client has not read anything until the deadline.
    fn written<T>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() || self.phase.is(Phase::Upgraded) {
            self.writing = None;
            return poll;
        }
        expire(&mut self.writing, self.write, context)
    }
}

/// Starts the timer if it is not running. Fails when the timer ends.
fn expire<T>(
    timer: &mut Option<Pin<Box<Sleep>>>,
    after: Duration,
    context: &mut Context<'_>,
) -> Poll<io::Result<T>> {
    let timer = timer.get_or_insert_with(|| Box::pin(sleep(after)));
    match timer.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        Poll::Pending => Poll::Pending,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for DeadlineIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.io).poll_read(context, buffer);
        if poll.is_ready() {
            let has_read = buffer.filled().len() > before;
            if has_read && self.phase.is(Phase::Idle) {
                self.phase.set(Phase::Headers);
            }
        }
        if !self.phase.is(Phase::Headers) {
            self.reading = None;
            return poll;
        }
        let (headers, this) = (self.headers, &mut *self);
        match (poll, expire(&mut this.reading, headers, context)) {
            (Poll::Ready(read), _) => Poll::Ready(read),
            (Poll::Pending, expired) => expired,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for DeadlineIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write(context, buffer);
        self.written(context, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.io).poll_flush(context);
        self.written(context, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.io).poll_shutdown(context);
        self.written(context, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write_vectored(context, buffers);
        self.written(context, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
