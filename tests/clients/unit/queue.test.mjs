import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue } from '../../../src/http/pages/inbox/queue.js';
import { names, page, row } from './rows.mjs';

const entered = (conversation, cursor = 'c1') => ({ __typename: 'ConversationEntered', cursor, conversation });
const updated = (conversation) => ({ __typename: 'ConversationUpdated', cursor: 'c2', conversation });
const left = (id, version) => ({ __typename: 'ConversationLeft', cursor: 'c3', conversationId: id, version });

test('rows stand by their last activity, the latest first, and then by the bytes of the id', () => {
  const queue = new Queue();
  queue.append(page([row('a', 1), row('b', 3), row('c', 2), row('d', 2)]));
  assert.equal(names(queue.rows()), 'b d c a');
  assert.equal(queue.rows(), queue.rows());
});

test('fractions of a second of any length are compared as numbers', () => {
  const queue = new Queue();
  queue.append(page([
    row('a', 0, { lastActivityAt: '2026-01-01T10:00:00Z' }), row('b', 0, { lastActivityAt: '2026-01-01T10:00:00.5Z' }),
    row('c', 0, { lastActivityAt: '2026-01-01T10:00:00.4999Z' }),
  ]));
  assert.equal(names(queue.rows()), 'b c a');
});

test('a change says what it did to the row', () => {
  const queue = new Queue();
  queue.append(page([row('a', 1), row('b', 2)]));
  assert.equal(queue.fold(entered(row('c', 3))), 'entered');
  assert.equal(queue.fold(updated(row('a', 4, { version: 2 }))), 'rose');
  assert.equal(queue.fold(updated(row('b', 2, { version: 2, unread: true }))), null);
  assert.equal(names(queue.rows()), 'a c b');
  assert.equal(queue.cursor, 'c2');
});

test('an older version changes nothing, whether a row or a removal', () => {
  const queue = new Queue();
  queue.append(page([row('a', 1, { version: 5 })]));
  queue.fold(updated(row('a', 9, { version: 4, unread: true })));
  queue.fold(left(row('a', 1).id, 4));
  assert.equal(queue.rows()[0].unread, false);
  queue.fold(left(row('a', 1).id, 6));
  queue.fold(updated(row('a', 9, { version: 5 })));
  queue.append(page([row('a', 1, { version: 6 })]));
  assert.equal(names(queue.rows()), '');
  queue.fold(updated(row('a', 9, { version: 7 })));
  assert.equal(names(queue.rows()), 'a');
});

test('rows below the last page are kept until the pages between have come', () => {
  const queue = new Queue();
  queue.append(page([row('d', 40), row('c', 30)], { hasNextPage: true, endCursor: 'after c' }));
  queue.fold(entered(row('a', 10)));
  assert.equal(names(queue.rows()), 'd c');
  queue.append(page([row('b', 20), row('a', 10)]));
  assert.equal(names(queue.rows()), 'd c b a');
});

test('a search takes no row that only a new search can place', () => {
  const queue = new Queue({ closedToStrangers: true });
  queue.append(page([row('a', 1)]));
  assert.equal(queue.fold(entered(row('b', 2))), 'stranger');
  assert.equal(queue.fold(updated(row('a', 3, { version: 2 }))), 'rose');
  assert.equal(names(queue.rows()), 'a');
});
