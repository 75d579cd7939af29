/**
 * The page of one signed-in agent: the list, the open conversation, and their place in the
 * browser's history.
 *
 * @import { FilterName, Place, Row, RowPage, View } from './types.d.ts'
 * @import { Session } from './session.js'
 */
import { announce, byId, debounce, h, setText } from './dom.js';
import { Feed } from './feed.js';
import { List } from './list.js';
import { listOf, sameList } from './place.js';
import { Router } from './router.js';
import { Sidebar, VIEWS } from './sidebar.js';
import { contactName } from './words.js';

const SEARCH_MS = 200;
const POLICY_MS = 60_000;

/** @typedef {typeof import('./later.js')} Later */
/** @typedef {InstanceType<Later['Pane']>} Pane */

export class Page {
  #session;
  #list;
  #sidebar;
  #router;
  /** @type {Feed | null} */
  #feed = null;
  /** @type {Pane | null} */
  #pane = null;
  /** The modules that are loaded after the first rows. */
  #tools = /** @type {ReturnType<Page['makeTools']> | null} */ (null);
  /** @type {Place | null} */
  #listed = null;
  #checkedAt = Date.now();
  #end = new AbortController();
  #searchSoon = debounce(() => this.#search(), SEARCH_MS);

  /** @param {Session} session @param {RowPage} first the first page of the list in the address */
  constructor(session, first) {
    const { signal } = this.#end;
    this.#session = session;
    this.#list = new List(byId('scroller'), session.viewer, {
      open: (id, row) => this.#open(id, row),
      draft: (id) => this.#tools?.drafts.get(id)?.text ?? null,
    });
    this.#router = new Router((place) => this.#show(place));
    this.#sidebar = new Sidebar({
      pickView: (view) => this.view(view),
      pickFilter: (name) => this.filter(name),
      liftNumber: () => this.#go({ ...this.#place, number: null }),
      changed: () => {
        this.#drawSidebar();
        this.#tools?.health.counted();
      },
    });
    const search = /** @type {HTMLInputElement} */ (byId('search'));
    search.addEventListener('input', () => this.#searchSoon(), { signal });
    search.addEventListener('keydown', (event) => this.#searchKey(event), { signal });
    addEventListener('storage', ({ key }) => this.#heardDraft(key), { signal });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && Date.now() - this.#checkedAt > POLICY_MS) this.checkPolicy();
    }, { signal });
    this.#show(this.#place, null, first);
    signal.addEventListener('abort', this.#sidebar.follow(session));
  }

  /** Uses the modules that were loaded after the first rows. @param {Later} later */
  equip(later) {
    this.#tools = this.makeTools(later);
    this.#list.draw();
    const { conversation } = this.#place;
    if (conversation !== null && !this.#pane) this.#showPane(conversation, this.#list.row(conversation));
  }

  get isEquipped() {
    return this.#tools !== null;
  }

  /** @param {Later} later */
  makeTools(later) {
    const session = this.#session;
    const store = new later.Store();
    const drafts = new later.Drafts(later.storage('local'), session.viewer.id);
    const outbox = new later.Outbox(session, later.storage('session'), ({ conversation, message }, { conversationId }) => {
      if (this.#pane?.id === conversationId && message) this.#pane.recorded(message);
      store.learn(conversation);
    });
    const actions = new later.Actions(session, outbox, {
      learned: (row) => store.learn(row),
      given: (id) => {
        this.#list.expect(id);
        this.#paneOf(id)?.drawHead();
      },
      answered: (id) => this.#paneOf(id)?.drawHead(),
      refused: () => this.checkPolicy(),
    });
    const health = later.followHealth(session);
    const endWorkloads = later.followWorkloads(session);
    return { later, store, drafts, outbox, actions, health, endWorkloads };
  }

  /** @param {{ signOut?: boolean }} how signing out deletes the drafts; a switch or an expired token keeps them */
  end({ signOut = false } = {}) {
    this.#searchSoon.cancel();
    this.#end.abort();
    this.#feed?.stop();
    this.#list.stop();
    this.#pane?.stop();
    this.#router.stop();
    this.#session.end();
    byId('thread').replaceChildren();
    document.body.classList.remove('reading');
    const tools = this.#tools;
    if (!tools) return;
    if (signOut) {
      tools.drafts.clear();
      tools.outbox.clear();
    }
    tools.outbox.detach();
    tools.actions.end();
    tools.health.end();
    tools.endWorkloads();
    tools.later.clearToasts();
  }

  get #place() {
    return this.#router.place;
  }

  /** @param {View} view */
  view(view) {
    this.#go({ view, filter: this.#place.filter, number: null, search: '', conversation: null });
  }

  /** Sets a filter of the list. The same filter again removes it. @param {FilterName} name */
  filter(name) {
    this.#go({ ...this.#place, filter: this.#place.filter === name ? null : name });
  }

  search() {
    const input = /** @type {HTMLInputElement} */ (byId('search'));
    input.focus();
    input.select();
  }

  /** @param {number} by */
  move(by) {
    this.#list.focus();
    this.#list.move(by);
  }

  enter() {
    this.#list.enter();
  }

  undo() {
    this.#tools?.later.undoNewest();
  }

  /**
   * Runs a command on the open conversation if the focus is in it. Otherwise opens the
   * conversation at the cursor and runs the command on it.
   * @param {(pane: Pane) => void} run
   */
  act(run) {
    const inPane = byId('thread').contains(document.activeElement);
    const id = (inPane ? null : this.#list.cursor) ?? this.#pane?.id ?? null;
    if (id === null || !this.#tools) return;
    if (id !== this.#pane?.id) {
      const row = this.#list.row(id);
      if (!row || row.gone) {
        this.#tools.later.toast('That conversation has left this list. Nothing was done.', { tone: 'sorry' });
        return;
      }
      this.#list.choose(id);
    }
    if (this.#pane?.id === id) run(this.#pane);
  }

  back() {
    if (this.#place.conversation === null) return;
    this.#router.leave();
    this.#show(this.#place);
    this.#list.focus();
  }

  /** Reads the rules of the workspace again. */
  async checkPolicy() {
    this.#checkedAt = Date.now();
    if (!(await this.#session.refresh()) || this.#end.signal.aborted) return;
    this.#pane?.policyChanged();
    this.#drawSidebar();
  }

  /** @param {Place} place @param {Row | null} row */
  #go(place, row = null) {
    this.#router.go(place);
    this.#show(place, row);
  }

  /** @param {Place} place @param {Row | null} row @param {RowPage | null} first */
  #show(place, row = null, first = null) {
    if (!this.#listed || !sameList(this.#listed, place)) this.#showList(place, first);
    const { conversation } = place;
    if (conversation === null) this.#closePane();
    else if (conversation !== this.#pane?.id) this.#showPane(conversation, row ?? this.#list.row(conversation));
    this.#drawTitle();
    this.#drawSidebar();
  }

  /** @param {Place} place @param {RowPage | null} first */
  #showList(place, first) {
    const search = /** @type {HTMLInputElement} */ (byId('search'));
    this.#searchSoon.cancel();
    this.#listed = place;
    this.#feed?.stop();
    const feed = new Feed(this.#session, listOf(place), (risen) => this.#changed(feed, risen), first);
    this.#feed = feed;
    if (search.value.trim() !== place.search) search.value = place.search;
    setText(byId('queue-title'), labelOf(place.view));
    document.body.dataset.view = place.view;
    this.#list.show(feed, {
      total: () => (place.search ? feed.searchTotal : this.#sidebar.total(place)),
      empty: () => emptyText(place, this.#session),
    });
    if (place.conversation !== null) this.#list.cursor = place.conversation;
  }

  /** @param {Feed} feed @param {string | null} risen */
  #changed(feed, risen) {
    if (feed !== this.#feed) return;
    if (risen !== null) this.#list.risen(risen);
    const pane = this.#pane;
    const row = pane && feed.queue.get(pane.id);
    if (pane && row) {
      const { position, changedAt, ...known } = row;
      this.#tools?.store.learn(known);
      pane.listed();
    }
    this.#list.draw();
  }

  #drawSidebar() {
    const { number } = this.#place;
    const label = this.#session.numbers.find(({ id }) => id === number)?.label ?? 'Another number';
    this.#sidebar.draw(this.#place, label);
    this.#list.draw();
  }

  #drawTitle() {
    const title = this.#pane?.row ? contactName(this.#pane.row.contact) : labelOf(this.#place.view);
    document.title = `${title} · Switchboard`;
  }

  /** @param {string} id @param {Row} row */
  #open(id, row) {
    this.#go({ ...this.#place, conversation: id }, row);
    announce(`Opened ${contactName(row.contact)}`);
    // If the thread covers the list, the focus must not stay on the list.
    if (byId('queue').getClientRects().length === 0) this.#pane?.focusTitle();
  }

  /** @param {string} id @param {Row | null} row */
  #showPane(id, row) {
    this.#pane?.stop();
    this.#pane = null;
    this.#list.opened = id;
    document.body.classList.add('reading');
    const tools = this.#tools;
    if (!tools) {
      byId('thread').replaceChildren(h('div', { class: 'empty' }, 'Loading …',
        h('button', { type: 'button', class: 'quiet back', onclick: () => this.back() }, 'Back to the list')));
      return;
    }
    const { store, drafts, outbox, actions } = tools;
    const pane = new tools.later.Pane(id, row, {
      session: this.#session, store, drafts, outbox, actions,
      back: () => this.back(),
      drafted: () => this.#list.draw(),
      named: () => this.#drawTitle(),
    });
    this.#pane = pane;
    byId('thread').replaceChildren(pane.element);
    pane.shown();
    this.#drawTitle();
  }

  #closePane() {
    if (document.body.classList.contains('reading') || !this.#pane) {
      document.body.classList.remove('reading');
      byId('thread').replaceChildren(h('p', { class: 'empty' }, 'Choose a conversation.',
        h('span', { class: 'hint' }, 'Press ', h('kbd', {}, '?'), ' for the keys.')));
    }
    this.#pane?.stop();
    this.#pane = null;
    this.#list.opened = null;
  }

  /** @param {string} id */
  #paneOf(id) {
    return this.#pane?.id === id ? this.#pane : null;
  }

  /** @param {string | null} key */
  #heardDraft(key) {
    const id = this.#tools?.drafts.heard(key) ?? null;
    if (id === null) return;
    this.#paneOf(id)?.draftChanged();
    this.#list.draw();
  }

  /** Searches for the text in the search field, unless its results are already shown. */
  #search() {
    this.#searchSoon.cancel();
    const search = /** @type {HTMLInputElement} */ (byId('search')).value.trim();
    if (search === this.#place.search) return;
    const place = { ...this.#place, search };
    this.#router.replace(place);
    this.#show(place);
  }

  /** @param {KeyboardEvent} event */
  async #searchKey(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const cleared = event.key === 'Escape';
    if (!cleared && event.key !== 'Enter' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    if (cleared) /** @type {HTMLInputElement} */ (byId('search')).value = '';
    this.#search();
    this.#list.focus();
    const feed = this.#feed;
    // The first row must belong to the results, not to the previous list.
    await feed?.ready;
    if (!cleared && feed === this.#feed) this.#list.move(1);
  }
}

/** @param {View} view */
const labelOf = (view) => VIEWS.find((entry) => entry.view === view)?.label ?? 'Inbox';

/**
 * The text of an empty list: the reason, as far as the viewer may know it.
 * @param {Place} place @param {Session} session
 */
function emptyText({ view, filter, number, search }, { numbers, viewer }) {
  if (numbers.length === 0) {
    return viewer.role === 'MANAGER'
      ? 'You have no access to a phone number. Add one, or give yourself access to one, with the API.'
      : 'You have no access to a phone number, so you cannot see conversations. A manager can give you access.';
  }
  const where = number ? numbers.find(({ id }) => id === number)?.label : 'your numbers';
  if (!where) return 'You have no access to this phone number.';
  if (search) return `Nothing found for “${search}”.`;
  if (filter === 'unread') return 'Nothing unread.';
  if (filter === 'closed') return 'Nothing closed here yet.';
  const open = filter === 'open' ? 'open ' : '';
  if (view === 'UNASSIGNED') return `Every ${open}conversation on ${where} has an owner.`;
  if (view === 'ASSIGNED_TO_ME') return open ? 'Nothing open is assigned to you.' : 'Nothing is assigned to you.';
  return `No ${open}conversations on ${where}${open ? '' : ' yet'}.`;
}
