/**
 * The timeline of a conversation: its messages, with the other events between them.
 *
 * Entries have ids and are drawn in order of time. Drawing again keeps the existing
 * elements and the reader's place; a reader at the end stays at the end. A button shows
 * the number of new messages below the visible ones. Replies that are being sent are at
 * the end.
 *
 * @import { Connection, HistoryEvent, Message, Outgoing, Viewer } from './types.d.ts'
 */
import { h, setText } from './dom.js';
import { day, timeOfDay } from './words.js';

const NEAR_END_PX = 80;
/** The height of a message that must be visible for the message to count as seen: one line. */
const SEEN_PX = 24;
/** The delivery status in words. Replies do not leave the server yet, so `QUEUED` only means recorded. @type {Record<string, string>} */
const DELIVERY = { QUEUED: 'Recorded, not sent', SENT: 'Sent', DELIVERED: 'Delivered', FAILED: 'Not delivered' };

/** @typedef {HTMLElement & { foot?: HTMLElement }} Entry */

export class Timeline {
  element;
  #viewer;
  #log;
  #earlier;
  #below;
  #note;
  #pending;
  /** @type {Map<string, Message>} */
  #messages = new Map();
  /** @type {Map<string, HistoryEvent>} */
  #events = new Map();
  /** @type {Map<string, Entry>} */
  #drawn = new Map();
  /** @type {{ cursor: string, at: string } | null} */
  #eventsAfter = null;
  /** The number of new messages below the visible ones. */
  #unseen = new Set();
  #atEnd = true;
  #resized;
  #scrolled;

  /**
   * @param {Viewer} viewer @param {() => void} loadEarlier
   * @param {() => void} scrolled is called when other entries may be visible
   */
  constructor(viewer, loadEarlier, scrolled) {
    this.#viewer = viewer;
    this.#scrolled = scrolled;
    this.#earlier = h('button', { type: 'button', class: 'quiet earlier', hidden: true, onclick: loadEarlier }, 'Earlier messages');
    this.#note = h('p', { class: 'loading', role: 'status' }, 'Loading the messages …');
    this.#log = h('div', { role: 'log', 'aria-label': 'Messages' });
    this.#pending = h('div', { class: 'pending', role: 'group', 'aria-label': 'Replies on their way', hidden: true });
    this.#below = h('button', { type: 'button', class: 'below', hidden: true, onclick: () => this.#toEnd() });
    const region = h('div', {
      class: 'timeline', tabindex: '0', role: 'region', 'aria-label': 'History of the conversation',
      onscroll: () => this.#look(),
    }, this.#earlier, this.#note, this.#log, this.#pending);
    this.element = h('div', { class: 'timeline-place' }, region, this.#below);
    this.region = region;
    // The keyboard of a phone, or a long reply, reduces the space for messages.
    this.#resized = new ResizeObserver(() => {
      if (this.#atEnd) this.region.scrollTop = this.region.scrollHeight;
      this.#look();
    });
    this.#resized.observe(region);
  }

  stop() {
    this.#resized.disconnect();
  }

  /** Shows why messages are missing. An empty text removes the message. @param {string} text */
  say(text) {
    setText(this.#note, text);
    this.#note.hidden = text === '';
  }

  /** Adds a page of messages: the latest, or the one before the first message shown. @param {Connection<Message>} page */
  page({ nodes, pageInfo }, { earlier = false } = {}) {
    const known = this.#messages;
    const page = /** @type {[string, Message][]} */ (nodes.map((message) => [message.id, message]));
    this.#messages = new Map(earlier ? [...page, ...known] : page);
    this.#earlier.hidden = !pageInfo.hasPreviousPage;
  }

  /** Adds a page of events: the latest, or the one before the first event shown. @param {Connection<HistoryEvent>} page */
  history({ nodes, pageInfo }) {
    nodes.forEach((event) => this.addEvent(event));
    const last = nodes.at(-1);
    this.#eventsAfter = pageInfo.hasNextPage && last ? { cursor: pageInfo.endCursor ?? '', at: last.at } : null;
  }

  /** The cursor of the next page of events. Null if the events reach back to the first message. */
  eventsAfter() {
    const [first] = this.#messages.values();
    const after = this.#eventsAfter;
    const enough = !after || (first && Date.parse(after.at) < Date.parse(first.sentAt));
    return enough ? null : after.cursor;
  }

  /** @param {Message} message */
  addMessage(message) {
    const isNew = !this.#messages.has(message.id);
    this.#messages.set(message.id, message);
    if (isNew && !this.#atEnd && message.author?.id !== this.#viewer.id) this.#unseen.add(message.id);
  }

  /** @param {HistoryEvent} event */
  addEvent(event) {
    if (sentence(event, this.#viewer)) this.#events.set(event.id, event);
  }

  lastMessage() {
    return [...this.#messages.values()].at(-1) ?? null;
  }

  /** Whether the last message and the page are visible. */
  lastInSight() {
    const last = this.lastMessage();
    const node = last && this.#drawn.get(last.id);
    if (!node?.isConnected || document.visibilityState !== 'visible') return false;
    const box = node.getBoundingClientRect();
    const view = this.region.getBoundingClientRect();
    if (box.height === 0 || view.height === 0) return false;
    return box.top + Math.min(box.height, SEEN_PX) <= view.bottom && box.bottom > view.top;
  }

  /** Draws the new entries. `toEnd` scrolls to the end even if the reader was not there. */
  draw({ toEnd = false } = {}) {
    const { scrollTop, scrollHeight } = this.region;
    const fromEnd = scrollHeight - scrollTop;
    const messages = [...this.#messages.values()];
    const begin = this.#earlier.hidden ? '' : messages[0]?.sentAt ?? '';
    const events = [...this.#events.values()].filter((event) => event.at >= begin);
    const atEnd = this.#atEnd;
    this.#replace(interleave(messages, events));
    if (toEnd || atEnd) this.#toEnd();
    else if (scrollTop < NEAR_END_PX) this.region.scrollTop = this.region.scrollHeight - fromEnd;
    this.#look();
  }

  /**
   * Draws the unrecorded replies.
   * @param {Outgoing[]} items @param {(item: Outgoing) => Node | null} actions returns the buttons of a reply
   */
  drawPending(items, actions) {
    const grew = items.length > this.#pending.childElementCount;
    this.#pending.hidden = items.length === 0;
    this.#pending.replaceChildren(...items.map((item) => h('div', { class: `message ours on-its-way ${item.state}` },
      h('span', { class: 'unseen' }, 'Reply: '),
      h('p', { class: 'body', dir: 'auto' }, item.body),
      h('span', { class: 'foot' }, pendingFoot(item)),
      actions(item))));
    if (grew || this.#atEnd) this.#toEnd();
  }

  #toEnd() {
    this.region.scrollTop = this.region.scrollHeight;
    this.#look();
  }

  /** Determines which entries are visible. */
  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.region;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (this.#atEnd) this.#unseen.clear();
    const count = this.#unseen.size;
    this.#below.hidden = count === 0;
    if (count > 0) setText(this.#below, count === 1 ? '↓ 1 new message' : `↓ ${count} new messages`);
    this.#scrolled();
  }

  /** @param {ReturnType<typeof interleave>} entries */
  #replace(entries) {
    /** @type {Entry[]} */
    const nodes = [];
    let today = null;
    for (const { id, at, message, event } of entries) {
      const name = day(at);
      if (name !== today) nodes.push(this.#node(`day ${name}`, () => h('p', { class: 'day' }, name)));
      today = name;
      const node = this.#node(id, () => (message ? bubble(message) : event ? line(event, this.#viewer) : h('p')));
      if (message && node.foot) setText(node.foot, footOf(message, this.#viewer));
      nodes.push(node);
    }
    nodes.forEach((node, index) => {
      if (this.#log.children[index] !== node) this.#log.insertBefore(node, this.#log.children[index] ?? null);
    });
    while (this.#log.children.length > nodes.length) this.#log.lastChild?.remove();
  }

  /** @param {string} key @param {() => Entry} make */
  #node(key, make) {
    const node = this.#drawn.get(key) ?? make();
    this.#drawn.set(key, node);
    return node;
  }
}

/**
 * Messages are in the order of their arrival, regardless of their senders' clocks. Events go between them.
 * @param {Message[]} messages @param {HistoryEvent[]} events
 * @returns {{ id: string, at: string, message?: Message, event?: HistoryEvent }[]}
 */
export function interleave(messages, events) {
  const waiting = [...events].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  /** @type {ReturnType<typeof interleave>} */
  const entries = [];
  /** @param {number} time */
  const takeBefore = (time) => {
    while (waiting[0] && Date.parse(waiting[0].at) < time) {
      const event = /** @type {HistoryEvent} */ (waiting.shift());
      entries.push({ id: event.id, at: event.at, event });
    }
  };
  for (const message of messages) {
    takeBefore(Date.parse(message.sentAt));
    entries.push({ id: message.id, at: message.sentAt, message });
  }
  takeBefore(Infinity);
  return entries;
}

/** @param {Message} message @returns {Entry} */
function bubble(message) {
  const ours = message.direction === 'OUTBOUND';
  const foot = h('span', { class: 'foot' });
  const pictures = message.mediaUrls.map((url, index) =>
    h('a', { href: safeUrl(url), target: '_blank', rel: 'noreferrer noopener' }, `Picture ${index + 1}`));
  const node = h('div', { class: ours ? 'message ours' : 'message' },
    h('span', { class: 'unseen' }, ours ? 'Reply: ' : 'Customer: '),
    message.body && h('p', { class: 'body', dir: 'auto' }, message.body), ...pictures, foot);
  return Object.assign(node, { foot });
}

/** Links only to http and https, because a sender can send any URL. @param {string} url */
const safeUrl = (url) => (/^https?:\/\//i.test(url) ? url : null);

/** @param {Message} message @param {Viewer} viewer */
function footOf({ direction, author, sentAt, deliveryStatus }, viewer) {
  const name = author?.id === viewer.id ? 'You' : author?.name;
  const parts = [direction === 'OUTBOUND' && name, timeOfDay(sentAt), deliveryStatus && DELIVERY[deliveryStatus]];
  return parts.filter(Boolean).join(' · ');
}

/** @param {Outgoing} item */
function pendingFoot({ state, problem }) {
  if (state === 'held') return 'Held back, not recorded';
  if (state === 'refused') return `Not recorded. ${problem ?? ''}`;
  if (problem) return `On its way. ${problem}`;
  return state === 'sending' ? 'On its way …' : 'Goes after the one before';
}

/** @param {HistoryEvent} event @param {Viewer} viewer */
const line = (event, viewer) => h('p', { class: 'event' }, `${sentence(event, viewer)} · ${timeOfDay(event.at)}`,
  event.note && h('span', { class: 'note' }, `“${event.note}”`));

/**
 * The text of an event. Null for events that messages already show.
 * @param {HistoryEvent} event @param {Viewer} viewer
 */
export function sentence({ kind, actor, assignee, previousAssignee, reason }, viewer) {
  /** @param {{ id: string, name: string }} agent */
  const name = (agent) => (agent.id === viewer.id ? 'you' : agent.name);
  const who = actor ? capital(name(actor)) : 'Switchboard';
  const because = reason ? ` (${reason.toLowerCase().replaceAll('_', ' ')})` : '';
  switch (kind) {
    case 'ASSIGNED': {
      if (!assignee) return null;
      const toSelf = assignee.id === actor?.id;
      if (!previousAssignee && toSelf) return `${who} claimed this${because}`;
      const whom = toSelf ? (assignee.id === viewer.id ? 'yourself' : 'themselves') : name(assignee);
      return `${who} assigned this to ${whom}${previousAssignee ? `, was ${name(previousAssignee)}` : ''}${because}`;
    }
    case 'UNASSIGNED':
      return `${who} returned this to Unassigned${because}`;
    case 'CLOSED':
      return `${who} closed this${because}`;
    case 'REOPENED':
      return `${who} reopened this${because}`;
    default:
      return null;
  }
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
