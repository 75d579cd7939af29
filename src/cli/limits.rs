//! The limits of `serve`: each a flag, a variable and a default, in one place.
//!
//! Page sizes, the lengths of what agents type, and the hundred ids of a bulk mutation are not among them: they are
//! part of the API, its schema states them, and clients are written against them.

use std::time::Duration;

use clap::Args;
use graphql_guard::{DocumentLimits, NESTING_CEILING};
use graphql_transport::settings::TransportSettings;
use switchboard::graphql;
use switchboard::store::Timeouts;

use super::duration;

/// Bounds that an operator may want to move.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// How long a request may take, its body included
    #[arg(long, env = "SWITCHBOARD_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration::parse, value_name = "SPAN")]
    request_timeout: Duration,
    /// How long the headers of a request may take, and a connection may be idle
    #[arg(long, env = "SWITCHBOARD_HEADER_TIMEOUT", default_value = "30s", value_parser = duration::parse, value_name = "SPAN")]
    header_timeout: Duration,
    /// How long PostgreSQL may work on a statement
    #[arg(long, env = "SWITCHBOARD_STATEMENT_TIMEOUT", default_value = "5s", value_parser = duration::parse, value_name = "SPAN")]
    statement_timeout: Duration,
    /// How long a statement may wait for a lock of PostgreSQL
    #[arg(long, env = "SWITCHBOARD_LOCK_TIMEOUT", default_value = "2s", value_parser = duration::parse, value_name = "SPAN")]
    lock_timeout: Duration,
    /// Points that one agent may spend in a minute, at once or by and by: a query costs 1, a mutation 5; 0 for as many as they like
    #[arg(long, env = "SWITCHBOARD_POINTS_PER_MINUTE", default_value_t = defaults().points_per_minute, value_parser = clap::value_parser!(u32).range(0..))]
    points_per_minute: u32,
    /// The longest HTTP body, in bytes
    #[arg(long, env = "SWITCHBOARD_BODY_BYTES", default_value_t = defaults().body_bytes, value_parser = positive)]
    body_bytes: usize,
    /// The longest WebSocket message, in bytes
    #[arg(long, env = "SWITCHBOARD_MESSAGE_BYTES", default_value_t = defaults().message_bytes, value_parser = positive)]
    message_bytes: usize,
    /// The longest document, in bytes
    #[arg(long, env = "SWITCHBOARD_QUERY_BYTES", default_value_t = defaults().document.query_bytes, value_parser = positive)]
    query_bytes: usize,
    /// Brackets inside each other in a document, counted before it is parsed; at most 64
    #[arg(long, env = "SWITCHBOARD_NESTING", default_value_t = defaults().document.nesting, value_parser = up_to_ceiling)]
    nesting: usize,
    /// Tokens of a document
    #[arg(long, env = "SWITCHBOARD_TOKENS", default_value_t = defaults().document.tokens, value_parser = positive)]
    tokens: usize,
    /// Fields of a document, with its fragments written out
    #[arg(long, env = "SWITCHBOARD_SELECTIONS", default_value_t = defaults().document.selections, value_parser = positive)]
    selections: usize,
    /// Fields inside each other in a document
    #[arg(long, env = "SWITCHBOARD_DEPTH", default_value_t = defaults().document.depth, value_parser = positive)]
    depth: usize,
    /// What a document may cost: its fields, those of a list as often as the list is long
    #[arg(long, env = "SWITCHBOARD_COMPLEXITY", default_value_t = graphql::Limits::default().complexity, value_parser = positive)]
    complexity: usize,
    /// Aliases of an operation
    #[arg(long, env = "SWITCHBOARD_ALIASES", default_value_t = defaults().document.aliases, value_parser = positive)]
    aliases: usize,
    /// Fields at the root of an operation
    #[arg(long, env = "SWITCHBOARD_ROOT_FIELDS", default_value_t = defaults().document.root_fields, value_parser = positive)]
    root_fields: usize,
    /// Directives of a document
    #[arg(long, env = "SWITCHBOARD_DIRECTIVES", default_value_t = defaults().document.directives, value_parser = positive)]
    directives: usize,
    /// Arguments of a field or directive
    #[arg(long, env = "SWITCHBOARD_ARGUMENTS", default_value_t = defaults().document.arguments, value_parser = positive)]
    arguments: usize,
    /// Literal values of a document
    #[arg(long, env = "SWITCHBOARD_VALUES", default_value_t = defaults().document.values, value_parser = positive)]
    values: usize,
    /// Places of a document that use a variable
    #[arg(long, env = "SWITCHBOARD_VARIABLE_USES", default_value_t = defaults().document.variable_uses, value_parser = positive)]
    variable_uses: usize,
    /// What introspection may cost; what tools send costs about 450,000
    #[arg(long, env = "SWITCHBOARD_INTROSPECTION_COST", default_value_t = defaults().document.introspection_cost, value_parser = positive)]
    introspection_cost: usize,
    /// Items of a list, in a document and in variables
    #[arg(long, env = "SWITCHBOARD_LIST_ITEMS", default_value_t = defaults().document.list_items, value_parser = positive)]
    list_items: usize,
    /// The longest variables, in bytes
    #[arg(long, env = "SWITCHBOARD_VARIABLES_BYTES", default_value_t = defaults().document.variables_bytes, value_parser = positive)]
    variables_bytes: usize,
    /// Values in the variables
    #[arg(long, env = "SWITCHBOARD_VARIABLE_VALUES", default_value_t = defaults().document.variable_values, value_parser = positive)]
    variable_values: usize,
    /// Subscriptions that one socket may hold open
    #[arg(long, env = "SWITCHBOARD_SUBSCRIPTIONS_PER_SOCKET", default_value_t = defaults().subscriptions_per_socket, value_parser = positive)]
    subscriptions_per_socket: usize,
    /// Queries and mutations that one socket may have running
    #[arg(long, env = "SWITCHBOARD_RESULTS_PER_SOCKET", default_value_t = defaults().results_per_socket, value_parser = positive)]
    results_per_socket: usize,
    /// Sockets that one agent may hold open
    #[arg(long, env = "SWITCHBOARD_SOCKETS_PER_AGENT", default_value_t = defaults().sockets_per_agent, value_parser = positive)]
    sockets_per_agent: usize,
    /// Sockets that this process accepts
    #[arg(long, env = "SWITCHBOARD_SOCKETS", default_value_t = defaults().sockets_per_process, value_parser = positive)]
    sockets: usize,
    /// New sockets that this process accepts in a second
    #[arg(long, env = "SWITCHBOARD_NEW_SOCKETS_PER_SECOND", default_value_t = defaults().new_sockets_per_second, value_parser = clap::value_parser!(u32).range(1..))]
    new_sockets_per_second: u32,
    /// Frames that a socket may send in the window
    #[arg(long, env = "SWITCHBOARD_CLIENT_FRAMES", default_value_t = defaults().client_frames, value_parser = clap::value_parser!(u32).range(1..))]
    client_frames: u32,
    /// The window in which frames are counted
    #[arg(long, env = "SWITCHBOARD_CLIENT_FRAMES_WINDOW", default_value = "60s", value_parser = duration::parse, value_name = "SPAN")]
    client_frames_window: Duration,
    /// How long a new socket may take to sign in
    #[arg(long, env = "SWITCHBOARD_INIT_TIMEOUT", default_value = "5s", value_parser = duration::parse, value_name = "SPAN")]
    init_timeout: Duration,
    /// How often a socket is pinged
    #[arg(long, env = "SWITCHBOARD_PING_INTERVAL", default_value = "25s", value_parser = duration::parse, value_name = "SPAN")]
    ping_interval: Duration,
    /// How long a pinged socket may stay silent
    #[arg(long, env = "SWITCHBOARD_PONG_TIMEOUT", default_value = "10s", value_parser = duration::parse, value_name = "SPAN")]
    pong_timeout: Duration,
    /// How long a message may wait for its client to read it, before the socket is closed
    #[arg(long, env = "SWITCHBOARD_WRITE_DEADLINE", default_value = "10s", value_parser = duration::parse, value_name = "SPAN")]
    write_deadline: Duration,
    /// The read buffer of a socket, in bytes
    #[arg(long, env = "SWITCHBOARD_READ_BUFFER_BYTES", default_value_t = defaults().read_buffer_bytes, value_parser = positive)]
    read_buffer_bytes: usize,
    /// How much a socket buffers before it writes; 0 writes each message at once
    #[arg(long, env = "SWITCHBOARD_WRITE_BUFFER_BYTES", default_value_t = defaults().write_buffer_bytes, value_parser = clap::value_parser!(usize))]
    write_buffer_bytes: usize,
}

impl LimitArgs {
    /// The transport's settings with these bounds.
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
            points_per_minute: self.points_per_minute,
            sockets_per_process: self.sockets,
            document: self.document(),
            ..defaults()
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

    /// What the executor holds operations to.
    pub fn operations(&self) -> graphql::Limits {
        graphql::Limits { depth: self.depth, complexity: self.complexity, ..graphql::Limits::default() }
    }

    /// What PostgreSQL is held to.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts { statement: self.statement_timeout, lock: self.lock_timeout }
    }
}

fn defaults() -> TransportSettings {
    TransportSettings::default()
}

/// A whole number above 0.
///
/// # Errors
/// What to write instead.
pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a whole number above 0".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn up_to_ceiling(text: &str) -> Result<usize, String> {
    match positive(text) {
        Ok(levels) if levels <= NESTING_CEILING => Ok(levels),
        _ => Err(format!("write a whole number from 1 to {NESTING_CEILING}: the parser goes no deeper")),
    }
}

#[cfg(test)]
mod tests;
