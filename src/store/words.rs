//! The folded words by which conversations are found.
//!
//! A plain table of words serves both databases with one query and the same answers; their full-text engines
//! would each cut and rank words in ways of their own.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backend::on_backend;
use super::schema::conversation_words;
use super::{Conn, StoreResult};
use crate::domain::words::prefix_end;
use crate::domain::{ConversationId, WorkspaceId};

/// Rows in one statement; PostgreSQL takes at most 65,535 parameters.
const CHUNK: usize = 1_000;
/// A prefix of at most so many words is looked up; a more common one is asked of each conversation.
const RARE: i64 = 1_000;

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
    match conn {
        Conn::Postgres(c) => {
            for chunk in rows.chunks(CHUNK) {
                diesel::insert_into(conversation_words::table)
                    .values(chunk)
                    .on_conflict_do_nothing()
                    .execute(&mut **c)
                    .await?;
            }
        }
        Conn::Sqlite(c) => {
            for row in &rows {
                diesel::insert_into(conversation_words::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(c)
                    .await?;
            }
        }
    }
    Ok(())
}

/// Those of `words` that begin more than a thousand words of conversations.
pub async fn common(conn: &mut Conn, workspace: WorkspaceId, words: &[String]) -> StoreResult<Vec<String>> {
    let mut common = Vec::new();
    for word in words {
        let found: Vec<ConversationId> = on_backend!(conn, |c| {
            conversation_words::table
                .filter(conversation_words::workspace_id.eq(workspace))
                .filter(conversation_words::word.ge(word))
                .filter(conversation_words::word.lt(prefix_end(word)))
                .select(conversation_words::conversation_id)
                .limit(RARE + 1)
                .load(c)
                .await
        })?;
        if found.len() as i64 > RARE {
            common.push(word.clone());
        }
    }
    Ok(common)
}
