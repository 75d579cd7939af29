/**
 * The form for a reply: a draft, and a warning if a colleague has replied first.
 *
 * A draft contains the last message that its author had seen when the draft was started.
 * The server refuses the reply if a colleague has replied since. The form then shows the
 * newer messages, and the author can send the reply all the same or edit it. A sent reply
 * moves to the outbox at once, and the text typed from then on is the next reply.
 *
 * @import { Outgoing } from './types.d.ts'
 * @import { Drafts } from './drafts.js'
 * @import { Outbox } from './outbox.js'
 */
import { announce, h, setAttribute, setText } from './dom.js';
import { characters } from './words.js';

const LENGTH_MAX = 1600;
/** The length from which the form shows the number of characters. */
const LENGTH_NEAR = 1400;
/** Whether Enter starts a new line, because the keyboard of a phone has no Shift+Enter. */
const onTouch = matchMedia('(hover: none) and (pointer: coarse)');
const NOT_SENT = 'Replies are recorded and not sent yet: this server has no carrier.';

/**
 * @typedef {object} Around
 * @property {() => string | null} lastSeen the last message shown
 * @property {(yes: boolean) => void} writing is called with true if a draft exists, else with false
 */

export class Composer {
  element;
  #id;
  #drafts;
  #outbox;
  #around;
  #text;
  #button;
  #warning;
  #write;
  #note;
  #count;
  /** The reply that the warning is about. @type {Outgoing | null} */
  #held = null;

  /** @param {string} id @param {Drafts} drafts @param {Outbox} outbox @param {Around} around */
  constructor(id, drafts, outbox, around) {
    this.#id = id;
    this.#drafts = drafts;
    this.#outbox = outbox;
    this.#around = around;
    this.#text = h('textarea', {
      rows: '1', placeholder: 'Write a reply', 'aria-label': 'Reply', 'aria-describedby': 'composer-note',
      oninput: () => this.#typed(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
    });
    this.#text.value = drafts.get(id)?.text ?? '';
    this.#button = h('button', { type: 'button', class: 'primary', onclick: () => this.#send() }, 'Send');
    this.#warning = h('div', { class: 'warning', role: 'alert', hidden: true });
    this.#count = h('span', { class: 'length', role: 'status' });
    this.#note = h('p', { class: 'composer-note' }, h('span', { id: 'composer-note' }, NOT_SENT), this.#count);
    this.#write = h('div', { class: 'write' }, this.#text, this.#button);
    this.element = h('div', { class: 'composer' }, this.#warning, this.#write, this.#note);
    this.#fit();
  }

  /** Sets whether the viewer may reply. Until this is known, the draft can be edited. @param {boolean} yes */
  allow(yes) {
    this.#write.hidden = !yes;
    setText(/** @type {HTMLElement} */ (this.#note.firstElementChild), yes ? NOT_SENT : 'You have no access to this number, so you cannot reply.');
  }

  /** Measures the form again, for example after it was added to the page. */
  fit() {
    this.#fit();
  }

  focus() {
    this.#text.focus();
  }

  /** Warns of a colleague's reply if there is a draft. @param {string} name */
  overtaken(name) {
    if (this.#drafts.get(this.#id)) announce(`${name} has just replied`);
  }

  /** Shows the draft after another window has changed it. */
  draftChanged() {
    if (document.hasFocus() && document.activeElement === this.#text) return;
    this.#text.value = this.#drafts.get(this.#id)?.text ?? '';
    this.#fit();
  }

  /** Shows why a reply was held back, if one is. @param {Outgoing[]} items */
  showHeld(items) {
    const held = items.find(({ state }) => state === 'held') ?? null;
    if (held === this.#held) return;
    this.#held = held;
    this.#warning.hidden = held === null;
    this.#warning.replaceChildren(...(held ? this.#explain(held) : []));
  }

  /** Moves a reply back into the form, before the current text. @param {Outgoing} item */
  takeBack(item) {
    if (!this.#outbox.takeBack(item)) return;
    this.#text.value = [item.body, this.#text.value].filter((text) => text.trim() !== '').join('\n');
    this.#drafts.put(this.#id, { text: this.#text.value, seen: this.#around.lastSeen() ?? item.seen });
    this.#after();
    this.focus();
  }

  #typed() {
    const text = this.#text.value;
    const seen = this.#drafts.get(this.#id)?.seen ?? this.#around.lastSeen();
    this.#drafts.put(this.#id, text.trim() === '' ? null : { text, seen });
    this.#after();
  }

  #after() {
    this.#around.writing(this.#drafts.get(this.#id) !== null);
    this.#fit();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey && !onTouch.matches) {
      event.preventDefault();
      if (!event.repeat) this.#send();
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      this.#text.blur();
    }
  }

  #fit() {
    const length = characters(this.#text.value);
    const over = length - LENGTH_MAX;
    setAttribute(this.#button, 'disabled', this.#text.value.trim() === '' || over > 0);
    setAttribute(this.#text, 'aria-invalid', over > 0 ? 'true' : null);
    this.#count.classList.toggle('over', over > 0);
    const counted = `${length.toLocaleString()} of ${LENGTH_MAX.toLocaleString()} characters`;
    setText(this.#count, over > 0 ? `${counted}: ${over.toLocaleString()} too many` : length >= LENGTH_NEAR ? counted : '');
    this.#text.style.height = 'auto';
    if (this.#text.scrollHeight > 0) this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }

  #send() {
    const text = this.#text.value;
    if (text.trim() === '') return;
    if (characters(text) > LENGTH_MAX) {
      announce(`The reply is too long: ${this.#count.textContent}`);
      return;
    }
    const seen = this.#drafts.get(this.#id)?.seen ?? this.#around.lastSeen();
    this.#drafts.put(this.#id, null);
    this.#text.value = '';
    this.#after();
    this.#outbox.send(this.#id, text, seen);
  }

  /** @param {Outgoing} held */
  #explain(held) {
    const newer = held.newer ?? [];
    const authors = new Set(newer.map(({ author }) => author?.name).filter(Boolean));
    const who = [...authors].join(' and ') || 'Somebody else';
    const quotes = newer.map(({ author, body }) => h('blockquote', {}, author && h('b', {}, `${author.name}: `), body));
    return [
      h('p', {}, `${who} replied while you were writing. Your reply is held back.`), ...quotes,
      h('blockquote', { class: 'held' }, h('b', {}, 'Yours: '), held.body),
      h('p', { class: 'buttons' },
        h('button', { type: 'button', class: 'quiet', onclick: () => this.takeBack(held) }, 'Keep editing'),
        h('button', { type: 'button', class: 'primary', onclick: () => this.#outbox.again(held, { override: true }) }, 'Send anyway')),
    ];
  }
}
