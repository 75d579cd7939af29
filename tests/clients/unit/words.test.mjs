import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../../src/http/pages/inbox/keys.js';
import { Store } from '../../../src/http/pages/inbox/store.js';
import { interleave, sentence } from '../../../src/http/pages/inbox/timeline.js';
import { ago, characters, contactName, day, initials, readable, span } from '../../../src/http/pages/inbox/words.js';
import { row } from './rows.mjs';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const before = (seconds) => new Date(NOW - seconds * 1000).toISOString();

test('times are said in a few letters', () => {
  assert.deepEqual([0, 59, 60, 3_599, 3_600, 86_400, 6 * 86_400].map((seconds) => ago(before(seconds), NOW)),
    ['now', 'now', '1 min', '59 min', '1 h', '1 d', '6 d']);
  assert.equal(span(before(1), NOW), '1 min');
  assert.equal(ago(before(-30), NOW), 'now');
  const noon = new Date(2026, 2, 10, 12);
  assert.equal(day(new Date(2026, 2, 10, 1).toISOString(), noon), 'Today');
  assert.equal(day(new Date(2026, 2, 9, 23).toISOString(), noon), 'Yesterday');
});

test('people and numbers are called as they are known', () => {
  assert.equal(contactName({ name: null, number: '+14155550176' }), '+1 415 555 0176');
  assert.equal(readable('+442071838750'), '+442071838750');
  assert.deepEqual(['Żaneta Wójcik', 'Theo', '+1 415', '', 'Anna Maria de la Cruz'].map(initials), ['ŻW', 'T', '#', '#', 'AC']);
});

test('characters are counted as the server counts them', () => {
  assert.equal(characters('👩‍👧a\r\nb'), 6);
  assert.equal(characters('x'.repeat(1_601)), 1_601);
});

test('a key is named by its letter, or by its place where the letter is not Latin', () => {
  const key = (name, code, shiftKey = false) => keyOf({ key: name, code, shiftKey });
  assert.equal(key('A', 'KeyA'), 'a');
  assert.equal(key('a', 'KeyQ'), 'a', 'a French keyboard has its own A');
  assert.equal(key('ф', 'KeyA'), 'a');
  assert.equal(key('ש', 'KeyA'), 'a');
  assert.equal(key('.', 'Slash'), '/');
  assert.equal(key(',', 'Slash', true), '?');
  assert.equal(key('-', 'Slash'), '-', 'a German keyboard has its slash elsewhere');
  assert.equal(key('&', 'Digit1'), '1');
  assert.equal(key('Enter', 'Enter'), 'Enter');
});

test('events stand between messages by time, and messages keep their order', () => {
  const message = (id, at) => ({ id, sentAt: before(at) });
  const event = (id, at) => ({ id, at: before(at) });
  const entries = interleave([message('m1', 50), message('m2', 60), message('m3', 10)], [event('e2', 5), event('e1', 55)]);
  assert.deepEqual(entries.map(({ id }) => id), ['e1', 'm1', 'm2', 'm3', 'e2']);
});

test('events are told from the viewer\'s side', () => {
  const [me, ada, bob] = ['me', 'ada', 'bob'].map((id) => ({ id, name: id }));
  const said = (kind, actor, assignee = null, previousAssignee = null, reason = null) =>
    sentence({ id: 'e', at: '', note: null, kind, actor, assignee, previousAssignee, reason }, me);
  assert.equal(said('ASSIGNED', ada, ada), 'Ada claimed this');
  assert.equal(said('ASSIGNED', me, bob, ada), 'You assigned this to bob, was ada');
  assert.equal(said('ASSIGNED', me, me, ada), 'You assigned this to yourself, was ada');
  assert.equal(said('UNASSIGNED', null, null, me, 'LEASE_EXPIRED'), 'Switchboard returned this to Unassigned (lease expired)');
  assert.equal(said('MESSAGE_RECEIVED', null), null);
});

test('the store keeps the later version of what is watched, and forgets the rest', () => {
  const store = new Store();
  const seen = [];
  const [first] = [row('a', 1, { version: 3 })];
  store.learn(first);
  assert.equal(store.row(first.id), null);
  const stop = store.watch(first.id, () => seen.push(store.row(first.id).unread));
  store.learn(first);
  store.learn({ ...first, version: 2, unread: true });
  store.learn({ ...first, unread: true });
  assert.deepEqual(seen, [false, true]);
  stop();
  assert.equal(store.row(first.id), null);
});
