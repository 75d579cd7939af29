//! A client's connection, from the upgrade to the close.
//!
//! A connection is one task. It reads and writes concurrently, so that neither a slow
//! client nor a busy subscription delays the handling of `complete`. Operations run in
//! separate tasks, which are aborted when the connection ends, except for mutations: see
//! [`crate::operation::execute`].

use std::{future::pending, ops::ControlFlow};

use async_graphql::{Executor, Request, parser::types::OperationType};
use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{SplitSink, SplitStream},
};
use serde_json::{Map, Value};
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        mpsc::{self, OwnedPermit},
    },
    time::{Instant, sleep_until, timeout},
};

use super::{
    limits::{AgentPermit, SocketPermit},
    operations::{self, LiveOperations},
    protocol::{self, AckPayload, ClientMessage, Close, ServerMessage},
    timers::{Due, Timers},
    writer::{self, Ending, Reply},
};
use crate::{
    auth::{self, Session, SignIn, SignInError},
    conformance::Execution,
    endpoint::GraphqlEndpoint,
    errors::{self, Code},
    operation::{self, Operation},
    operation_span::OperationSpan,
    parameters::Parameters,
    trace_context::TraceContext,
};

/// The capacity of the queue of replies to the client's messages. While it is full, no
/// message is read.
const REPLIES: usize = 8;

/// Serves a socket until it is closed. `trace` is the trace context of the upgrade request.
pub(super) async fn serve<E: Executor, A: SignIn>(
    endpoint: GraphqlEndpoint<E, A>,
    socket: WebSocket,
    permit: SocketPermit,
    trace: TraceContext,
) {
    let negotiated = socket.protocol().is_some();
    let (mut sink, mut stream) = socket.split();
    let ending = if negotiated {
        run_connection(&endpoint, trace, &mut sink, &mut stream).await
    } else {
        Ending::Close(Close::subprotocol())
    };
    writer::close(sink, stream, ending).await;
    drop(permit);
}

async fn run_connection<E: Executor, A: SignIn>(
    endpoint: &GraphqlEndpoint<E, A>,
    trace: TraceContext,
    sink: &mut SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
) -> Ending {
    let (live, deliveries) = LiveOperations::new(endpoint.settings());
    let (replies, queued_replies) = mpsc::channel(REPLIES);
    let mut connection = SocketConnection {
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
        ending = connection.run(stream) => ending,
        ending = writer::write(sink, queued_replies, deliveries, &live, deadline) => ending,
    }
}

/// A caller who has signed in.
struct SocketCaller {
    session: Session,
    _permit: Option<AgentPermit>,
}

struct SocketConnection<'a, E, A> {
    endpoint: &'a GraphqlEndpoint<E, A>,
    trace: TraceContext,
    live: &'a LiveOperations,
    timers: Timers,
    replies: mpsc::Sender<Reply>,
    /// Whether `connection_init` has arrived. A second one is an error.
    initialised: bool,
    signing_in: BoxFuture<'static, Result<Session, SignInError>>,
    revoked: BoxFuture<'static, ()>,
    caller: Option<SocketCaller>,
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
            // Events that end the connection are polled first, so that no message is handled after them.
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
                // If the queue is full, the writer is blocked, and the write deadline applies instead.
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
            Err(SignInError::Unauthenticated(problem, _)) => return end(Close::forbidden(problem)),
            Err(SignInError::Unavailable) => return end(Close::sign_in_unavailable()),
        };
        let permit = match session.user_key {
            None => None,
            Some(agent) => match self.endpoint.sockets().acquire_for_agent(agent) {
                Some(permit) => Some(permit),
                None => return end(Close::too_many_sockets()),
            },
        };
        self.timers.expire_in(session.expires_in, Instant::now());
        self.revoked = std::mem::replace(&mut session.revoked, Box::pin(pending()));
        self.caller = Some(SocketCaller { session, _permit: permit });
        let Some(ack) = reply(&ServerMessage::ConnectionAck {
            payload: AckPayload { schema_hash: self.endpoint.schema().hash() },
        }) else {
            return Step::Break(Ending::Gone);
        };
        // Waiting here cannot block forever: the writer either makes room or ends the connection.
        match self.replies.send(ack).await {
            Ok(()) => Step::Continue(()),
            Err(_) => Step::Break(Ending::Gone),
        }
    }

    fn on_unreadable(&self, error: &axum::Error) -> Step {
        // axum does not re-export the type of the cause, so compare its text.
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
        if !self.timers.count_frame(Instant::now()) {
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

    fn on_subscribe(
        &mut self,
        reply_permit: OwnedPermit<Reply>,
        id: String,
        parameters: Result<Parameters, String>,
    ) -> Step {
        let Some(caller) = &self.caller else {
            return end(Close::unauthorized());
        };
        if self.live.contains(&id) {
            return end(Close::duplicate(&id));
        }
        let no_trace = TraceContext::default();
        let trace = parameters.as_ref().map_or(&no_trace, |parameters| &parameters.trace);
        let span = OperationSpan::socket(self.endpoint.observer(), trace, &self.trace);
        span.record_session(&caller.session);
        let prepared = parameters
            .map_err(|reason| Box::new(errors::error(Code::BadUserInput, reason)))
            .and_then(|parameters| {
                let endpoint = self.endpoint;
                Operation::prepare(
                    parameters,
                    endpoint.settings(),
                    endpoint.documents(),
                    endpoint.persisted(),
                )
            });
        let accepted = prepared.and_then(|mut operation| {
            operation.persist(self.endpoint.persisted());
            span.record_operation(&operation);
            let Some(permit) = self.live.acquire(operation.kind) else {
                let message = "This socket has too many operations running.";
                return Err(Box::new(errors::error(Code::LimitExceeded, message)));
            };
            let charged = self.endpoint.rate_limit().charge(caller.session.user_key, operation.points);
            charged.map_err(|limited| errors::rate_limited(&limited))?;
            Ok((operation, permit))
        });
        let conformed = accepted.map_err(|error| vec![*error]).and_then(|(operation, permit)| {
            let kind = operation.kind;
            let prepared = operation.conform(
                self.endpoint.schema(),
                operation::Caller::Socket(&caller.session),
                &span,
            )?;
            Ok((kind, prepared, permit))
        });
        let (kind, prepared, permit) = match conformed {
            Ok(conformed) => conformed,
            Err(mut errors) => {
                errors::set_request_id(&mut errors, span.request_id());
                span.record_errors(&errors);
                let message = ServerMessage::Error { id: &id, payload: &errors };
                if let Some(refusal) = reply(&message) {
                    reply_permit.send(refusal);
                }
                return Step::Continue(());
            }
        };
        self.start(id, kind, prepared, permit, span);
        Step::Continue(())
    }

    fn start(
        &self,
        id: String,
        kind: OperationType,
        (mut request, execution): (Request, Execution),
        permit: OwnedSemaphorePermit,
        span: OperationSpan,
    ) {
        let executor = self.endpoint.executor().clone();
        // The tasks ignore `SocketClosed`: without a client, there is nothing left to do.
        if kind == OperationType::Subscription {
            // The stream is created here, so that the future of the task does not reserve memory for the request.
            let items = executor.execute_stream(request, None);
            self.live.start(id, Some(permit), |outbox| async move {
                let _ = operations::subscribe(items, execution, outbox, span).await;
            });
            return;
        }
        // A mutation continues after `complete`, so its request holds the permit.
        let permit = if kind == OperationType::Mutation {
            request = request.data(permit);
            None
        } else {
            Some(permit)
        };
        let tasks = self.endpoint.tasks().clone();
        let time = self.endpoint.settings().request_timeout;
        self.live.start(id, permit, move |outbox| async move {
            let _ = operations::answer(executor, kind, (request, execution), tasks, time, outbox, span).await;
        });
    }
}

/// Waits until there is room for a reply, then receives the next message.
async fn receive(
    replies: &mpsc::Sender<Reply>,
    stream: &mut SplitStream<WebSocket>,
) -> (OwnedPermit<Reply>, Option<Result<Message, axum::Error>>) {
    match replies.clone().reserve_owned().await {
        Ok(permit) => (permit, stream.next().await),
        // The receiver lives as long as the connection.
        Err(_) => pending().await,
    }
}

/// Serialises a reply. Returns `None` and logs the error if the message cannot be written as JSON.
fn reply(message: &ServerMessage<'_>) -> Option<Reply> {
    match message.to_json() {
        Ok(text) => Some(Box::new(Message::Text(text.into()))),
        Err(error) => {
            tracing::error!(%error, "a reply cannot be written as JSON");
            None
        }
    }
}
