-- A conversation whose owner leaves the customer waiting for this many minutes becomes unassigned. Null turns this off.
ALTER TABLE workspaces ADD COLUMN lease_minutes integer;

CREATE INDEX workspaces_with_lease
    ON workspaces (id) WHERE lease_minutes IS NOT NULL;

-- Owned conversations with a waiting customer, whose lease may expire.
CREATE INDEX conversations_by_lease
    ON conversations (workspace_id, waiting_since, id, assigned_at)
    WHERE waiting_since IS NOT NULL AND assignee_id IS NOT NULL;

CREATE TABLE rebalance_plans (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    id uuid NOT NULL,
    state text NOT NULL,
    created_by_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    -- When the plan expires: until then it can be applied, or undone if it has been applied.
    expires_at timestamptz NOT NULL,
    applied_at timestamptz,
    -- The moves and the loads as JSON, always read and written together.
    body text NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, created_by_id) REFERENCES agents (workspace_id, id)
);

CREATE INDEX rebalance_plans_by_expiry
    ON rebalance_plans (workspace_id, expires_at);
