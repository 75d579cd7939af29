/**
 * For managers: the workload of each agent, and a rebalance plan.
 *
 * The server makes the plan. The page shows each move before the manager applies the plan,
 * and the plan can be undone.
 *
 * @import { Contact, Person } from './types.d.ts'
 * @import { Session } from './session.js'
 */
import { APPLY_PLAN, PLAN_REBALANCE, UNDO_PLAN, WORKLOADS } from './documents.js';
import { byId, h } from './dom.js';
import { toast } from './toast.js';
import { contactName } from './words.js';

/** @typedef {{ agent: Person, open: number, waiting: number }} Workload */
/** @typedef {{ conversation: { contact: Contact }, from: Person | null, to: Person }} Move */
/** @typedef {{ id: string, moves: Move[] }} Plan */

/** Subscribes to the workloads until the returned function is called. @param {Session} session */
export function followWorkloads(session) {
  const place = byId('workloads');
  const show = (/** @type {boolean} */ yes) => { place.hidden = !yes; byId('show-workloads').hidden = !yes; };
  show(false);
  if (session.viewer.role !== 'MANAGER') return () => {};
  return session.socket.subscribe({
    query: WORKLOADS,
    next: ({ data }) => {
      if (!data?.workloadsChanged) return;
      draw(session, place, data.workloadsChanged);
      show(data.workloadsChanged.length > 0);
    },
    // For example, when the agent stops being a manager.
    over: () => show(false),
  });
}

/** Shows the workloads over the page, if the sidebar has no room for them. */
export function showWorkloads() {
  const place = byId('workloads');
  const home = byId('side');
  const dialog = h('dialog', { class: 'sheet', 'aria-labelledby': 'workloads-title' });
  dialog.addEventListener('close', () => { home.insertBefore(place, byId('foot')); dialog.remove(); });
  dialog.append(place, h('p', { class: 'buttons' },
    h('button', { type: 'button', class: 'quiet', autofocus: true, onclick: () => dialog.close() }, 'Close')));
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {Session} session @param {HTMLElement} place @param {Workload[]} workloads */
function draw(session, place, workloads) {
  const most = Math.max(1, ...workloads.map(({ open }) => open));
  const sorted = [...workloads].sort((a, b) => b.open - a.open || a.agent.name.localeCompare(b.agent.name));
  const bars = sorted.map(({ agent, open, waiting }) => {
    const filled = h('span');
    const bar = h('span', { class: 'bar', 'aria-hidden': 'true' }, filled);
    filled.style.width = `${(open / most) * 100}%`;
    return h('li', { title: `${waiting} of them wait for an answer` },
      h('span', { class: 'label' }, agent.name), h('span', { class: 'count' }, String(open)),
      h('span', { class: 'unseen' }, `open, ${waiting} waiting`), bar);
  });
  const focused = place.contains(document.activeElement);
  const rebalance = h('button', {
    type: 'button', class: 'quiet', onclick: () => propose(session, sorted.map(({ agent }) => agent.id)),
  }, 'Rebalance …');
  place.replaceChildren(h('h2', { id: 'workloads-title' }, 'Workloads'), h('ul', { tabindex: '0', 'aria-labelledby': 'workloads-title' }, ...bars), rebalance);
  if (focused) place.querySelector('button')?.focus();
}

/**
 * The payload of a mutation. Throws the payload's first user error.
 * @param {Session} session @param {string} document @param {string} field @param {object} variables
 */
async function ask(session, document, field, variables) {
  const payload = (await session.request(document, variables))[field];
  if (payload.userErrors.length > 0) throw new Error(payload.userErrors[0].message);
  return payload;
}

/** @param {Session} session @param {string[]} agents */
async function propose(session, agents) {
  try {
    const { plan } = await ask(session, PLAN_REBALANCE, 'planRebalance', { agents });
    if (plan.moves.length === 0) toast('The work is even already.');
    else preview(session, plan);
  } catch (problem) {
    toast(problem instanceof Error ? problem.message : String(problem), { tone: 'sorry' });
  }
}

/** @param {Session} session @param {Plan} plan */
function preview(session, plan) {
  const count = `${plan.moves.length} ${plan.moves.length === 1 ? 'conversation' : 'conversations'}`;
  const dialog = h('dialog', { class: 'sheet', 'aria-labelledby': 'plan-title' });
  const close = () => dialog.close();
  const apply = async () => {
    close();
    try {
      await ask(session, APPLY_PLAN, 'applyPlan', { plan: plan.id });
      toast(`Moved ${count}`, { action: { label: 'Undo', undo: true, run: () => undo(session, plan) } });
    } catch (problem) {
      toast(problem instanceof Error ? problem.message : String(problem), { tone: 'sorry' });
    }
  };
  const moves = plan.moves.map(({ conversation, from, to }) => h('tr', {},
    h('td', {}, contactName(conversation.contact)), h('td', {}, from?.name ?? 'Unassigned'), h('td', {}, to.name)));
  dialog.append(
    h('h2', { id: 'plan-title' }, `Move ${count}?`),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Moves' },
      h('table', {},
        h('thead', {}, h('tr', {}, ...['Conversation', 'From', 'To'].map((title) => h('th', { scope: 'col' }, title)))),
        h('tbody', {}, ...moves))),
    h('p', { class: 'buttons' },
      h('button', { type: 'button', class: 'quiet', onclick: close }, 'Leave it'),
      h('button', { type: 'button', class: 'primary', onclick: apply }, `Move ${count}`)));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {Session} session @param {Plan} plan */
async function undo(session, plan) {
  try {
    await ask(session, UNDO_PLAN, 'undoPlan', { plan: plan.id });
    toast('Moved back');
  } catch (problem) {
    toast(problem instanceof Error ? problem.message : String(problem), { tone: 'sorry' });
  }
}
