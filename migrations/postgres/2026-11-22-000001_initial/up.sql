-- Every primary key begins with workspace_id, so that a sharded database can distribute the rows by workspace.
-- ../../sqlite has the same tables, with the same columns in the same order.

CREATE TABLE store_info (
    id smallint PRIMARY KEY CHECK (id = 1),
    -- Changes when the log is rewritten. Cursors of another epoch are invalid.
    epoch uuid NOT NULL
);

CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    plan text NOT NULL,
    assignment_model text NOT NULL,
    -- The sequence number of the last event. Each transaction takes its numbers as its last step.
    event_seq bigint NOT NULL DEFAULT 0,
    -- The sequence number of the last event that retention may have deleted.
    event_floor bigint NOT NULL DEFAULT 0,
    last_event_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE agents (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    id uuid NOT NULL,
    name text NOT NULL,
    title text,
    email text NOT NULL,
    role text NOT NULL,
    active boolean NOT NULL,
    experienced boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, email)
);

CREATE TABLE phone_numbers (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    id uuid NOT NULL,
    -- Unique over all workspaces: the workspace of an inbound message is found by it.
    number text NOT NULL UNIQUE,
    label text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE number_access (
    workspace_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    phone_number_id uuid NOT NULL,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, agent_id, phone_number_id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id),
    FOREIGN KEY (workspace_id, phone_number_id) REFERENCES phone_numbers (workspace_id, id)
);

CREATE TABLE contacts (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    id uuid NOT NULL,
    number text NOT NULL,
    name text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, number)
);

CREATE TABLE conversations (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    id uuid NOT NULL,
    phone_number_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    waiting_since timestamptz,
    closed_at timestamptz,
    closed_by_id uuid,
    assignee_id uuid,
    assigned_by_id uuid,
    assigned_at timestamptz,
    unassigned_since timestamptz,
    message_count integer NOT NULL,
    last_message_id uuid NOT NULL,
    last_inbound integer,
    last_activity_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, phone_number_id, contact_id),
    FOREIGN KEY (workspace_id, phone_number_id) REFERENCES phone_numbers (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contacts (workspace_id, id),
    FOREIGN KEY (workspace_id, assignee_id) REFERENCES agents (workspace_id, id),
    CHECK ((assignee_id IS NULL) = (unassigned_since IS NOT NULL)),
    CHECK ((assignee_id IS NULL) = (assigned_at IS NULL)),
    CHECK ((status = 'CLOSED') = (closed_at IS NOT NULL))
);

CREATE INDEX conversations_by_activity
    ON conversations (workspace_id, last_activity_at, id);
CREATE INDEX conversations_by_status
    ON conversations (workspace_id, status, last_activity_at, id);
CREATE INDEX conversations_by_assignee
    ON conversations (workspace_id, assignee_id, last_activity_at, id);
CREATE INDEX conversations_by_assignee_and_status
    ON conversations (workspace_id, assignee_id, status, last_activity_at, id);
CREATE INDEX conversations_by_number
    ON conversations (workspace_id, phone_number_id, last_activity_at, id);
CREATE INDEX conversations_by_number_and_status
    ON conversations (workspace_id, phone_number_id, status, last_activity_at, id);
CREATE INDEX conversations_by_waiting
    ON conversations (workspace_id, waiting_since, id) WHERE waiting_since IS NOT NULL;
CREATE INDEX conversations_by_unassigned
    ON conversations (workspace_id, unassigned_since, id) WHERE unassigned_since IS NOT NULL;

CREATE TABLE messages (
    workspace_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    -- Counts from 1 within the conversation.
    number integer NOT NULL,
    id uuid NOT NULL,
    direction text NOT NULL,
    body text NOT NULL,
    media_urls text NOT NULL,
    author_id uuid,
    sent_at timestamptz NOT NULL,
    delivery_status text,
    provider_message_id text,
    PRIMARY KEY (workspace_id, conversation_id, number),
    UNIQUE (workspace_id, id),
    UNIQUE (workspace_id, provider_message_id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id)
);

CREATE TABLE idempotency_keys (
    workspace_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    key text NOT NULL,
    -- Identifies the input. The same key with a different input is refused.
    fingerprint text NOT NULL,
    message_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, agent_id, key)
);

CREATE TABLE events (
    workspace_id uuid NOT NULL REFERENCES workspaces (id),
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor_id uuid,
    kind text NOT NULL,
    conversation_id uuid,
    -- The version of the conversation after the event; null for events that are not part of its history.
    version integer,
    assignee_id uuid,
    message_id uuid,
    reason text,
    note text,
    before_image text,
    after_image text NOT NULL,
    PRIMARY KEY (workspace_id, seq)
);

CREATE UNIQUE INDEX events_by_version
    ON events (workspace_id, conversation_id, version) WHERE version IS NOT NULL;

CREATE TABLE read_markers (
    workspace_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    -- The number of the last message that the agent has read.
    read_through integer NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, agent_id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id),
    FOREIGN KEY (workspace_id, agent_id) REFERENCES agents (workspace_id, id)
);

CREATE TABLE view_counts (
    workspace_id uuid NOT NULL,
    phone_number_id uuid NOT NULL,
    -- The id of an agent, all zeroes for unassigned conversations, or all ones for all conversations.
    holder uuid NOT NULL,
    status text NOT NULL,
    has_inbound boolean NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (workspace_id, holder, phone_number_id, status, has_inbound)
);

CREATE TABLE read_counts (
    workspace_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    phone_number_id uuid NOT NULL,
    bucket text NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (workspace_id, agent_id, phone_number_id, bucket)
);

CREATE TABLE conversation_words (
    workspace_id uuid NOT NULL,
    -- Folded. Compared by bytes, so that prefixes mean the same in both databases.
    word text COLLATE "C" NOT NULL,
    conversation_id uuid NOT NULL,
    PRIMARY KEY (workspace_id, word, conversation_id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversations (workspace_id, id)
);

CREATE INDEX conversation_words_by_conversation
    ON conversation_words (workspace_id, conversation_id, word);
