-- Finds the position of a time in the log. The times of events never decrease with their sequence numbers.
CREATE INDEX events_by_time ON events (workspace_id, at, seq);

-- Closed conversations, by the time of closing.
CREATE INDEX conversations_by_close
    ON conversations (workspace_id, closed_at, id) WHERE closed_at IS NOT NULL;
