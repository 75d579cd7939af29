-- Where a time lies in the log: times rise with the numbers.
CREATE INDEX events_by_time ON events (workspace_id, at, seq);

-- What is closed, by when.
CREATE INDEX conversations_by_close
    ON conversations (workspace_id, closed_at, id) WHERE closed_at IS NOT NULL;
