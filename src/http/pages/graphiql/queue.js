// The live queue next to GraphiQL: a React component that uses GraphiQL's editors.
//
// It works as any client does. It queries a page, subscribes `after` the page's
// `asOf`, and folds the changes over the page. A change is ignored if its version
// is older than the version in the queue.
const LiveQueue = (() => {
  'use strict';

  const ROWS_MAX = 25;
  const FLASH_MILLISECONDS = 4000;
  const RETRY_MILLISECONDS = 5000;

  const ROW = `
    id version status unread lastActivityAt
    contact { name number }
    assignee { name }
    lastMessage { direction body author { name } }`;
  const PAGE = `query ($view: ConversationView!, $filter: ConversationFilter) {
    conversations(view: $view, filter: $filter, first: ${ROWS_MAX}) { asOf nodes { ${ROW} } }
  }`;
  const CHANGES = `subscription ($view: ConversationView!, $filter: ConversationFilter, $after: EventCursor) {
    queueChanges(view: $view, filter: $filter, after: $after) {
      __typename
      ... on ConversationEntered { conversation { ${ROW} } cause { ...Cause } }
      ... on ConversationUpdated { conversation { ${ROW} } cause { ...Cause } }
      ... on ConversationLeft { conversationId version }
    }
  }
  fragment Cause on ConversationEvent { kind at actor { name } }`;
  const COUNTS = `subscription {
    viewCountsChanged {
      inbox { open } assignedToMe { open } unassigned { open }
    }
  }`;
  const VIEWS = [
    { view: 'INBOX', count: 'inbox', label: 'Inbox' },
    { view: 'ASSIGNED_TO_ME', count: 'assignedToMe', label: 'Mine' },
    { view: 'UNASSIGNED', count: 'unassigned', label: 'Unassigned' },
  ];
  const FILTER = { status: 'OPEN' };

  const CAUSES = {
    RECEIVED: () => 'texted',
    REPLIED: (who) => `${who} replied`,
    ASSIGNED: (who, row) => `${who} → ${row.assignee?.name ?? 'an agent'}`,
    UNASSIGNED: (who) => `${who} unassigned it`,
    CLOSED: (who) => `${who} closed it`,
    REOPENED: (who) => `${who} reopened it`,
    READ: () => 'marked read',
    UNREAD: () => 'marked unread',
  };

  // A queue has its rows by id, and the versions of removed rows.
  const EMPTY = { rows: new Map(), removed: new Map(), changes: 0 };

  function fold(queue, change) {
    const rows = new Map(queue.rows);
    const removed = new Map(queue.removed);
    const row = change.conversation;
    const id = row?.id ?? change.conversationId;
    const version = row?.version ?? change.version;
    if (!id || version < (rows.get(id)?.version ?? removed.get(id) ?? 0)) return queue;
    if (row) {
      removed.delete(id);
      rows.set(id, { ...row, cause: change.cause, changedAt: Date.now() });
    } else {
      rows.delete(id);
      removed.set(id, version);
    }
    return { rows, removed, changes: queue.changes + 1 };
  }

  const inOrder = (rows) => [...rows.values()]
    .sort((a, b) => b.lastActivityAt.localeCompare(a.lastActivityAt) || a.id.localeCompare(b.id))
    .slice(0, ROWS_MAX);

  // Loads a view and subscribes to its changes, until the returned function is called.
  function follow(session, view, update) {
    const variables = { view, filter: FILTER };
    let stopped = false;
    let timer;
    let unsubscribe = () => {};

    function begin() {
      unsubscribe();
      refetch().catch((problem) => {
        fail(problem);
        if (!stopped) timer = setTimeout(begin, RETRY_MILLISECONDS);
      });
    }
    async function refetch() {
      const response = await session.request(PAGE, variables);
      if (stopped) return;
      const page = response.data?.conversations;
      if (!page) throw new Error(response.errors?.[0]?.message ?? 'The server sent no page.');
      update(() => ({ ...EMPTY, rows: new Map(page.nodes.map((row) => [row.id, row])) }));
      unsubscribe = session.socket.subscribe(
        { query: CHANGES, variables: { ...variables, after: page.asOf } },
        {
          next: ({ data }) => {
            const change = data?.queueChanges;
            if (change?.__typename === 'QueueReset') begin();
            else if (change) update((queue) => fold(queue, change));
          },
          error: fail,
          complete: () => {},
        },
      );
    }
    function fail(problem) {
      if (stopped) return;
      const text = Array.isArray(problem) ? problem[0]?.message : problem?.reason || problem?.message;
      update((queue) => ({ ...queue, problem: text || 'The connection was closed' }));
    }

    begin();
    return () => { stopped = true; clearTimeout(timer); unsubscribe(); };
  }

  function followCounts(session, update) {
    return session.socket.subscribe({ query: COUNTS }, {
      next: ({ data }) => { if (data?.viewCountsChanged) update(data.viewCountsChanged); },
      error: () => {},
      complete: () => {},
    });
  }

  const { createElement: h, useEffect, useRef, useState } = window.React ?? {};

  function ago(time) {
    const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
    if (seconds < 60) return 'now';
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} d`;
  }

  function Row({ row, pick }) {
    const fresh = row.changedAt && Date.now() - row.changedAt < FLASH_MILLISECONDS;
    const cause = fresh && row.cause && CAUSES[row.cause.kind];
    const message = row.lastMessage;
    const author = message?.direction === 'OUTBOUND' ? `${message.author?.name ?? 'We'}: ` : '';
    const text = message ? author + message.body : '';
    return h('li', { key: row.id },
      h('button', {
        type: 'button',
        className: fresh ? 'row fresh' : 'row',
        title: 'Set conversationId in the variables',
        'data-conversation': row.id,
        onClick: () => pick(row.id),
      },
      h('span', { className: row.unread ? 'unread dot' : 'dot', title: row.unread ? 'Unread' : '' }),
      h('span', { className: 'contact' }, row.contact.name ?? row.contact.number),
      h('span', { className: 'time' }, ago(row.lastActivityAt)),
      h('span', { className: 'text' }, text),
      h('span', { className: row.assignee ? 'owner' : 'owner unassigned' }, row.assignee?.name ?? 'Unassigned'),
      cause ? h('span', { className: 'cause' }, cause(row.cause.actor?.name ?? 'The server', row)) : null));
  }

  // Sets `conversationId` in the variables of this tab, or of the first tab that has this variable.
  function usePick() {
    const editors = GraphiQL.React.useEditorContext({ nonNull: true });
    const latest = useRef(editors);
    latest.current = editors;
    return (id) => {
      const hasVariable = (tab) => /\$conversationId\b/.test(tab.query ?? '');
      const { tabs, activeTabIndex, changeTab, queryEditor } = latest.current;
      const put = () => {
        const { variableEditor } = latest.current;
        let variables = {};
        try { variables = JSON.parse(variableEditor.getValue() || '{}'); } catch { /* replaced */ }
        variableEditor.setValue(JSON.stringify({ ...variables, conversationId: id }, null, 2));
      };
      if (hasVariable({ query: queryEditor?.getValue() })) return put();
      const index = tabs.findIndex((tab, at) => at !== activeTabIndex && hasVariable(tab));
      if (index < 0) return undefined;
      changeTab(index);
      return requestAnimationFrame(put);
    };
  }

  // Runs the active tab when the page opens and when the identity changes, so that
  // the response never belongs to another identity.
  function useRunFor(session) {
    const { queryEditor, variableEditor, responseEditor } = GraphiQL.React.useEditorContext({ nonNull: true });
    const execution = GraphiQL.React.useExecutionContext({ nonNull: true });
    const ready = Boolean(queryEditor && variableEditor && responseEditor);
    const ranFor = useRef(null);
    useEffect(() => {
      if (!ready || !session.token || ranFor.current === session) return;
      if (execution.isSubscribed) { execution.stop(); return; }
      ranFor.current = session;
      if (!/^\s*mutation\b/m.test(queryEditor.getValue())) execution.run();
    });
  }

  function LiveQueue({ sessions }) {
    const [session, setSession] = useState(sessions.current);
    const [view, setView] = useState('INBOX');
    const [queue, setQueue] = useState(EMPTY);
    const [counts, setCounts] = useState(null);
    const [, setTick] = useState(0);
    const pick = usePick();
    useRunFor(session);
    useEffect(() => sessions.listen(setSession), [sessions]);
    useEffect(() => {
      setQueue(EMPTY);
      return session.token ? follow(session, view, setQueue) : undefined;
    }, [session, view]);
    useEffect(() => {
      setCounts(null);
      return session.token ? followCounts(session, setCounts) : undefined;
    }, [session]);
    useEffect(() => {
      const timer = setInterval(() => setTick((tick) => tick + 1), 1000);
      return () => clearInterval(timer);
    }, []);

    const rows = inOrder(queue.rows);
    return h('section', { className: 'live-queue' },
      h('h2', null, 'Live queue',
        h('small', { 'data-changes': queue.changes }, queue.changes === 1 ? '1 change' : `${queue.changes} changes`)),
      h('nav', null, VIEWS.map((entry) => h('button', {
        key: entry.view,
        type: 'button',
        'aria-pressed': entry.view === view,
        onClick: () => setView(entry.view),
      }, entry.label, counts && h('b', null, counts[entry.count].open)))),
      queue.problem ? h('p', { className: 'problem' }, queue.problem) : null,
      !session.token ? h('p', null, 'Sign in to see the queue.') : null,
      h('ol', null, rows.map((row) => h(Row, { key: row.id, row, pick }))));
  }

  return LiveQueue;
})();
