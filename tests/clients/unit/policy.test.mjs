import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayAssign } from '../../../src/http/pages/inbox/policy.js';

const me = { id: 'me', name: 'Me', title: null };
const manager = { ...me, role: 'MANAGER', experienced: false };
const rep = { ...me, role: 'REP', experienced: false };
const senior = { ...rep, experienced: true };
const workspace = (assignmentModel, plan = 'TEAM') => ({ id: 'w', name: 'W', assignmentModel, plan });
const unowned = { assignee: null };
const mine = { assignee: me };
const theirs = { assignee: { id: 'other', name: 'Other' } };
const MODELS = ['OPEN', 'SELF_SERVICE', 'HYBRID', 'MANAGER_ASSIGNED'];

test('managers and the owner of a conversation can give it to anybody', () => {
  for (const model of MODELS) {
    for (const row of [unowned, mine, theirs]) assert.equal(mayAssign(manager, workspace(model), row).to, 'anybody');
    assert.equal(mayAssign(rep, workspace(model), mine).to, 'anybody');
  }
});

test('each model leaves reps what the server leaves them', () => {
  const of = (viewer, row) => MODELS.map((model) => mayAssign(viewer, workspace(model), row).to);
  assert.deepEqual(of(rep, unowned), ['anybody', 'self', 'nobody', 'nobody']);
  assert.deepEqual(of(senior, unowned), ['anybody', 'self', 'self', 'nobody']);
  assert.deepEqual(of(senior, theirs), ['anybody', 'nobody', 'nobody', 'nobody']);
});

test('without assignment in the plan, managers assign nothing either', () => {
  for (const viewer of [manager, rep]) {
    const permission = mayAssign(viewer, workspace('OPEN', 'STARTER'), unowned);
    assert.equal(permission.to, 'nobody');
    assert.match(permission.reason, /Team plan/);
  }
});

test('what is not allowed to everybody comes with a reason', () => {
  for (const model of MODELS) {
    for (const viewer of [manager, rep, senior]) {
      for (const row of [unowned, mine, theirs]) {
        const { to, reason } = mayAssign(viewer, workspace(model), row);
        assert.equal(reason !== '', to !== 'anybody', `${model} ${viewer.role}`);
      }
    }
  }
});
