-- A token that was issued earlier no longer signs its agent in. Null: no token of the agent was ever revoked.
ALTER TABLE agents ADD COLUMN tokens_valid_after timestamptz;
