// Named statements, which PostgreSQL parses and plans once per connection.

import pg from 'pg';

import { assign } from './assign.mjs';

const TIMESTAMPTZ = 1184;
const INT8 = 20;
// Times stay texts in the format of the API, without a conversion to Date.
pg.types.setTypeParser(TIMESTAMPTZ, (text) => text.replace(' ', 'T').replace('+00', 'Z'));
pg.types.setTypeParser(INT8, Number);

export const EVERYBODY = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
export const NOBODY = '00000000-0000-0000-0000-000000000000';

const CONVERSATION = `
  SELECT id, version, status, waiting_since AS "waitingSince", last_activity_at AS "lastActivityAt",
    contact_id, phone_number_id, assignee_id, last_message_id
  FROM conversations
  WHERE workspace_id = $1 AND phone_number_id = ANY ($2)`;
const NEWEST_FIRST = 'ORDER BY last_activity_at DESC, id DESC LIMIT $3';

const PAGES = {
  INBOX: { name: 'inbox', text: `${CONVERSATION} ${NEWEST_FIRST}` },
  ASSIGNED_TO_ME: { name: 'mine', text: `${CONVERSATION} AND assignee_id = $4 ${NEWEST_FIRST}` },
  UNASSIGNED: { name: 'unassigned', text: `${CONVERSATION} AND assignee_id IS NULL ${NEWEST_FIRST}` },
};

// The agent, the position of the log, and the phone numbers that the agent can access, in one snapshot.
const ACCESS = {
  name: 'access',
  text: `
    SELECT w.event_seq AS "asOf", p.id, p.number, p.label
    FROM workspaces w
    JOIN agents a ON a.workspace_id = w.id AND a.active
    LEFT JOIN number_access n ON n.workspace_id = a.workspace_id AND n.agent_id = a.id
    LEFT JOIN phone_numbers p ON p.workspace_id = n.workspace_id AND p.id = n.phone_number_id
    WHERE w.id = $1 AND a.id = $2`,
};
const CONTACTS = {
  name: 'contacts',
  text: 'SELECT id, number, name FROM contacts WHERE workspace_id = $1 AND id = ANY ($2)',
};
const AGENTS = {
  name: 'agents',
  text: 'SELECT id, name FROM agents WHERE workspace_id = $1 AND id = ANY ($2)',
};
const MESSAGES = {
  name: 'messages',
  text: `SELECT id, direction, body, sent_at AS "sentAt" FROM messages
    WHERE workspace_id = $1 AND id = ANY ($2)`,
};
// Sums the counters of the badges, as Switchboard does.
const TOTAL = {
  name: 'total',
  text: `SELECT coalesce(sum(n), 0)::bigint AS n FROM view_counts
    WHERE workspace_id = $1 AND holder = $2 AND phone_number_id = ANY ($3)`,
};

const WHOLE = {
  name: 'whole',
  text: `
    SELECT c.id, c.version, c.status, c.waiting_since AS "waitingSince", c.last_activity_at AS "lastActivityAt",
      c.phone_number_id, json_build_object('id', k.id, 'number', k.number, 'name', k.name) AS contact,
      CASE WHEN a.id IS NOT NULL THEN json_build_object('id', a.id, 'name', a.name) END AS assignee
    FROM conversations c
    JOIN contacts k ON k.workspace_id = c.workspace_id AND k.id = c.contact_id
    LEFT JOIN agents a ON a.workspace_id = c.workspace_id AND a.id = c.assignee_id
    WHERE c.workspace_id = $1 AND c.id = $2`,
};

export function connect(url, connections) {
  const settings = { connectionString: url, options: '-c timezone=UTC' };
  const pool = new pg.Pool({ ...settings, max: connections });
  const rows = async (statement, values) => (await pool.query({ ...statement, values })).rows;
  return {
    access: (workspace, agent) => rows(ACCESS, [workspace, agent]),
    page: (view, workspace, numbers, limit, agent) =>
      rows(PAGES[view], [workspace, numbers, limit, ...(view === 'ASSIGNED_TO_ME' ? [agent] : [])]),
    contacts: (workspace, ids) => rows(CONTACTS, [workspace, ids]),
    agents: (workspace, ids) => rows(AGENTS, [workspace, ids]),
    messages: (workspace, ids) => rows(MESSAGES, [workspace, ids]),
    // A conversation with all fields that an event can select.
    whole: async (workspace, id) => (await rows(WHOLE, [workspace, id]))[0],
    assign: (viewer, conversation, agent) => assign(pool, viewer, conversation, agent),
    async listen(channel, handle) {
      const client = new pg.Client(settings);
      await client.connect();
      client.on('notification', ({ payload }) => handle(payload));
      await client.query(`LISTEN ${channel}`);
    },
    total: async (workspace, holder, numbers) => (await rows(TOTAL, [workspace, holder, numbers]))[0].n,
  };
}
