/**
 * Short notes at the foot of the page, with one thing to do about each.
 *
 * They are read out by screen readers, stay while they are pointed at or
 * focused, and the newest offer to undo can be taken by a key.
 */
import { byId, h } from './dom.js';

const STAY_MS = 9_000;
const TOASTS_MAX = 3;
const shown = [];

/**
 * Shows a note. `action` is `{ label, run, undo }`; `undo` lets the key take it.
 * `tone` is `plain`, or `sorry` for news that is not what one hoped for.
 */
export function toast(text, { action = null, tone = 'plain' } = {}) {
  const entry = { action };
  const dismiss = () => remove(entry);
  const act = () => { dismiss(); action.run(); };
  entry.element = h('div', { class: `toast ${tone}` },
    h('p', {}, text),
    action && h('button', { type: 'button', class: 'link', onclick: act },
      action.label, action.undo && h('kbd', { 'aria-hidden': 'true' }, 'U')),
    h('button', { type: 'button', class: 'bare', 'aria-label': 'Dismiss', onclick: dismiss }, '×'));
  let timer = setTimeout(dismiss, STAY_MS);
  const hold = () => clearTimeout(timer);
  const release = () => { hold(); timer = setTimeout(dismiss, STAY_MS); };
  entry.element.addEventListener('pointerenter', hold);
  entry.element.addEventListener('pointerleave', release);
  entry.element.addEventListener('focusin', hold);
  entry.element.addEventListener('focusout', release);
  entry.run = action ? act : null;
  shown.push(entry);
  byId('toasts').append(entry.element);
  while (shown.length > TOASTS_MAX) remove(shown[0]);
}

/** Takes the newest offer to undo; says whether there was one. */
export function undoNewest() {
  const entry = shown.findLast((candidate) => candidate.action?.undo);
  entry?.run();
  return Boolean(entry);
}

/** Takes all notes away, as when somebody else signs in. */
export function clearToasts() {
  while (shown.length > 0) remove(shown[0]);
}

function remove(entry) {
  const index = shown.indexOf(entry);
  if (index < 0) return;
  shown.splice(index, 1);
  entry.element.remove();
}
