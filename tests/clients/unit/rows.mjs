// Rows for the tests of this folder.

/** A row of a list; `at` is the minute of its last activity. */
export function row(name, at, more = {}) {
  return {
    id: Buffer.from(`C${name}`).toString('base64url'), version: 1, status: 'OPEN', unread: false,
    lastActivityAt: `2026-01-01T10:${String(at).padStart(2, '0')}:00Z`, waitingSince: null, assignedAt: null,
    contact: { name, number: '+14155550100' }, phoneNumber: { label: 'Support' }, assignee: null, lastMessage: null, ...more,
  };
}

export const names = (rows) => rows.map(({ contact, gone }) => (gone ? `${contact.name} gone` : contact.name)).join(' ');

export const page = (nodes, { hasNextPage = false, endCursor = null, asOf = 'c0' } = {}) => ({ asOf, nodes, pageInfo: { hasNextPage, endCursor } });

/** A replacement for the browser's storage. Its keys are properties. */
export function memoryStorage(entries = {}) {
  const storage = Object.create({
    getItem(key) { return Object.hasOwn(this, key) ? this[key] : null; },
    setItem(key, value) { this[key] = String(value); },
    removeItem(key) { delete this[key]; },
  });
  return Object.assign(storage, entries);
}
