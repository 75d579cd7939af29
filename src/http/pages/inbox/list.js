/**
 * The list of conversations. Only visible rows have elements.
 *
 * Every row has the same height, so the position of a row follows from its index, and ten
 * thousand rows cost as much as thirty. The list is drawn at most once per frame. A visible
 * conversation keeps its element, so a row that moves up is animated.
 *
 * Rows do not move under the pointer: the order is fixed while the pointer is over the list,
 * and for a moment after a key. After scrolling down, the visible rows keep their places. A
 * button shows the number of conversations that have been added since.
 *
 * @import { RankedRow, Row, Viewer } from './types.d.ts'
 * @import { Feed } from './feed.js'
 */
import { byId, h, setAttribute, setText } from './dom.js';
import { StandingOrder, shift } from './order.js';
import { ago, contactName, span } from './words.js';

/** The height of a row, as in `layout.css`. */
const ROW_PX = 88;
const OVERSCAN = 8;
/** The distance to the end of the loaded rows at which the next page is loaded. */
const AHEAD = 60;
const FRESH_MS = 2_600;
/** Above this rate, changes are drawn without animation, which nobody could follow and which costs time. */
const MOVING_PER_SECOND = 10;
const PACE_MS = 500;
const CLOCK_MS = 30_000;
/** How long the order stays fixed after the last key, and after the pointer has left. */
const KEY_MS = 1_500;
const LEFT_MS = 800;
/** The maximum distance between the start and the end of a click. */
const CLICK_PX = 12;

/**
 * @typedef {HTMLElement & { parts: Record<string, HTMLElement> }} RowElement
 */

export class List {
  /** The conversation that the keys act on. @type {string | null} */
  cursor = null;
  /** The open conversation. @type {string | null} */
  opened = null;
  #host;
  #box;
  #empty;
  #pill;
  #viewer;
  /** @type {Feed | null} */
  #feed = null;
  /** @type {() => number | null} */
  #total = () => null;
  /** @type {() => string} */
  #emptyText = () => '';
  #around;
  /** @type {Map<string, RowElement>} */
  #elements = new Map();
  #lastIndex = 0;
  /** @type {number | null} */
  #frame = null;
  #resized;
  #clock;
  #pace = { at: 0, changes: 0 };
  #order = new StandingOrder();
  #pointerOver = false;
  #heldUntil = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #releaseTimer;
  /** The row under the pointer when the button was pressed. @type {{ id: string, x: number, y: number } | null} */
  #pressed = null;
  /** @type {RankedRow[]} */
  #shown = [];
  /** The conversations that were added or moved up, and that the agent has not noticed. @type {Set<string>} */
  #news = new Set();
  #end = new AbortController();

  /**
   * @param {HTMLElement} host @param {Viewer} viewer
   * @param {{ open: (id: string, row: Row) => void, draft: (id: string) => string | null }} around
   *   opens a conversation, and finds the draft of one
   */
  constructor(host, viewer, around) {
    this.#host = host;
    this.#viewer = viewer;
    this.#around = around;
    this.#box = h('div', { role: 'listbox', id: 'list', tabindex: '0', 'aria-label': 'Conversations' });
    this.#empty = h('p', { class: 'empty', hidden: true });
    this.#pill = h('button', { type: 'button', id: 'news', hidden: true, onclick: () => this.#showNews() });
    host.replaceChildren(this.#box, this.#empty);
    byId('news-place').replaceChildren(this.#pill);
    host.onscroll = () => this.draw();
    this.#listen();
    this.#resized = new ResizeObserver(() => this.draw());
    this.#resized.observe(host);
    this.#clock = setInterval(() => this.draw(), CLOCK_MS);
  }

  #listen() {
    const { signal } = this.#end;
    // The button is part of the list: the order also stays fixed while the pointer is over the button.
    const areas = [this.#host, this.#pill];
    this.#box.addEventListener('pointerdown', (event) => this.#press(event));
    this.#box.addEventListener('click', (event) => this.#click(event));
    this.#box.addEventListener('focus', () => this.draw());
    for (const area of areas) {
      area.addEventListener('pointerenter', () => this.#hand(true), { signal });
      area.addEventListener('pointermove', () => { if (!this.#pointerOver) this.#hand(true); }, { signal });
      area.addEventListener('pointerleave', () => this.#hand(false), { signal });
    }
    this.#host.addEventListener('pointercancel', () => { this.#pressed = null; }, { signal });
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.#hand(false); }, { signal });
  }

  /** Removes the list from the page. */
  stop() {
    this.#feed = null;
    this.#resized.disconnect();
    this.#end.abort();
    clearInterval(this.#clock);
    clearTimeout(this.#releaseTimer);
    this.#host.replaceChildren();
    this.#pill.remove();
  }

  /**
   * Shows another list from its top. `total` returns its length, if known.
   * @param {Feed} feed @param {{ total: () => number | null, empty: () => string }} texts
   */
  show(feed, { total, empty }) {
    this.#feed = feed;
    this.#total = total;
    this.#emptyText = empty;
    this.#lastIndex = 0;
    this.cursor = null;
    this.#order.release();
    this.#shown = [];
    this.#news.clear();
    this.#pressed = null;
    this.#host.scrollTop = 0;
    this.#elements.forEach((element) => element.remove());
    this.#elements.clear();
    this.draw();
  }

  /** Draws once at the next frame, regardless of the number of calls. */
  draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      if (this.#feed) this.#render(this.#feed);
    });
  }

  focus() {
    this.#box.focus({ preventScroll: true });
  }

  /** The row of a conversation in the list. @param {string} id @returns {RankedRow | null} */
  row(id) {
    return this.#rows().find((row) => row.id === id) ?? null;
  }

  /** Notes that a conversation was added or moved up. @param {string} id */
  risen(id) {
    const author = this.#feed?.queue.get(id)?.lastMessage?.author;
    if (author?.id !== this.#viewer.id) this.#news.add(id);
  }

  /** Notes a command of the agent on this conversation. Its row then moves at once. @param {string} id */
  expect(id) {
    this.#order.exempt(id);
    this.draw();
  }

  /** Moves the cursor to a conversation and opens it. @param {string} id */
  choose(id) {
    const row = this.row(id);
    if (!row) return;
    this.cursor = id;
    this.#lastIndex = Math.max(0, this.#indexOf(id));
    this.draw();
    this.#around.open(id, row);
  }

  /** Moves the cursor by rows. If its row has left the list, the cursor starts from the row's last position. @param {number} by */
  move(by) {
    const rows = this.#rows();
    this.#key();
    if (rows.length === 0) return;
    const at = this.#indexOf(this.cursor);
    const from = at >= 0 ? at : by > 0 ? this.#lastIndex - 1 : this.#lastIndex;
    const next = Math.min(rows.length - 1, Math.max(0, from + by));
    this.cursor = rows[next]?.id ?? null;
    this.#lastIndex = next;
    this.#reveal(next);
    this.draw();
  }

  /** Opens the conversation at the cursor. */
  enter() {
    this.#key();
    if (this.cursor !== null) this.choose(this.cursor);
  }

  #rows() {
    if (!this.#feed?.loaded) return [];
    return this.#order.arrange(this.#feed.queue.rows());
  }

  /** @param {string | null} id */
  #indexOf(id) {
    return id === null ? -1 : this.#rows().findIndex((row) => row.id === id);
  }

  /** @param {PointerEvent} event */
  #press({ target, clientX, clientY }) {
    const option = target instanceof Element ? target.closest('[data-id]') : null;
    const id = option instanceof HTMLElement ? option.dataset.id : undefined;
    this.#pressed = id === undefined ? null : { id, x: clientX, y: clientY };
    this.#hand(true);
  }

  /** Opens the row on which the button was pressed, even if another row is under the pointer now. @param {MouseEvent} event */
  #click({ target, clientX, clientY, detail }) {
    const pressed = this.#pressed;
    this.#pressed = null;
    if (pressed && detail > 0) {
      const far = Math.max(Math.abs(clientX - pressed.x), Math.abs(clientY - pressed.y)) > CLICK_PX;
      if (!far) this.choose(pressed.id);
      return;
    }
    // Assistive technology clicks without a pointer.
    const option = target instanceof Element ? target.closest('[data-id]') : null;
    if (option instanceof HTMLElement && option.dataset.id) this.choose(option.dataset.id);
  }

  /** @param {boolean} over */
  #hand(over) {
    this.#pointerOver = over;
    if (!over) this.#holdFor(LEFT_MS);
    this.#keepOrder();
    this.draw();
  }

  #key() {
    this.#holdFor(KEY_MS);
    this.#keepOrder();
  }

  /** @param {number} milliseconds */
  #holdFor(milliseconds) {
    this.#heldUntil = Math.max(this.#heldUntil, performance.now() + milliseconds);
    clearTimeout(this.#releaseTimer);
    this.#releaseTimer = setTimeout(() => this.draw(), this.#heldUntil - performance.now() + 1);
  }

  /** Fixes the drawn order, or releases it. */
  #keepOrder() {
    if (!this.#feed?.loaded) return;
    if (this.#pointerOver || performance.now() < this.#heldUntil) this.#order.hold(this.#shown);
    else if (this.#order.isHeld) this.#order.release();
  }

  #showNews() {
    this.#pointerOver = false;
    this.#order.release();
    this.#news.clear();
    this.#heldUntil = 0;
    this.#host.scrollTop = 0;
    this.#shown = [];
    this.focus();
    this.draw();
  }

  /** @param {number} index */
  #reveal(index) {
    const top = index * ROW_PX;
    const { scrollTop, clientHeight } = this.#host;
    if (top < scrollTop) this.#host.scrollTop = top;
    else if (top + ROW_PX > scrollTop + clientHeight) this.#host.scrollTop = top + ROW_PX - clientHeight;
  }

  /** @param {Feed} feed */
  #render(feed) {
    this.#keepOrder();
    const rows = this.#rows();
    const more = feed.loaded && feed.queue.hasNextPage;
    // The scroll bar covers the whole list. Rows that have not arrived are blank.
    const length = more ? Math.max(rows.length + 1, this.#total() ?? 0) : rows.length;
    this.#box.style.height = `${length * ROW_PX}px`;
    this.#keepInSight(rows);
    const first = Math.max(0, Math.floor(this.#host.scrollTop / ROW_PX) - OVERSCAN);
    const last = Math.min(rows.length, Math.ceil((this.#host.scrollTop + this.#host.clientHeight) / ROW_PX) + OVERSCAN);
    if (more && last + AHEAD > rows.length) feed.more();
    this.#watchPace(feed);
    this.#place(rows, first, last, length);
    const at = this.#indexOf(this.cursor);
    if (at >= 0) this.#lastIndex = at;
    const active = this.cursor !== null && at >= first && at < last ? optionId(this.cursor) : null;
    setAttribute(this.#box, 'aria-activedescendant', active);
    setAttribute(this.#host, 'aria-busy', feed.loaded ? null : 'true');
    this.#drawNews(feed);
    this.#showEmpty(feed, rows);
  }

  /** Scrolls so that the visible rows keep their places, unless the top is visible. @param {RankedRow[]} rows */
  #keepInSight(rows) {
    const before = this.#shown;
    this.#shown = rows;
    const { scrollTop } = this.#host;
    const scrolled = scrollTop > ROW_PX / 2;
    this.#box.classList.toggle('scrolled', scrolled);
    if (!scrolled || before === rows) return;
    const moved = shift(before, rows, Math.floor(scrollTop / ROW_PX));
    if (moved !== 0) this.#host.scrollTop = scrollTop + moved * ROW_PX;
  }

  /** Shows the number of added conversations that are not visible. @param {Feed} feed */
  #drawNews(feed) {
    const first = this.#host.scrollTop > ROW_PX / 2 ? Math.floor(this.#host.scrollTop / ROW_PX) : 0;
    if (first === 0 && !this.#order.isHeld) this.#news.clear();
    if (this.#news.size === 0) {
      this.#pill.hidden = true;
      return;
    }
    const unseen = new Set(this.#order.displaced(this.#news, feed.queue.rows()));
    for (const { id } of this.#shown.slice(0, first)) if (this.#news.has(id)) unseen.add(id);
    this.#pill.hidden = unseen.size === 0;
    if (unseen.size > 0) setText(this.#pill, `↑ ${unseen.size} new`);
  }

  /** @param {Feed} feed */
  #watchPace(feed) {
    const now = performance.now();
    const milliseconds = now - this.#pace.at;
    if (milliseconds < PACE_MS) return;
    const { changes } = feed.queue;
    const perSecond = ((changes - this.#pace.changes) * 1000) / milliseconds;
    this.#box.classList.toggle('rushed', perSecond > MOVING_PER_SECOND);
    this.#pace = { at: now, changes };
  }

  /** @param {RankedRow[]} rows @param {number} first @param {number} last @param {number} length */
  #place(rows, first, last, length) {
    const kept = new Set();
    for (let index = first; index < last; index += 1) {
      const row = rows[index];
      if (!row) continue;
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

  /** @param {RowElement} element @param {RankedRow} row */
  #fill(element, row) {
    const { name, time, preview, owner, waits, number, unread } = /** @type {Record<string, HTMLElement>} */ (element.parts);
    if (!name || !time || !preview || !owner || !waits || !number || !unread) return;
    const mine = row.assignee?.id === this.#viewer.id;
    const owned = mine ? 'You' : row.assignee?.name ?? 'Unassigned';
    const waiting = row.waitingSince ? `waiting ${span(row.waitingSince)}` : '';
    const draft = this.#around.draft(row.id);
    setText(name, contactName(row.contact));
    setText(time, ago(row.lastActivityAt));
    setText(preview, draft ? `Draft: ${draft}` : this.#preview(row));
    // Only the fact that it left is known of a row that has left.
    setText(owner, row.gone ? 'No longer in this list' : owned);
    setText(waits, row.gone ? '' : row.status === 'CLOSED' ? 'Closed' : waiting);
    setText(number, row.phoneNumber.label);
    const ownerClass = `owner ${row.gone ? '' : mine ? 'mine' : row.assignee ? '' : 'nobody'}`;
    if (owner.className !== ownerClass) owner.className = ownerClass;
    const classes = ['row'];
    if (row.unread && !row.gone) classes.push('unread');
    if (row.gone) classes.push('gone');
    if (draft) classes.push('drafted');
    if (row.status === 'CLOSED') classes.push('closed');
    if (row.id === this.cursor) classes.push('cursor');
    if (row.changedAt && Date.now() - row.changedAt < FRESH_MS) classes.push('fresh');
    const className = classes.join(' ');
    if (element.className !== className) element.className = className;
    setText(unread, row.unread && !row.gone ? 'Unread. ' : '');
    setAttribute(element, 'aria-selected', row.id === this.opened ? 'true' : 'false');
  }

  /** @param {RankedRow} row */
  #preview({ lastMessage }) {
    if (!lastMessage) return '';
    const text = lastMessage.body || 'Picture';
    if (lastMessage.direction === 'INBOUND') return text;
    const author = lastMessage.author?.id === this.#viewer.id ? 'You' : lastMessage.author?.name ?? 'Us';
    return `${author}: ${text}`;
  }

  /** @param {Feed} feed @param {RankedRow[]} rows */
  #showEmpty({ problem, loaded }, rows) {
    let text = '';
    if (!loaded) text = problem ? `${problem.message} Trying again …` : '';
    else if (rows.length === 0) text = this.#emptyText();
    this.#empty.hidden = text === '';
    this.#box.hidden = loaded && rows.length === 0;
    setText(this.#empty, text);
  }
}

/** @param {string} id */
const optionId = (id) => `row-${id}`;

/** The elements of a row. Each drawing fills in their texts. @param {Row} row @returns {RowElement} */
function rowElement(row) {
  /** @param {string} name */
  const part = (name) => h('span', { class: name });
  const parts = {
    unread: part('unseen'), name: part('name'), time: part('time'), preview: part('preview'),
    owner: part('owner'), waits: part('waits'), number: part('number'),
  };
  const element = h('div', { role: 'option', id: optionId(row.id), 'data-id': row.id, class: 'row' },
    h('span', { class: 'line' }, parts.unread, parts.name, ' ', parts.time),
    parts.preview,
    h('span', { class: 'line' }, parts.owner, ' ', parts.waits, ' ', parts.number));
  return Object.assign(element, { parts });
}
