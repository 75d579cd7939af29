// Signs in, and starts GraphiQL: who one is, the two transports, the tabs.
//
// Depends on the globals of the files in assets.rs and on `LiveQueue` of queue.js.
// Nothing is kept in the browser but the theme, the panes' sizes and,
// where no identities are given, what GraphiQL itself remembers; never a token.
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
      'GraphiQL could not be loaded. The API itself is at ' + settings.endpoint + '.';
    return;
  }
  // Radix, within GraphiQL, adds a style element when a dialog opens.
  window.__webpack_nonce__ = document.currentScript.nonce;

  // Who one is. `session` is replaced as a whole, so whoever holds one can tell
  // whether it is still the current one.
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
      // 4403: the token has expired, or its agent has been deactivated.
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

  // GraphiQL looks at an operation a moment after it has changed, so right after a
  // tab is opened it may take a subscription for what the last tab held.
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

  // The switch, or a field for a token where no identities are given.
  function drawSwitch() {
    const who = byId('who');
    who.setAttribute('role', 'radiogroup');
    who.setAttribute('aria-label', 'Who you are');
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

  // Real ids for the variables, so that each tab runs at once. What cannot be
  // found is left for the visitor to fill in.
  async function findIds() {
    const ids = { first: '', second: '', agent: '' };
    if (!session.token) return ids;
    try {
      const unowned = await session.request(`{
        conversations(view: UNASSIGNED, filter: { status: OPEN }, first: 2) { nodes { id } }
        viewer { id }
      }`);
      const [first, second] = unowned.data.conversations.nodes;
      ids.first = first?.id ?? '';
      ids.second = second?.id ?? ids.first;
      const able = await session.request(
        'query ($id: ID) { agents(assignableTo: $id, first: 10) { nodes { id role } } }',
        { id: ids.first || null },
      );
      const agents = able.data.agents.nodes;
      const other = agents.find((agent) => agent.role === 'REP' && agent.id !== unowned.data.viewer?.id);
      ids.agent = (other ?? agents[0])?.id ?? '';
    } catch {
      // The tabs are shown all the same; running them shows what is wrong.
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

  // Under `demo` each start has a workspace of its own, so yesterday's tabs hold
  // ids that nobody knows: only looks are remembered there.
  function storage(tabs) {
    // GraphiQL takes the variables of its first tab from here, not from the tab.
    const first = ['graphiql:variables', tabs[0].variables];
    if (settings.identities.length === 0) {
      if (!localStorage.getItem('graphiql:tabState')) localStorage.setItem(...first);
      return localStorage;
    }
    const kept = (key) => /^graphiql:(theme|.*Flex)$/.test(key);
    // The operations are wider than their answers.
    const memory = new Map([first, ['graphiql:editorFlex', '1.2']]);
    return {
      get length() { return memory.size; },
      clear: () => memory.clear(),
      getItem: (key) => (kept(key) ? localStorage.getItem(key) : null) ?? memory.get(key) ?? null,
      setItem: (key, value) => (kept(key) ? localStorage.setItem(key, value) : memory.set(key, value)),
      removeItem: (key) => (kept(key) ? localStorage.removeItem(key) : memory.delete(key)),
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
    // The queue stands beside GraphiQL, but uses its editors, which only what is
    // within GraphiQL can do. The place of the logo, which is not shown, serves.
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
