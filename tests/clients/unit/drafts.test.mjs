import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Drafts } from '../../../src/http/pages/inbox/drafts.js';
import { restored } from '../../../src/http/pages/inbox/outbox.js';
import { memoryStorage } from './rows.mjs';

const draft = (text, seen = null) => ({ text, seen });

test('a draft outlives the page, with what its author had seen', () => {
  const storage = memoryStorage();
  new Drafts(storage, 'ines').put('c1', draft('Hello', 'm1'));
  assert.deepEqual(new Drafts(storage, 'ines').get('c1'), draft('Hello', 'm1'));
});

test('a draft belongs to its agent and its conversation', () => {
  const storage = memoryStorage();
  new Drafts(storage, 'ines').put('c1', draft('Hello'));
  assert.equal(new Drafts(storage, 'theo').get('c1'), null);
  assert.equal(new Drafts(storage, 'ine').get('s.c1'), null);
  assert.equal(new Drafts(storage, 'ines').get('c2'), null);
});

test('signing out empties one\'s own drafts and no one else\'s', () => {
  const storage = memoryStorage({ other: '1' });
  const ines = new Drafts(storage, 'ines');
  ines.put('c1', draft('Hello'));
  new Drafts(storage, 'theo').put('c1', draft('Mine'));
  ines.clear();
  assert.equal(ines.get('c1'), null);
  assert.equal(new Drafts(storage, 'ines').get('c1'), null);
  assert.equal(new Drafts(storage, 'theo').get('c1').text, 'Mine');
  assert.equal(storage.getItem('other'), '1');
});

test('a blank text ends a draft, here and in the storage', () => {
  const storage = memoryStorage();
  const drafts = new Drafts(storage, 'ines');
  drafts.put('c1', draft('Hello'));
  drafts.put('c1', draft(' \n'));
  assert.equal(drafts.get('c1'), null);
  assert.deepEqual(Object.keys(storage), []);
});

test('what another window stores is taken over, and what is no draft is not', () => {
  const storage = memoryStorage();
  const [one, other] = [new Drafts(storage, 'ines'), new Drafts(storage, 'ines')];
  one.put('c1', draft('Hello'));
  const [key] = Object.keys(storage);
  assert.equal(other.heard(key), 'c1');
  assert.equal(other.get('c1').text, 'Hello');
  one.put('c1', null);
  other.heard(key);
  assert.equal(other.get('c1'), null);
  assert.equal(other.heard('switchboard.draft.theo.c1'), null);
  assert.equal(other.heard(null), null);
});

test('a storage that refuses, or holds nonsense, costs no draft of this page', () => {
  const full = memoryStorage({ 'switchboard.draft.ines.c9': '{nonsense', 'switchboard.draft.ines.c8': '{"text":3}' });
  full.setItem = () => { throw new Error('full'); };
  for (const storage of [full, null]) {
    const drafts = new Drafts(storage, 'ines');
    drafts.put('c1', draft('Hello'));
    assert.equal(drafts.get('c1').text, 'Hello');
    assert.equal(drafts.get('c9'), null);
    assert.equal(drafts.get('c8'), null);
  }
});

test('after a reload, what was on its way is sent again; what is old waits for its author', () => {
  const item = { key: 'k', conversationId: 'c1', body: 'Hello', seen: null, override: false };
  const stored = [
    { ...item, state: 'sending', at: 90_000 }, { ...item, state: 'waiting', at: -1_000_000 },
    { ...item, state: 'held', at: 0, newer: [] }, { body: 'no key' },
  ];
  const storage = memoryStorage({ place: JSON.stringify(stored) });
  assert.deepEqual(restored(storage, 'place', 100_000).map(({ state }) => state), ['waiting', 'refused', 'held']);
  assert.deepEqual(restored(memoryStorage({ place: '{' }), 'place', 0), []);
  assert.deepEqual(restored(memoryStorage({ place: '{"a":1}' }), 'place', 0), []);
  assert.deepEqual(restored(null, 'place', 0), []);
});
