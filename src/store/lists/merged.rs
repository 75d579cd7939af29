//! Merges several index scans in the same order into one query.
//!
//! Diesel cannot build a union of a variable number of queries. Both databases merge the scans lazily, so they read
//! little more than the rows of the page, regardless of the number of scans.

use diesel::backend::Backend;
use diesel::expression::ValidGrouping;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;

/// The rows of all queries, in no particular order. There must be at least one query.
pub(super) struct All<Q>(pub Vec<Q>);

impl<Q: Query> Query for All<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for All<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for All<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (place, query) in self.0.iter().enumerate() {
            if place > 0 {
                out.push_sql(" UNION ALL ");
            }
            query.walk_ast(out.reborrow())?;
        }
        Ok(())
    }
}

/// The queries of `index_scans`, merged into one query with an order and a limit.
///
/// The queries themselves have neither an order nor a limit.
pub(super) struct Merged<Q, N> {
    /// At least one.
    pub index_scans: Vec<Q>,
    /// The names of the columns, each with whether it is ascending.
    pub order: Vec<(&'static str, bool)>,
    /// Part of the SQL text, so only few different values should occur.
    pub limit: usize,
    /// Whether to keep the planner from scanning an index in the order of the result, because the rows are few and are
    /// found by their ids.
    pub fenced: bool,
    /// An upper bound for the number of rows, if it is known. The scan stops once this many rows are found.
    pub max_rows: Option<N>,
}

impl<Q, N> Merged<Q, N> {
    fn push_order<'b, DB: Backend>(&'b self, out: &mut AstPass<'_, 'b, DB>) {
        for (place, (column, ascending)) in self.order.iter().enumerate() {
            out.push_sql(if place == 0 { " ORDER BY " } else { ", " });
            out.push_sql(column);
            out.push_sql(if *ascending { " ASC" } else { " DESC" });
        }
    }

    fn push_limit<'b, DB: Backend>(&'b self, out: &mut AstPass<'_, 'b, DB>) {
        out.push_sql(" LIMIT ");
        out.push_sql(&self.limit.to_string());
    }

    fn push_scans<'b, DB>(
        &'b self,
        out: &mut AstPass<'_, 'b, DB>,
        push: impl Fn(&mut AstPass<'_, 'b, DB>, &'b Q) -> QueryResult<()>,
    ) -> QueryResult<()>
    where
        DB: Backend,
    {
        for (place, scan) in self.index_scans.iter().enumerate() {
            if place > 0 {
                out.push_sql(" UNION ALL ");
            }
            push(out, scan)?;
        }
        Ok(())
    }
}

impl<Q: Query, N> Query for Merged<Q, N> {
    type SqlType = Q::SqlType;
}

impl<Q, N> QueryId for Merged<Q, N> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: QueryFragment<Pg>, N: QueryFragment<Pg>> QueryFragment<Pg> for Merged<Q, N> {
    // PostgreSQL merges scans without sorting only if each has its own ORDER BY. It takes the order into account only
    // with a LIMIT in the same subquery, and that limit must be a literal.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if let (true, [scan]) = (self.fenced, self.index_scans.as_slice()) {
            out.push_sql("SELECT * FROM (");
            scan.walk_ast(out.reborrow())?;
            out.push_sql(" OFFSET 0) AS found");
            self.push_order(&mut out);
            self.push_limit(&mut out);
            return Ok(());
        }
        if let ([scan], None) = (self.index_scans.as_slice(), &self.max_rows) {
            scan.walk_ast(out.reborrow())?;
            self.push_order(&mut out);
            self.push_limit(&mut out);
            return Ok(());
        }
        out.push_sql("SELECT * FROM (");
        self.push_scans(&mut out, |out, scan| {
            out.push_sql("(");
            scan.walk_ast(out.reborrow())?;
            self.push_order(out);
            self.push_limit(out);
            out.push_sql(")");
            Ok(())
        })?;
        out.push_sql(") AS merged");
        self.push_order(&mut out);
        self.push_lesser_limit(&mut out, "least")
    }
}

impl<Q: QueryFragment<Sqlite>, N: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Merged<Q, N> {
    // SQLite merges plain scans in the order of the compound query. It would read scans with their own ORDER BY to the
    // end.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.push_scans(&mut out, |out, scan| scan.walk_ast(out.reborrow()))?;
        self.push_order(&mut out);
        self.push_lesser_limit(&mut out, "min")
    }
}

impl<Q, N> Merged<Q, N> {
    /// Limits the result to `limit` or `max_rows`, whichever is smaller. `least` is the SQL function for it.
    fn push_lesser_limit<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>, least: &str) -> QueryResult<()>
    where
        DB: Backend,
        N: QueryFragment<DB>,
    {
        let Some(max_rows) = &self.max_rows else {
            self.push_limit(out);
            return Ok(());
        };
        out.push_sql(" LIMIT ");
        out.push_sql(least);
        out.push_sql("(");
        out.push_sql(&self.limit.to_string());
        out.push_sql(", ");
        max_rows.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// The first number minus the second. Each is a query that returns one number.
pub(super) struct Difference<A, B>(pub A, pub B);

impl<DB: Backend, A: QueryFragment<DB>, B: QueryFragment<DB>> QueryFragment<DB> for Difference<A, B> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") - (");
        self.1.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// An expression that is evaluated only if it is wanted, and is true otherwise.
#[derive(ValidGrouping)]
pub(super) struct OrTrue<E> {
    pub wanted: bool,
    pub value: E,
}

impl<E: Expression<SqlType = Bool>> Expression for OrTrue<E> {
    type SqlType = Bool;
}

impl<E, From> AppearsOnTable<From> for OrTrue<E>
where
    E: AppearsOnTable<From>,
    Self: Expression,
{
}

impl<E, From> SelectableExpression<From> for OrTrue<E>
where
    E: SelectableExpression<From>,
    Self: AppearsOnTable<From>,
{
}

impl<E> QueryId for OrTrue<E> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend, E: QueryFragment<DB>> QueryFragment<DB> for OrTrue<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if self.wanted {
            return self.value.walk_ast(out);
        }
        out.push_sql("true");
        Ok(())
    }
}
