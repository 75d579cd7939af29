//! Inserts many conversations with SQL, together with their counters.
//!
//! This is enough for query plans and lists. The conversations have no messages and no events, so `check` would fail.

use super::world::World;

/// Inserts `count` conversations, distributed over all phone numbers of a workspace and the agents with access to them.
///
/// On every phone number, three of ten conversations have no owner and one of five is open. The last activity of
/// conversation `i` is `i` minutes before that of the newest. The manager has read every other open conversation. Each
/// conversation has the word `common`, and a word of `rare` and a number below a thousand.
pub async fn fill(world: &World, count: u32) {
    let is_postgres = world.app.is_postgres();
    let mut connection = world.app.sql_connection().await;
    let id = |uuid: uuid::Uuid| {
        if is_postgres { format!("'{uuid}'::uuid") } else { format!("x'{}'", uuid.simple()) }
    };
    let workspace = id(world.id.0);
    let new_id = if is_postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let minutes = |expression: &str| {
        if is_postgres {
            format!("TIMESTAMPTZ '2026-01-01Z' - ({expression}) * INTERVAL '1 minute'")
        } else {
            format!("1767225600000000 - ({expression}) * 60000000")
        }
    };
    let at = minutes("i");
    let ranked = |table: &str, order: &str| {
        format!(
            "SELECT id, row_number() OVER (ORDER BY {order}) - 1 AS place, count(*) OVER () AS places
             FROM {table} WHERE workspace_id = {workspace}"
        )
    };
    let (numbers, contacts) = (ranked("phone_numbers", "id"), ranked("contacts", "number"));
    let agents = format!(
        "SELECT agent_id, phone_number_id, count(*) OVER (PARTITION BY phone_number_id) AS places,
             row_number() OVER (PARTITION BY phone_number_id ORDER BY agent_id) - 1 AS place
         FROM number_access WHERE workspace_id = {workspace}"
    );
    let (nobody, everybody) = (id(uuid::Uuid::nil()), id(uuid::Uuid::max()));
    connection
        .run(&format!(
            "INSERT INTO contacts (workspace_id, id, number, created_at)
             WITH RECURSIVE counted (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counted WHERE i + 1 < {count})
             SELECT {workspace}, {new_id}, '+1650' || (1000000 + i), {at} FROM counted;

             INSERT INTO conversations (workspace_id, id, phone_number_id, contact_id, version, status,
                 waiting_since, closed_at, assignee_id, assigned_at, unassigned_since, message_count,
                 last_message_id, last_inbound, last_activity_at, created_at)
             SELECT {workspace}, {new_id}, n.id, contact_id, 1, CASE WHEN is_open THEN 'OPEN' ELSE 'CLOSED' END,
                 CASE WHEN is_open AND i % 3 = 0 THEN {at} END, CASE WHEN NOT is_open THEN {at} END,
                 CASE WHEN is_owned THEN a.agent_id END, CASE WHEN is_owned THEN {at} END,
                 CASE WHEN NOT is_owned THEN {at} END, 1, {new_id}, 1, {at}, {at}
             FROM (SELECT id AS contact_id, place AS i, place % 10 >= 3 AS is_owned, place * 7 / 10 % 5 = 0 AS is_open
                   FROM ({contacts}) AS c) AS c
             JOIN ({numbers}) AS n ON n.place = i * 17 / 3 % n.places
             JOIN ({agents}) AS a ON a.phone_number_id = n.id AND a.place = i / 7 % a.places;

             INSERT INTO conversation_words (workspace_id, word, conversation_id)
             SELECT {workspace}, 'common', id FROM conversations WHERE workspace_id = {workspace}
             UNION ALL
             SELECT {workspace}, 'rare' || (row_number() OVER (ORDER BY id) % 1000), id FROM conversations
             WHERE workspace_id = {workspace};

             INSERT INTO view_counts (workspace_id, phone_number_id, holder, status, has_inbound, n)
             SELECT {workspace}, phone_number_id, {everybody}, status, true, count(*) FROM conversations
             WHERE workspace_id = {workspace} GROUP BY phone_number_id, status
             UNION ALL
             SELECT {workspace}, phone_number_id, coalesce(assignee_id, {nobody}), status, true, count(*)
             FROM conversations WHERE workspace_id = {workspace} GROUP BY phone_number_id, assignee_id, status;

             INSERT INTO slot_counts (workspace_id, reader_id, phone_number_id, slot, n)
             SELECT {workspace}, {nobody}, phone_number_id, slot, count(*) FROM conversations
             WHERE workspace_id = {workspace} AND status = 'OPEN' GROUP BY phone_number_id, slot;",
        ))
        .await;
    read(world, "place % 2 = 0").await;
}

/// Marks the open conversations of a [`fill`]ed workspace as read by the manager if the SQL condition `which` holds.
///
/// In the condition, `place` counts the conversations from 1, beginning with the oldest activity.
pub async fn read(world: &World, which: &str) {
    let is_postgres = world.app.is_postgres();
    let mut connection = world.app.sql_connection().await;
    let id = |uuid: uuid::Uuid| {
        if is_postgres { format!("'{uuid}'::uuid") } else { format!("x'{}'", uuid.simple()) }
    };
    let (workspace, manager) = (id(world.id.0), id(world.manager.agent_id.0));
    let read = format!(
        "FROM read_markers m JOIN conversations c ON c.workspace_id = m.workspace_id AND c.id = conversation_id
         WHERE m.workspace_id = {workspace} AND c.status = 'OPEN'"
    );
    connection
        .run(&format!(
            "DELETE FROM read_markers WHERE workspace_id = {workspace};
             DELETE FROM read_counts WHERE workspace_id = {workspace};
             DELETE FROM slot_counts WHERE workspace_id = {workspace} AND reader_id = {manager};

             INSERT INTO read_markers (workspace_id, conversation_id, agent_id, read_through)
             SELECT {workspace}, id, {manager}, 1 FROM (
                 SELECT id, row_number() OVER (ORDER BY last_activity_at) AS place FROM conversations
                 WHERE workspace_id = {workspace} AND status = 'OPEN') AS c WHERE {which};

             INSERT INTO read_counts (workspace_id, agent_id, phone_number_id, bucket, n)
             SELECT {workspace}, agent_id, phone_number_id,
                 CASE WHEN assignee_id IS NULL THEN 'UNASSIGNED' WHEN assignee_id = agent_id THEN 'MINE'
                      ELSE 'OTHERS' END AS bucket, count(*)
             {read} GROUP BY agent_id, phone_number_id, 4;

             INSERT INTO slot_counts (workspace_id, reader_id, phone_number_id, slot, n)
             SELECT {workspace}, agent_id, phone_number_id, slot, count(*)
             {read} GROUP BY agent_id, phone_number_id, slot;",
        ))
        .await;
    if is_postgres {
        connection.run("ANALYZE").await;
    }
}
