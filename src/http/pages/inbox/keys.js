/**
 * The keyboard: one table of keys, which also makes the help.
 *
 * Keys count where nothing is being typed, and never with Ctrl, Alt or Cmd. Those
 * that are a single character can be turned off, for people who speak or slip
 * (WCAG 2.1.4); this browser remembers that.
 */
import { h } from './dom.js';

const TYPING = 'input, textarea, select, [contenteditable], dialog';

/** What the keys do, in the order of the help. `does` names a command of the page. */
const KEYS = [
  { keys: ['j', 'ArrowDown'], shown: '↓ or J', does: 'next', text: 'Next' },
  { keys: ['k', 'ArrowUp'], shown: '↑ or K', does: 'previous', text: 'Previous' },
  { keys: ['PageDown'], does: 'pageDown' },
  { keys: ['PageUp'], does: 'pageUp' },
  { keys: ['Home'], does: 'first' },
  { keys: ['End'], does: 'last' },
  { keys: ['Enter'], shown: 'Enter', does: 'open', text: 'Open it' },
  { keys: ['a'], shown: 'A', does: 'assign', text: 'Assign, or reassign' },
  { keys: ['c'], shown: 'C', does: 'claim', text: 'Claim for yourself' },
  { keys: ['e'], shown: 'E', does: 'close', text: 'Close, or reopen' },
  { keys: ['r'], shown: 'R', does: 'reply', text: 'Reply' },
  { keys: ['u', 'z'], shown: 'U', does: 'undo', text: 'Undo' },
  { keys: ['/'], shown: '/', does: 'search', text: 'Search' },
  { keys: ['1'], shown: '1', does: 'inbox', text: 'Inbox' },
  { keys: ['2'], shown: '2', does: 'mine', text: 'Assigned to Me' },
  { keys: ['3'], shown: '3', does: 'unassigned', text: 'Unassigned' },
  { keys: ['o'], shown: 'O', does: 'filterOpen', text: 'Only open' },
  { keys: ['n'], shown: 'N', does: 'filterUnread', text: 'Only unread' },
  { keys: ['d'], shown: 'D', does: 'filterClosed', text: 'Only closed' },
  { keys: ['Escape'], shown: 'Esc', does: 'back', text: 'Back' },
  { keys: ['?'], shown: '?', does: 'help', text: 'This help' },
];

/** The keys that scroll or press what has the focus, unless that is the list. */
const NATIVE = new Set(['Enter', 'ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End']);

const CHOICE = 'switchboard.single-keys';
const OFF = 'off';
let singleKeys = remembered();

/** A browser may refuse to remember anything; then the choice lasts as long as the page. */
function remembered() {
  try {
    return localStorage.getItem(CHOICE) !== OFF;
  } catch {
    return true;
  }
}

function choose(on) {
  singleKeys = on;
  showChoice();
  try {
    localStorage.setItem(CHOICE, on ? 'on' : OFF);
  } catch {
    // Not remembered, but done.
  }
}

/** The page mentions no key that does nothing. */
const showChoice = () => document.body.classList.toggle('without-keys', !singleKeys);

/** Runs `commands` by name as their keys are pressed. */
export function listenToKeys(commands) {
  showChoice();
  // Another window of this browser may be where it is turned off.
  addEventListener('storage', ({ key }) => {
    if (key !== CHOICE) return;
    singleKeys = remembered();
    showChoice();
  });
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (target.closest(TYPING) || document.querySelector('dialog[open]')) return;
    if (event.key.length === 1 && !singleKeys) return;
    const elsewhere = target !== document.body && target.id !== 'list';
    if (elsewhere && NATIVE.has(event.key)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const entry = KEYS.find(({ keys }) => keys.includes(key));
    if (!entry) return;
    event.preventDefault();
    commands[entry.does]();
  });
}

/** Shows what the keys do. */
export function showHelp() {
  const dialog = h('dialog', { class: 'sheet', 'aria-labelledby': 'help-title' });
  const rows = KEYS.filter(({ text }) => text).map(({ shown, text }) =>
    h('div', {}, h('dt', {}, h('kbd', {}, shown)), h('dd', {}, text)));
  const choice = h('input', { type: 'checkbox', onchange: () => choose(choice.checked) });
  choice.checked = singleKeys;
  dialog.append(
    h('h2', { id: 'help-title' }, 'Keyboard'),
    h('dl', { class: 'keys' }, ...rows),
    h('label', { class: 'choice' }, choice,
      h('span', {}, 'Single-key shortcuts', h('span', { class: 'title' }, 'Without them, arrows, Enter and Esc still work.'))),
    h('p', { class: 'buttons' },
      h('button', { type: 'button', class: 'quiet', autofocus: true, onclick: () => dialog.close() }, 'Close')));
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
