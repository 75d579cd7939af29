ALTER TABLE workspaces DROP COLUMN service_tokens_valid_after;
DROP TABLE service_tokens;
