/**
 * The messages of a conversation, and between them what else happened to it.
 *
 * Entries are kept by id and drawn in order of time; drawing again leaves what is
 * there in place and keeps the reader where they were, at the end if they were there.
 */
import { day, h, setText, timeOfDay } from './dom.js';

const NEAR_END_PX = 80;
const DELIVERY = { QUEUED: 'Sending', SENT: 'Sent', DELIVERED: 'Delivered', FAILED: 'Not delivered' };

export class Timeline {
  element;
  #viewer;
  #log;
  #earlier;
  #messages = new Map();
  #events = new Map();
  #drawn = new Map();
  #eventsAfter = null;

  constructor(viewer, loadEarlier) {
    this.#viewer = viewer;
    this.#earlier = h('button', { type: 'button', class: 'quiet earlier', hidden: true, onclick: loadEarlier }, 'Earlier messages');
    this.#log = h('div', { role: 'log', 'aria-label': 'Messages' });
    this.element = h('div', { class: 'timeline', tabindex: '0', role: 'region', 'aria-label': 'History of the conversation' },
      this.#earlier, this.#log);
  }

  /** Takes in a page of messages: the latest, or one that ends before what is here. */
  page({ nodes, pageInfo }, { earlier = false } = {}) {
    const known = this.#messages;
    const page = nodes.map((message) => [message.id, message]);
    this.#messages = new Map(earlier ? [...page, ...known] : page);
    this.#earlier.hidden = !pageInfo.hasPreviousPage;
  }

  /** Takes in a page of events, the latest or the one before what is here. */
  history({ nodes, pageInfo }) {
    nodes.forEach((event) => this.addEvent(event));
    this.#eventsAfter = pageInfo.hasNextPage ? { cursor: pageInfo.endCursor, at: nodes.at(-1).at } : null;
  }

  /** Where the next page of events begins; null when those here reach back to the first message. */
  eventsAfter() {
    const [first] = this.#messages.values();
    const enough = !this.#eventsAfter || (first && Date.parse(this.#eventsAfter.at) < Date.parse(first.sentAt));
    return enough ? null : this.#eventsAfter.cursor;
  }

  addMessage(message) {
    this.#messages.set(message.id, message);
  }

  addEvent(event) {
    if (sentence(event, this.#viewer)) this.#events.set(event.id, event);
  }

  lastMessage() {
    return [...this.#messages.values()].at(-1) ?? null;
  }

  /** Draws what is new; `toEnd` goes there even if the reader was not. */
  draw({ toEnd = false } = {}) {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const fromEnd = scrollHeight - scrollTop;
    const atEnd = fromEnd - clientHeight < NEAR_END_PX;
    const messages = [...this.#messages.values()];
    const begin = this.#earlier.hidden ? '' : messages[0]?.sentAt ?? '';
    const events = [...this.#events.values()].filter((event) => event.at >= begin);
    this.#replace(interleave(messages, events));
    if (toEnd || atEnd) this.element.scrollTop = this.element.scrollHeight;
    else if (scrollTop < NEAR_END_PX) this.element.scrollTop = this.element.scrollHeight - fromEnd;
  }

  #replace(entries) {
    const nodes = [];
    let today = null;
    for (const entry of entries) {
      const name = day(entry.at);
      if (name !== today) nodes.push(this.#node(`day ${name}`, () => h('p', { class: 'day' }, name)));
      today = name;
      const node = this.#node(entry.id, () => (entry.message ? bubble(entry.message, this.#viewer) : line(entry.event, this.#viewer)));
      if (entry.message) setText(node.foot, footOf(entry.message, this.#viewer));
      nodes.push(node);
    }
    nodes.forEach((node, index) => {
      if (this.#log.children[index] !== node) this.#log.insertBefore(node, this.#log.children[index] ?? null);
    });
    while (this.#log.children.length > nodes.length) this.#log.lastChild.remove();
  }

  #node(key, make) {
    if (!this.#drawn.has(key)) this.#drawn.set(key, make());
    return this.#drawn.get(key);
  }
}

/** Messages stay in the order of their arrival, whatever their senders' clocks said; events go between them. */
function interleave(messages, events) {
  const waiting = events.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const entries = [];
  const before = (time) => waiting.length > 0 && Date.parse(waiting[0].at) < Date.parse(time);
  const takeEvent = () => { const event = waiting.shift(); entries.push({ id: event.id, at: event.at, event }); };
  for (const message of messages) {
    while (before(message.sentAt)) takeEvent();
    entries.push({ id: message.id, at: message.sentAt, message });
  }
  while (waiting.length > 0) takeEvent();
  return entries;
}

function bubble(message, viewer) {
  const ours = message.direction === 'OUTBOUND';
  const foot = h('span', { class: 'foot' });
  const pictures = message.mediaUrls.map((url, index) =>
    h('a', { href: safeUrl(url), target: '_blank', rel: 'noreferrer noopener' }, `Picture ${index + 1}`));
  const node = h('div', { class: ours ? 'message ours' : 'message' },
    h('span', { class: 'unseen' }, ours ? 'Reply: ' : 'Customer: '),
    message.body && h('p', { class: 'body', dir: 'auto' }, message.body), ...pictures, foot);
  node.foot = foot;
  return node;
}

/** Only the web is linked to: a sender could name anything. */
const safeUrl = (url) => (/^https?:\/\//i.test(url) ? url : null);

function footOf({ direction, author, sentAt, deliveryStatus }, viewer) {
  const name = author?.id === viewer.id ? 'You' : author?.name;
  const parts = [direction === 'OUTBOUND' && name, timeOfDay(sentAt), deliveryStatus && DELIVERY[deliveryStatus]];
  return parts.filter(Boolean).join(' · ');
}

const line = (event, viewer) => h('p', { class: 'event' }, `${sentence(event, viewer)} · ${timeOfDay(event.at)}`,
  event.note && h('span', { class: 'note' }, `“${event.note}”`));

/** What happened, in words; null for what messages already show. */
function sentence({ kind, actor, assignee, previousAssignee, reason }, viewer) {
  const name = (agent) => (agent.id === viewer.id ? 'you' : agent.name);
  const who = actor ? capital(name(actor)) : 'Switchboard';
  const whom = assignee && (assignee.id === actor?.id ? (assignee.id === viewer.id ? 'yourself' : 'themselves') : name(assignee));
  const because = reason ? ` (${reason.toLowerCase().replaceAll('_', ' ')})` : '';
  switch (kind) {
    case 'ASSIGNED':
      if (!assignee) return null;
      if (!previousAssignee && assignee.id === actor?.id) return `${who} claimed this${because}`;
      return `${who} assigned this to ${whom}${previousAssignee ? `, was ${name(previousAssignee)}` : ''}${because}`;
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

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
