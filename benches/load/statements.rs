//! The minimal SQL for the same work, for `pgbench`: a lower bound for every server.
//!
//! Names that begin with a colon are variables of `pgbench`, passed by `-D`.

/// The page as one statement with joins. One additional row shows whether there is a next page. `counted` adds the
/// total count.
pub fn page(counted: bool) -> String {
    let total = if counted { TOTAL } else { "" };
    format!(
        "SELECT c.id, c.version, c.status, c.last_activity_at, c.waiting_since,
            k.name AS contact_name, k.number AS contact_number, p.label, p.number,
            a.id AS assignee_id, a.name AS assignee_name, m.body, m.direction, m.sent_at{total}
        FROM conversations c
        JOIN contacts k ON k.workspace_id = c.workspace_id AND k.id = c.contact_id
        JOIN phone_numbers p ON p.workspace_id = c.workspace_id AND p.id = c.phone_number_id
        JOIN messages m ON m.workspace_id = c.workspace_id AND m.id = c.last_message_id
        LEFT JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.assignee_id
        WHERE c.workspace_id = :workspace AND c.phone_number_id = ANY (ARRAY(
            SELECT n.phone_number_id FROM number_access n
            WHERE n.workspace_id = :workspace AND n.agent_id = :viewer))
        ORDER BY c.last_activity_at DESC, c.id DESC LIMIT 51"
    )
}

const TOTAL: &str = ",
            (SELECT count(*) FROM conversations t
                WHERE t.workspace_id = :workspace AND t.phone_number_id = ANY (ARRAY(
                    SELECT n.phone_number_id FROM number_access n
                    WHERE n.workspace_id = :workspace AND n.agent_id = :viewer))) AS total";

/// A transaction with the reads, locks and writes of an assignment, including its event and its counters.
/// `bench_conversations` numbers the conversations.
pub const ASSIGN: &str = r#"\set n random(1, :conversations)
BEGIN;
SELECT c.id AS conversation, c.version + 1 AS version, c.phone_number_id AS number, c.status AS status,
    coalesce(c.last_inbound, 0) > 0 AS inbound,
    coalesce(c.assignee_id, '00000000-0000-0000-0000-000000000000') AS before,
    CASE WHEN c.assignee_id = :first THEN :second ELSE :first END AS after
FROM conversations c JOIN bench_conversations b ON b.id = c.id
JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = :viewer AND a.active
JOIN number_access x ON x.workspace_id = c.workspace_id AND x.agent_id = a.id
    AND x.phone_number_id = c.phone_number_id
WHERE c.workspace_id = :workspace AND b.n = :n
FOR UPDATE OF c FOR SHARE OF a, x
\gset
UPDATE conversations SET version = :version, assignee_id = :after, assigned_by_id = :viewer, assigned_at = now(),
    unassigned_since = NULL
WHERE workspace_id = :workspace AND id = :conversation;
UPDATE workspaces SET event_seq = event_seq + 1, last_event_at = greatest(last_event_at, now())
WHERE id = :workspace RETURNING event_seq AS seq
\gset
INSERT INTO view_counts (workspace_id, phone_number_id, holder, status, has_inbound, n)
VALUES (:workspace, :number, :before, :status, :inbound, -1), (:workspace, :number, :after, :status, :inbound, 1)
ON CONFLICT (workspace_id, holder, phone_number_id, status, has_inbound)
DO UPDATE SET n = view_counts.n + excluded.n;
INSERT INTO events (workspace_id, seq, at, actor_id, kind, conversation_id, version, assignee_id,
    before_image, after_image)
VALUES (:workspace, :seq, now(), :viewer, 'ASSIGNED', :conversation, :version, :after, :image, :image);
COMMIT;
"#;

/// Numbers the conversations on a phone number, for [`ASSIGN`].
pub fn numbered(phone_number: &str) -> String {
    format!(
        "CREATE TABLE bench_conversations (n bigint PRIMARY KEY, id uuid NOT NULL);
        INSERT INTO bench_conversations
        SELECT row_number() OVER (ORDER BY id), id FROM conversations WHERE phone_number_id = '{phone_number}';
        ANALYZE bench_conversations"
    )
}
