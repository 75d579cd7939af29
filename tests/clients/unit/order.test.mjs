import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StandingOrder, shift } from '../../../src/http/pages/inbox/order.js';
import { names, row } from './rows.mjs';

const placed = (name, at) => ({ ...row(name, at), position: String(at).padStart(3, '0') });
const [a, b, c, d] = [placed('a', 40), placed('b', 30), placed('c', 20), placed('d', 10)];
const LIST = [a, b, c, d];

/** The displayed order of LIST, after the list has changed. */
function held(rows) {
  const order = new StandingOrder();
  order.hold(order.arrange(LIST));
  return { order, shown: order.arrange(rows) };
}

test('a free order is the list itself', () => {
  assert.equal(new StandingOrder().arrange(LIST), LIST);
});

test('a row that rises is drawn as it is now, in its old place', () => {
  const risen = { ...placed('c', 50), unread: true };
  const { order, shown } = held([risen, a, b, d]);
  assert.equal(names(shown), 'a b c d');
  assert.equal(shown[2].unread, true);
  assert.deepEqual(order.displaced([c.id, a.id], [risen, a, b, d]), [c.id, a.id]);
});

test('a row that has come waits, and a row that has left stays as gone', () => {
  const rows = [placed('new', 60), a, c, d];
  const { order, shown } = held(rows);
  assert.equal(names(shown), 'a b gone c d');
  assert.deepEqual(order.displaced([rows[0].id], rows), [rows[0].id]);
  order.release();
  assert.equal(order.arrange(rows), rows);
});

test('a later page continues the list that is held', () => {
  const { order, shown } = held([...LIST, placed('e', 5)]);
  assert.equal(names(shown), 'a b c d e');
  assert.equal(names(order.arrange([placed('new', 60), ...LIST, placed('e', 5), placed('f', 4)])), 'a b c d e f');
});

test('the effect of one\'s own command is drawn at once', () => {
  const { order } = held(LIST);
  order.exempt(b.id);
  assert.equal(names(order.arrange([a, c, d])), 'a c d');
  order.exempt(placed('back', 0).id);
  assert.equal(names(order.arrange([a, placed('back', 25), c, d])), 'a back c d');
});

test('what is held is what was drawn, not what has come since', () => {
  const order = new StandingOrder();
  const drawn = order.arrange(LIST);
  order.arrange([placed('new', 60), ...LIST]);
  order.hold(drawn);
  assert.equal(names(order.arrange([placed('new', 60), ...LIST])), 'a b c d');
});

test('the shift is how far the topmost row in sight has been pushed', () => {
  const after = [placed('x', 60), placed('y', 50), ...LIST];
  assert.equal(shift(LIST, after, 1), 2);
  assert.equal(shift(LIST, LIST, 1), 0);
  assert.equal(shift(LIST, [a, c, d], 2), -1);
});

test('a row that has itself moved, or left, does not count for the shift', () => {
  const after = [placed('b', 70), a, c, d];
  assert.equal(shift(LIST, after, 1), 0);
  assert.equal(shift(LIST, [placed('x', 60), a, c, d], 1), 0);
  assert.equal(shift(LIST, [], 0), 0);
});
