-- The history of a workspace: the few events that concern no conversation.
CREATE INDEX events_of_workspace ON events (workspace_id, seq) WHERE kind = 'ACCESS';
