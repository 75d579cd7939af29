//! The language of PostgreSQL's messages.
//!
//! The driver does not pass on the SQLSTATE of every error, so [`StoreError`] tells some temporary failures apart by
//! their text, which is translated. Therefore the connections ask for English.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::store::StoreResult;
use crate::store::db::error::StoreError;

/// The statement that makes the messages of a connection English. Not every role may run it.
pub(super) const ENGLISH: &str = "SET lc_messages = 'C'";

#[derive(diesel::QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    lc_messages: String,
}

/// Checks the language of the messages on a connection, and makes it English if the role may. Returns whether every
/// further connection needs [`ENGLISH`]. If the role may not, logs what does not work and how to change that.
///
/// # Errors
/// If the connection is lost.
pub(super) async fn make_english(mut connection: &AsyncPgConnection) -> StoreResult<bool> {
    let query = diesel::sql_query("SELECT current_setting('lc_messages') AS lc_messages");
    let Setting { lc_messages } = query.get_result(&mut connection).await?;
    if is_english(&lc_messages) {
        return Ok(false);
    }
    match connection.batch_execute(ENGLISH).await.map_err(StoreError::from) {
        Ok(()) => Ok(true),
        Err(error) if error.is_unavailable() => Err(error),
        Err(_) => {
            tracing::warn!(
                lc_messages,
                "PostgreSQL's messages are not in English, and this role may not change that. Deadlocks are not retried, \
                 and a database that is busy is reported as an internal error. Run as a superuser: ALTER ROLE … SET \
                 lc_messages = 'C'"
            );
            Ok(false)
        }
    }
}

/// Whether messages in this locale are in English.
fn is_english(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    let language = locale.split(['_', '.', '-']).next().unwrap_or_default();
    matches!(language, "c" | "posix" | "en" | "english")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_tells_the_language() {
        for english in
            ["C", "C.UTF-8", "C.utf8", "POSIX", "en_US.UTF-8", "en_GB", "English_United States.1252"]
        {
            assert!(is_english(english), "{english}");
        }
        for other in ["", "de_DE.UTF-8", "cs_CZ.UTF-8", "es_ES", "fr", "German_Germany.1252"] {
            assert!(!is_english(other), "{other}");
        }
    }
}
