//! `src/store/schema.rs` matches the migrations: the same tables, columns, order, types and nullability.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use crate::support::app::App;
use crate::support::database::{Database, TestDatabase};

type Tables = BTreeMap<String, Vec<String>>;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Text)]
    line: String,
}

/// The columns as `schema.rs` declares them, each as `name Type` or `name Nullable<Type>`.
fn declared() -> Tables {
    let source = include_str!("../../src/store/schema.rs");
    let mut tables = Tables::new();
    for block in source.split("diesel::table!").skip(1) {
        let mut lines = block.lines().map(str::trim).skip(1).skip_while(|line| !line.contains(") {"));
        let head = lines.next().expect("a table's head");
        let name = head.split_whitespace().next().expect("a table's name").to_owned();
        let columns = lines.take_while(|line| *line != "}").map(|line| {
            let (name, sql_type) = line.trim_end_matches(',').split_once(" -> ").expect("a column");
            format!("{name} {sql_type}")
        });
        tables.insert(name, columns.collect());
    }
    tables
}

fn gathered(columns: Vec<Column>) -> Tables {
    let mut tables = Tables::new();
    for column in columns {
        tables.entry(column.owner).or_default().push(column.line);
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_rs_is_what_the_migrations_create_on_postgres() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let query = "SELECT table_name::text AS owner, column_name || ' ' ||
        CASE is_nullable WHEN 'YES' THEN 'Nullable<' ELSE '' END ||
        CASE data_type WHEN 'uuid' THEN 'Id' WHEN 'text' THEN 'Text' WHEN 'boolean' THEN 'Bool'
          WHEN 'timestamp with time zone' THEN 'Instant' WHEN 'bigint' THEN 'BigInt'
          WHEN 'integer' THEN 'Integer' WHEN 'smallint' THEN 'SmallInt' ELSE data_type END ||
        CASE is_nullable WHEN 'YES' THEN '>' ELSE '' END AS line
        FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name NOT LIKE '%diesel%' ORDER BY table_name, ordinal_position";
    let mut connection = AsyncPgConnection::establish(&store.url).await.expect("connects");
    let columns = diesel::sql_query(query).load(&mut connection).await.expect("reads the columns");
    assert_eq!(gathered(columns), declared());
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_rs_is_what_the_migrations_create_on_sqlite() {
    use diesel::connection::SimpleConnection;
    use diesel::{Connection, RunQueryDsl, SqliteConnection};
    let store = TestDatabase::create(Database::Sqlite).await.expect("SQLite is always available");
    App::start(&store.url).await.stop().await;
    // SQLite has fewer types: an id is a blob, and an instant is a bigint like a number.
    let query = "SELECT m.name AS owner, c.name || ' ' ||
        CASE WHEN c.\"notnull\" = 0 AND c.pk = 0 THEN 'Nullable<' ELSE '' END || lower(c.type) ||
        CASE WHEN c.\"notnull\" = 0 AND c.pk = 0 THEN '>' ELSE '' END AS line
        FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE '%diesel%' AND m.name NOT LIKE 'sqlite_%'
        ORDER BY m.name, c.cid";
    let path = store.url.strip_prefix("sqlite:").expect("a file");
    let mut connection = SqliteConnection::establish(path).expect("opens");
    // The server's threads may still be closing the file.
    connection.batch_execute("PRAGMA busy_timeout = 10000").expect("waits");
    let columns: Vec<Column> =
        RunQueryDsl::load(diesel::sql_query(query), &mut connection).expect("reads the columns");
    let as_sqlite = |column: &String| {
        [("Id", "blob"), ("Instant", "bigint"), ("Text", "text"), ("Bool", "boolean"), ("BigInt", "bigint")]
            .into_iter()
            .chain([("Integer", "integer"), ("SmallInt", "smallint")])
            .fold(column.clone(), |line, (ours, theirs)| {
                let (name, sql_type) = line.split_once(' ').expect("a type");
                let bare = sql_type.trim_start_matches("Nullable<").trim_end_matches('>');
                if bare == ours { format!("{name} {}", sql_type.replace(ours, theirs)) } else { line }
            })
    };
    let expected: Tables = declared()
        .into_iter()
        .map(|(table, columns)| (table, columns.iter().map(as_sqlite).collect()))
        .collect();
    assert_eq!(gathered(columns), expected);
}
