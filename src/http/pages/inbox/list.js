/**
 * The list of conversations: only what is in sight has elements.
 *
 * Every row has the same height, so a row's place follows from its index, and ten
 * thousand rows cost what thirty do. However many changes arrive, they are drawn
 * once per frame. One element is kept per conversation while it is in sight, so a
 * row that moves up is seen to move.
 */
import { ago, contactName, h, setAttribute, setText, span } from './dom.js';

/** As in `layout.css`. */
const ROW_PX = 88;
const OVERSCAN = 8;
/** So near to the end of what is loaded, the next page is asked for. */
const AHEAD = 60;
const FRESH_MS = 2_600;
/** Faster than this, changes are drawn where they end up: nobody could follow the movement, and it costs. */
const MOVING_PER_SECOND = 10;
const PACE_MS = 500;
const CLOCK_MS = 30_000;

export class List {
  cursor = null;
  opened = null;
  #host;
  #box;
  #empty;
  #viewer;
  #feed = null;
  #total = () => null;
  #emptyText = '';
  #open;
  #elements = new Map();
  #lastIndex = 0;
  #frame = null;
  #resized;
  #clock;
  #pace = { at: 0, changes: 0 };

  constructor(host, viewer, open) {
    this.#host = host;
    this.#viewer = viewer;
    this.#open = open;
    this.#box = h('div', { role: 'listbox', id: 'list', tabindex: '0', 'aria-label': 'Conversations' });
    this.#empty = h('p', { class: 'empty', hidden: true });
    host.replaceChildren(this.#box, this.#empty);
    host.onscroll = () => this.draw();
    this.#box.addEventListener('click', (event) => {
      const option = event.target.closest('[data-id]');
      if (option) this.choose(option.dataset.id);
    });
    this.#box.addEventListener('focus', () => this.draw());
    this.#resized = new ResizeObserver(() => this.draw());
    this.#resized.observe(host);
    this.#clock = setInterval(() => this.draw(), CLOCK_MS);
  }

  /** Leaves the place to another list. */
  stop() {
    this.#feed = null;
    this.#resized.disconnect();
    clearInterval(this.#clock);
  }

  /** Shows another list from its top; `total` says how long it is, if that is known. */
  show(feed, { total, empty }) {
    this.#feed = feed;
    this.#total = total;
    this.#emptyText = empty;
    this.#lastIndex = 0;
    this.cursor = null;
    this.#host.scrollTop = 0;
    this.#elements.forEach((element) => element.remove());
    this.#elements.clear();
    this.draw();
  }

  /** Draws at the next frame, once, however often it is called. */
  draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#render();
    });
  }

  focus() {
    this.#box.focus({ preventScroll: true });
  }

  /** Puts the cursor on a conversation and opens it. */
  choose(id) {
    this.cursor = id;
    this.#lastIndex = Math.max(0, this.#indexOf(id));
    this.#open(id);
    this.draw();
  }

  /** Moves the cursor by rows; from a row that has left, it goes on from where that was. */
  move(by) {
    const rows = this.#rows();
    if (rows.length === 0) return;
    const at = this.#indexOf(this.cursor);
    const from = at >= 0 ? at : by > 0 ? this.#lastIndex - 1 : this.#lastIndex;
    const next = Math.min(rows.length - 1, Math.max(0, from + by));
    this.cursor = rows[next].id;
    this.#lastIndex = next;
    this.#reveal(next);
    this.draw();
  }

  /** Opens what the cursor is on. */
  enter() {
    if (this.#indexOf(this.cursor) >= 0) this.choose(this.cursor);
  }

  #rows() {
    return this.#feed?.loaded ? this.#feed.queue.rows() : [];
  }

  #indexOf(id) {
    return id === null ? -1 : this.#rows().findIndex((row) => row.id === id);
  }

  #reveal(index) {
    const top = index * ROW_PX;
    const { scrollTop, clientHeight } = this.#host;
    if (top < scrollTop) this.#host.scrollTop = top;
    else if (top + ROW_PX > scrollTop + clientHeight) this.#host.scrollTop = top + ROW_PX - clientHeight;
  }

  #render() {
    const rows = this.#rows();
    const more = this.#feed?.loaded && this.#feed.queue.hasNextPage;
    // The bar is as long as the whole list; what has not arrived is left blank until it has.
    const length = more ? Math.max(rows.length + 1, this.#total() ?? 0) : rows.length;
    this.#box.style.height = `${length * ROW_PX}px`;
    const first = Math.max(0, Math.floor(this.#host.scrollTop / ROW_PX) - OVERSCAN);
    const last = Math.min(rows.length, Math.ceil((this.#host.scrollTop + this.#host.clientHeight) / ROW_PX) + OVERSCAN);
    if (more && last + AHEAD > rows.length) this.#feed.more();
    this.#watchPace();
    this.#place(rows, first, last, length);
    const at = this.#indexOf(this.cursor);
    if (at >= 0) this.#lastIndex = at;
    const active = at >= first && at < last ? optionId(this.cursor) : null;
    setAttribute(this.#box, 'aria-activedescendant', active);
    setAttribute(this.#host, 'aria-busy', this.#feed?.loaded ? null : 'true');
    this.#showEmpty(rows);
  }

  #watchPace() {
    const now = performance.now();
    const milliseconds = now - this.#pace.at;
    if (milliseconds < PACE_MS) return;
    const changes = this.#feed?.queue.changes ?? 0;
    const perSecond = ((changes - this.#pace.changes) * 1000) / milliseconds;
    this.#box.classList.toggle('rushed', perSecond > MOVING_PER_SECOND);
    this.#pace = { at: now, changes };
  }

  #place(rows, first, last, length) {
    const kept = new Set();
    for (let index = first; index < last; index += 1) {
      const row = rows[index];
      kept.add(row.id);
      let element = this.#elements.get(row.id);
      if (!element) {
        element = rowElement(row);
        this.#elements.set(row.id, element);
        this.#box.append(element);
      }
      element.style.transform = `translateY(${index * ROW_PX}px)`;
      setAttribute(element, 'aria-posinset', index + 1);
      setAttribute(element, 'aria-setsize', length);
      this.#fill(element, row);
    }
    for (const [id, element] of this.#elements) {
      if (kept.has(id)) continue;
      element.remove();
      this.#elements.delete(id);
    }
  }

  #fill(element, row) {
    const { parts } = element;
    const mine = row.assignee?.id === this.#viewer.id;
    const owner = mine ? 'You' : row.assignee?.name ?? 'Unassigned';
    const waits = row.waitingSince ? `waiting ${span(row.waitingSince)}` : '';
    setText(parts.name, contactName(row.contact));
    setText(parts.time, ago(row.lastActivityAt));
    setText(parts.preview, this.#preview(row.lastMessage));
    setText(parts.owner, owner);
    setText(parts.waits, row.status === 'CLOSED' ? 'Closed' : waits);
    setText(parts.number, row.phoneNumber.label);
    parts.owner.className = `owner ${mine ? 'mine' : row.assignee ? '' : 'nobody'}`;
    const classes = ['row'];
    if (row.unread) classes.push('unread');
    if (row.status === 'CLOSED') classes.push('closed');
    if (row.id === this.cursor) classes.push('cursor');
    if (row.changedAt && Date.now() - row.changedAt < FRESH_MS) classes.push('fresh');
    const className = classes.join(' ');
    if (element.className !== className) element.className = className;
    setText(parts.unread, row.unread ? 'Unread. ' : '');
    setAttribute(element, 'aria-selected', row.id === this.opened ? 'true' : 'false');
  }

  #preview(message) {
    if (!message) return '';
    const text = message.body || 'Picture';
    if (message.direction === 'INBOUND') return text;
    const author = message.author?.id === this.#viewer.id ? 'You' : message.author?.name ?? 'Us';
    return `${author}: ${text}`;
  }

  #showEmpty(rows) {
    const { problem, loaded } = this.#feed ?? {};
    const text = problem && !loaded ? `${problem.message} Trying again …` : loaded && rows.length === 0 ? this.#emptyText : '';
    this.#empty.hidden = text === '';
    this.#box.hidden = loaded === true && rows.length === 0;
    setText(this.#empty, text);
  }
}

const optionId = (id) => `row-${id}`;

/** The elements of a row; what they say is filled in whenever it is drawn. */
function rowElement(row) {
  const part = (name, tag = 'span') => h(tag, { class: name });
  const parts = {
    unread: part('unseen'), name: part('name'), time: part('time'), preview: part('preview'),
    owner: part('owner'), waits: part('waits'), number: part('number'),
  };
  const element = h('div', { role: 'option', id: optionId(row.id), 'data-id': row.id, class: 'row' },
    h('span', { class: 'line' }, parts.unread, parts.name, ' ', parts.time),
    parts.preview,
    h('span', { class: 'line' }, parts.owner, ' ', parts.waits, ' ', parts.number));
  element.parts = parts;
  return element;
}
