//! Counts the statements of a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::{Instrumentation, InstrumentationEvent, get_default_instrumentation};

/// Counts the completed statements of a connection, except transaction control.
///
/// Forwards all events to Diesel's default instrumentation, if one was set before the store was opened.
pub(in crate::store) fn counting(statements: &Arc<AtomicU64>) -> impl Instrumentation + use<> {
    let statements = statements.clone();
    let mut default = get_default_instrumentation();
    move |event: InstrumentationEvent<'_>| {
        // At the end of a query, not at its start: at the start Diesel would have to render the SQL text.
        if let InstrumentationEvent::FinishQuery { query, .. } = &event
            && !is_transaction_control(query)
        {
            statements.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(default) = &mut default {
            default.on_connection_event(event);
        }
    }
}

/// Renders only the first word of the query, so that counting stays cheap.
fn is_transaction_control(query: &dyn std::fmt::Display) -> bool {
    struct Head(String);
    impl std::fmt::Write for Head {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.push_str(text);
            if self.0.len() < 9 { Ok(()) } else { Err(std::fmt::Error) }
        }
    }
    let mut head = Head(String::new());
    // The error only stops the rendering once the first word is complete.
    let _ = std::fmt::write(&mut head, format_args!("{query}"));
    ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"].iter().any(|word| head.0.starts_with(word))
}
