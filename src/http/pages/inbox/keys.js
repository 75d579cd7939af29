/**
 * The keyboard: one table of keys, which also makes the help.
 *
 * A key works when no text field has the focus and Ctrl, Alt and Cmd are not pressed.
 * Single-character keys can be turned off, for people who use speech input or press keys
 * by accident (WCAG 2.1.4). The browser stores this choice. On a keyboard layout without
 * Latin letters, the position of the key decides.
 */
import { h } from './dom.js';

/** @typedef {{ keys: string[], does: string, shown?: string, text?: string, repeats?: boolean }} Key */

const TYPING = 'input, textarea, select, [contenteditable], dialog';

/** The keys in the order of the help. `does` names a command of the page. @type {Key[]} */
const KEYS = [
  { keys: ['j', 'ArrowDown'], shown: '↓ or J', repeats: true, does: 'next', text: 'Next' },
  { keys: ['k', 'ArrowUp'], shown: '↑ or K', repeats: true, does: 'previous', text: 'Previous' },
  { keys: ['PageDown'], repeats: true, does: 'pageDown' },
  { keys: ['PageUp'], repeats: true, does: 'pageUp' },
  { keys: ['Home'], repeats: true, does: 'first' },
  { keys: ['End'], repeats: true, does: 'last' },
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

/** The keys that scroll or activate the focused element, unless this is the list. */
const NATIVE = new Set(['Enter', 'ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End']);

const CHOICE = 'switchboard.single-keys';
const OFF = 'off';
let singleKeys = remembered();

/** If the browser has no storage, the choice lasts as long as the page. */
function remembered() {
  try {
    return localStorage.getItem(CHOICE) !== OFF;
  } catch {
    return true;
  }
}

/** @param {boolean} on */
function choose(on) {
  singleKeys = on;
  showChoice();
  try {
    localStorage.setItem(CHOICE, on ? 'on' : OFF);
  } catch {
    // The choice is not stored, but takes effect.
  }
}

/** Hides the hints for keys that are turned off. */
const showChoice = () => document.body.classList.toggle('without-keys', !singleKeys);

/**
 * The key of an event, as named in the table. A letter that is not Latin is replaced by the
 * letter at its position on a Latin keyboard.
 * @param {Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey'>} event
 */
export function keyOf({ key, code, shiftKey }) {
  if (key.length > 1) return key;
  if (code === 'Slash' && (key === '.' || key === ',')) return shiftKey ? '?' : '/';
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter && key.charCodeAt(0) > 127) return letter.toLowerCase();
  const digit = /^Digit(\d)$/.exec(code)?.[1];
  if (digit && !shiftKey) return digit;
  return key.toLowerCase();
}

/** Runs a command of `commands` when its key is pressed. @param {Record<string, () => void>} commands */
export function listenToKeys(commands) {
  showChoice();
  // Another window of this browser may change the choice.
  addEventListener('storage', ({ key }) => {
    if (key !== CHOICE) return;
    singleKeys = remembered();
    showChoice();
  });
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.isComposing || event.keyCode === 229) return;
    const { target } = event;
    if (!(target instanceof Element) || target.closest(TYPING) || document.querySelector('dialog[open]')) return;
    if (event.key.length === 1 && !singleKeys) return;
    const elsewhere = target !== document.body && target.id !== 'list';
    if (elsewhere && NATIVE.has(event.key)) return;
    const entry = KEYS.find(({ keys }) => keys.includes(keyOf(event)));
    if (!entry) return;
    event.preventDefault();
    // Holding a key down runs its command once.
    if (!event.repeat || entry.repeats) commands[entry.does]?.();
  });
}

/** Shows the help. */
export function showHelp() {
  const dialog = h('dialog', { class: 'sheet', 'aria-labelledby': 'help-title' });
  const rows = KEYS.filter(({ text }) => text).map(({ shown, text }) =>
    h('div', {}, h('dt', {}, h('kbd', {}, shown ?? '')), h('dd', {}, text ?? '')));
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
