// Starts GraphiQL: the identity, the two transports and the tabs.
//
// Uses the globals of the files in assets.rs, and `LiveQueue` of queue.js. The browser
// stores the theme and the sizes of the panes. If the page has no identities, it also
// stores GraphiQL's other state. Tokens are never stored.
(() => {
  'use strict';

  const settings = JSON.parse(document.getElementById('settings').textContent);
  const byId = (id) => document.getElementById(id);
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  byId('endpoint').textContent = settings.endpoint;
  if (settings.howToInstall) {
    const notice = byId('notice');
    notice.querySelector('code').textContent = settings.howToInstall;
    notice.querySelector('button').addEventListener('click', () => { notice.hidden = true; });
    notice.hidden = false;
  }
  if (!window.React || !window.ReactDOM || !window.graphqlWs || !window.GraphiQL) {
    byId('graphiql').firstElementChild.textContent =
      'GraphiQL could not be loaded. The API is at ' + settings.endpoint + '.';
    return;
  }
  // GraphiQL's Radix components add a style element when a dialog opens.
  window.__webpack_nonce__ = document.currentScript.nonce;

  // The current session. Signing in creates a new object, so that two sessions
  // can be compared by identity.
  const listeners = new Set();
  let session = null;

  function signIn(label, token) {
    if (session) session.socket.dispose();
    session = newSession(label, token);
    for (const listener of listeners) listener(session);
  }

  function newSession(label, token) {
    const url = new URL(settings.endpoint, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = graphqlWs.createClient({
      url: url.href,
      connectionParams: token ? { Authorization: 'Bearer ' + token } : {},
      retryAttempts: Infinity,
      retryWait: (attempts) => pause(Math.min(10_000, 250 * 2 ** attempts) * (0.5 + Math.random())),
      // 4403: the token is invalid or has expired, or its agent was deactivated.
      shouldRetry: (problem) => problem.code !== 4403,
    });
    socket.on('connected', () => showSocket('live', 'Live over graphql-transport-ws'));
    socket.on('closed', () => showSocket('waiting', 'The live connection is closed'));
    socket.on('connecting', () => showSocket('waiting', 'Connecting …'));
    const headers = token ? { Authorization: 'Bearer ' + token } : {};
    const fetcher = GraphiQL.createFetcher({
      url: settings.endpoint,
      headers,
      wsClient: socket,
      enableIncrementalDelivery: false,
    });
    async function request(query, variables) {
      const answer = await fetch(settings.endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      });
      return answer.json();
    }
    return { label, token, socket, fetcher, request };
  }

  // GraphiQL parses the editor with a delay. Right after a tab is opened, it would
  // still use the document of the previous tab, so the document is parsed here.
  function run(request, options) {
    let documentAST;
    try {
      documentAST = GraphiQL.GraphQL.parse(request.query);
    } catch {
      return session.fetcher(request, options);
    }
    const operations = documentAST.definitions.filter((part) => part.kind === 'OperationDefinition');
    const operationName = operations.length === 1 ? operations[0].name?.value : request.operationName;
    return session.fetcher({ ...request, operationName }, { ...options, documentAST });
  }

  function showSocket(state, text) {
    byId('socket').className = state;
    byId('socket').title = text;
  }

  // The switch of identities.
  function drawSwitch() {
    const who = byId('who');
    who.setAttribute('role', 'radiogroup');
    who.setAttribute('aria-label', 'Identity');
    const buttons = settings.identities.map((identity) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.setAttribute('role', 'radio');
      button.textContent = identity.label;
      button.addEventListener('click', () => {
        if (session.label === identity.label) return;
        signIn(identity.label, identity.token);
        mark();
      });
      who.append(button);
      return button;
    });
    const mark = () => buttons.forEach((button) =>
      button.setAttribute('aria-checked', String(button.textContent === session.label)));
    mark();
  }

  // A field for a token, for a page without identities.
  function drawTokenField() {
    const form = document.createElement('form');
    const field = document.createElement('input');
    field.type = 'password';
    field.autocomplete = 'off';
    field.placeholder = 'Paste a token to sign in';
    field.setAttribute('aria-label', 'Token');
    const button = document.createElement('button');
    button.textContent = 'Sign in';
    form.append(field, button);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const token = field.value.trim().replace(/^Bearer\s+/i, '');
      signIn(token ? 'token' : '', token);
      button.textContent = token ? 'Signed in' : 'Sign in';
    });
    byId('who').append(form);
  }

  // Finds ids for the variables, so that each tab can run immediately. An id that
  // cannot be found stays empty.
  async function findIds() {
    const ids = { first: '', second: '', agent: '' };
    if (!session.token) return ids;
    try {
      const unassigned = await session.request(`{
        conversations(view: UNASSIGNED, filter: { status: OPEN }, first: 2) { nodes { id } }
        viewer { id }
      }`);
      const [first, second] = unassigned.data.conversations.nodes;
      ids.first = first?.id ?? '';
      ids.second = second?.id ?? ids.first;
      const assignable = await session.request(
        'query ($id: ID) { agents(assignableTo: $id, first: 10) { nodes { id role } } }',
        { id: ids.first || null },
      );
      const agents = assignable.data.agents.nodes;
      const other = agents.find((agent) => agent.role === 'REP' && agent.id !== unassigned.data.viewer?.id);
      ids.agent = (other ?? agents[0])?.id ?? '';
    } catch {
      // The tabs open with empty ids. Running a tab shows the error.
    }
    return ids;
  }

  function tabsWith(ids) {
    const variables = {
      Queue: { view: 'INBOX', filter: { status: 'OPEN' }, first: 10 },
      Live: { view: 'INBOX', filter: { status: 'OPEN' } },
      Assign: { conversationId: ids.first, agentId: ids.agent },
      Claim: { conversationId: ids.second },
      Close: { conversationId: ids.first },
    };
    return settings.tabs.map((tab) => ({
      query: tab.query,
      variables: JSON.stringify(variables[tab.name], null, 2),
    }));
  }

  // Every start of `demo` creates a new workspace, in which the ids of stored tabs
  // do not exist. With identities, only the theme and the sizes are stored.
  function storage(tabs) {
    // GraphiQL reads the variables of the first tab from the storage, not from the tab.
    const first = ['graphiql:variables', tabs[0].variables];
    if (settings.identities.length === 0) {
      if (!localStorage.getItem('graphiql:tabState')) localStorage.setItem(...first);
      return localStorage;
    }
    const isStored = (key) => /^graphiql:(theme|.*Flex)$/.test(key);
    // The operations are wider than their responses.
    const memory = new Map([first, ['graphiql:editorFlex', '1.2']]);
    return {
      get length() { return memory.size; },
      clear: () => memory.clear(),
      getItem: (key) => (isStored(key) ? localStorage.getItem(key) : null) ?? memory.get(key) ?? null,
      setItem: (key, value) => (isStored(key) ? localStorage.setItem(key, value) : memory.set(key, value)),
      removeItem: (key) => (isStored(key) ? localStorage.removeItem(key) : memory.delete(key)),
    };
  }

  function drawQueueToggle() {
    const toggle = byId('toggle');
    toggle.hidden = false;
    const show = (shown) => {
      byId('queue').hidden = !shown;
      toggle.setAttribute('aria-pressed', String(shown));
    };
    toggle.addEventListener('click', () => show(byId('queue').hidden));
    show(innerWidth >= 1100);
  }

  async function start() {
    const [identity] = settings.identities;
    signIn(identity?.label ?? '', identity?.token ?? '');
    if (identity) drawSwitch(); else drawTokenField();
    drawQueueToggle();
    const ids = await Promise.race([
      findIds(),
      pause(2000).then(() => ({ first: '', second: '', agent: '' })),
    ]);
    const tabs = tabsWith(ids);
    const sessions = {
      current: () => session,
      listen(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const h = React.createElement;
    // The queue is outside of GraphiQL's element but uses its editor context, which
    // requires a child component of GraphiQL. The hidden logo serves as its parent.
    const queue = ReactDOM.createPortal(h(LiveQueue, { sessions }), byId('queue'));
    const plugins = window.GraphiQLPluginExplorer ? [GraphiQLPluginExplorer.explorerPlugin()] : [];
    ReactDOM.createRoot(byId('graphiql')).render(h(GraphiQL, {
      fetcher: run,
      defaultTabs: tabs,
      defaultEditorToolsVisibility: 'variables',
      plugins,
      shouldPersistHeaders: false,
      storage: storage(tabs),
    }, h(GraphiQL.Logo, null, queue)));
  }

  start();
})();
