// A live list: the pages that were read, and what has happened to it since.
import type { QueueChangesSubscription, QueueQuery, RowFragment } from './gql/graphql';

export type Row = RowFragment;
export type Page = NonNullable<QueueQuery['conversations']>;
export type Change = QueueChangesSubscription['queueChanges'];

/** What is known of a list: its rows, and the versions at which others left it. */
export interface Queue {
  rows: ReadonlyMap<string, Row>;
  left: ReadonlyMap<string, number>;
  /** Where the next page begins; null when the list has been read to its end. */
  next: string | null;
  /** The last activity of the last row that was read: what is older is for later pages to bring. */
  oldest: string | null;
}

const EMPTY: Queue = { rows: new Map(), left: new Map(), next: null, oldest: null };

/** Adds a page, which may be older than what the changes have brought: then the changes count. */
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
 * Changes are whole rows or removals, so one that comes twice does no harm; one that is older than what is
 * known is dropped by its version.
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

/** The rows to show, with the last activity first. Ties are broken by id, so that rows do not jump. */
export function inOrder(queue: Queue): Row[] {
  const falling = (one: string, two: string) => (one < two ? 1 : one > two ? -1 : 0);
  // Instants are in UTC with as many digits as they need; without the Z their text sorts as they do.
  const instant = (row: Row) => row.lastActivityAt.slice(0, -1);
  const { next, oldest } = queue;
  const reached = (row: Row) => next === null || oldest === null || instant(row) >= oldest.slice(0, -1);
  return [...queue.rows.values()].filter(reached).sort(
    (one, two) => falling(instant(one), instant(two)) || falling(one.id, two.id),
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
