/**
 * Short notes at the foot of the page, with one thing to do about each.
 *
 * They are read out by screen readers, stay while they are pointed at or
 * focused, and the newest offer to undo can be taken by a key.
 */
import { byId, h } from './dom.js';

const STAY_MS = 9_000;
const TOASTS_MAX = 3;

/** @typedef {{ label: string, run: () => void, undo?: boolean }} Action */
/** @typedef {{ action: Action | null, element: HTMLElement, run: () => void }} Entry */

/** What is shown now; emptied when somebody else signs in. @type {Entry[]} */
const shown = [];

/**
 * Shows a note. `undo` of an action lets the key take it. `tone` is `plain`, or `sorry`
 * for news that is not what one hoped for.
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

/** Takes the newest offer to undo; says whether there was one. */
export function undoNewest() {
  const entry = shown.findLast((candidate) => candidate.action?.undo);
  entry?.run();
  return Boolean(entry);
}

/** Takes all notes away, as when somebody else signs in. */
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
