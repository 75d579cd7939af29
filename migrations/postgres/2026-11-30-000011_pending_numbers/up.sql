-- Phone numbers that workspaces have asked for and the operator has not verified. Several workspaces may ask for one
-- number.
CREATE TABLE pending_numbers (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    id uuid NOT NULL,
    number text NOT NULL,
    label text NOT NULL,
    -- The agents who get access when the number is verified: a JSON list of ids.
    agent_ids text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, number)
);
