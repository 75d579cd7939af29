/**
 * Starts the page: signs in and shows who is signed in.
 *
 * The server has all rules of the product. The page queries, subscribes, and sends
 * commands. It does not decide what an agent may do.
 *
 * @import { ConnectionState, Start } from './types.d.ts'
 */
import { ApiError } from './api.js';
import { byId, h, setText } from './dom.js';
import { Page } from './page.js';
import { HOME, addressOf, listOf, placeOf, sameList } from './place.js';
import { Session } from './session.js';
import { readSettings, rememberedToken, takeEarly } from './start.js';

const PAGE_OF_ROWS = 8;
const RETRY_MS = 2_000;
const PAINT_MS = 200;
const REFUSED = new Set(['UNAUTHENTICATED', 'FORBIDDEN']);
/** @type {Record<ConnectionState, string>} */
const CONNECTION = { connecting: 'Connecting …', live: 'Live', waiting: 'Offline. Trying again …', 'signed-out': 'Signed out' };

/** The `rel` of the frame's links to modules that the first rows do not need. */
const AFTER_ROWS = 'after-rows';

const settings = readSettings();
/** @type {Promise<typeof import('./later.js')> | null} */
let tools = null;

/** @type {Page | null} */
let page = null;
let attempt = 0;
let wasLive = false;
/** The last known state of the socket. @type {ConnectionState} */
let connection = 'connecting';

/** Loads the modules that the first rows do not need. */
function later() {
  tools ??= loadLater();
  return tools;
}

async function loadLater() {
  document.querySelectorAll('link').forEach((link) => { if (link.rel === AFTER_ROWS) link.rel = 'modulepreload'; });
  try {
    const loaded = await import('./later.js');
    loaded.listenToKeys(commands(loaded.showHelp));
    return loaded;
  } catch {
    // A browser may cache the failure to load a module. A reload clears it.
    await reachable();
    location.reload();
    return new Promise(() => {});
  }
}

/** Resolves when the server responds again. */
async function reachable() {
  for (;;) {
    await new Promise((done) => { setTimeout(done, RETRY_MS); });
    const answer = await fetch(new URL('./later.js', import.meta.url), { cache: 'no-store' }).catch(() => null);
    // A server of another version has other addresses. The reloaded page contains them.
    if (answer) return;
  }
}

/** Resolves when the screen shows the last drawing. A window in the background is not drawn. */
const painted = () => new Promise((done) => {
  requestAnimationFrame(() => setTimeout(done));
  setTimeout(done, PAINT_MS);
});

/**
 * Signs the current agent out, and signs in with a token if there is one.
 * @param {string | null} token
 */
async function enter(token) {
  const turn = ++attempt;
  page?.end({ signOut: token === null });
  page = null;
  wasLive = false;
  if (!token) {
    leave(null);
    return;
  }
  const session = new Session(settings.endpoint, token);
  const place = placeOf(location);
  let first;
  try {
    first = await session.begin(listOf(place), takeEarly(token, place));
  } catch (problem) {
    if (turn === attempt) failed(problem, token);
    return;
  }
  if (turn !== attempt) return;
  session.connect((state) => showConnection(turn, state));
  byId('app').hidden = false;
  byId('trouble').hidden = true;
  document.getElementById('sign-in')?.remove();
  const workspace = session.workspace?.name ?? 'Switchboard';
  setText(byId('workspace'), workspace);
  byId('workspace').title = workspace;
  const mine = new Page(session, first);
  page = mine;
  await painted();
  const loaded = await later();
  if (turn !== attempt) return;
  loaded.drawIdentity(settings.identities, session.viewer, enter);
  mine.equip(loaded);
  drawConnection(connection);
}

/** Asks for a new token if this token is refused. Retries after any other failure. @param {unknown} problem @param {string} token */
function failed(problem, token) {
  const code = problem instanceof ApiError ? problem.code : 'INTERNAL';
  const text = problem instanceof Error ? problem.message : String(problem);
  if (REFUSED.has(code)) {
    leave(text);
    return;
  }
  const place = placeOf(location);
  if (code !== 'NETWORK' && !sameList(place, HOME)) {
    // The list in the address does not exist.
    history.replaceState(history.state, '', addressOf({ ...HOME, conversation: place.conversation }));
  }
  const turn = attempt;
  showConnection(turn, 'waiting');
  byId('trouble').hidden = !byId('app').hidden;
  setText(byId('trouble'), `${text} Trying again …`);
  setTimeout(() => { if (turn === attempt) enter(token); }, RETRY_MS);
}

/** Asks for a token. @param {string | null} reason */
async function leave(reason) {
  const turn = attempt;
  byId('app').hidden = true;
  byId('trouble').hidden = true;
  const { askForToken } = await later();
  if (turn === attempt) askForToken(reason, enter);
}

/** @param {number} turn @param {ConnectionState} state */
function showConnection(turn, state) {
  if (turn !== attempt) return;
  connection = state;
  // Report the page as live only when it can be used.
  if (state !== 'live' || page?.isEquipped) drawConnection(state);
  if (state === 'live') {
    // The rules may have changed while the page was disconnected.
    if (wasLive) page?.checkPolicy();
    wasLive = true;
  } else if (state === 'signed-out') {
    page?.end();
    page = null;
    leave('Your token has expired, or you may no longer sign in. Paste a new one.');
  }
}

/** @param {ConnectionState} state */
function drawConnection(state) {
  setText(byId('connection'), CONNECTION[state]);
  byId('connection').className = state;
}

const showHelp = () => { later().then((loaded) => loaded.showHelp()); };
const help = h('button', { type: 'button', class: 'link', onclick: showHelp }, 'Keyboard');
const explore = settings.graphiql && h('a', { href: settings.graphiql }, 'GraphiQL');
byId('links').replaceChildren(help, explore || '');
byId('show-workloads').onclick = () => { later().then((loaded) => loaded.showWorkloads()); };
/** The commands of the keys. @param {() => void} help */
const commands = (help) => ({
  next: () => page?.move(1),
  previous: () => page?.move(-1),
  pageDown: () => page?.move(PAGE_OF_ROWS),
  pageUp: () => page?.move(-PAGE_OF_ROWS),
  first: () => page?.move(-Infinity),
  last: () => page?.move(Infinity),
  open: () => page?.enter(),
  assign: () => page?.act((pane) => pane.openAssign()),
  claim: () => page?.act((pane) => pane.claim()),
  close: () => page?.act((pane) => pane.toggle()),
  reply: () => page?.act((pane) => pane.reply()),
  undo: () => page?.undo(),
  search: () => page?.search(),
  inbox: () => page?.view('INBOX'),
  mine: () => page?.view('ASSIGNED_TO_ME'),
  unassigned: () => page?.view('UNASSIGNED'),
  filterOpen: () => page?.filter('open'),
  filterUnread: () => page?.filter('unread'),
  filterClosed: () => page?.filter('closed'),
  back: () => page?.back(),
  help,
});

enter(rememberedToken(settings.identities));
