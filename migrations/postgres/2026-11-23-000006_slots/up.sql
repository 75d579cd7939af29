-- ../../sqlite has the same tables and indexes.

-- Divides the conversations of a phone number into 64 unread buckets, by the random last byte of their ids. The few
-- unread conversations of an agent are found in the buckets that have any, without scanning the ones that are read.
ALTER TABLE conversations
    ADD COLUMN slot smallint NOT NULL GENERATED ALWAYS AS (get_byte(uuid_send(id), 15) % 64) STORED;
CREATE INDEX conversations_by_slot ON conversations (workspace_id, phone_number_id, slot)
    WHERE closed_at IS NULL AND last_inbound IS NOT NULL;

-- Counts the open conversations of a bucket with an inbound message: all of them, with a reader id of zeroes, and those
-- whose last inbound message an agent has read.
CREATE TABLE slot_counts (
    workspace_id uuid NOT NULL,
    reader_id uuid NOT NULL,
    phone_number_id uuid NOT NULL,
    slot smallint NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (workspace_id, reader_id, phone_number_id, slot)
);

INSERT INTO slot_counts (workspace_id, reader_id, phone_number_id, slot, n)
SELECT workspace_id, '00000000-0000-0000-0000-000000000000', phone_number_id, slot, count(*)
FROM conversations
WHERE closed_at IS NULL AND last_inbound IS NOT NULL
GROUP BY workspace_id, phone_number_id, slot
UNION ALL
SELECT c.workspace_id, m.agent_id, c.phone_number_id, c.slot, count(*)
FROM conversations c
JOIN read_markers m ON m.workspace_id = c.workspace_id AND m.conversation_id = c.id
WHERE c.closed_at IS NULL AND m.read_through >= c.last_inbound
GROUP BY c.workspace_id, m.agent_id, c.phone_number_id, c.slot;
