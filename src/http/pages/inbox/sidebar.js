/**
 * The views with their live badges, and the filters of the list.
 *
 * A badge says how many conversations of the view are open; a dot beside it,
 * that some are unread. The counts are the server's, pushed as they change.
 */
import { VIEW_COUNTS } from './documents.js';
import { byId, h, icon, setAttribute, setText } from './dom.js';

export const VIEWS = [
  {
    view: 'INBOX', count: 'inbox', label: 'Inbox', key: '1',
    icon: 'M4 13l2.5-8h11L20 13v6H4zM4 13h5a3 3 0 0 0 6 0h5',
  },
  {
    view: 'ASSIGNED_TO_ME', count: 'assignedToMe', label: 'Assigned to Me', key: '2',
    icon: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0',
  },
  {
    view: 'UNASSIGNED', count: 'unassigned', label: 'Unassigned', key: '3',
    icon: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7.5V12l3 2',
  },
];

export const FILTERS = [
  { name: 'open', label: 'Open', filter: { status: 'OPEN' } },
  { name: 'unread', label: 'Unread', filter: { unread: true } },
  { name: 'closed', label: 'Closed', filter: { status: 'CLOSED' } },
];

export class Sidebar {
  counts = null;
  #views = new Map();
  #chips = new Map();
  #changed;

  /** `pick` is called with what was clicked: a view, or the name of a filter. `changed`, when there are new counts. */
  constructor({ pickView, pickFilter, changed }) {
    this.#changed = changed;
    const buttons = VIEWS.map((entry) => {
      const count = h('span', { class: 'count', 'aria-hidden': 'true' });
      const said = h('span', { class: 'unseen' });
      const button = h('button', { type: 'button', class: 'view', onclick: () => pickView(entry.view) },
        icon(entry.icon), h('span', { class: 'label' }, entry.label), count, said);
      this.#views.set(entry.view, { button, count, said });
      return button;
    });
    byId('views').replaceChildren(...buttons, h('p', { id: 'health', class: 'health', hidden: true }));
    const chips = FILTERS.map(({ name, label }) => {
      const count = h('span', { class: 'count' });
      const chip = h('button', { type: 'button', class: 'chip', onclick: () => pickFilter(name) }, label, ' ', count);
      this.#chips.set(name, { chip, count });
      return chip;
    });
    byId('chips').replaceChildren(...chips);
  }

  /** Follows the counts; the returned function ends that. */
  follow(session) {
    let stopped = false;
    let unsubscribe = () => {};
    const begin = () => {
      if (stopped) return;
      unsubscribe = session.socket.subscribe({
        query: VIEW_COUNTS,
        next: ({ data }) => {
          if (!data?.viewCountsChanged) return;
          this.counts = data.viewCountsChanged;
          this.#changed();
        },
        over: () => setTimeout(begin, 2_000),
      });
    };
    begin();
    return () => { stopped = true; unsubscribe(); };
  }

  /** How long the list is, unless that is not known yet. */
  total(view, filter) {
    const counts = this.counts?.[VIEWS.find((entry) => entry.view === view).count];
    return counts ? counts[filter ?? 'total'] : null;
  }

  draw(view, filter) {
    for (const entry of VIEWS) {
      const { button, count, said } = this.#views.get(entry.view);
      setAttribute(button, 'aria-current', entry.view === view ? 'page' : null);
      const counts = this.counts?.[entry.count];
      if (!counts) continue;
      setText(count, counts.open.toLocaleString());
      setAttribute(count, 'data-unread', counts.unread > 0 ? 'true' : null);
      setText(said, `, ${counts.open} open, ${counts.unread} unread`);
    }
    for (const [name, { chip, count }] of this.#chips) {
      setAttribute(chip, 'aria-pressed', name === filter ? 'true' : 'false');
      setText(count, this.total(view, name)?.toLocaleString() ?? '');
    }
  }
}
