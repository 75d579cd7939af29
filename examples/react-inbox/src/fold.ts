// A live list: a page, and what has happened to it since.
import type { QueueChangesSubscription, RowFragment } from './gql/graphql';

export type Row = RowFragment;
export type Change = QueueChangesSubscription['queueChanges'];

/** What is known of a list: its rows, and the versions at which others left it. */
export interface Queue {
  rows: ReadonlyMap<string, Row>;
  left: ReadonlyMap<string, number>;
}

export function fromPage(rows: readonly Row[]): Queue {
  return { rows: new Map(rows.map((row) => [row.id, row])), left: new Map() };
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

/** The rows with the last activity first. Ties are broken by id, so that rows do not jump. */
export function inOrder(queue: Queue): Row[] {
  const falling = (one: string, two: string) => (one < two ? 1 : one > two ? -1 : 0);
  // Instants are in UTC with as many digits as they need; without the Z their text sorts as they do.
  const instant = (row: Row) => row.lastActivityAt.slice(0, -1);
  return [...queue.rows.values()].sort(
    (one, two) => falling(instant(one), instant(two)) || falling(one.id, two.id),
  );
}

function put(queue: Queue, row: Row): Queue {
  const known = queue.rows.get(row.id)?.version ?? queue.left.get(row.id) ?? 0;
  if (row.version < known) return queue;
  const [rows, left] = [new Map(queue.rows), new Map(queue.left)];
  rows.set(row.id, row);
  left.delete(row.id);
  return { rows, left };
}

function remove(queue: Queue, id: string, version: number): Queue {
  const known = queue.rows.get(id)?.version ?? queue.left.get(id) ?? 0;
  if (version < known) return queue;
  const [rows, left] = [new Map(queue.rows), new Map(queue.left)];
  rows.delete(id);
  left.set(id, version);
  return { rows, left };
}
