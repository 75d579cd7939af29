//! The folded words by which conversations are found.
//!
//! A plain table of words gives the same results on both databases with one query. The full-text engines of the two
//! databases split and rank words differently.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::domain::words::prefix_end;
use crate::domain::{ConversationId, WorkspaceId};
use crate::store::db::conn::{insert_all, on_backend};
use crate::store::schema::conversation_words;
use crate::store::{Conn, StoreResult};

/// Rows in one statement. PostgreSQL accepts at most 65,535 parameters.
const CHUNK: usize = 1_000;
/// A prefix with at most this many matches is always looked up, however few conversations there are.
const ALWAYS_RARE: i64 = 1_000;
/// A prefix with more matches than this is always checked for each conversation, however many there are.
const NEVER_RARE: i64 = 20_000;

#[derive(Insertable)]
#[diesel(table_name = conversation_words)]
struct WordRow<'a> {
    workspace_id: WorkspaceId,
    word: &'a str,
    conversation_id: ConversationId,
}

/// Adds words to the index of a conversation.
pub async fn add(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    conversation_id: ConversationId,
    words: &BTreeSet<String>,
) -> StoreResult<()> {
    let rows: Vec<WordRow<'_>> =
        words.iter().map(|word| WordRow { workspace_id, word, conversation_id }).collect();
    for chunk in rows.chunks(CHUNK) {
        insert_all!(conn, chunk, |rows| {
            diesel::insert_into(conversation_words::table).values(rows).on_conflict_do_nothing()
        });
    }
    Ok(())
}

/// The result of looking up the words of a search.
#[derive(Debug, Default)]
pub struct Lookup {
    /// The conversations that have all the rare words, or `None` if no word is rare.
    pub ids: Option<Vec<ConversationId>>,
    /// The words that are too common to be looked up. They must be checked for each conversation.
    pub common_words: Vec<String>,
}

/// The greatest number of matches for which looking a word up is cheaper than checking each conversation.
///
/// `wanted` is the number of conversations to find, `total` the number that exist. A lookup reads all n matches. A scan
/// finds one match in `total` / n conversations, and so reads `wanted` × `total` / n of them. The scan reads fewer rows
/// if n × n is greater than `wanted` × `total`.
pub fn rare_limit(wanted: usize, total: i64) -> i64 {
    let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
    wanted.saturating_mul(total.max(0)).isqrt().clamp(ALWAYS_RARE, NEVER_RARE)
}

/// Looks up the conversations that have a word beginning with each of `words`.
///
/// A word with too many matches counts as common and is not looked up. `limit` is the number of matches for all words
/// together; each word may have at least `ALWAYS_RARE` matches.
pub async fn look_up(
    conn: &mut Conn,
    workspace: WorkspaceId,
    words: &[String],
    limit: i64,
) -> StoreResult<Lookup> {
    let mut lookup = Lookup::default();
    let mut ids: Option<BTreeSet<ConversationId>> = None;
    let mut left = limit;
    for word in words {
        let limit = left.max(ALWAYS_RARE);
        let found: Vec<ConversationId> = on_backend!(conn, |c| {
            conversation_words::table
                .filter(conversation_words::workspace_id.eq(workspace))
                .filter(conversation_words::word.ge(word))
                .filter(conversation_words::word.lt(prefix_end(word)))
                // Without an order PostgreSQL may scan the table from its beginning until it has enough rows.
                .order((conversation_words::word, conversation_words::conversation_id))
                .select(conversation_words::conversation_id)
                .limit(limit + 1)
                .load(c)
                .await
        })?;
        left -= found.len() as i64;
        if found.len() as i64 > limit {
            lookup.common_words.push(word.clone());
            continue;
        }
        let found = BTreeSet::from_iter(found);
        ids = Some(match ids {
            Some(before) => before.intersection(&found).copied().collect(),
            None => found,
        });
    }
    lookup.ids = ids.map(Vec::from_iter);
    Ok(lookup)
}
