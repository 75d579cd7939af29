-- The same indexes stand in ../../postgres.

-- What nobody owns of one number: a list of a few numbers merges one walk for each.
CREATE INDEX conversations_unassigned_by_number
    ON conversations (workspace_id, phone_number_id, status, last_activity_at, id)
    WHERE assignee_id IS NULL;

-- The longest unassigned that are open: old ones that were closed without an owner only pile up.
CREATE INDEX conversations_by_status_and_unassigned
    ON conversations (workspace_id, status, unassigned_since, id)
    WHERE unassigned_since IS NOT NULL;

-- What an agent owns, or nobody does, in order of the ids: the end of a list ordered by what some lack.
CREATE INDEX conversations_by_assignee_and_id
    ON conversations (workspace_id, assignee_id, status, id);

-- These told the oldest and how many; with the id they are walked by lists, too.
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
