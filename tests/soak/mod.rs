//! Everything at once, for long: two processes on a PostgreSQL of their own, a team at work, and faults.
//!
//! With the suite they are short; a variable makes each as long as one likes, see `tests/README.md`.

mod claims;
mod ledger;
mod mixed;
mod site;
mod withdrawal;
