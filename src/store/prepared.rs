//! Statements that stay prepared.
//!
//! Diesel keeps a statement prepared on its connection only when its type alone says what its text is. Updates,
//! upserts, insertions of several rows and SQL that is written out are prepared anew each time: on PostgreSQL two
//! more round trips and a new plan, for each of the statements that make up the tail of a write. Here they are known
//! by their text instead. Measured, an assignment on PostgreSQL costs less than half as much.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// Of how many rows an insertion may be to stay prepared: each number is a statement of its own.
pub(super) const MAX_ROWS: usize = 32;

/// A statement that stays prepared if `stays`, which only one of few texts may.
pub(super) struct Prepared<S> {
    statement: S,
    stays: bool,
}

/// Statements that can stay prepared.
pub(super) trait Prepare: Sized {
    /// The statement, whose text is always the same or one of few.
    fn prepared(self) -> Prepared<Self> {
        Prepared { statement: self, stays: true }
    }

    /// The insertion of `rows` rows.
    fn prepared_for(self, rows: usize) -> Prepared<Self> {
        Prepared { statement: self, stays: rows <= MAX_ROWS }
    }
}

impl<S> Prepare for S {}

impl<S, DB> QueryFragment<DB> for Prepared<S>
where
    DB: Backend,
    S: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.statement.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &DB) -> QueryResult<bool> {
        if self.stays { Ok(true) } else { self.statement.is_safe_to_cache_prepared(backend) }
    }
}

impl<S> QueryId for Prepared<S> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<S: Query> Query for Prepared<S> {
    type SqlType = S::SqlType;
}
