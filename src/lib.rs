//! Switchboard tells an SMS team, live, who owns every customer conversation.
//!
//! It is one GraphQL API over one log of events. Queries read rows, mutations change rows and append events in
//! the same transaction, and everything live is a position in that log.
//!
//! # The map
//!
//! A module may use those below it, never those above; a test reads the `use` lines and fails on a breach.
//!
//! | module | holds |
//! |---|---|
//! | [`app`], [`demo`], [`seed`] | a running server, put together; worlds to fill it with |
//! | [`http`] | the two transports, the guard in front of them, the webhook, GraphiQL's page |
//! | [`graphql`] | the schema: a view over services and domain, with no rule in it |
//! | [`service`] | one function a use case: who may, in which transaction, with which outcome |
//! | [`store`] | Diesel: both databases behind one set of queries |
//! | [`domain`] | the rules, pure |
//! | [`clock`], [`token`], [`metrics`], [`config`], [`synthetic`] | time as a parameter; bearer tokens; counts; settings; believable texts |
//! | `known` | what has been found out about documents that are sent again and again |
//! | `failpoint` | where tests stop the program; empty in a release build |
//!
//! # What always holds
//!
//! - **One event a change, in the same transaction, numbered 1, 2, 3 … per workspace.** The number is taken
//!   last, under the lock of the workspace's row, so number order is commit order and has no gaps
//!   ([`store::log::append`]).
//! - **An event holds the conversation before and after it.** What it means to any agent's view is a pure
//!   function ([`domain::view::change`]), and what is pushed is the after-image, never the row as it is by then.
//! - **No count walks over rows.** Badges are sums of counters that moved with the change
//!   ([`domain::counts`]); `switchboard check` counts everything again.
//! - **An open conversation is never owned by somebody who cannot work it.** The rows that an assignment rests
//!   on are held until it is committed ([`service`]).
//! - **A wake-up carries no data.** It says "look again"; losing one costs a delay ([`service::wakeups`]).
//!
//! And what is absent: no rule in a resolver, no SQL outside [`store`], no clock in [`domain`], no state in a
//! process that another process would need, no `unsafe`.
//!
//! # One mutation, from the socket to the disk
//!
//! `claimConversation` arrives as HTTP or as a WebSocket message. [`http::guard`] looks at the text once, without
//! trusting it, parses it once and counts what it would expand to. [`auth::TokenSignIn`] turns the bearer token
//! into a [`token::Caller`] and reads what that agent can access. The resolver parses the id, calls
//! [`service::Services::claim`] and wraps the answer.
//!
//! The service opens a transaction and reads in the order that keeps transactions from deadlocking: the rows of the
//! agent and of their access (which now cannot change until the commit), then the conversation with its lock. On
//! PostgreSQL that is one round trip: what need not wait for an answer is sent together ([`store::backend`]). [`domain::Snapshot::claim`] decides: is it already mine, does somebody else own
//! it, does the plan and the assignment model allow it. Its answer is a [`domain::conversation::Change`] or a
//! [`domain::Refusal`]; a refusal ends the transaction, and reaches the client as a `userErrors` entry with the
//! winner in it.
//!
//! [`store::log::store_and_conclude`] writes the row, guarded by its version. Then the tail: it takes the next number
//! from the workspace's row, moves the counters and writes the event, and the transaction commits: one more round
//! trip, so that the workspace's row is locked no longer than the server works.
//! Of 64 agents who claim at once, one gets there; the other 63 wait for the lock, see the owner, and are told.
//!
//! # One event, from the disk to the sockets
//!
//! After the commit the workspace's [`service::tail::Tail`] is nudged, here and by a wake-up at every other process
//! ([`service::wakeups`]). It reads what is new since its last number, once for the whole process, into a ring, and
//! says that there is more. Each subscription is a
//! [`service::streams`] follower with a position of its own; it takes the events after its position from the
//! ring, or from the database when it is further behind, and asks [`domain::view::change`] what each does to its
//! view: for the agent who lost the conversation it left, for the one who won it it entered, for everybody's
//! Inbox it changed. An event that changes what the viewer may see ends the stream with a reset.
//!
//! The item carries a cursor. A client that reconnects presents the cursor it began with or any later one, and
//! the same follower reads on from there: nothing is lost, and what comes twice is a whole row again.

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
mod routes;
pub mod seed;
pub mod server;
pub mod service;
pub mod store;
pub mod token;
