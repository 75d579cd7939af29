//! Every bound of the transport, with its default.

use std::{collections::HashSet, sync::Arc, time::Duration};

use graphql_guard::DocumentLimits;

/// Every bound of the transport. Sizes are in bytes.
#[derive(Debug, Clone)]
pub struct TransportSettings {
    /// The longest HTTP body.
    pub body_bytes: usize,
    /// The longest WebSocket message.
    pub message_bytes: usize,
    /// How long a new socket may take to send `connection_init`.
    pub init_timeout: Duration,
    /// How often a socket is pinged.
    pub ping_interval: Duration,
    /// How long a pinged socket may stay silent.
    pub pong_timeout: Duration,
    /// How long one message may wait for the client to read it.
    pub write_deadline: Duration,
    /// Subscriptions that one socket may hold open.
    pub subscriptions_per_socket: usize,
    /// Queries and mutations that one socket may have running.
    pub results_per_socket: usize,
    /// Sockets that one agent may hold open.
    pub sockets_per_agent: usize,
    /// Sockets that the process accepts.
    pub sockets_per_process: usize,
    /// New sockets that the process accepts in a second.
    pub new_sockets_per_second: u32,
    /// Frames that a socket may send in [`client_frames_window`](Self::client_frames_window).
    pub client_frames: u32,
    /// The window in which a socket's frames are counted.
    pub client_frames_window: Duration,
    /// The read buffer of a socket.
    pub read_buffer_bytes: usize,
    /// How much a socket buffers before it writes; 0 writes each message at once.
    pub write_buffer_bytes: usize,
    /// How long a request may take: its body, which is answered with 408 after that, and its answer, which is
    /// `UNAVAILABLE` after that.
    pub request_timeout: Duration,
    /// How long a connection may take to send the headers of a request, and so how long it may be idle.
    pub header_timeout: Duration,
    /// Points that one agent may spend in a minute, all at once if they like; 0 for as many as they like.
    pub points_per_minute: u32,
    /// Origins, besides the server's own, whose pages may open a socket.
    pub allowed_origins: Vec<String>,
    /// Whether `__schema` and `__type` are answered.
    pub introspection: bool,
    /// What a document may cost.
    pub document: DocumentLimits,
    /// The names of the schema's types. When set, a document that declares a variable or a fragment of another
    /// is refused before it reaches the executor.
    pub type_names: Option<Arc<HashSet<String>>>,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            body_bytes: 256 * 1024,
            message_bytes: 64 * 1024,
            init_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            write_deadline: Duration::from_secs(10),
            subscriptions_per_socket: 20,
            results_per_socket: 20,
            sockets_per_agent: 10,
            sockets_per_process: 20_000,
            new_sockets_per_second: 200,
            client_frames: 1_200,
            client_frames_window: Duration::from_secs(60),
            read_buffer_bytes: 4 * 1024,
            write_buffer_bytes: 0,
            request_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            points_per_minute: 6_000,
            allowed_origins: Vec::new(),
            introspection: true,
            document: DocumentLimits::default(),
            type_names: None,
        }
    }
}
