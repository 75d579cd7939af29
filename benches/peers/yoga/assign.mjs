// Assigns a conversation in one transaction, with the same event and counters as Switchboard, and notifies after the
// commit.

import { NOBODY } from './database.mjs';

export const CHANNEL = 'queue';

const LOCKED = {
  name: 'locked',
  text: `
    SELECT c.id, c.version, c.status, c.phone_number_id, c.assignee_id, c.last_inbound IS NOT NULL AS has_inbound,
      (SELECT count(*) FROM number_access n
        JOIN agents a ON a.workspace_id = n.workspace_id AND a.id = n.agent_id AND a.active
        WHERE n.workspace_id = c.workspace_id AND n.phone_number_id = c.phone_number_id
          AND n.agent_id = ANY ($3)) AS with_access
    FROM conversations c
    WHERE c.workspace_id = $1 AND c.id = $2
    FOR UPDATE OF c`,
};
const OWNER = {
  name: 'owner',
  text: `
    UPDATE conversations SET version = version + 1, assignee_id = $3, assigned_by_id = $4, assigned_at = now(),
      unassigned_since = NULL
    WHERE workspace_id = $1 AND id = $2
    RETURNING version`,
};
// Runs late in the transaction, because other transactions wait for this row.
const NUMBER = {
  name: 'number',
  text: `
    UPDATE workspaces SET event_seq = event_seq + 1, last_event_at = greatest(last_event_at, now())
    WHERE id = $1 RETURNING event_seq AS seq`,
};
const COUNTS = {
  name: 'counts',
  text: `
    INSERT INTO view_counts (workspace_id, phone_number_id, holder, status, has_inbound, n)
    VALUES ($1, $2, $3, $5, $6, -1), ($1, $2, $4, $5, $6, 1)
    ON CONFLICT (workspace_id, holder, phone_number_id, status, has_inbound)
    DO UPDATE SET n = view_counts.n + excluded.n`,
};
const EVENT = {
  name: 'event',
  text: `
    INSERT INTO events (workspace_id, seq, at, actor_id, kind, conversation_id, version, assignee_id,
      before_image, after_image)
    VALUES ($1, $2, now(), $3, 'ASSIGNED', $4, $5, $6, $7, $8)`,
};
const NOTIFY = { name: 'notify', text: 'SELECT pg_notify($1, $2)' };

// Returns the previous owner and whether anything changed; null when the conversation does not exist or one of the
// agents has no access to it.
export async function assign(pool, { workspace, agent: actor }, conversation, agent) {
  const client = await pool.connect();
  const row = async (statement, values) => (await client.query({ ...statement, values })).rows[0];
  try {
    await client.query('BEGIN');
    const agents = [...new Set([actor, agent])];
    const before = await row(LOCKED, [workspace, conversation, agents]);
    if (before?.with_access !== agents.length || before.assignee_id === agent) {
      await client.query('ROLLBACK');
      return before?.with_access === agents.length ? { previous: agent, changed: false } : null;
    }
    const { version } = await row(OWNER, [workspace, conversation, agent, actor]);
    const after = { ...before, version, assignee_id: agent };
    const { seq } = await row(NUMBER, [workspace]);
    await row(COUNTS, [
      workspace, before.phone_number_id, before.assignee_id ?? NOBODY, agent, before.status, before.has_inbound,
    ]);
    await row(EVENT, [
      workspace, seq, actor, conversation, version, agent, JSON.stringify(before), JSON.stringify(after),
    ]);
    await client.query('COMMIT');
    await row(NOTIFY, [CHANNEL, JSON.stringify({ workspace, conversation, seq })]);
    return { previous: before.assignee_id, changed: true };
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
