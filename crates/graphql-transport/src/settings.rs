//! Every bound of the transport, with its default.

use std::time::Duration;

use graphql_guard::DocumentLimits;

use crate::persisted::TrustedDocuments;

/// Who may select `__schema` and `__type`, and read `/schema.graphql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introspection {
    /// Nobody. Error messages do not suggest names of the schema.
    Off,
    /// Callers who have signed in.
    SignedIn,
    /// Everybody.
    Public,
}

/// The limits of the transport. Sizes are in bytes.
#[derive(Debug, Clone)]
pub struct TransportSettings {
    /// The maximum length of an HTTP body.
    pub body_bytes: usize,
    /// The maximum length of a WebSocket message.
    pub message_bytes: usize,
    /// How long a client may take to send `connection_init` on a new socket.
    pub init_timeout: Duration,
    /// The interval of the server's pings on a socket.
    pub ping_interval: Duration,
    /// How long a client may take to answer a ping.
    pub pong_timeout: Duration,
    /// How long the client may take to read one message.
    pub write_deadline: Duration,
    /// The maximum number of open subscriptions per socket.
    pub subscriptions_per_socket: usize,
    /// The maximum number of running queries and mutations per socket.
    pub results_per_socket: usize,
    /// The maximum number of open sockets per agent.
    pub sockets_per_agent: usize,
    /// The maximum number of open sockets.
    pub sockets_per_process: usize,
    /// The maximum number of new sockets per second.
    pub new_sockets_per_second: u32,
    /// The maximum number of frames that a client may send per
    /// [`client_frames_window`](Self::client_frames_window).
    pub client_frames: u32,
    /// The window in which a socket's frames are counted.
    pub client_frames_window: Duration,
    /// The size of a socket's read buffer.
    pub read_buffer_bytes: usize,
    /// The size of a socket's write buffer; 0 writes each message immediately.
    pub write_buffer_bytes: usize,
    /// How long a request may take. If the body has not arrived by then, the response is 408; if the operation has not
    /// completed by then, the response is `UNAVAILABLE`.
    pub request_timeout: Duration,
    /// How long a client may take to send the first byte, and the headers of a request.
    pub header_timeout: Duration,
    /// How long a connection may be idle between two requests. Load balancers expect more than 60 s.
    pub keep_alive: Duration,
    /// The rate limit of an agent, in points per minute. An agent may spend a full minute's points at once; 0 disables
    /// the limit.
    pub points_per_minute: u32,
    /// Other origins whose pages may open a socket. The server's own origin is always allowed.
    pub allowed_origins: Vec<String>,
    /// Whether pages that this machine serves may open a socket: those of `localhost` and of loopback addresses, on any
    /// port. For development.
    pub allow_localhost: bool,
    /// Who may read the schema.
    pub introspection: Introspection,
    /// The documents that clients can refer to by an ID.
    pub trusted_documents: TrustedDocuments,
    /// Limits on documents and variables.
    pub document: DocumentLimits,
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
            keep_alive: Duration::from_secs(75),
            points_per_minute: 6_000,
            allowed_origins: Vec::new(),
            allow_localhost: false,
            introspection: Introspection::Public,
            trusted_documents: TrustedDocuments::default(),
            document: DocumentLimits::default(),
        }
    }
}
