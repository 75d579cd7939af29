import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOME, addressOf, listOf, placeOf, sameList } from '../../../src/http/pages/inbox/place.js';

const at = (address) => placeOf(new URL(address, 'http://127.0.0.1'));

test('every place has an address that leads back to it', () => {
  for (const view of ['INBOX', 'ASSIGNED_TO_ME', 'UNASSIGNED']) {
    for (const filter of [null, 'open', 'unread', 'closed']) {
      for (const number of [null, 'cGhvbmU6MQ']) {
        for (const search of ['', 'Imani & +1 (415) 555=0176?#']) {
          for (const conversation of [null, 'Q29udjox_-']) {
            const place = { view, filter, number, search, conversation };
            assert.deepEqual(at(addressOf(place)), place, addressOf(place));
          }
        }
      }
    }
  }
});

test('addresses are as people would write them', () => {
  assert.equal(addressOf(HOME), '/');
  assert.equal(addressOf({ ...HOME, view: 'UNASSIGNED', filter: 'open', number: 'n1' }), '/unassigned?open&number=n1');
  assert.equal(addressOf({ ...HOME, conversation: 'c1' }), '/c/c1');
  assert.equal(addressOf({ ...HOME, view: 'ASSIGNED_TO_ME', filter: 'unread', conversation: 'c1' }), '/c/c1?in=mine&unread');
});

test('an unknown or broken address leads to the nearest place', () => {
  assert.deepEqual(at('/?foo=1&number='), HOME);
  assert.deepEqual(at('/c/abc?in=elsewhere'), { ...HOME, conversation: 'abc' });
  assert.equal(at('/c/%E0%A4%A').conversation, '%E0%A4%A');
  assert.equal(at(`/?q=${'x'.repeat(300)}`).search.length, 100);
});

test('a place asks the API for its list, and for nothing that it does not name', () => {
  assert.deepEqual(listOf(HOME), { view: 'INBOX', filter: {} });
  assert.deepEqual(listOf(at('/unassigned?open&number=n1&q=bike')), {
    view: 'UNASSIGNED', filter: { status: 'OPEN', phoneNumberIds: ['n1'], search: 'bike' },
  });
  assert.deepEqual(listOf(at('/mine?unread')).filter, { unread: true });
});

test('a conversation that is open does not change the list', () => {
  assert.ok(sameList(at('/c/one?in=mine'), at('/mine')));
  assert.ok(!sameList(at('/mine?open'), at('/mine')));
});
