/**
 * The open conversation: who owns it, what was said, and the reply.
 *
 * Reads the thread, then follows its changes from a position that is older than
 * what was read: seeing a change twice does no harm, missing one would. Opening
 * marks it read up to the last message shown, and so does a new one in sight.
 */
import { AS_OF, EARLIER, EARLIER_EVENTS, MARK_READ, THREAD, THREAD_CHANGES } from './documents.js';
import { announce, byId, contactName, debounce, h, icon, readable, setText } from './dom.js';
import { AssignMenu } from './assign.js';
import { Composer } from './composer.js';
import { Presence } from './presence.js';
import { Timeline } from './timeline.js';

const RETRY_MS = 2_000;
const READ_MS = 250;
const BACK = 'M14.5 5.5L8 12l6.5 6.5';

export class Thread {
  id;
  row = null;
  ready;
  #session;
  #actions;
  #back;
  #stopped = false;
  #retry = null;
  #unsubscribe = () => {};
  #earlierBefore = null;
  #parts = null;
  #timeline;
  #composer;
  #assign;
  #presence = null;
  #markSoon = debounce(() => this.#markRead(), READ_MS);
  #seen = () => { if (this.row?.unread) this.#markSoon(); };

  /** `back` leaves the thread, where it covers the list. */
  constructor(session, actions, id, back) {
    this.id = id;
    this.#session = session;
    this.#actions = actions;
    this.#back = back;
    document.addEventListener('visibilitychange', this.#seen);
    this.ready = this.#load();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#markSoon.cancel();
    this.#assign?.close();
    this.#presence?.stop();
    this.#unsubscribe();
    document.removeEventListener('visibilitychange', this.#seen);
  }

  /** A row from elsewhere, the list or an answer; an older one changes nothing. */
  learn(row) {
    if (!this.row || row.id !== this.id || row.version < this.row.version) return;
    this.row = { ...this.row, ...row };
    this.#drawHead();
  }

  openAssign() {
    this.#assign?.open();
  }

  reply() {
    this.#composer?.focus();
  }

  claim() {
    if (this.row) this.#actions.claim(this.row);
  }

  /** Closes what is open, and the reverse. */
  toggle() {
    if (!this.row) return;
    if (this.row.status === 'OPEN') this.#actions.close(this.row);
    else this.#actions.reopen(this.row);
  }

  async #load() {
    try {
      const { viewCounts } = await this.#session.request(AS_OF);
      const { conversation } = await this.#session.request(THREAD, { id: this.id });
      if (this.#stopped) return;
      if (conversation) this.#begin(conversation, viewCounts.asOf);
      else this.#say('This conversation is not, or no longer, among those you can see.');
    } catch (problem) {
      if (this.#stopped) return;
      if (!this.row) this.#say(`${problem.message} Trying again …`);
      this.#retry = setTimeout(() => { this.ready = this.#load(); }, RETRY_MS);
    }
  }

  #say(text) {
    byId('thread').replaceChildren(h('p', { class: 'empty' }, text));
  }

  #begin({ messages, history, ...row }, asOf) {
    const again = this.row !== null;
    this.row = row;
    if (!again) this.#build();
    this.#timeline.page(messages);
    this.#timeline.history(history);
    this.#earlierBefore = messages.pageInfo.startCursor;
    this.#composer.allow(row.viewerCanReply);
    this.#drawHead();
    this.#timeline.draw({ toEnd: true });
    this.#reachBack().catch(() => {}); // What is missing is asked for again with earlier messages.
    this.#seen();
    let after = asOf;
    this.#unsubscribe();
    this.#unsubscribe = this.#session.socket.subscribe({
      query: THREAD_CHANGES,
      variables: () => ({ id: this.id, after }),
      next: ({ data }) => {
        after = data?.conversationChanged?.cursor ?? after;
        if (data?.conversationChanged) this.#fold(data.conversationChanged);
      },
      over: () => this.#again(),
    });
  }

  #again() {
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => { this.ready = this.#load(); }, RETRY_MS);
  }

  #fold({ reset, event, conversation }) {
    if (reset) {
      this.#again();
      return;
    }
    if (conversation) this.learn(conversation);
    if (!event) return;
    const { message, ...happened } = event;
    this.#timeline.addEvent(happened);
    if (message) this.#heard(message);
    this.#timeline.draw();
    this.#seen();
  }

  #heard(message) {
    this.#timeline.addMessage(message);
    if (message.direction === 'INBOUND') announce(`${contactName(this.row.contact)}: ${message.body}`);
    else if (message.author && message.author.id !== this.#session.viewer.id) this.#composer.overtaken(message.author.name);
  }

  #build() {
    const { viewer } = this.#session;
    this.#timeline = new Timeline(viewer, () => this.#loadEarlier());
    this.#assign = new AssignMenu(this.#session, (agent) =>
      (agent ? this.#actions.assign(this.row, agent) : this.#actions.unassign(this.row)));
    this.#composer = new Composer(this.#session, this.id, {
      lastSeen: () => this.#timeline.lastMessage()?.id ?? null,
      sent: ({ conversation, message }) => {
        this.#timeline.addMessage(message);
        this.#timeline.draw({ toEnd: true });
        if (conversation) this.learn(conversation);
      },
      writing: (yes) => this.#presence?.replying(yes),
    });
    const present = h('div', { class: 'presence', role: 'group', 'aria-label': 'Also here', hidden: true });
    const part = (tag, props, ...children) => h(tag, props, ...children);
    this.#parts = {
      name: part('h2', { id: 'thread-title', tabindex: '-1', 'aria-level': '1' }),
      about: part('p', { class: 'about' }),
      claim: part('button', { type: 'button', class: 'primary', onclick: () => this.claim() }, 'Claim'),
      toggle: part('button', { type: 'button', class: 'quiet', onclick: () => this.toggle() }),
    };
    const { name, about, claim, toggle } = this.#parts;
    byId('thread').replaceChildren(
      h('div', { class: 'thread-head' },
        h('button', { type: 'button', class: 'bare back', 'aria-label': 'Back to the list', onclick: this.#back }, icon(BACK)),
        h('div', { class: 'title' }, name, about),
        h('div', { class: 'buttons' }, claim, this.#assign.element, toggle)),
      present, this.#timeline.element, this.#composer.element);
    this.#presence = new Presence(this.#session, this.id, present);
  }

  #drawHead() {
    const { row } = this;
    const { name, about, claim, toggle } = this.#parts;
    setText(name, contactName(row.contact));
    const number = row.contact.name ? `${readable(row.contact.number)} · ` : '';
    setText(about, `${number}via ${row.phoneNumber.label}${row.status === 'CLOSED' ? ' · Closed' : ''}`);
    claim.hidden = row.assignee !== null;
    setText(toggle, row.status === 'OPEN' ? 'Close' : 'Reopen');
    this.#assign.show(row);
  }

  async #loadEarlier() {
    try {
      const { conversation } = await this.#session.request(EARLIER, { id: this.id, before: this.#earlierBefore });
      if (this.#stopped || !conversation) return;
      this.#earlierBefore = conversation.messages.pageInfo.startCursor;
      this.#timeline.page(conversation.messages, { earlier: true });
      this.#timeline.draw();
      await this.#reachBack();
    } catch (problem) {
      announce(problem.message);
    }
  }

  /** Reads as many events as reach back to the first message shown. */
  async #reachBack() {
    for (;;) {
      const after = this.#timeline.eventsAfter();
      if (after === null || this.#stopped) return;
      const { conversation } = await this.#session.request(EARLIER_EVENTS, { id: this.id, after });
      if (this.#stopped || !conversation) return;
      this.#timeline.history(conversation.history);
      this.#timeline.draw();
    }
  }

  async #markRead() {
    const last = this.#timeline.lastMessage();
    if (!last || !this.row.unread || document.visibilityState !== 'visible') return;
    const input = { conversationId: this.id, throughMessageId: last.id };
    try {
      await this.#session.request(MARK_READ, { input });
      this.row = { ...this.row, unread: false };
    } catch {
      // It stays unread, which is the truth; the next message or visit tries again.
    }
  }
}
