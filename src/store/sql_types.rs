//! SQL types that both databases support, and the mapping of the domain's types to them.
//!
//! [`Id`] is `uuid` on PostgreSQL and a 16-byte BLOB on SQLite. [`Instant`] is `timestamptz` on PostgreSQL and an
//! INTEGER of microseconds on SQLite. Enums are stored as text. With these types one `schema.rs` serves both databases.

use std::io::Write;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Nullable, SingleValue, Text};
use diesel::sqlite::{Sqlite, SqliteValue};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::domain::counts::{Bucket, Holder};
use crate::domain::input::E164;
use crate::domain::queue::Flow;
use crate::domain::rebalance_plan::PlanState;
use crate::domain::{
    AgentId, AssignmentModel, ContactId, ConversationId, DeliveryStatus, Direction, MessageId, PhoneNumberId,
    Plan, PresenceState, RebalancePlanId, Role, ServiceTokenId, Status, WorkspaceId,
};

/// A 16-byte id. The oids are those of `uuid` and `uuid[]`.
#[derive(Debug, Clone, Copy, Default, diesel::sql_types::SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Id;

/// An instant in microseconds. The oids are those of `timestamptz` and `timestamptz[]`.
#[derive(Debug, Clone, Copy, Default, diesel::sql_types::SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Instant;

impl diesel::sql_types::SqlOrd for Instant {}
impl diesel::sql_types::SqlOrd for Id {}

/// The epoch of the log, which changes when the log is rewritten. A cursor belongs to one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub Uuid);

/// PostgreSQL counts from 2000-01-01T00:00:00Z.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Implements the Diesel traits that let a Rust type be used as a SQL type in expressions and rows.
///
/// This is what `derive(AsExpression, FromSqlRow)` generates. The derives cannot be used here, because the domain must
/// not depend on Diesel.
macro_rules! bind {
    ($sql:ty: $($rust:ty),+ $(,)?) => {$(
        impl AsExpression<$sql> for $rust {
            type Expression = Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl AsExpression<Nullable<$sql>> for $rust {
            type Expression = Bound<Nullable<$sql>, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl<'expr> AsExpression<$sql> for &'expr $rust {
            type Expression = Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl<'expr> AsExpression<Nullable<$sql>> for &'expr $rust {
            type Expression = Bound<Nullable<$sql>, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl<DB: Backend> ToSql<Nullable<$sql>, DB> for $rust
        where
            $rust: ToSql<$sql, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <$rust as ToSql<$sql, DB>>::to_sql(self, out)
            }
        }
        impl<DB, ST> Queryable<ST, DB> for $rust
        where
            DB: Backend,
            ST: SingleValue,
            $rust: FromSql<ST, DB>,
        {
            type Row = $rust;
            fn build(row: $rust) -> deserialize::Result<Self> { Ok(row) }
        }
    )+};
}

/// Stores a newtype over a UUID as an [`Id`].
macro_rules! ids {
    ($($rust:ident),+ $(,)?) => {
        bind!(Id: $($rust),+);
        $(id_bytes!($rust, |value| value.0, |uuid| $rust(uuid));)+
    };
}

macro_rules! id_bytes {
    ($rust:ident, |$value:ident| $uuid:expr, |$from:ident| $build:expr) => {
        impl ToSql<Id, Pg> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                let $value = self;
                out.write_all($uuid.as_bytes())?;
                Ok(IsNull::No)
            }
        }
        impl ToSql<Id, Sqlite> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                let $value = self;
                out.set_value($uuid.as_bytes().to_vec());
                Ok(IsNull::No)
            }
        }
        impl FromSql<Id, Pg> for $rust {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                let $from = Uuid::from_slice(value.as_bytes())?;
                Ok($build)
            }
        }
        impl FromSql<Id, Sqlite> for $rust {
            fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                let $from = Uuid::from_slice(value.read_blob())?;
                Ok($build)
            }
        }
    };
}

ids!(
    WorkspaceId,
    AgentId,
    PhoneNumberId,
    ContactId,
    ConversationId,
    MessageId,
    RebalancePlanId,
    ServiceTokenId,
    Epoch
);
bind!(Id: Holder);
id_bytes!(Holder, |value| value.key(), |uuid| Holder::from_key(uuid));

bind!(Instant: Timestamp);

impl ToSql<Instant, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&(self.as_micros() - POSTGRES_EPOCH_MICROS).to_be_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<Instant, Sqlite> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.as_micros());
        Ok(IsNull::No)
    }
}

impl FromSql<Instant, Pg> for Timestamp {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Pg>>::from_sql(value)?;
        Ok(Self::from_micros(micros + POSTGRES_EPOCH_MICROS))
    }
}

impl FromSql<Instant, Sqlite> for Timestamp {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Sqlite>>::from_sql(value).map(Self::from_micros)
    }
}

/// Stores an enum as text.
macro_rules! spellings {
    ($($rust:ident),+ $(,)?) => {
        bind!(Text: $($rust),+);
        $(
            impl<DB: Backend> ToSql<Text, DB> for $rust
            where
                str: ToSql<Text, DB>,
            {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                    <str as ToSql<Text, DB>>::to_sql(self.as_str(), out)
                }
            }
            impl FromSql<Text, Pg> for $rust {
                fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                    Ok(std::str::from_utf8(value.as_bytes())?.parse()?)
                }
            }
            impl FromSql<Text, Sqlite> for $rust {
                fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                    Ok(<String as FromSql<Text, Sqlite>>::from_sql(value)?.parse()?)
                }
            }
        )+
    };
}

spellings!(
    Plan,
    AssignmentModel,
    Role,
    Status,
    Direction,
    DeliveryStatus,
    Bucket,
    Flow,
    PresenceState,
    PlanState
);

bind!(Text: E164);

impl<DB: Backend> ToSql<Text, DB> for E164
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        <str as ToSql<Text, DB>>::to_sql(self.as_str(), out)
    }
}

impl<DB: Backend> FromSql<Text, DB> for E164
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, DB>>::from_sql(value)?;
        Self::parse(text).ok_or_else(|| "not an E.164 number".into())
    }
}
