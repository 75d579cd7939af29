DROP TABLE presences;
DROP INDEX conversations_waiting_by_assignee;
DROP INDEX conversations_oldest_waiting;
DROP INDEX conversations_oldest_unassigned;
DROP TABLE queue_flows;
ALTER TABLE workspaces DROP COLUMN max_wait_seconds;
ALTER TABLE workspaces DROP COLUMN max_unassigned;
