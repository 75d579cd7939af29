// A live list: the loaded pages, with the changes since then applied.
import type { QueueChangesSubscription, QueueQuery, RowFragment } from './gql/graphql';

export type Row = RowFragment;
export type Page = NonNullable<QueueQuery['conversations']>;
export type Change = QueueChangesSubscription['queueChanges'];

/** The state of a list: its rows, and the versions at which conversations left it. */
export interface Queue {
  rows: ReadonlyMap<string, Row>;
  left: ReadonlyMap<string, number>;
  /** The cursor of the next page; null if all pages are loaded. */
  next: string | null;
  /** The last activity of the last loaded row. Older rows are shown when their page is loaded. */
  oldest: string | null;
}

const EMPTY: Queue = { rows: new Map(), left: new Map(), next: null, oldest: null };

/** Adds a page. Rows that the changes have already updated to a newer version are kept. */
export function append(page: Page, queue = EMPTY): Queue {
  const rows = new Map(queue.rows);
  for (const row of page.nodes) {
    const known = rows.get(row.id)?.version ?? 0;
    const left = queue.left.get(row.id) ?? 0;
    if (row.version >= known && row.version > left) rows.set(row.id, row);
  }
  const { hasNextPage, endCursor } = page.pageInfo;
  return {
    rows,
    left: queue.left,
    next: hasNextPage ? (endCursor ?? null) : null,
    oldest: page.nodes.at(-1)?.lastActivityAt ?? queue.oldest,
  };
}

/**
 * Applies a change of the list.
 *
 * A change is a complete row or a removal, so applying it twice does no harm. A change with an older version
 * than the row is ignored.
 */
export function fold(queue: Queue, change: Change): Queue {
  switch (change.__typename) {
    case 'ConversationEntered':
    case 'ConversationUpdated':
      return put(queue, change.conversation);
    case 'ConversationLeft':
      return remove(queue, change.conversationId, change.version);
    case 'QueueCheckpoint':
    case 'QueueReset':
      return queue;
  }
}

/** The rows to show, most recent activity first. Equal times are ordered by id, so that the order is stable. */
export function inOrder(queue: Queue): Row[] {
  const descending = (one: string, two: string) => (one < two ? 1 : one > two ? -1 : 0);
  // Times are in UTC, with a variable number of digits. Without the trailing Z, their text sorts by time.
  const instant = (row: Row) => row.lastActivityAt.slice(0, -1);
  const { next, oldest } = queue;
  const reached = (row: Row) => next === null || oldest === null || instant(row) >= oldest.slice(0, -1);
  return [...queue.rows.values()].filter(reached).sort(
    (one, two) => descending(instant(one), instant(two)) || descending(one.id, two.id),
  );
}

function put(queue: Queue, row: Row): Queue {
  const known = queue.rows.get(row.id)?.version ?? queue.left.get(row.id) ?? 0;
  if (row.version < known) return queue;
  const [rows, left] = [new Map(queue.rows), new Map(queue.left)];
  rows.set(row.id, row);
  left.delete(row.id);
  return { ...queue, rows, left };
}

function remove(queue: Queue, id: string, version: number): Queue {
  const known = queue.rows.get(id)?.version ?? queue.left.get(id) ?? 0;
  if (version < known) return queue;
  const [rows, left] = [new Map(queue.rows), new Map(queue.left)];
  rows.delete(id);
  left.set(id, version);
  return { ...queue, rows, left };
}
