//! What whoever runs it sees.

mod health;
