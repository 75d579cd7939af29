-- The same tables and indexes stand in ../../postgres.

-- The conversations of a number in 64 parts, by the random end of their ids: whoever has read nearly all of them
-- finds the few others in the parts that hold any, without walking past all that is read.
ALTER TABLE conversations
    ADD COLUMN slot smallint NOT NULL GENERATED ALWAYS AS (
        (instr('0123456789ABCDEF', substr(hex(id), 31, 1)) - 1) % 4 * 16
            + instr('0123456789ABCDEF', substr(hex(id), 32, 1)) - 1
    ) VIRTUAL;
CREATE INDEX conversations_by_slot ON conversations (workspace_id, phone_number_id, slot)
    WHERE closed_at IS NULL AND last_inbound IS NOT NULL;

-- The open conversations of a slot with an inbound message: of all, under the id of nobody, and those that an agent
-- has read up to date.
CREATE TABLE slot_counts (
    workspace_id blob NOT NULL,
    reader_id blob NOT NULL,
    phone_number_id blob NOT NULL,
    slot smallint NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (workspace_id, reader_id, phone_number_id, slot)
) WITHOUT ROWID;

INSERT INTO slot_counts (workspace_id, reader_id, phone_number_id, slot, n)
SELECT workspace_id, zeroblob(16), phone_number_id, slot, count(*)
FROM conversations
WHERE closed_at IS NULL AND last_inbound IS NOT NULL
GROUP BY workspace_id, phone_number_id, slot
UNION ALL
SELECT c.workspace_id, m.agent_id, c.phone_number_id, c.slot, count(*)
FROM conversations c
JOIN read_markers m ON m.workspace_id = c.workspace_id AND m.conversation_id = c.id
WHERE c.closed_at IS NULL AND m.read_through >= c.last_inbound
GROUP BY c.workspace_id, m.agent_id, c.phone_number_id, c.slot;
