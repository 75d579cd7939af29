/**
 * Puts the page together: who is signed in, which list is shown, what is open.
 *
 * All knowledge of the product is the server's. The page queries, follows, and
 * sends what people do; it decides nothing about who may.
 */
import { Actions } from './actions.js';
import { announce, byId, contactName, debounce, h, setText } from './dom.js';
import { Feed } from './feed.js';
import { followHealth } from './health.js';
import { listenToKeys, showHelp } from './keys.js';
import { List } from './list.js';
import { Session } from './session.js';
import { FILTERS, Sidebar, VIEWS } from './sidebar.js';
import { askForToken, drawIdentity, rememberedToken } from './signin.js';
import { Thread } from './thread.js';
import { clearToasts, undoNewest } from './toast.js';
import { followWorkloads, showWorkloads } from './workloads.js';

const SEARCH_MS = 200;
const PAGE_OF_ROWS = 8;
const RETRY_MS = 2_000;
const CONNECTION = { connecting: 'Connecting …', live: 'Live', waiting: 'Offline. Trying again …', 'signed-out': 'Signed out' };

const settings = JSON.parse(byId('settings').textContent);

/** One signed-in person's page, from signing in until somebody else does. */
class Page {
  #session;
  #list;
  #sidebar;
  #actions;
  #feed = null;
  #thread = null;
  #what = { view: 'INBOX', filter: null, search: '' };
  #health;
  #ends = [];
  #searchSoon = debounce(() => this.#show({ search: byId('search').value.trim() }), SEARCH_MS);

  constructor(session) {
    this.#session = session;
    this.#list = new List(byId('scroller'), session.viewer, (id) => this.#open(id));
    this.#actions = new Actions(session, (row) => this.#thread?.learn(row));
    this.#sidebar = new Sidebar({
      pickView: (view) => this.view(view),
      pickFilter: (name) => this.filter(name),
      changed: () => {
        this.#drawSidebar();
        this.#health?.counted();
      },
    });
    byId('search').value = '';
    byId('search').oninput = () => this.#searchSoon();
    byId('search').onkeydown = (event) => this.#searchKey(event);
    this.#health = followHealth(session);
    this.#ends = [this.#sidebar.follow(session), this.#health.end, followWorkloads(session)];
    this.#closeThread();
    this.#show({});
  }

  end() {
    this.#searchSoon.cancel();
    this.#feed?.stop();
    this.#list.stop();
    this.#thread?.stop();
    this.#ends.forEach((end) => end());
    this.#session.end();
    clearToasts();
  }

  view(view) {
    byId('search').value = '';
    this.#closeThread();
    this.#show({ view, search: '' });
  }

  /** Narrows the list to a filter; the same one again lifts it. */
  filter(name) {
    this.#show({ filter: this.#what.filter === name ? null : name });
  }

  search() {
    byId('search').focus();
    byId('search').select();
  }

  move(by) {
    this.#list.focus();
    this.#list.move(by);
  }

  enter() {
    this.#list.enter();
  }

  /** Does something to the conversation under the cursor, opening it first if it is not open. */
  async act(run) {
    if (this.#list.cursor && this.#list.cursor !== this.#thread?.id) this.#list.enter();
    const thread = this.#thread;
    await thread?.ready;
    if (thread && thread === this.#thread && thread.row) run(thread);
  }

  back() {
    if (!this.#thread) return;
    this.#closeThread();
    this.#list.focus();
  }

  #show(change) {
    this.#what = { ...this.#what, ...change };
    const { view, filter, search } = this.#what;
    const variables = { ...FILTERS.find(({ name }) => name === filter)?.filter, ...(search && { search }) };
    const { label } = VIEWS.find((entry) => entry.view === view);
    this.#feed?.stop();
    const feed = new Feed(this.#session, { view, filter: variables }, () => this.#changed(feed));
    this.#feed = feed;
    setText(byId('queue-title'), label);
    document.title = `${label} · Switchboard`;
    document.body.dataset.view = view;
    this.#list.show(feed, {
      total: () => (search ? feed.searchTotal : this.#sidebar.total(view, filter)),
      empty: emptyText(this.#what),
    });
    if (this.#thread) this.#list.cursor = this.#thread.id;
    this.#drawSidebar();
  }

  #changed(feed) {
    if (feed !== this.#feed) return;
    const row = this.#thread && feed.queue.get(this.#thread.id);
    if (row) this.#thread.learn(row);
    this.#list.draw();
  }

  #drawSidebar() {
    this.#sidebar.draw(this.#what.view, this.#what.filter);
    this.#list.draw();
  }

  #open(id) {
    document.body.classList.add('reading');
    if (this.#thread?.id === id) return;
    this.#thread?.stop();
    this.#list.opened = id;
    const thread = new Thread(this.#session, this.#actions, id, () => this.back());
    this.#thread = thread;
    thread.ready.then(() => {
      if (thread !== this.#thread || !thread.row) return;
      announce(`Opened ${contactName(thread.row.contact)}`);
      // Where the thread covers the list, the focus must not stay behind it.
      if (byId('queue').getClientRects().length === 0) byId('thread-title').focus();
    });
  }

  #closeThread() {
    document.body.classList.remove('reading');
    this.#thread?.stop();
    this.#thread = null;
    this.#list.opened = null;
    byId('thread').replaceChildren(h('p', { class: 'empty' }, 'Choose a conversation.',
      h('span', { class: 'hint' }, 'Press ', h('kbd', {}, '?'), ' for the keys.')));
    this.#list.draw();
  }

  #searchKey(event) {
    if (event.key === 'Escape') {
      byId('search').value = '';
      this.#show({ search: '' });
    } else if (event.key !== 'Enter' && event.key !== 'ArrowDown') {
      return;
    }
    event.preventDefault();
    this.#list.focus();
    if (event.key !== 'Escape') this.#list.move(1);
  }
}

function emptyText({ view, filter, search }) {
  if (search) return `Nothing found for “${search}”.`;
  if (filter === 'unread') return 'Nothing unread.';
  if (filter === 'closed') return 'Nothing closed here yet.';
  if (view === 'UNASSIGNED') return 'Every conversation has an owner.';
  return view === 'ASSIGNED_TO_ME' ? 'Nothing is assigned to you.' : 'No conversations yet.';
}

const REFUSED = new Set(['UNAUTHENTICATED', 'FORBIDDEN']);
let page = null;
let attempt = 0;

/** Signs in with a token, and signs the previous person out. */
async function enter(token) {
  const turn = ++attempt;
  page?.end();
  page = null;
  if (!token) {
    leave(null);
    return;
  }
  const session = new Session(settings.endpoint, token);
  try {
    await session.begin((state) => showConnection(turn, state));
  } catch (problem) {
    if (turn === attempt) failed(problem, token);
    return;
  }
  if (turn !== attempt) {
    session.end();
    return;
  }
  byId('app').hidden = false;
  byId('trouble').hidden = true;
  byId('sign-in')?.remove();
  const workspace = session.workspace?.name ?? 'Switchboard';
  setText(byId('workspace'), workspace);
  byId('workspace').title = workspace;
  drawIdentity(settings.identities, session.viewer, enter);
  page = new Page(session);
}

/** A token that is no good is asked for anew; anything else may pass. */
function failed(problem, token) {
  if (REFUSED.has(problem.code)) {
    leave(problem.message);
    return;
  }
  const turn = attempt;
  showConnection(turn, 'waiting');
  byId('trouble').hidden = !byId('app').hidden;
  setText(byId('trouble'), `${problem.message} Trying again …`);
  setTimeout(() => { if (turn === attempt) enter(token); }, RETRY_MS);
}

function leave(reason) {
  byId('app').hidden = true;
  byId('trouble').hidden = true;
  askForToken(reason, enter);
}

function showConnection(turn, state) {
  if (turn !== attempt) return;
  setText(byId('connection'), CONNECTION[state]);
  byId('connection').className = state;
  if (state === 'signed-out') {
    page?.end();
    page = null;
    leave('Your token has expired, or you may no longer sign in. Paste a new one.');
  }
}

function drawLinks() {
  const help = h('button', { type: 'button', class: 'link', onclick: showHelp }, 'Keyboard');
  const explore = settings.graphiql && h('a', { href: settings.graphiql }, 'GraphiQL');
  byId('links').replaceChildren(help, explore || '');
}

drawLinks();
byId('show-workloads').onclick = showWorkloads;
listenToKeys({
  next: () => page?.move(1),
  previous: () => page?.move(-1),
  pageDown: () => page?.move(PAGE_OF_ROWS),
  pageUp: () => page?.move(-PAGE_OF_ROWS),
  first: () => page?.move(-Infinity),
  last: () => page?.move(Infinity),
  open: () => page?.enter(),
  assign: () => page?.act((thread) => thread.openAssign()),
  claim: () => page?.act((thread) => thread.claim()),
  close: () => page?.act((thread) => thread.toggle()),
  reply: () => page?.act((thread) => thread.reply()),
  undo: () => undoNewest(),
  search: () => page?.search(),
  inbox: () => page?.view('INBOX'),
  mine: () => page?.view('ASSIGNED_TO_ME'),
  unassigned: () => page?.view('UNASSIGNED'),
  filterOpen: () => page?.filter('open'),
  filterUnread: () => page?.filter('unread'),
  filterClosed: () => page?.filter('closed'),
  back: () => page?.back(),
  help: showHelp,
});
enter(rememberedToken(settings.identities));
