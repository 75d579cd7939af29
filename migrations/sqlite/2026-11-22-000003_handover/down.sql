DROP TABLE rebalance_plans;
DROP INDEX conversations_by_lease;
DROP INDEX workspaces_with_lease;
ALTER TABLE workspaces DROP COLUMN lease_minutes;
