/**
 * Short notices at the bottom of the page, each with at most one action.
 *
 * Screen readers announce notices. A notice stays while it has the pointer or the focus.
 * A key runs the newest undo.
 */
import { byId, h } from './dom.js';

const STAY_MS = 9_000;
const TOASTS_MAX = 3;

/** @typedef {{ label: string, run: () => void, undo?: boolean }} Action */
/** @typedef {{ action: Action | null, element: HTMLElement, run: () => void }} Entry */

/** The notices shown. Cleared when another agent signs in. @type {Entry[]} */
const shown = [];

/**
 * Shows a notice. With `undo`, the key can run the action. `tone` is `plain`, or `sorry`
 * for bad news.
 * @param {string} text @param {{ action?: Action | null, tone?: 'plain' | 'sorry' }} options
 */
export function toast(text, { action = null, tone = 'plain' } = {}) {
  const dismiss = () => remove(entry);
  const act = () => { dismiss(); action?.run(); };
  const element = h('div', { class: `toast ${tone}` },
    h('p', {}, text),
    action && h('button', { type: 'button', class: 'link', onclick: act },
      action.label, action.undo && h('kbd', { 'aria-hidden': 'true' }, 'U')),
    h('button', { type: 'button', class: 'bare', 'aria-label': 'Dismiss', onclick: dismiss }, '×'));
  /** @type {Entry} */
  const entry = { action, element, run: act };
  let timer = setTimeout(dismiss, STAY_MS);
  const hold = () => clearTimeout(timer);
  const release = () => { hold(); timer = setTimeout(dismiss, STAY_MS); };
  element.addEventListener('pointerenter', hold);
  element.addEventListener('pointerleave', release);
  element.addEventListener('focusin', hold);
  element.addEventListener('focusout', release);
  shown.push(entry);
  byId('toasts').append(element);
  shown.slice(0, -TOASTS_MAX).forEach(remove);
}

/** Runs the newest undo, and returns whether there was one. */
export function undoNewest() {
  const entry = shown.findLast((candidate) => candidate.action?.undo);
  entry?.run();
  return Boolean(entry);
}

/** Removes all notices, for example when another agent signs in. */
export function clearToasts() {
  [...shown].forEach(remove);
}

/** @param {Entry} entry */
function remove(entry) {
  const index = shown.indexOf(entry);
  if (index < 0) return;
  shown.splice(index, 1);
  entry.element.remove();
}
