-- ../../sqlite has the same tables, with the same columns in the same order.

-- Null turns a threshold off.
ALTER TABLE workspaces ADD COLUMN max_unassigned integer;
ALTER TABLE workspaces ADD COLUMN max_wait_seconds integer;

-- The events that added a conversation to the queue of open, unassigned conversations, or removed one.
CREATE TABLE queue_flows (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    -- The sequence number of the event.
    seq bigint NOT NULL,
    phone_number_id uuid NOT NULL,
    at timestamptz NOT NULL,
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
            coalesce(before_image::jsonb #>> '{state,s}' = 'o', false) AS was_open,
            coalesce(before_image::jsonb #>> '{state,s}' = 'o'
                AND before_image::jsonb #>> '{ownership,o}' = 'n', false) AS queued,
            after_image::jsonb #>> '{state,s}' = 'o'
                AND after_image::jsonb #>> '{ownership,o}' = 'n' AS queues,
            after_image::jsonb #>> '{ownership,o}' = 'a' AS owned
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

-- The agents who are viewing a conversation. The rows may be lost in a crash. The table has no foreign keys, so that
-- reporting a presence never waits for a lock.
CREATE UNLOGGED TABLE presences (
    workspace_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    state text NOT NULL,
    since timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, agent_id)
);

CREATE INDEX presences_by_expiry ON presences (workspace_id, expires_at);
