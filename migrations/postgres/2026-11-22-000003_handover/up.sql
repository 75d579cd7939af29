-- After so many minutes without an answer an owned conversation goes back to nobody; null keeps it owned.
ALTER TABLE workspaces ADD COLUMN lease_minutes integer;

CREATE INDEX workspaces_with_lease
    ON workspaces (id) WHERE lease_minutes IS NOT NULL;

-- Owned conversations whose customers wait: what a lease may end.
CREATE INDEX conversations_by_lease
    ON conversations (workspace_id, waiting_since, id, assigned_at)
    WHERE waiting_since IS NOT NULL AND assignee_id IS NOT NULL;

CREATE TABLE rebalance_plans (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    id uuid NOT NULL,
    state text NOT NULL,
    created_by_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    -- Until when it can be applied or, once it is, undone.
    expires_at timestamptz NOT NULL,
    applied_at timestamptz,
    -- JSON: the moves and the loads. It is read and written as a whole.
    body text NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, created_by_id) REFERENCES agents (workspace_id, id)
);

CREATE INDEX rebalance_plans_by_expiry
    ON rebalance_plans (workspace_id, expires_at);
