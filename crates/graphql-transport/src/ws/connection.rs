//! One client's conversation, from the upgrade to the close.
//!
//! A socket is one task. It reads and writes side by side, so that neither a slow
//! client nor a busy subscription keeps it from hearing `complete`; operations run in
//! tasks of their own and are dropped with it. Mutations are not: see
//! [`crate::operation::execute`].

use std::{future::pending, ops::ControlFlow};

use async_graphql::{Executor, parser::types::OperationType};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    future::BoxFuture,
    stream::{SplitSink, SplitStream},
};
use serde_json::{Map, Value};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        mpsc::{self, OwnedPermit},
    },
    time::{Duration, Instant, sleep_until, timeout},
};

use super::{
    limits::{AgentPermit, SocketPermit},
    operations::{self, Delivery, LiveOperations},
    protocol::{self, ClientMessage, Close, ServerMessage},
    timers::{Due, Timers},
};
use crate::{
    auth::{self, Session, SignIn, SignInError},
    endpoint::GraphqlEndpoint,
    errors::{self, Code},
    operation::{Operation, Parameters},
    operation_span::OperationSpan,
    trace_context::TraceContext,
};

/// Answers to the client's messages that may wait to be written; while they do, no
/// further message is read.
const REPLIES: usize = 8;

/// In a box, since the queue has the room for 32 of them: 1.3 KiB less a socket.
type Reply = Box<Message>;

/// How long a closed socket waits for the client to close its side.
const CLOSING: Duration = Duration::from_secs(2);

/// How a conversation ended.
enum Ending {
    /// We close, and can still read.
    Close(Close),
    /// We close, and what the client sends cannot be read any more.
    Unreadable(Close),
    /// The client closed, or is gone.
    Gone,
}

/// Serves a socket until it is closed. `trace` is what its upgrade said.
pub(super) async fn serve<E: Executor, A: SignIn>(
    endpoint: GraphqlEndpoint<E, A>,
    socket: WebSocket,
    place: SocketPermit,
    trace: TraceContext,
) {
    let spoken = socket.protocol().is_some();
    let (mut sink, mut stream) = socket.split();
    let ending = if spoken {
        converse(&endpoint, trace, &mut sink, &mut stream).await
    } else {
        Ending::Close(Close::subprotocol())
    };
    close(sink, stream, ending).await;
    drop(place);
}

async fn converse<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    trace: TraceContext,
    sink: &mut SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
) -> Ending {
    let (live, deliveries) = LiveOperations::new(endpoint.settings());
    let (replies, queued_replies) = mpsc::channel(REPLIES);
    let mut conversation = SocketConnection {
        endpoint,
        trace,
        live: &live,
        timers: Timers::start(endpoint.settings(), Instant::now()),
        replies,
        initialised: false,
        signing_in: Box::pin(pending()),
        revoked: Box::pin(pending()),
        caller: None,
    };
    let deadline = endpoint.settings().write_deadline;
    tokio::select! {
        biased;
        ending = conversation.run(stream) => ending,
        ending = write(sink, queued_replies, deliveries, &live, deadline) => ending,
    }
}

/// Writes what is queued: replies first, then the operations' messages in turn.
async fn write(
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

async fn close(mut sink: SplitSink<WebSocket, Message>, mut stream: SplitStream<WebSocket>, ending: Ending) {
    let (reason, readable) = match ending {
        Ending::Close(reason) => (Some(reason), true),
        Ending::Unreadable(reason) => (Some(reason), false),
        Ending::Gone => (None, true),
    };
    let farewell = async {
        if let Some(Close { code, reason }) = reason {
            tracing::debug!(code, reason, "closing a socket");
            let frame = CloseFrame { code, reason: reason.into() };
            if sink.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
        }
        if readable {
            // Reading also sends the answer to a close of the client's.
            while let Some(Ok(_)) = stream.next().await {}
        } else {
            // Dropping the socket now would reset it, and the client might never see why.
            pending().await
        }
    };
    // A client that does not close its side is cut off.
    let _ = timeout(CLOSING, farewell).await;
}

/// A caller whose `connection_init` was acknowledged.
struct Caller {
    session: Session,
    _place: Option<AgentPermit>,
}

struct SocketConnection<'a, E, A> {
    endpoint: &'a GraphqlEndpoint<E, A>,
    trace: TraceContext,
    live: &'a LiveOperations,
    timers: Timers,
    replies: mpsc::Sender<Reply>,
    /// `connection_init` has arrived; it may not come twice.
    initialised: bool,
    signing_in: BoxFuture<'static, Result<Session, SignInError>>,
    revoked: BoxFuture<'static, ()>,
    caller: Option<Caller>,
}

type Step = ControlFlow<Ending>;

fn end(close: Close) -> Step {
    Step::Break(Ending::Close(close))
}

impl<E: Executor, A: SignIn> SocketConnection<'_, E, A> {
    async fn run(&mut self, stream: &mut SplitStream<WebSocket>) -> Ending {
        let shutdown = self.endpoint.shutdown().cancelled();
        tokio::pin!(shutdown);
        loop {
            let (at, due) = self.timers.next();
            // What ends the conversation comes first: nothing may be done after it.
            let step = tokio::select! {
                biased;
                () = &mut shutdown => end(Close::service_restart()),
                () = &mut self.revoked => end(Close::revoked()),
                () = sleep_until(at) => self.on_due(due),
                signed_in = &mut self.signing_in => self.on_signed_in(signed_in).await,
                (permit, message) = receive(&self.replies, stream) => match message {
                    Some(Ok(message)) => self.on_message(permit, message),
                    Some(Err(error)) => self.on_unreadable(&error),
                    None => Step::Break(Ending::Gone),
                },
            };
            if let Step::Break(ending) = step {
                return ending;
            }
        }
    }

    fn on_due(&mut self, due: Due) -> Step {
        match due {
            Due::Init => end(Close::init_timeout()),
            Due::Expiry => end(Close::expired()),
            Due::Pong => end(Close::no_pong()),
            Due::Ping => {
                // A full queue means that the writer is stuck, which has a deadline of its own.
                let sent = self.replies.try_send(Box::new(Message::Ping(Bytes::new()))).is_ok();
                self.timers.pinged(sent, Instant::now());
                Step::Continue(())
            }
        }
    }

    async fn on_signed_in(&mut self, signed_in: Result<Session, SignInError>) -> Step {
        self.signing_in = Box::pin(pending());
        let mut session = match signed_in {
            Ok(session) => session,
            Err(SignInError::Unauthenticated(_)) => return end(Close::forbidden()),
            Err(SignInError::Unavailable) => return end(Close::sign_in_unavailable()),
        };
        let place = match session.user_key {
            None => None,
            Some(agent) => match self.endpoint.sockets().admit_agent(agent) {
                Some(place) => Some(place),
                None => return end(Close::too_many_sockets()),
            },
        };
        self.timers.expire_in(session.expires_in, Instant::now());
        self.revoked = std::mem::replace(&mut session.revoked, Box::pin(pending()));
        self.caller = Some(Caller { session, _place: place });
        let Some(ack) = reply(&ServerMessage::ConnectionAck) else {
            return Step::Break(Ending::Gone);
        };
        // Waiting is right even here: the writer makes room, or ends the conversation.
        match self.replies.send(ack).await {
            Ok(()) => Step::Continue(()),
            Err(_) => Step::Break(Ending::Gone),
        }
    }

    fn on_unreadable(&self, error: &axum::Error) -> Step {
        // The cause's type belongs to a crate that axum does not re-export.
        let text = error.to_string();
        let close = if text.starts_with("Space limit exceeded") {
            Close::too_large(self.endpoint.settings().message_bytes)
        } else if text.starts_with("UTF-8") {
            Close::not_utf8()
        } else {
            Close::protocol_error()
        };
        Step::Break(Ending::Unreadable(close))
    }

    fn on_message(&mut self, permit: OwnedPermit<Reply>, message: Message) -> Step {
        if !self.timers.heard(Instant::now()) {
            return end(Close::too_many_frames());
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => {
                let reason = "Invalid message: binary frames are not part of the protocol";
                return end(Close::bad_request(reason.to_owned()));
            }
            Message::Ping(_) | Message::Pong(_) => return Step::Continue(()),
            Message::Close(_) => return Step::Break(Ending::Gone),
        };
        match ClientMessage::parse(&text) {
            Err(reason) => end(Close::bad_request(reason)),
            Ok(ClientMessage::ConnectionInit(payload)) => self.on_init(payload.as_ref()),
            Ok(ClientMessage::Ping(payload)) => {
                if let Some(pong) = reply(&ServerMessage::Pong { payload }) {
                    permit.send(pong);
                }
                Step::Continue(())
            }
            Ok(ClientMessage::Pong) => Step::Continue(()),
            Ok(ClientMessage::Complete { id }) => {
                self.live.complete(&id);
                Step::Continue(())
            }
            Ok(ClientMessage::Subscribe { id, parameters }) => self.on_subscribe(permit, id, parameters),
        }
    }

    fn on_init(&mut self, payload: Option<&Map<String, Value>>) -> Step {
        if self.initialised {
            return end(Close::too_many_inits());
        }
        self.initialised = true;
        self.timers.initialised();
        let bearer = protocol::authorization(payload).and_then(auth::bearer).map(str::to_owned);
        let sign_in = self.endpoint.sign_in().clone();
        let time = self.endpoint.settings().request_timeout;
        self.signing_in = Box::pin(async move {
            timeout(time, sign_in.sign_in(bearer.as_deref())).await.unwrap_or(Err(SignInError::Unavailable))
        });
        Step::Continue(())
    }

    fn on_subscribe(&mut self, permit: OwnedPermit<Reply>, id: String, parameters: Parameters) -> Step {
        let Some(caller) = &self.caller else {
            return end(Close::unauthorized());
        };
        if self.live.contains(&id) {
            return end(Close::duplicate(&id));
        }
        let span = OperationSpan::of_socket(self.endpoint.observer(), &parameters.trace, &self.trace);
        span.signed_in(&caller.session);
        let admitted = Operation::prepare(parameters, self.endpoint.settings(), self.endpoint.documents());
        let placed = admitted.and_then(|operation| {
            span.admitted(&operation);
            let Some(place) = self.live.place(operation.kind) else {
                let message = "This socket has too many operations running.";
                return Err(Box::new(errors::error(Code::LimitExceeded, message)));
            };
            match self.endpoint.rate_limit().charge(caller.session.user_key, operation.points) {
                Ok(_) => Ok((operation, place)),
                Err(spent) => Err(Box::new(errors::spent(&spent))),
            }
        });
        let (operation, place) = match placed {
            Ok(placed) => placed,
            Err(mut error) => {
                errors::name_request(std::slice::from_mut(&mut *error), span.request_id());
                span.ended(std::slice::from_ref(&*error));
                let message = ServerMessage::Error { id: &id, payload: std::slice::from_ref(&*error) };
                if let Some(refusal) = reply(&message) {
                    permit.send(refusal);
                }
                return Step::Continue(());
            }
        };
        self.start(id, operation, place, &caller.session, span);
        Step::Continue(())
    }

    fn start(
        &self,
        id: String,
        operation: Operation,
        place: OwnedSemaphorePermit,
        session: &Session,
        span: OperationSpan,
    ) {
        let kind = operation.kind;
        let mut request = operation.into_request(session);
        let executor = self.endpoint.executor().clone();
        // An operation that is not heard any more has nothing left to report.
        if kind == OperationType::Subscription {
            // Begun out here, so that the task has no room for the request as long as it lasts.
            let items = executor.execute_stream(request, None);
            self.live.start(id, Some(place), |outbox| async move {
                let _ = operations::subscribe(items, outbox, span).await;
            });
            return;
        }
        let place = if kind == OperationType::Mutation {
            request = request.data(place);
            None
        } else {
            Some(place)
        };
        let tasks = self.endpoint.tasks().clone();
        let time = self.endpoint.settings().request_timeout;
        self.live.start(id, place, move |outbox| async move {
            let _ = operations::answer(executor, kind, request, tasks, time, outbox, span).await;
        });
    }
}

/// The next message, once there is room for a reply to it.
async fn receive(
    replies: &mpsc::Sender<Reply>,
    stream: &mut SplitStream<WebSocket>,
) -> (OwnedPermit<Reply>, Option<Result<Message, axum::Error>>) {
    match replies.clone().reserve_owned().await {
        Ok(permit) => (permit, stream.next().await),
        // The receiver lives as long as the conversation does.
        Err(_) => pending().await,
    }
}

/// `None` is a fault of the server: a message that is not JSON.
fn reply(message: &ServerMessage<'_>) -> Option<Reply> {
    match message.to_json() {
        Ok(text) => Some(Box::new(Message::Text(text.into()))),
        Err(error) => {
            tracing::error!(%error, "a reply cannot be written as JSON");
            None
        }
    }
}
