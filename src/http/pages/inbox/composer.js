/**
 * The reply: a draft, and the warning when a colleague was faster.
 *
 * A draft remembers the last message that its author had seen when it was begun;
 * the server refuses it when somebody else has answered since. Then the newer
 * messages are shown, and it can be sent all the same, or thought over. A draft
 * keeps its key until it is sent, so sending it twice sends it once.
 */
import { SEND } from './documents.js';
import { announce, h, setAttribute } from './dom.js';
import { toast } from './toast.js';

const LENGTH_MAX = 1600;
const KEY_BYTES = 16;
/** Drafts outlive the thread's closing, by conversation. */
const drafts = new Map();

export class Composer {
  element;
  #session;
  #id;
  #lastSeen;
  #sent;
  #writing;
  #text;
  #button;
  #warning;
  #busy = false;

  /**
   * `lastSeen` tells the last message shown; `sent` is given the payload;
   * `writing` hears whether there is a draft.
   */
  constructor(session, id, { lastSeen, sent, writing }) {
    this.#session = session;
    this.#id = id;
    this.#lastSeen = lastSeen;
    this.#sent = sent;
    this.#writing = writing;
    this.#text = h('textarea', {
      rows: '1', maxlength: String(LENGTH_MAX), placeholder: 'Reply by text message', 'aria-label': 'Reply',
      oninput: () => this.#typed(), onkeydown: (event) => this.#key(event),
    });
    this.#text.value = this.#draft?.text ?? '';
    this.#button = h('button', { type: 'button', class: 'primary', onclick: () => this.#send(false) }, 'Send');
    this.#warning = h('div', { class: 'warning', role: 'alert', hidden: true });
    this.element = h('div', { class: 'composer' }, this.#warning,
      h('div', { class: 'write' }, this.#text, this.#button));
    this.#fit();
  }

  /** Whether anybody may write here at all. */
  allow(yes) {
    this.element.hidden = !yes;
  }

  focus() {
    this.#text.focus();
  }

  /** A colleague's reply has arrived: said at once if there is a draft. */
  overtaken(name) {
    if (this.#draft) announce(`${name} has just replied`);
  }

  get #draft() {
    return drafts.get(this.#id);
  }

  #typed() {
    const text = this.#text.value;
    if (text.trim() === '') {
      drafts.delete(this.#id);
      this.#warning.hidden = true;
    } else if (this.#draft) {
      this.#draft.text = text;
    } else {
      drafts.set(this.#id, { text, key: newKey(), seen: this.#lastSeen() });
    }
    this.#writing(Boolean(this.#draft));
    this.#fit();
  }

  #key(event) {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#send(false);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      this.#text.blur();
    }
  }

  #fit() {
    setAttribute(this.#button, 'disabled', this.#text.value.trim() === '');
    this.#text.style.height = 'auto';
    if (this.#text.scrollHeight > 0) this.#text.style.height = `${this.#text.scrollHeight}px`;
  }

  async #send(overrideStale) {
    const draft = this.#draft;
    if (!draft || this.#busy) return;
    this.#busy = true;
    const input = {
      conversationId: this.#id, body: draft.text, idempotencyKey: draft.key,
      lastSeenMessageId: draft.seen, overrideStale,
    };
    try {
      const { sendMessage } = await this.#session.request(SEND, { input });
      const [error] = sendMessage.userErrors;
      if (error?.code === 'STALE_REPLY') this.#warn(error.newerMessages);
      else if (error) toast(error.message, { tone: 'sorry' });
      else this.#done(sendMessage);
    } catch (problem) {
      toast(`${problem.message} Your reply is kept: send it again.`, { tone: 'sorry' });
    } finally {
      this.#busy = false;
    }
  }

  #done(payload) {
    drafts.delete(this.#id);
    this.#text.value = '';
    this.#warning.hidden = true;
    this.#fit();
    this.#writing(false);
    this.#sent(payload);
  }

  #warn(newer) {
    const authors = new Set(newer.map(({ author }) => author?.name).filter(Boolean));
    const who = [...authors].join(' and ') || 'Somebody else';
    const quotes = newer.map(({ author, body }) => h('blockquote', {}, author && h('b', {}, `${author.name}: `), body));
    const keep = () => {
      if (this.#draft) this.#draft.seen = this.#lastSeen() ?? newer.at(-1)?.id;
      this.#warning.hidden = true;
      this.focus();
    };
    this.#warning.replaceChildren(
      h('p', {}, `${who} replied while you were writing. Your message has not been sent.`), ...quotes,
      h('p', { class: 'buttons' },
        h('button', { type: 'button', class: 'quiet', onclick: keep }, 'Keep editing'),
        h('button', { type: 'button', class: 'primary', onclick: () => this.#send(true) }, 'Send anyway')));
    this.#warning.hidden = false;
  }
}

/** A key that no other draft has; `randomUUID` is missing where a page is not served securely. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
