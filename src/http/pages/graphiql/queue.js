// The live queue beside GraphiQL, a React component that uses its editors.
//
// It is a client like any other: it queries a page, subscribes `after` the page's
// `asOf`, and folds what arrives over the page. A row or a removal counts when
// its version is not older than the one already known.
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
    ASSIGNED: (who, row) => `${who} → ${row.assignee?.name ?? 'somebody'}`,
    UNASSIGNED: (who) => `${who} unassigned it`,
    CLOSED: (who) => `${who} closed it`,
    REOPENED: (who) => `${who} reopened it`,
    READ: () => 'read',
    UNREAD: () => 'marked unread',
  };

  // The queue as it is: a list of rows by id, and the versions of what has left.
  const nothing = { rows: new Map(), gone: new Map(), changes: 0 };

  function fold(queue, change) {
    const rows = new Map(queue.rows);
    const gone = new Map(queue.gone);
    const row = change.conversation;
    const id = row?.id ?? change.conversationId;
    const version = row?.version ?? change.version;
    if (!id || version < (rows.get(id)?.version ?? gone.get(id) ?? 0)) return queue;
    if (row) {
      gone.delete(id);
      rows.set(id, { ...row, cause: change.cause, changedAt: Date.now() });
    } else {
      rows.delete(id);
      gone.set(id, version);
    }
    return { rows, gone, changes: queue.changes + 1 };
  }

  const inOrder = (rows) => [...rows.values()]
    .sort((a, b) => b.lastActivityAt.localeCompare(a.lastActivityAt) || a.id.localeCompare(b.id))
    .slice(0, ROWS_MAX);

  // Follows one view for one session, until the returned function is called.
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
      const answer = await session.request(PAGE, variables);
      if (stopped) return;
      const page = answer.data?.conversations;
      if (!page) throw new Error(answer.errors?.[0]?.message ?? 'no answer');
      update(() => ({ ...nothing, rows: new Map(page.nodes.map((row) => [row.id, row])) }));
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
    const said = message ? author + message.body : '';
    return h('li', { key: row.id },
      h('button', {
        type: 'button',
        className: fresh ? 'row fresh' : 'row',
        title: 'Put the id of this conversation into the variables',
        'data-conversation': row.id,
        onClick: () => pick(row.id),
      },
      h('span', { className: row.unread ? 'unread dot' : 'dot', title: row.unread ? 'Unread' : '' }),
      h('span', { className: 'contact' }, row.contact.name ?? row.contact.number),
      h('span', { className: 'time' }, ago(row.lastActivityAt)),
      h('span', { className: 'said' }, said),
      h('span', { className: row.assignee ? 'owner' : 'owner nobody' }, row.assignee?.name ?? 'Nobody'),
      cause ? h('span', { className: 'cause' }, cause(row.cause.actor?.name ?? 'The server', row)) : null));
  }

  // Puts an id into the variables of this tab, or of the first tab that wants one.
  function usePick() {
    const editors = GraphiQL.React.useEditorContext({ nonNull: true });
    const latest = useRef(editors);
    latest.current = editors;
    return (id) => {
      const wants = (tab) => /\$conversationId\b/.test(tab.query ?? '');
      const { tabs, activeTabIndex, changeTab, queryEditor } = latest.current;
      const put = () => {
        const { variableEditor } = latest.current;
        let variables = {};
        try { variables = JSON.parse(variableEditor.getValue() || '{}'); } catch { /* replaced */ }
        variableEditor.setValue(JSON.stringify({ ...variables, conversationId: id }, null, 2));
      };
      if (wants({ query: queryEditor?.getValue() })) return put();
      const index = tabs.findIndex((tab, at) => at !== activeTabIndex && wants(tab));
      if (index < 0) return undefined;
      changeTab(index);
      return requestAnimationFrame(put);
    };
  }

  // Runs the first tab when the page opens, and again for whoever one becomes:
  // an answer that was given to somebody else would mislead.
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
    const [queue, setQueue] = useState(nothing);
    const [counts, setCounts] = useState(null);
    const [, setTick] = useState(0);
    const pick = usePick();
    useRunFor(session);
    useEffect(() => sessions.listen(setSession), [sessions]);
    useEffect(() => {
      setQueue(nothing);
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
