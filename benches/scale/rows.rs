//! Creates hundreds of thousands of conversations in SQL.
//!
//! `switchboard seed` writes whole conversations through the services, which is too slow for a million. This module
//! writes one message and one event per conversation, and the matching counters, so that `switchboard check` succeeds.

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::support::database::{Database, sql};

/// One in this many conversations is open.
pub const OPEN_ONE_IN: u32 = 10;
/// A word that all conversations contain, one that 1 % of them contain, and one that ten of them contain.
pub const WORDS: [&str; 3] = ["hello", "puncture", "rare0000003"];
/// The number of the oldest open conversations that the reader has not read.
pub const LEFT_UNREAD: u32 = 3;
/// The age of the oldest conversation in microseconds.
const SPAN_MICROS: u64 = 90 * 24 * 3_600 * 1_000_000;

#[derive(Clone, Copy)]
enum Dialect {
    Sqlite,
    Postgres,
}

/// Fills the workspaces of a database with `count` conversations each. `reader` has read all open conversations except
/// [`LEFT_UNREAD`].
pub fn fill(database: &Database, workspaces: &[Uuid], reader: Uuid, count: u32) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let first_micros = u64::try_from(now.as_micros()).expect("64 bits are enough") - SPAN_MICROS;
    match database.url().strip_prefix("sqlite:") {
        Some(path) => {
            let mut connection = SqliteConnection::establish(path).expect("opens the file");
            for workspace in workspaces {
                let statements = statements(Dialect::Sqlite, *workspace, reader, count, first_micros);
                connection.batch_execute(&format!("BEGIN; {statements} COMMIT;")).expect("writes");
            }
        }
        None => {
            for workspace in workspaces {
                sql(database.url(), &statements(Dialect::Postgres, *workspace, reader, count, first_micros));
            }
            sql(database.url(), "VACUUM ANALYZE");
        }
    }
}

/// The statements that fill one workspace. `first_micros` is the Unix time of the oldest conversation, in microseconds.
fn statements(dialect: Dialect, workspace: Uuid, reader: Uuid, count: u32, first_micros: u64) -> String {
    let [common, percent, _] = WORDS;
    let id = |uuid: Uuid| match dialect {
        Dialect::Postgres => format!("'{uuid}'::uuid"),
        Dialect::Sqlite => format!("x'{}'", uuid.simple()),
    };
    let (workspace, reader) = (id(workspace), id(reader));
    let (nobody, everybody, all_readers) = (id(Uuid::nil()), id(Uuid::max()), id(Uuid::nil()));
    let step = SPAN_MICROS / u64::from(count);
    let instant = |micros: &str| match dialect {
        Dialect::Postgres => format!("TIMESTAMPTZ 'epoch' + {micros} * INTERVAL '1 microsecond'"),
        Dialect::Sqlite => micros.to_owned(),
    };
    let at = instant("micros");
    // Message ids ascend with time, as in real data: the last messages of a page are neighbours in the index. The
    // conversations and contacts of a page can have any age, so their ids are random.
    let millis = format!("({first_micros} + {step} * CAST(i AS bigint)) / 1000");
    let (message_id, new_id, object, text_cast, padded) = match dialect {
        Dialect::Postgres => (
            format!(
                "(lpad(to_hex({millis}), 12, '0') || '7' || right(replace(gen_random_uuid()::text, '-', ''), 19))::uuid"
            ),
            "gen_random_uuid()",
            "json_build_object",
            "::text",
            "lpad((i / 10)::text, 7, '0')",
        ),
        Dialect::Sqlite => (
            format!("unhex(printf('%012x', {millis}) || '7' || substr(hex(randomblob(10)), 2))"),
            "randomblob(16)",
            "json_object",
            "",
            "printf('%07d', i / 10)",
        ),
    };
    let hex = |column: &str| match dialect {
        Dialect::Postgres => format!("{column}::text"),
        Dialect::Sqlite => format!("lower(hex({column}))"),
    };
    let (id_text, workspace_text, number_text) =
        (hex("conversation_id"), hex(&workspace), hex("phone_number_id"));
    let (contact_text, owner_text, message_text) = (hex("contact_id"), hex("owner"), hex("message_id"));
    let image = format!(
        "{object}('id', {id_text}, 'workspace_id', {workspace_text}, 'phone_number_id', {number_text},
            'contact_id', {contact_text}, 'version', 1,
            'state', CASE WHEN is_open THEN {object}('s', 'o', 'waiting_since', micros)
                ELSE {object}('s', 'c', 'at', micros, 'by', NULL) END,
            'ownership', CASE WHEN owner IS NULL THEN {object}('o', 'n', 'since', micros)
                ELSE {object}('o', 'a', 'id', {owner_text}, 'by', NULL, 'at', micros) END,
            'message_count', 1, 'last_message_id', {message_text}, 'last_inbound', 1,
            'last_activity_at', micros, 'created_at', micros){text_cast}"
    );
    // Divisions of `i` distribute the conversations over phone numbers and agents. 70 % have an owner.
    format!(
        "CREATE TEMP TABLE fresh AS
        WITH RECURSIVE counted (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counted WHERE i + 1 < {count}),
        numbers AS (
            SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS places
            FROM phone_numbers WHERE workspace_id = {workspace}),
        workers AS (
            SELECT agent_id, phone_number_id, row_number() OVER (PARTITION BY phone_number_id ORDER BY agent_id) - 1
                AS place, count(*) OVER (PARTITION BY phone_number_id) AS places
            FROM number_access WHERE workspace_id = {workspace})
        SELECT i, {new_id} AS conversation_id, {new_id} AS contact_id, {message_id} AS message_id, n.id AS phone_number_id,
            i % {OPEN_ONE_IN} = 0 AS is_open, CASE WHEN i / 3 % 10 >= 3 THEN w.agent_id END AS owner,
            {first_micros} + {step} * CAST(i AS bigint) AS micros
        FROM counted
        JOIN numbers n ON n.place = (i + i / {OPEN_ONE_IN}) % n.places
        JOIN workers w ON w.phone_number_id = n.id AND w.place = i / 7 % w.places;

        INSERT INTO contacts (workspace_id, id, number, created_at)
        SELECT {workspace}, contact_id, '+1650' || (1000000 + i), {at} FROM fresh;

        INSERT INTO conversations (workspace_id, id, phone_number_id, contact_id, version, status, waiting_since,
            closed_at, assignee_id, assigned_at, unassigned_since, message_count, last_message_id, last_inbound,
            last_activity_at, created_at)
        SELECT {workspace}, conversation_id, phone_number_id, contact_id, 1, CASE WHEN is_open THEN 'OPEN' ELSE 'CLOSED' END,
            CASE WHEN is_open THEN {at} END, CASE WHEN NOT is_open THEN {at} END, owner,
            CASE WHEN owner IS NOT NULL THEN {at} END, CASE WHEN owner IS NULL THEN {at} END,
            1, message_id, 1, {at}, {at}
        FROM fresh;

        INSERT INTO messages (workspace_id, conversation_id, number, id, direction, body, media_urls, sent_at)
        SELECT {workspace}, conversation_id, 1, message_id, 'INBOUND', 'Hello, is my bicycle ready? ' || i, '[]', {at} FROM fresh;

        INSERT INTO events (workspace_id, seq, at, kind, conversation_id, version, assignee_id, message_id, after_image)
        SELECT {workspace}, event_seq + 1 + i, {at}, 'RECEIVED', conversation_id, 1, owner, message_id, {image}
        FROM fresh JOIN workspaces w ON w.id = {workspace};

        INSERT INTO queue_flows (workspace_id, seq, phone_number_id, at, flow)
        SELECT {workspace}, event_seq + 1 + i, phone_number_id, {at}, 'ARRIVED'
        FROM fresh JOIN workspaces w ON w.id = {workspace} WHERE is_open AND owner IS NULL;

        UPDATE workspaces SET event_seq = event_seq + {count},
            last_event_at = (SELECT {last} FROM fresh) WHERE id = {workspace};

        INSERT INTO conversation_words (workspace_id, word, conversation_id)
        SELECT {workspace}, '{common}', conversation_id FROM fresh
        UNION ALL SELECT {workspace}, 'bicycle' || i % 1000, conversation_id FROM fresh
        UNION ALL SELECT {workspace}, 'rare' || {padded}, conversation_id FROM fresh
        UNION ALL SELECT {workspace}, '1650' || (1000000 + i), conversation_id FROM fresh
        UNION ALL SELECT {workspace}, '{percent}', conversation_id FROM fresh WHERE i % 100 = 7;

        INSERT INTO read_markers (workspace_id, conversation_id, agent_id, read_through)
        SELECT {workspace}, conversation_id, a.id, 1 FROM fresh JOIN agents a ON a.workspace_id = {workspace} AND a.id = {reader}
        WHERE is_open AND i >= {first_read};

        INSERT INTO view_counts (workspace_id, phone_number_id, holder, status, has_inbound, n)
        SELECT {workspace}, phone_number_id, holder, CASE WHEN is_open THEN 'OPEN' ELSE 'CLOSED' END, true, count(*)
        FROM (SELECT phone_number_id, is_open, {everybody} AS holder FROM fresh
              UNION ALL SELECT phone_number_id, is_open, coalesce(owner, {nobody}) FROM fresh) AS held
        GROUP BY phone_number_id, holder, is_open;

        INSERT INTO read_counts (workspace_id, agent_id, phone_number_id, bucket, n)
        SELECT {workspace}, a.id, phone_number_id,
            CASE WHEN owner IS NULL THEN 'UNASSIGNED' WHEN owner = a.id THEN 'MINE' ELSE 'OTHERS' END, count(*)
        FROM fresh JOIN agents a ON a.workspace_id = {workspace} AND a.id = {reader}
        WHERE is_open AND i >= {first_read} GROUP BY 1, 2, 3, 4;

        INSERT INTO slot_counts (workspace_id, reader_id, phone_number_id, slot, n)
        SELECT workspace_id, {all_readers}, phone_number_id, slot, count(*) FROM conversations
        WHERE workspace_id = {workspace} AND closed_at IS NULL GROUP BY workspace_id, phone_number_id, slot
        UNION ALL
        SELECT m.workspace_id, agent_id, phone_number_id, slot, count(*) FROM read_markers m
        JOIN conversations c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id
        WHERE m.workspace_id = {workspace} GROUP BY m.workspace_id, agent_id, phone_number_id, slot;

        DROP TABLE fresh;",
        first_read = LEFT_UNREAD * OPEN_ONE_IN,
        last = instant("max(micros)"),
    )
}
