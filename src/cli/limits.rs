//! The limits of `serve`. Each has a flag, an environment variable and a default.
//!
//! The maximum page size, the maximum lengths of texts, and the maximum number of ids in a bulk mutation cannot be
//! configured. They are part of the API: the schema documents them, and clients rely on them.

use std::time::Duration;

use clap::Args;
use graphql_guard::{DocumentLimits, NESTING_CEILING};
use graphql_transport::persisted::TrustedDocuments;
use graphql_transport::settings::{Introspection, TransportSettings};
use switchboard::graphql;
use switchboard::store::Timeouts;

use super::duration;

/// The limits that an operator can change.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Maximum duration of a request, including reading its body
    #[arg(long, env = "SWITCHBOARD_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration::parse, value_name = "DURATION")]
    request_timeout: Duration,
    /// Maximum time to receive the first byte of a connection, and the headers of a request
    #[arg(long, env = "SWITCHBOARD_HEADER_TIMEOUT", default_value = "30s", value_parser = duration::parse, value_name = "DURATION")]
    header_timeout: Duration,
    /// Maximum time that a connection is idle between two requests; more than the load balancer's
    #[arg(long, env = "SWITCHBOARD_KEEP_ALIVE", default_value = "75s", value_parser = duration::parse, value_name = "DURATION")]
    keep_alive: Duration,
    /// Maximum duration of a PostgreSQL statement
    #[arg(long, env = "SWITCHBOARD_STATEMENT_TIMEOUT", default_value = "5s", value_parser = duration::parse, value_name = "DURATION")]
    statement_timeout: Duration,
    /// Maximum time that a PostgreSQL statement waits for a lock
    #[arg(long, env = "SWITCHBOARD_LOCK_TIMEOUT", default_value = "2s", value_parser = duration::parse, value_name = "DURATION")]
    lock_timeout: Duration,
    /// Rate limit: points per agent and minute, where a query costs 1 and a mutation 5; 0 turns the limit off
    #[arg(long, env = "SWITCHBOARD_POINTS_PER_MINUTE", default_value_t = defaults().points_per_minute, value_parser = clap::value_parser!(u32).range(0..))]
    points_per_minute: u32,
    /// Maximum size of an HTTP request body, in bytes
    #[arg(long, env = "SWITCHBOARD_BODY_BYTES", default_value_t = defaults().body_bytes, value_parser = positive)]
    body_bytes: usize,
    /// Maximum size of a WebSocket message from a client, in bytes
    #[arg(long, env = "SWITCHBOARD_MESSAGE_BYTES", default_value_t = defaults().message_bytes, value_parser = positive)]
    message_bytes: usize,
    /// Maximum size of a document, in bytes
    #[arg(long, env = "SWITCHBOARD_QUERY_BYTES", default_value_t = defaults().document.query_bytes, value_parser = positive)]
    query_bytes: usize,
    /// Maximum nesting of brackets in a document, checked before parsing; at most 64
    #[arg(long, env = "SWITCHBOARD_NESTING", default_value_t = defaults().document.nesting, value_parser = up_to_ceiling)]
    nesting: usize,
    /// Maximum number of tokens in a document
    #[arg(long, env = "SWITCHBOARD_TOKENS", default_value_t = defaults().document.tokens, value_parser = positive)]
    tokens: usize,
    /// Maximum number of fields in a document, with all fragments expanded
    #[arg(long, env = "SWITCHBOARD_SELECTIONS", default_value_t = defaults().document.selections, value_parser = positive)]
    selections: usize,
    /// Maximum nesting of fields in a document
    #[arg(long, env = "SWITCHBOARD_DEPTH", default_value_t = defaults().document.depth, value_parser = positive)]
    depth: usize,
    /// Maximum complexity of a document: the number of its fields, where the fields of a list count once per item
    #[arg(long, env = "SWITCHBOARD_COMPLEXITY", default_value_t = graphql::Limits::default().complexity, value_parser = positive)]
    complexity: usize,
    /// Maximum number of aliases in an operation
    #[arg(long, env = "SWITCHBOARD_ALIASES", default_value_t = defaults().document.aliases, value_parser = positive)]
    aliases: usize,
    /// Maximum number of root fields in an operation
    #[arg(long, env = "SWITCHBOARD_ROOT_FIELDS", default_value_t = defaults().document.root_fields, value_parser = positive)]
    root_fields: usize,
    /// Maximum number of directives in a document
    #[arg(long, env = "SWITCHBOARD_DIRECTIVES", default_value_t = defaults().document.directives, value_parser = positive)]
    directives: usize,
    /// Maximum number of arguments of a field or directive
    #[arg(long, env = "SWITCHBOARD_ARGUMENTS", default_value_t = defaults().document.arguments, value_parser = positive)]
    arguments: usize,
    /// Maximum number of literal values in a document
    #[arg(long, env = "SWITCHBOARD_VALUES", default_value_t = defaults().document.values, value_parser = positive)]
    values: usize,
    /// Maximum number of variable uses in a document
    #[arg(long, env = "SWITCHBOARD_VARIABLE_USES", default_value_t = defaults().document.variable_uses, value_parser = positive)]
    variable_uses: usize,
    /// Maximum cost of an introspection query; the queries of common tools cost about 450,000
    #[arg(long, env = "SWITCHBOARD_INTROSPECTION_COST", default_value_t = defaults().document.introspection_cost, value_parser = positive)]
    introspection_cost: usize,
    /// Maximum number of items in a list value, in a document or in variables
    #[arg(long, env = "SWITCHBOARD_LIST_ITEMS", default_value_t = defaults().document.list_items, value_parser = positive)]
    list_items: usize,
    /// Maximum size of the variables, in bytes
    #[arg(long, env = "SWITCHBOARD_VARIABLES_BYTES", default_value_t = defaults().document.variables_bytes, value_parser = positive)]
    variables_bytes: usize,
    /// Maximum number of values in the variables
    #[arg(long, env = "SWITCHBOARD_VARIABLE_VALUES", default_value_t = defaults().document.variable_values, value_parser = positive)]
    variable_values: usize,
    /// Maximum number of open subscriptions per WebSocket connection
    #[arg(long, env = "SWITCHBOARD_SUBSCRIPTIONS_PER_SOCKET", default_value_t = defaults().subscriptions_per_socket, value_parser = positive)]
    subscriptions_per_socket: usize,
    /// Maximum number of running queries and mutations per WebSocket connection
    #[arg(long, env = "SWITCHBOARD_RESULTS_PER_SOCKET", default_value_t = defaults().results_per_socket, value_parser = positive)]
    results_per_socket: usize,
    /// Maximum number of WebSocket connections per agent
    #[arg(long, env = "SWITCHBOARD_SOCKETS_PER_AGENT", default_value_t = defaults().sockets_per_agent, value_parser = positive)]
    sockets_per_agent: usize,
    /// Maximum number of WebSocket connections per process
    #[arg(long, env = "SWITCHBOARD_SOCKETS", default_value_t = defaults().sockets_per_process, value_parser = positive)]
    sockets: usize,
    /// Maximum number of new WebSocket connections per process and second
    #[arg(long, env = "SWITCHBOARD_NEW_SOCKETS_PER_SECOND", default_value_t = defaults().new_sockets_per_second, value_parser = clap::value_parser!(u32).range(1..))]
    new_sockets_per_second: u32,
    /// Maximum number of frames that a client may send per window
    #[arg(long, env = "SWITCHBOARD_CLIENT_FRAMES", default_value_t = defaults().client_frames, value_parser = clap::value_parser!(u32).range(1..))]
    client_frames: u32,
    /// Length of the window for --client-frames
    #[arg(long, env = "SWITCHBOARD_CLIENT_FRAMES_WINDOW", default_value = "60s", value_parser = duration::parse, value_name = "DURATION")]
    client_frames_window: Duration,
    /// Maximum time between opening a WebSocket connection and its `connection_init` message
    #[arg(long, env = "SWITCHBOARD_INIT_TIMEOUT", default_value = "5s", value_parser = duration::parse, value_name = "DURATION")]
    init_timeout: Duration,
    /// Time between two pings on a WebSocket connection
    #[arg(long, env = "SWITCHBOARD_PING_INTERVAL", default_value = "25s", value_parser = duration::parse, value_name = "DURATION")]
    ping_interval: Duration,
    /// Maximum time to wait for the answer to a ping
    #[arg(long, env = "SWITCHBOARD_PONG_TIMEOUT", default_value = "10s", value_parser = duration::parse, value_name = "DURATION")]
    pong_timeout: Duration,
    /// Maximum time in which a client that does not read is kept: for a WebSocket message, and for any progress of a
    /// response
    #[arg(long, env = "SWITCHBOARD_WRITE_DEADLINE", default_value = "10s", value_parser = duration::parse, value_name = "DURATION")]
    write_deadline: Duration,
    /// Size of the read buffer of a WebSocket connection, in bytes
    #[arg(long, env = "SWITCHBOARD_READ_BUFFER_BYTES", default_value_t = defaults().read_buffer_bytes, value_parser = positive)]
    read_buffer_bytes: usize,
    /// Size of the write buffer of a WebSocket connection, in bytes; 0 writes each message immediately
    #[arg(long, env = "SWITCHBOARD_WRITE_BUFFER_BYTES", default_value_t = defaults().write_buffer_bytes, value_parser = clap::value_parser!(usize))]
    write_buffer_bytes: usize,
}

impl LimitArgs {
    /// The settings of the transport with these limits.
    pub fn transport(&self) -> TransportSettings {
        TransportSettings {
            body_bytes: self.body_bytes,
            message_bytes: self.message_bytes,
            init_timeout: self.init_timeout,
            ping_interval: self.ping_interval,
            pong_timeout: self.pong_timeout,
            write_deadline: self.write_deadline,
            subscriptions_per_socket: self.subscriptions_per_socket,
            results_per_socket: self.results_per_socket,
            sockets_per_agent: self.sockets_per_agent,
            new_sockets_per_second: self.new_sockets_per_second,
            client_frames: self.client_frames,
            client_frames_window: self.client_frames_window,
            read_buffer_bytes: self.read_buffer_bytes,
            write_buffer_bytes: self.write_buffer_bytes,
            request_timeout: self.request_timeout,
            header_timeout: self.header_timeout,
            keep_alive: self.keep_alive,
            points_per_minute: self.points_per_minute,
            sockets_per_process: self.sockets,
            document: self.document(),
            // These are no limits: `ServeArgs` sets them.
            allowed_origins: Vec::new(),
            allow_localhost: false,
            introspection: Introspection::Off,
            trusted_documents: TrustedDocuments::default(),
        }
    }

    fn document(&self) -> DocumentLimits {
        DocumentLimits {
            query_bytes: self.query_bytes,
            nesting: self.nesting,
            tokens: self.tokens,
            selections: self.selections,
            depth: self.depth,
            aliases: self.aliases,
            root_fields: self.root_fields,
            directives: self.directives,
            arguments: self.arguments,
            values: self.values,
            variable_uses: self.variable_uses,
            introspection_cost: self.introspection_cost,
            list_items: self.list_items,
            variables_bytes: self.variables_bytes,
            variable_values: self.variable_values,
        }
    }

    /// The limits of the executor.
    pub fn operations(&self) -> graphql::Limits {
        let graphql::Limits { depth: _, complexity: _, directives } = graphql::Limits::default();
        graphql::Limits { depth: self.depth, complexity: self.complexity, directives }
    }

    /// The timeouts of PostgreSQL.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts { statement: self.statement_timeout, lock: self.lock_timeout }
    }
}

fn defaults() -> TransportSettings {
    TransportSettings::default()
}

/// Parses a whole number greater than 0.
///
/// # Errors
/// A message that says what to write instead.
pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a whole number greater than 0".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn up_to_ceiling(text: &str) -> Result<usize, String> {
    match positive(text) {
        Ok(levels) if levels <= NESTING_CEILING => Ok(levels),
        _ => Err(format!(
            "must be a whole number from 1 to {NESTING_CEILING}, which is the limit of the parser"
        )),
    }
}

#[cfg(test)]
mod tests;
