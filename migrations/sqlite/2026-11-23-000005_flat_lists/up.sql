-- ../../postgres has the same indexes.

-- Unassigned conversations by phone number. A list of a few phone numbers merges one scan per number.
CREATE INDEX conversations_unassigned_by_number
    ON conversations (workspace_id, phone_number_id, status, last_activity_at, id)
    WHERE assignee_id IS NULL;

-- The longest unassigned open conversations, without scanning past conversations that were closed without an owner.
CREATE INDEX conversations_by_status_and_unassigned
    ON conversations (workspace_id, status, unassigned_since, id)
    WHERE unassigned_since IS NOT NULL;

-- Conversations by owner and id: the end of a list whose key some conversations do not have.
CREATE INDEX conversations_by_assignee_and_id
    ON conversations (workspace_id, assignee_id, status, id);

-- These indexes found the oldest conversations and counted them. With the id, lists can scan them too.
DROP INDEX conversations_oldest_unassigned;
CREATE INDEX conversations_oldest_unassigned
    ON conversations (workspace_id, phone_number_id, status, unassigned_since, id)
    WHERE unassigned_since IS NOT NULL;
DROP INDEX conversations_oldest_waiting;
CREATE INDEX conversations_oldest_waiting
    ON conversations (workspace_id, phone_number_id, waiting_since, id) WHERE waiting_since IS NOT NULL;
DROP INDEX conversations_waiting_by_assignee;
CREATE INDEX conversations_waiting_by_assignee
    ON conversations (workspace_id, assignee_id, waiting_since, id) WHERE waiting_since IS NOT NULL;
