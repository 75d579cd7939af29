/**
 * The views with their live badges, and the filters of the list.
 *
 * A badge shows the number of open conversations in the view, and a dot shows that
 * some are unread. The server pushes the counts when they change.
 *
 * @import { FilterName, Place, View, ViewCounts } from './types.d.ts'
 * @import { Session } from './session.js'
 */
import { VIEW_COUNTS } from './documents.js';
import { byId, h, icon, setAttribute, setText } from './dom.js';

/** @type {{ view: View, count: 'inbox' | 'assignedToMe' | 'unassigned', label: string, icon: string }[]} */
export const VIEWS = [
  {
    view: 'INBOX', count: 'inbox', label: 'Inbox',
    icon: 'M4 13l2.5-8h11L20 13v6H4zM4 13h5a3 3 0 0 0 6 0h5',
  },
  {
    view: 'ASSIGNED_TO_ME', count: 'assignedToMe', label: 'Assigned to Me',
    icon: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0',
  },
  {
    view: 'UNASSIGNED', count: 'unassigned', label: 'Unassigned',
    icon: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7.5V12l3 2',
  },
];

/** @type {{ name: FilterName, label: string }[]} */
const FILTERS = [
  { name: 'open', label: 'Open' },
  { name: 'unread', label: 'Unread' },
  { name: 'closed', label: 'Closed' },
];

/**
 * @typedef {object} Around
 * @property {(view: View) => void} pickView
 * @property {(name: FilterName) => void} pickFilter
 * @property {() => void} liftNumber shows the conversations of all numbers
 * @property {() => void} changed is called with new counts
 */

export class Sidebar {
  /** @type {ViewCounts | null} */
  counts = null;
  /** @type {Map<View, { button: HTMLElement, count: HTMLElement, said: HTMLElement }>} */
  #views = new Map();
  /** @type {Map<FilterName, { chip: HTMLElement, count: HTMLElement }>} */
  #chips = new Map();
  #number;
  #around;

  /** @param {Around} around */
  constructor(around) {
    this.#around = around;
    const buttons = VIEWS.map((entry) => {
      const count = h('span', { class: 'count', 'aria-hidden': 'true' });
      const said = h('span', { class: 'unseen' });
      const button = h('button', { type: 'button', class: 'view', onclick: () => around.pickView(entry.view) },
        icon(entry.icon), h('span', { class: 'label' }, entry.label), count, said);
      this.#views.set(entry.view, { button, count, said });
      return button;
    });
    byId('views').replaceChildren(...buttons, h('p', { id: 'health', class: 'health', hidden: true }));
    const chips = FILTERS.map(({ name, label }) => {
      const count = h('span', { class: 'count' });
      const chip = h('button', { type: 'button', class: 'chip', onclick: () => around.pickFilter(name) }, label, ' ', count);
      this.#chips.set(name, { chip, count });
      return chip;
    });
    this.#number = h('button', { type: 'button', class: 'chip', 'aria-pressed': 'true', hidden: true, onclick: around.liftNumber });
    byId('chips').replaceChildren(...chips, this.#number);
  }

  /** Subscribes to the counts until the returned function is called. @param {Session} session */
  follow(session) {
    let stopped = false;
    let unsubscribe = () => {};
    const begin = () => {
      if (stopped) return;
      unsubscribe = session.socket.subscribe({
        query: VIEW_COUNTS,
        next: ({ data }) => {
          if (!data?.viewCountsChanged || stopped) return;
          this.counts = data.viewCountsChanged;
          session.asOf = data.viewCountsChanged.asOf;
          this.#around.changed();
        },
        over: () => setTimeout(begin, 2_000),
      });
    };
    begin();
    return () => { stopped = true; unsubscribe(); };
  }

  /** The length of the list. Null if the counts do not contain it. @param {Place} place */
  total({ view, filter, number, search }) {
    const count = VIEWS.find((entry) => entry.view === view)?.count ?? 'inbox';
    const counts = number || search ? null : this.counts?.[count];
    return counts ? counts[filter ?? 'total'] : null;
  }

  /** @param {Place} place @param {string} numberLabel the label of the phone number in the filter */
  draw(place, numberLabel) {
    for (const entry of VIEWS) {
      const parts = this.#views.get(entry.view);
      if (!parts) continue;
      setAttribute(parts.button, 'aria-current', entry.view === place.view ? 'page' : null);
      const counts = this.counts?.[entry.count];
      if (!counts) continue;
      setText(parts.count, counts.open.toLocaleString());
      setAttribute(parts.count, 'data-unread', counts.unread > 0 ? 'true' : null);
      setText(parts.said, `, ${counts.open} open, ${counts.unread} unread`);
    }
    for (const [name, { chip, count }] of this.#chips) {
      setAttribute(chip, 'aria-pressed', name === place.filter ? 'true' : 'false');
      setText(count, this.total({ ...place, filter: name })?.toLocaleString() ?? '');
    }
    this.#number.hidden = !place.number;
    setText(this.#number, `${numberLabel} ×`);
    setAttribute(this.#number, 'aria-label', `Only ${numberLabel}`);
  }
}
