//! Switchboard tells an SMS team, live, who owns every customer conversation.
//!
//! It is one GraphQL API over one event log per workspace. Queries read rows. Mutations change rows and append events
//! in the same transaction. Subscriptions read events from a position in the log.
//!
//! # Modules
//!
//! A module may use only the modules below it in this table. A test checks the `use` lines.
//!
//! | module | contents |
//! |---|---|
//! | [`server`], [`auth`] | start-up, routes, and tokens to callers |
//! | [`demo`], [`seed`] | sample data |
//! | [`http`] | HTTP and WebSocket transports, the checks of GraphQL documents, the webhook, GraphiQL's page |
//! | [`graphql`] | the schema, which maps services and domain to GraphQL and contains no rules |
//! | [`service`] | use cases: permissions, transactions and results |
//! | [`store`] | Diesel: one set of queries for both databases |
//! | [`domain`] | the rules, as pure functions |
//! | [`clock`], [`random`], [`token`], [`metrics`] | time and randomness as parameters; bearer tokens; metrics |
//! | [`config`] | settings |
//! | `failpoint` | points where tests stop the program; empty in a release build |
//!
//! # Invariants
//!
//! - **Each change appends one event in the same transaction, numbered 1, 2, 3 … per workspace.** The number is taken
//!   last, under the lock of the workspace's row. The order of numbers is therefore the order of commits, without gaps
//!   ([`store::log::append`]).
//! - **An event contains the conversation before and after it.** Its effect on an agent's view is a pure function
//!   ([`domain::view::change`]). A subscription sends the conversation after the event, never the current row.
//! - **No count scans rows.** Badges are sums of counters that are updated with each change ([`domain::counts`]).
//!   `switchboard check` recounts them.
//! - **An open conversation is never owned by an agent who is inactive or cannot access its number.** The rows that an
//!   assignment depends on are locked until it is committed ([`service`]).
//! - **A wake-up carries no data.** It only requests a read, so losing one causes a delay ([`service::live::wakeups`]).
//!
//! There is no rule in a resolver, no SQL outside [`store`], no clock in [`domain`], no state in a process that another
//! process would need, and no `unsafe`.
//!
//! # How a mutation is executed
//!
//! `claimConversation` arrives over HTTP or a WebSocket. [`graphql_guard`] scans the text, parses it once, and computes
//! the cost of the expanded document. [`auth::TokenSignIn`] verifies the bearer token, which yields a
//! [`token::Caller`], and reads the caller's access. The resolver decodes the id, calls [`service::Services::claim`]
//! and maps the result.
//!
//! The service opens a transaction and reads rows in an order that avoids deadlocks. First it reads and locks the
//! agent and the agent's access, which cannot change until the commit. Then it reads and locks the conversation. On
//! PostgreSQL this takes one round trip, because independent statements are pipelined ([`store::db`]).
//! [`domain::Snapshot::claim`] then decides: it checks the current owner, the plan and the assignment model, and
//! returns a [`domain::conversation::Change`] or a [`domain::Refusal`]. A refusal ends the transaction. The client
//! receives it as an entry in `userErrors`, with the current conversation.
//!
//! [`store::log::store_and_commit`] writes the row, guarded by its version, takes the next number from the
//! workspace's row, updates the counters, writes the event and commits. This is one more round trip, so the
//! workspace's row is locked only while the database works. Of 64 agents who claim at once, one succeeds. The others
//! wait for the lock, read the owner, and are refused.
//!
//! # How an event is delivered
//!
//! After the commit, the workspace's [`service::live::log_tail::Tail`] is notified: in this process directly, and in
//! every other process by a wake-up ([`service::live::wakeups`]). The tail reads the new events into a ring, once for
//! the whole process, and notifies its watchers.
//!
//! Each subscription is a stream of [`service::live::subscriptions`] with its own position. It reads the events after
//! its position from the ring, or from the database when it is further behind. For each event, [`domain::view::change`]
//! computes the effect on the subscriber's view. When one agent loses a conversation to another, it leaves the view of
//! the first agent and enters the view of the second, and it changes in the Inbox of all agents. An event that changes
//! the subscriber's access ends the stream with a reset.
//!
//! Each item carries a cursor. A client that reconnects sends the last cursor that it has processed, and the stream
//! resumes after it. No event is lost. An event may be delivered twice, which does no harm, because each item contains
//! the whole conversation.

#![forbid(unsafe_code)]

pub mod auth;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
mod failpoint;
pub mod graphql;
pub mod http;
pub mod metrics;
pub mod random;
mod routes;
pub mod seed;
pub mod server;
pub mod service;
pub mod store;
pub mod token;
