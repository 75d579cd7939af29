-- ../../postgres has the same tables, with the same columns in the same order.

-- Null turns a threshold off.
ALTER TABLE workspaces ADD COLUMN max_unassigned integer;
ALTER TABLE workspaces ADD COLUMN max_wait_seconds integer;

-- The events that added a conversation to the queue of open, unassigned conversations, or removed one.
CREATE TABLE queue_flows (
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    -- The sequence number of the event.
    seq bigint NOT NULL,
    phone_number_id blob NOT NULL,
    at bigint NOT NULL,
    flow text NOT NULL,
    PRIMARY KEY (workspace_id, seq)
);

CREATE INDEX queue_flows_by_number ON queue_flows (workspace_id, phone_number_id, at);

-- The flows of the existing events in the log.
INSERT INTO queue_flows (workspace_id, seq, phone_number_id, at, flow)
SELECT workspace_id, seq, phone_number_id, at, flow
FROM (
    SELECT workspace_id, seq, phone_number_id, at,
        CASE
            WHEN queues AND NOT queued AND was_open THEN 'RETURNED'
            WHEN queues AND NOT queued THEN 'ARRIVED'
            WHEN queued AND owned THEN 'CLAIMED'
        END AS flow
    FROM (
        SELECT e.workspace_id, e.seq, c.phone_number_id, e.at,
            coalesce(json_extract(before_image, '$.state.s') = 'o', false) AS was_open,
            coalesce(json_extract(before_image, '$.state.s') = 'o'
                AND json_extract(before_image, '$.ownership.o') = 'n', false) AS queued,
            json_extract(after_image, '$.state.s') = 'o'
                AND json_extract(after_image, '$.ownership.o') = 'n' AS queues,
            json_extract(after_image, '$.ownership.o') = 'a' AS owned
        FROM events e
        JOIN conversations c ON c.workspace_id = e.workspace_id AND c.id = e.conversation_id
    ) AS images
) AS flows
WHERE flow IS NOT NULL;

-- For the longest unassigned and longest waiting conversations of a phone number, and the waiting conversations of
-- each agent.
CREATE INDEX conversations_oldest_unassigned
    ON conversations (workspace_id, phone_number_id, status, unassigned_since)
    WHERE unassigned_since IS NOT NULL;
CREATE INDEX conversations_oldest_waiting
    ON conversations (workspace_id, phone_number_id, waiting_since) WHERE waiting_since IS NOT NULL;
CREATE INDEX conversations_waiting_by_assignee
    ON conversations (workspace_id, assignee_id) WHERE waiting_since IS NOT NULL;

-- The agents who are viewing a conversation. The table has no foreign keys, so that reporting a presence never waits
-- for a lock.
CREATE TABLE presences (
    workspace_id blob NOT NULL,
    conversation_id blob NOT NULL,
    agent_id blob NOT NULL,
    state text NOT NULL,
    since bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, agent_id)
);

CREATE INDEX presences_by_expiry ON presences (workspace_id, expires_at);
