ALTER TABLE agents DROP COLUMN tokens_valid_after;
