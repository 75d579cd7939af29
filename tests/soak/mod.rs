//! Long-running tests of two processes on one PostgreSQL with a concurrent load and faults.
//!
//! They are short by default. Variables make them longer, see `tests/README.md`.

mod claims;
mod ledger;
mod mixed;
mod site;
mod withdrawal;
