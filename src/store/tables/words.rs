//! The folded words by which conversations are found.
//!
//! A plain table of words serves both databases with one query and the same answers; their full-text engines
//! would each cut and rank words in ways of their own.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::domain::words::prefix_end;
use crate::domain::{ConversationId, WorkspaceId};
use crate::store::db::backend::{insert_all, on_backend};
use crate::store::schema::conversation_words;
use crate::store::{Conn, StoreResult};

/// Rows in one statement; PostgreSQL takes at most 65,535 parameters.
const CHUNK: usize = 1_000;
/// What begins at most so many words is looked up, however few conversations there are.
const ALWAYS_RARE: i64 = 1_000;
/// What begins more is asked of each conversation, however many there are.
const NEVER_RARE: i64 = 20_000;

#[derive(Insertable)]
#[diesel(table_name = conversation_words)]
struct WordRow<'a> {
    workspace_id: WorkspaceId,
    word: &'a str,
    conversation_id: ConversationId,
}

/// Makes a conversation be found by `words`, too.
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

/// Where a search has to look.
#[derive(Debug, Default)]
pub struct Lookup {
    /// The conversations with all the rare words; `None` when no word is rare.
    pub among: Option<Vec<ConversationId>>,
    /// The words that are too common to be looked up.
    pub common: Vec<String>,
}

/// How many conversations a word may have to be looked up, when `wanted` of the `held` that there are are wanted.
///
/// Looking up reads them all. Walking past each and asking finds one in `held` / n, until there are `wanted`: less
/// from where n × n is more than `wanted` × `held`.
pub fn rare(wanted: usize, held: i64) -> i64 {
    let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
    wanted.saturating_mul(held.max(0)).isqrt().clamp(ALWAYS_RARE, NEVER_RARE)
}

/// Looks up the conversations with words that begin with each of `words`, unless those are more than `rare`: that many
/// for all words together, and no less than a thousand for each.
pub async fn look_up(
    conn: &mut Conn,
    workspace: WorkspaceId,
    words: &[String],
    rare: i64,
) -> StoreResult<Lookup> {
    let mut lookup = Lookup::default();
    let mut among: Option<BTreeSet<ConversationId>> = None;
    let mut left = rare;
    for word in words {
        let rare = left.max(ALWAYS_RARE);
        let found: Vec<ConversationId> = on_backend!(conn, |c| {
            conversation_words::table
                .filter(conversation_words::workspace_id.eq(workspace))
                .filter(conversation_words::word.ge(word))
                .filter(conversation_words::word.lt(prefix_end(word)))
                // Without an order PostgreSQL may look for so many from the beginning of the table.
                .order((conversation_words::word, conversation_words::conversation_id))
                .select(conversation_words::conversation_id)
                .limit(rare + 1)
                .load(c)
                .await
        })?;
        left -= found.len() as i64;
        if found.len() as i64 > rare {
            lookup.common.push(word.clone());
            continue;
        }
        let found = BTreeSet::from_iter(found);
        among = Some(match among {
            Some(before) => before.intersection(&found).copied().collect(),
            None => found,
        });
    }
    lookup.among = among.map(Vec::from_iter);
    Ok(lookup)
}
