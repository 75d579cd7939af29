-- Tokens of services. Only a hash of each token is stored.
CREATE TABLE service_tokens (
    workspace_id blob NOT NULL REFERENCES workspaces (id),
    id blob NOT NULL,
    name text NOT NULL,
    -- The names of the scopes, separated by spaces.
    scopes text NOT NULL,
    -- SHA-256 of the token, in hexadecimal. A token has 256 random bits, so it needs no slower hash.
    hash text NOT NULL,
    created_at bigint NOT NULL,
    last_used_at bigint,
    expires_at bigint,
    revoked_at bigint,
    PRIMARY KEY (workspace_id, id)
) WITHOUT ROWID;

-- A signed service token that was issued earlier is no longer valid. Null: none was ever revoked.
ALTER TABLE workspaces ADD COLUMN service_tokens_valid_after bigint;
