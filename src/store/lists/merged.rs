//! Several walks in the same order, read as one.
//!
//! Diesel has no union of as many queries as there are numbers. Each database merges the walks lazily, so that it
//! reads little more than the rows of the page, however many walks there are.

use diesel::backend::Backend;
use diesel::expression::ValidGrouping;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;

/// The rows of all queries, of which there is at least one, in no order.
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

/// The queries of `index_scans`, none of which has an order or a limit, as one with both.
pub(super) struct Merged<Q, N> {
    /// At least one.
    pub index_scans: Vec<Q>,
    /// The names of the columns, each with whether it ascends.
    pub order: Vec<(&'static str, bool)>,
    /// Few different ones: it is part of the text.
    pub limit: usize,
    /// Whether the rows are few and looked up by themselves, so that no index is to be walked for their order.
    pub fenced: bool,
    /// A number of rows that there cannot be more of, when it is known: whoever has found them need not walk on.
    pub known: Option<N>,
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

    fn push_walks<'b, DB>(
        &'b self,
        out: &mut AstPass<'_, 'b, DB>,
        push: impl Fn(&mut AstPass<'_, 'b, DB>, &'b Q) -> QueryResult<()>,
    ) -> QueryResult<()>
    where
        DB: Backend,
    {
        for (place, walk) in self.index_scans.iter().enumerate() {
            if place > 0 {
                out.push_sql(" UNION ALL ");
            }
            push(out, walk)?;
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
    // Only a walk that has an order of its own is merged without sorting, and the planner values an order by the
    // limit beside it, which has to be a plain one.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if let (true, [walk]) = (self.fenced, self.index_scans.as_slice()) {
            out.push_sql("SELECT * FROM (");
            walk.walk_ast(out.reborrow())?;
            out.push_sql(" OFFSET 0) AS found");
            self.push_order(&mut out);
            self.push_limit(&mut out);
            return Ok(());
        }
        if let ([walk], None) = (self.index_scans.as_slice(), &self.known) {
            walk.walk_ast(out.reborrow())?;
            self.push_order(&mut out);
            self.push_limit(&mut out);
            return Ok(());
        }
        out.push_sql("SELECT * FROM (");
        self.push_walks(&mut out, |out, walk| {
            out.push_sql("(");
            walk.walk_ast(out.reborrow())?;
            self.push_order(out);
            self.push_limit(out);
            out.push_sql(")");
            Ok(())
        })?;
        out.push_sql(") AS merged");
        self.push_order(&mut out);
        self.push_limit_or_known(&mut out, "least")
    }
}

impl<Q: QueryFragment<Sqlite>, N: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Merged<Q, N> {
    // It merges plain walks by the order of the whole; those with an order of their own it would read to their end.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.push_walks(&mut out, |out, walk| walk.walk_ast(out.reborrow()))?;
        self.push_order(&mut out);
        self.push_limit_or_known(&mut out, "min")
    }
}

impl<Q, N> Merged<Q, N> {
    fn push_limit_or_known<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>, least: &str) -> QueryResult<()>
    where
        DB: Backend,
        N: QueryFragment<DB>,
    {
        let Some(known) = &self.known else {
            self.push_limit(out);
            return Ok(());
        };
        out.push_sql(" LIMIT ");
        out.push_sql(least);
        out.push_sql("(");
        out.push_sql(&self.limit.to_string());
        out.push_sql(", ");
        known.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// The first number less the second, each a query of one.
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

/// A value that is true when it is not asked for.
#[derive(ValidGrouping)]
pub(super) struct OrTrue<E> {
    pub asked: bool,
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
        if self.asked {
            return self.value.walk_ast(out);
        }
        out.push_sql("true");
        Ok(())
    }
}
