/**
 * An open conversation: its owner, its thread and the reply.
 *
 * A pane belongs to one conversation and is removed when the conversation is closed. Its head
 * is drawn at once from the row of the list, so that nothing of another conversation stays on
 * the screen. Removing a pane aborts its requests, and later responses are ignored. Every
 * button and every key acts on the conversation of its pane.
 *
 * A pane queries the thread, then subscribes from an earlier position: receiving a change
 * twice is harmless, missing one is not. The conversation is marked as read when its last
 * message has been visible.
 *
 * @import { Connection, HistoryEvent, Message, Outgoing, Row } from './types.d.ts'
 * @import { Actions } from './actions.js'
 * @import { Drafts } from './drafts.js'
 * @import { Outbox } from './outbox.js'
 * @import { Session } from './session.js'
 * @import { Store } from './store.js'
 */
import { AssignMenu } from './assign.js';
import { Composer } from './composer.js';
import { AS_OF, EARLIER, EARLIER_EVENTS, MARK_READ, THREAD, THREAD_CHANGES } from './documents.js';
import { announce, debounce, h, icon, setAttribute, setText } from './dom.js';
import { mayAssign } from './policy.js';
import { Presence } from './presence.js';
import { Timeline } from './timeline.js';
import { contactName, readable } from './words.js';

const RETRY_MS = 2_000;
const READ_MS = 250;
const BACK = 'M14.5 5.5L8 12l6.5 6.5';
const NO_ACCESS = 'You have no access to this conversation. It may have moved to a number that you cannot see.';

/**
 * @typedef {object} Around
 * @property {Session} session
 * @property {Store} store
 * @property {Drafts} drafts
 * @property {Outbox} outbox
 * @property {Actions} actions
 * @property {() => void} back leaves the conversation for the list
 * @property {() => void} drafted is called when the draft has changed
 * @property {() => void} named is called when the name of the customer is known or has changed
 */

export class Pane {
  id;
  element;
  #around;
  #abort = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  #unsubscribe = () => {};
  #unwatch;
  #loaded = false;
  /** Whether the pane only says that the conversation is not available. */
  #closed = false;
  /** A cursor that is too old for the stream is not used again. */
  #fresh = false;
  /** @type {string | null} */
  #earlierBefore = null;
  #parts;
  #timeline;
  #composer;
  #assign;
  /** @type {Presence | null} */
  #presence = null;
  #markSoon = debounce(() => this.#markRead(), READ_MS);

  /** @param {string} id @param {Row | null} row the row of the list @param {Around} around */
  constructor(id, row, around) {
    const { session, store, drafts, outbox } = around;
    this.id = id;
    this.#around = around;
    this.#unwatch = store.watch(id, () => this.#drawHead());
    this.#timeline = new Timeline(session.viewer, () => this.#loadEarlier(), () => this.#look());
    this.#assign = new AssignMenu(session, id, (agent) => this.#give(agent));
    this.#composer = new Composer(id, drafts, outbox, {
      lastSeen: () => this.#timeline.lastMessage()?.id ?? store.row(id)?.lastMessage?.id ?? null,
      writing: (yes) => { this.#presence?.replying(yes); around.drafted(); },
    });
    this.#parts = this.#makeParts();
    const { name, about, doing, claim, close, reopen, present } = this.#parts;
    this.element = h('div', { class: 'pane' },
      h('div', { class: 'thread-head' },
        h('button', { type: 'button', class: 'bare back', 'aria-label': 'Back to the list', onclick: around.back }, icon(BACK)),
        h('div', { class: 'title' }, name, about, doing),
        h('div', { class: 'buttons' }, claim, this.#assign.element, close, reopen)),
      present, this.#timeline.element, this.#composer.element);
    const unwatchOutbox = outbox.watch(id, () => this.#drawPending());
    this.#abort.signal.addEventListener('abort', unwatchOutbox);
    document.addEventListener('visibilitychange', () => this.#look(), { signal: this.#abort.signal });
    store.learn(row);
    this.#drawHead();
    this.#drawPending();
    this.#load();
  }

  /** Must be called after the element was added to the page. */
  shown() {
    this.#composer.fit();
    this.#presence ??= new Presence(this.#around.session, this.id, this.#parts.present);
    if (this.#around.drafts.get(this.id)) this.#presence.replying(true);
  }

  /** Removes the pane. */
  stop() {
    this.#abort.abort();
    clearTimeout(this.#retry);
    this.#markSoon.cancel();
    this.#assign.close();
    this.#presence?.stop();
    this.#timeline.stop();
    this.#unsubscribe();
    this.#unwatch();
    this.element.remove();
  }

  /** The conversation as far as it is known, or null. */
  get row() {
    return this.#around.store.row(this.id);
  }

  get title() {
    return this.row ? contactName(this.row.contact) : 'Conversation';
  }

  openAssign() {
    if (this.row) this.#assign.open();
  }

  reply() {
    this.#composer.focus();
  }

  focusTitle() {
    this.#parts.name.focus();
  }

  claim() {
    const { row } = this;
    if (!row || row.assignee) return;
    const { to, reason } = mayAssign(this.#around.session.viewer, this.#around.session.workspace, row);
    if (to === 'nobody') announce(reason);
    else this.#around.actions.claim(row);
  }

  /** Closes an open conversation, and reopens a closed one. */
  toggle() {
    if (this.row?.status === 'OPEN') this.#close();
    else this.#reopen();
  }

  /** Shows the draft after another window has changed it. */
  draftChanged() {
    this.#composer.draftChanged();
  }

  /** Draws the buttons again after the rules of the workspace may have changed. */
  policyChanged() {
    this.#drawHead();
  }

  /** Tries again to show the conversation, because the list contains it. */
  listed() {
    if (!this.#closed) return;
    this.#closed = false;
    this.#load();
  }

  /** @param {{ id: string, name: string } | null} agent */
  #give(agent) {
    const { row } = this;
    if (!row) return;
    if (agent) this.#around.actions.assign(row, agent);
    else this.#around.actions.unassign(row);
  }

  #close() {
    if (this.row?.status === 'OPEN') this.#around.actions.close(this.row);
  }

  #reopen() {
    if (this.row?.status === 'CLOSED') this.#around.actions.reopen(this.row);
  }

  #makeParts() {
    return {
      name: h('h2', { id: 'thread-title', tabindex: '-1', 'aria-level': '1' }),
      about: h('p', { class: 'about' }),
      doing: h('p', { class: 'doing', role: 'status' }),
      claim: h('button', { type: 'button', class: 'primary', onclick: () => this.claim() }, 'Claim'),
      // Two buttons, so that a press cannot start on one and end on the other.
      close: h('button', { type: 'button', class: 'quiet', onclick: () => this.#close() }, 'Close'),
      reopen: h('button', { type: 'button', class: 'quiet', onclick: () => this.#reopen() }, 'Reopen'),
      present: h('div', { class: 'presence', role: 'group', 'aria-label': 'Also here', hidden: true }),
    };
  }

  /** @param {string} query @param {object} variables @returns {Promise<any>} */
  #request(query, variables = {}) {
    return this.#around.session.request(query, variables, { signal: this.#abort.signal });
  }

  get #stopped() {
    return this.#abort.signal.aborted;
  }

  async #load() {
    const { session } = this.#around;
    try {
      const asOf = (!this.#fresh && session.asOf) || (await this.#request(AS_OF)).viewCounts.asOf;
      const { conversation } = await this.#request(THREAD, { id: this.id });
      if (this.#stopped) return;
      if (conversation) this.#begin(conversation, asOf);
      else this.#sayClosed();
    } catch (problem) {
      if (this.#stopped) return;
      if (!this.#loaded) this.#timeline.say(`${problem instanceof Error ? problem.message : problem} Trying again …`);
      this.#again();
    }
  }

  /** Shows only a message and the way back, because the conversation is not available. */
  #sayClosed() {
    this.#closed = true;
    this.#loaded = false;
    this.#unsubscribe();
    this.#assign.close();
    this.#timeline.page({ nodes: [], pageInfo: {} });
    this.#timeline.draw();
    this.#timeline.say(NO_ACCESS);
    this.#drawHead();
  }

  /** @param {Row & { viewerCanReply: boolean, messages: Connection<Message>, history: Connection<HistoryEvent> }} conversation @param {string} asOf */
  #begin({ messages, history, viewerCanReply, ...row }, asOf) {
    const again = this.#loaded;
    this.#loaded = true;
    this.#closed = false;
    this.#timeline.say('');
    this.#timeline.page(messages);
    this.#timeline.history(history);
    this.#earlierBefore = messages.pageInfo.startCursor ?? null;
    this.#composer.allow(viewerCanReply);
    this.#around.store.learn(row);
    this.#drawHead();
    this.#timeline.draw({ toEnd: !again });
    this.#reachBack().catch(() => {}); // What is missing is asked for again with earlier messages.
    this.#follow(asOf);
  }

  /** @param {string} asOf */
  #follow(asOf) {
    let after = asOf;
    this.#unsubscribe();
    this.#unsubscribe = this.#around.session.socket.subscribe({
      query: THREAD_CHANGES,
      variables: () => ({ id: this.id, after }),
      next: ({ data }) => {
        after = data?.conversationChanged?.cursor ?? after;
        if (data?.conversationChanged && !this.#stopped) this.#fold(data.conversationChanged);
      },
      over: () => this.#again(),
    });
  }

  #again() {
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#load(), RETRY_MS);
  }

  /** @param {{ reset: string | null, event: (HistoryEvent & { message: Message | null }) | null, conversation: Row | null }} change */
  #fold({ reset, event, conversation }) {
    if (reset) {
      this.#fresh = true;
      this.#again();
      return;
    }
    if (conversation) this.#around.store.learn(conversation);
    if (!event) return;
    const { message, ...happened } = event;
    this.#timeline.addEvent(happened);
    if (message) this.#heard(message);
    this.#timeline.draw();
  }

  /** @param {Message} message */
  #heard(message) {
    this.#timeline.addMessage(message);
    const { viewer } = this.#around.session;
    if (message.direction === 'INBOUND') announce(`${this.title}: ${message.body}`);
    else if (message.author?.id === viewer.id) this.#around.outbox.landed(this.id, message.body);
    else if (message.author) this.#composer.overtaken(message.author.name);
  }

  /** Notes that a reply of this conversation was recorded. @param {Message} message */
  recorded(message) {
    this.#timeline.addMessage(message);
    this.#timeline.draw({ toEnd: true });
  }

  /** Draws the parts that depend on the row, the rules and the running commands. */
  drawHead() {
    this.#drawHead();
  }

  #drawHead() {
    const { row } = this;
    const { name, about, doing, claim, close, reopen } = this.#parts;
    const { session, actions } = this.#around;
    this.element.classList.toggle('closed-off', this.#closed || !row);
    if (!row || this.#closed) {
      setText(name, 'Conversation');
      setText(about, '');
      this.#composer.element.hidden = true;
      return;
    }
    this.#composer.element.hidden = false;
    if (name.textContent !== contactName(row.contact)) {
      setText(name, contactName(row.contact));
      setAttribute(name, 'title', contactName(row.contact));
      this.#around.named();
    }
    const number = row.contact.name ? `${readable(row.contact.number)} · ` : '';
    setText(about, `${number}via ${row.phoneNumber.label}${row.status === 'CLOSED' ? ' · Closed' : ''}`);
    const pending = actions.pending(this.id);
    setText(doing, pending ?? '');
    const permission = mayAssign(session.viewer, session.workspace, row);
    claim.hidden = row.assignee !== null || permission.to === 'nobody';
    setAttribute(claim, 'disabled', pending !== null);
    close.hidden = row.status !== 'OPEN';
    reopen.hidden = row.status === 'OPEN';
    this.#assign.show(row, permission);
  }

  #drawPending() {
    const items = this.#around.outbox.of(this.id).filter(({ landed }) => !landed);
    this.#timeline.drawPending(items, (item) => this.#pendingActions(item));
    this.#composer.showHeld(items);
  }

  /** @param {Outgoing} item */
  #pendingActions(item) {
    if (item.state === 'sending' || item.state === 'held') return null;
    const edit = h('button', { type: 'button', class: 'link', onclick: () => this.#composer.takeBack(item) }, 'Edit');
    const again = item.state === 'refused'
      && h('button', { type: 'button', class: 'link', onclick: () => this.#around.outbox.again(item) }, 'Try again');
    return h('span', { class: 'foot' }, edit, again && ' ', again);
  }

  async #loadEarlier() {
    try {
      const { conversation } = await this.#request(EARLIER, { id: this.id, before: this.#earlierBefore });
      if (this.#stopped || !conversation) return;
      this.#earlierBefore = conversation.messages.pageInfo.startCursor;
      this.#timeline.page(conversation.messages, { earlier: true });
      this.#timeline.draw();
      await this.#reachBack();
    } catch (problem) {
      if (!this.#stopped) announce(problem instanceof Error ? problem.message : String(problem));
    }
  }

  /** Loads the events back to the first message shown. */
  async #reachBack() {
    for (;;) {
      const after = this.#timeline.eventsAfter();
      if (after === null || this.#stopped) return;
      const { conversation } = await this.#request(EARLIER_EVENTS, { id: this.id, after });
      if (this.#stopped || !conversation) return;
      this.#timeline.history(conversation.history);
      this.#timeline.draw();
    }
  }

  /** Marks the conversation as read if its last message is visible. */
  #look() {
    if (this.#loaded && this.row?.unread && this.#timeline.lastInSight()) this.#markSoon();
  }

  async #markRead() {
    const last = this.#timeline.lastMessage();
    const { row } = this;
    if (!last || !row?.unread || !this.#timeline.lastInSight()) return;
    const input = { conversationId: this.id, throughMessageId: last.id };
    try {
      await this.#request(MARK_READ, { input });
      const now = this.row;
      // A later message may have made the conversation unread again.
      if (now && this.#timeline.lastMessage()?.id === last.id) this.#around.store.learn({ ...now, unread: false });
    } catch {
      // The conversation stays unread. The next message or visit tries again.
    }
  }
}
