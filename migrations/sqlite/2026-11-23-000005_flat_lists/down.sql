DROP INDEX conversations_waiting_by_assignee;
CREATE INDEX conversations_waiting_by_assignee
    ON conversations (workspace_id, assignee_id) WHERE waiting_since IS NOT NULL;
DROP INDEX conversations_oldest_waiting;
CREATE INDEX conversations_oldest_waiting
    ON conversations (workspace_id, phone_number_id, waiting_since) WHERE waiting_since IS NOT NULL;
DROP INDEX conversations_oldest_unassigned;
CREATE INDEX conversations_oldest_unassigned
    ON conversations (workspace_id, phone_number_id, status, unassigned_since)
    WHERE unassigned_since IS NOT NULL;
DROP INDEX conversations_by_assignee_and_id;
DROP INDEX conversations_by_status_and_unassigned;
DROP INDEX conversations_unassigned_by_number;
